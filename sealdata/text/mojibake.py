"""What ftfy cannot know of misread UTF-8: words in capitals such as “XÃ”, and cleaned spaces."""

import re
from collections.abc import Iterator

# The only letters that ftfy takes, with the mark behind them, for the two bytes of another letter.
# Others, such as É and Ü, need a third byte or stand for letters that no text here has.
_LETTERS = "ÂÃÎÐ"
_OPENERS = {"”": "“„‟”", "’": "‘‚‛’", "»": "«»", "›": "‹›", "“": "„“", "‘": "‚", "«": "»", "‹": "›"}
_ENDS = "…–—"
_MARKS = "".join(_OPENERS) + _ENDS
_ALL_OPENERS = "".join({*"".join(_OPENERS.values()), *"\"'("})
_GROUP = re.compile(rf"(?<=[{_LETTERS}])(?:[{_MARKS}]+(?!\w)|[{_ENDS}])")
SPACE_LEAD = "[ÂÃ]"  # first byte of a no-break space (C2 A0), and of à (C3 A0)
_BEFORE_SPACE = re.compile(rf"(.?)({SPACE_LEAD})(?: |$)", re.DOTALL)
_STAND_IN = "\ue000"  # of a private-use area: in no character set that ftfy tries


def hide_closing_marks(text: str) -> tuple[str, list[str]]:
    """``text`` with a character of a private-use area in place of the marks that close a word in
    capitals, and these marks, in order.

    A capital letter and the mark behind it may be two bytes of UTF-8 as Windows-1252 has them: Ã”
    is also what becomes of Ô. The letter has to end a word in capitals or to be the only one in its
    quotes. Then both are what they seem, if the opening mark is there. They are also if the text as
    a whole cannot be misread UTF-8.
    """
    spans = list(_closing(text))
    if not spans:
        return text, []
    pieces, last = [], 0
    for start, end in spans:
        pieces += [text[last:start], _STAND_IN]
        last = end
    return "".join([*pieces, text[last:]]), [text[start:end] for start, end in spans]


def restore_no_break_spaces(text: str) -> str:
    """``text`` with a no-break space for the plain one, or the end, behind a misread first byte.

    Cleaning makes all white space plain, and then 50Â km is no longer what ftfy knows. A word in
    capitals may end with these letters (HÂLÂ, XÃ). A letter between spaces may be one that the
    text speaks of, unless the text as a whole can be misread UTF-8.
    """

    def restored(match: re.Match[str]) -> str:
        before, lead = match.groups()
        is_word = before.isupper() or (not before.strip() and not _is_misread(whole))
        return match[0] if is_word else f"{before}{lead}\xa0"

    whole = re.sub(rf"({SPACE_LEAD})(?: |$)", "\\1\xa0", text)
    return _BEFORE_SPACE.sub(restored, text)


def show_closing_marks(text: str, marks: list[str]) -> str:
    """``text`` with the marks that ``hide_closing_marks`` took out."""
    hidden = iter(marks)
    return re.sub(_STAND_IN, lambda _: next(hidden), text) if marks else text


def _closing(text: str) -> Iterator[tuple[int, int]]:
    if _STAND_IN in text:  # the text has one of its own; which is rare enough to leave it to ftfy
        return
    for match in _GROUP.finditer(text):
        start, letter = match.start(), text[match.start() - 1]
        before = text[start - 2 : start - 1]
        if not (before.isupper() or (before and before in _ALL_OPENERS)):
            continue
        if _opened(text[: start - 1], match[0][0]) or (letter != "Â" and not _is_misread(text)):
            yield match.span()


def _opened(before: str, mark: str) -> bool:
    """An opening mark of ``mark`` stands in ``before``, and is not misread UTF-8 itself."""
    last = max((before.rfind(opener) for opener in _OPENERS.get(mark, "")), default=-1)
    return last >= 0 and before[last - 1 : last] not in ("Â", "€")


def _is_misread(text: str) -> bool:
    """The text as a whole is UTF-8 that was read as Windows-1252 or Latin-1."""
    try:
        text.encode("sloppy-windows-1252").decode()  # an encoding of ftfy
    except UnicodeError:
        return False
    return True
