"""Text whose UTF-8 was once read in another encoding, put right: "cafÃ©" is "café"."""

from functools import cache
from typing import ClassVar

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._where import repair_where
from sealdata.text.char_filter import ANY
from sealdata.text.mojibake import hide_closing_marks, show_closing_marks


class Mojibake(Cleaner):
    """The repair of encodings by ftfy, and nothing else that ftfy does.

    Let it come before ``unicode``, which removes the control characters that it reads. A capital
    before a closing mark stays: “XÃ” is a word in quotes.
    """

    version: ClassVar[int] = 2

    def clean(self, text: pl.Series) -> pl.Series:
        """Only texts change that hold characters in the sequences of misread UTF-8."""
        return repair_where(
            _suspicious(),
            text,
            lambda matches: pl.Series(matches.name, map(_repaired, matches), dtype=pl.String),
            _couples(),
        )


def _repaired(text: str) -> str:
    import ftfy

    hidden, marks = hide_closing_marks(text)
    return show_closing_marks(ftfy.fix_encoding(hidden), marks)


@cache
def _suspicious() -> str:
    """Two characters in a row that single-byte encodings have for bytes above 0x7F.

    UTF-8 has two such bytes or more for one character; of these 0xA0 may have become a space.
    """
    return "|".join(first + second for first, second in _couples())


@cache
def _couples() -> tuple[tuple[str, str], ...]:
    from ftfy.chardata import CHARMAP_ENCODINGS

    high = {_decoded(byte, name) for byte in range(0x80, 0x100) for name in CHARMAP_ENCODINGS}
    before_a0 = {_decoded(0xC3, name) for name in CHARMAP_ENCODINGS}
    some = f"[{_listed(high)}]"
    return (some, some), (f"[{_listed(before_a0)}]", " "), (ANY, r"[\x80-\x9f]")


def _decoded(byte: int, encoding: str) -> str:
    return bytes([byte]).decode(encoding, "ignore")


def _listed(characters: set[str]) -> str:
    return "".join(rf"\u{{{ord(character):x}}}" for character in sorted(characters - {""}))


COMPONENT = Mojibake
