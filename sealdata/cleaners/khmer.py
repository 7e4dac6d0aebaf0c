"""The signs of a Khmer syllable, stored in one order whatever was typed."""

import re

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._marks import MarkOrder, span, until_settled
from sealdata.cleaners._where import repair_where
from sealdata.text.char_filter import ANY

_BELOW = "\u17d2\u200d?[\u1780-\u17b3]"  # coeng and the letter that it puts below
_BELOW_RANK, _RO_BELOW_RANK = 1, 1.5  # ro reaches around the others and is stored after them


def _rank(position: int, unit: str) -> float | None:
    if unit[0] != "\u17d2":
        return None
    return _RO_BELOW_RANK if unit[-1] == "\u179a" else _BELOW_RANK


# The order of section 16.4 of the Unicode Standard and of SIL's "Khmer Encoding Structure" (2021).
_ORDER = MarkOrder(
    ranks=(
        "\u17cc",  # robat
        "",  # letters below
        span(0x17C9, 0x17CA),  # register shifters
        span((0x17B6, 0x17C5)),  # vowels
        span(0x17C6, 0x17CB, (0x17CD, 0x17D1), 0x17D3, 0x17DD),  # signs above
        span(0x17C7, 0x17C8),  # signs after
    ),
    pairs=f"{_BELOW}|[\u17c9\u17ca]\u200c",  # a non-joiner belongs to the shifter before it
    rank_of=_rank,
)
# Vowels in two parts that look like one.
_LOOKS = [(re.compile("\u17c1\u17b8"), "\u17be"), (re.compile("\u17c1\u17b6"), "\u17c4")]
_ODD = "|".join(
    [
        _ORDER.disorder,
        f"[\u17b6-\u17cb\u17cd-\u17d1\u17d3\u17dd\u200c]{_BELOW}",  # a mark before a letter below
        f"{_BELOW}\u17cc",  # robat after one
        f"\u17d2\u200d?\u179a{_BELOW}",  # ro before another
        "\u200c[\u17cc\u17c9\u17ca]",
        *(look.pattern for look, _ in _LOOKS),
    ]
)
_OWN = ((ANY, r"[\u{1780}-\u{17ff}\u{200c}]"),)  # in every text that may be odd


class Khmer(Cleaner):
    """One order for the signs of a Khmer syllable; Unicode normalisation leaves it open.

    After the letter come robat, letters below (ro last), register shifter, vowel, signs above,
    signs after. The vowels េ + ី and េ + ា are the vowels ើ and ោ, and a mark that was typed twice
    in one place is stored once.
    """

    def clean(self, text: pl.Series) -> pl.Series:
        """Letters and marks stay, but where two signs that look like one become one."""
        return repair_where(_ODD, text, lambda matches: until_settled(_step, matches), _OWN)


def _step(text: str) -> str:
    text = _ORDER.sorted(text)
    for look, vowel in _LOOKS:
        text = look.sub(vowel, text)
    return text


COMPONENT = Khmer
