"""Ways to spoil a text, and the hash that chooses among them: no clock, no random generator."""

import hashlib
import re
from collections.abc import Callable


def encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate becomes the byte that it represents, which is not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on ``parts`` only."""
    digest = hashlib.sha256(encoded("/".join(map(str, parts)))).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def misread(text: str) -> str:
    """UTF-8 read as Windows-1252; bytes that this leaves undefined become control characters."""
    single = (bytes([value]) for value in text.encode())
    return "".join(byte.decode("cp1252", "ignore") or chr(byte[0]) for byte in single)


def curly(text: str) -> str:
    """Typographic quotation marks and apostrophes."""
    opened = re.sub(r'"(?=\w)', "\N{LEFT DOUBLE QUOTATION MARK}", text)
    closed = opened.replace('"', "\N{RIGHT DOUBLE QUOTATION MARK}")
    return closed.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def other_number(text: str) -> str:
    """Every digit raised by one, in its own script: 27 becomes 38."""
    return "".join(chr(ord(c) + (1 if int(c) < 9 else -9)) if c.isdecimal() else c for c in text)


def repeated(text: str, times: int) -> str:
    """``text`` repeated ``times`` times, with spaces between if the text has spaces."""
    return (" " if " " in text else "").join([text] * times)


# Remains of a web page that are too broken to repair; a cleaner removes whole tags.
REMAINS: dict[str, Callable[[str], str]] = {
    "link": lambda text: f'<a href="/berita/2>{text}</a>',
    "closing tag": lambda text: text + "</div",
    "attribute": lambda text: f'class="post-title">{text}',
    "cut tag": lambda text: text + ' <span style="font-si',
    "escaped tag": lambda text: f"&lt;p class=&quot;lead&gt;{text}&lt;/p&gt;",
    "script": lambda text: text + ' function(){window.location.href="/";}',
}
