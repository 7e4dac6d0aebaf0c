"""The signs of a Burmese syllable, stored in one order whatever was typed."""

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._marks import MarkOrder, span, until_settled
from sealdata.cleaners._where import repair_where
from sealdata.text.char_filter import ANY

_ASAT = "\u103a"
_BELOW = "\u1039[\u1000-\u1021\u1025\u1027]"  # virama and the letter that it puts below
_ASAT_RANK, _BELOW_RANK = -1, -0.5


def _rank(position: int, unit: str) -> float | None:
    """Asat right after the letter stays there: it may silence it before marks of the next
    syllable, as in ယောက်ျား, or be part of kinzi."""
    if unit == _ASAT and position == 0:
        return _ASAT_RANK
    return _BELOW_RANK if unit[0] == "\u1039" else None


# Unicode Technical Note 11, with the dot below before asat as NFC has them.
ORDER = MarkOrder(
    ranks=(
        *span((0x103B, 0x103E)),  # medials ya, ra, wa, ha
        "\u1031",  # vowel e
        span(0x102D, 0x102E, 0x1032),  # vowels above
        span(0x102F, 0x1030),  # vowels below
        span(0x102B, 0x102C),  # vowels aa
        "\u1036",  # anusvara
        "\u1037",  # dot below
        _ASAT,
        "\u1038",  # visarga
    ),
    pairs=_BELOW,
    rank_of=_rank,
)
_ODD = f"{ORDER.disorder}|[\u102b-\u1032\u1036-\u1038\u103b-\u103e]{_BELOW}"
_OWN = ((ANY, r"[\u{1000}-\u{109f}]"),)  # in every text that may be odd


class Burmese(Cleaner):
    """One order for the signs of a Burmese syllable; Unicode normalisation leaves it open.

    After the letter come letters below, medials (ya, ra, wa, ha), vowel e, vowels above, below and
    aa, anusvara, dot below, asat, visarga. A mark that was typed twice in one place is stored once.
    Text in the Zawgyi encoding is for the cleaner ``zawgyi``, which must come before.
    """

    def clean(self, text: pl.Series) -> pl.Series:
        """Letters and marks stay, but for the copies of a mark."""
        return repair_where(_ODD, text, lambda matches: until_settled(ORDER.sorted, matches), _OWN)


COMPONENT = Burmese
