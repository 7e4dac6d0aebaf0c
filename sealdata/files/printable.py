"""Text of corpora, files and servers as a terminal may print it."""

import re

# ESC and the other control characters move the cursor, change the title of the window, or hide
# text. Bidirectional overrides and isolates make a line look like another one.
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str, lines: bool = True) -> str:
    """``text`` with all that a terminal would obey as ``\\uXXXX``, which JSON reads back.

    Tabs stay, and so do line feeds with ``lines``.
    """
    shown = _COMMANDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return shown if lines else shown.replace("\n", "\\n")
