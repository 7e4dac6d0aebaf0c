"""The signs of a Burmese syllable in one order, and letters where digits were typed for them."""

import re
from typing import ClassVar

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
_LETTER = "[\u1000-\u1021\u1025\u1027]"
# A consonant that ends a syllable, by asat or with another below it; a digit cannot be its start.
_FINAL = f"{_LETTER}\u1037?[\u1039\u103a]"
# Marks that only a letter can have. Not visarga, dot below and anusvara: typed as colon, point and
# degree sign (၇း၃၀, ၉၀ံ).
_MARK = "[\u102b-\u1032\u103a-\u103e]"
_LIKE_DIGITS = {"၀": "ဝ", "၇": "ရ", "၈": "ဂ"}
_TYPED = "".join(_LIKE_DIGITS)
_NO_WORD = "ဒီဂရီ|ရာခိုင်နှုန်း"  # degrees, percent: before these a zero is a number
_AS_LETTER = re.compile(
    f"[{_TYPED}](?={_MARK}|{_FINAL})"  # ၀င်, ၇ာ
    f"|(?<=[\u1000-\u103f])၀(?![၀-၉.,]|{_NO_WORD})"  # ဘ၀, သဘာ၀
    f"|(?<![၀-၉])[{_TYPED}](?=ံ)"  # ၀ံ
    "|၄(?=င်း)"  # ၄င်း, which begins with a sign of its own
)
_AS_DIGIT = re.compile(f"(?<=[၀-၉])ဝ+(?!{_MARK}|{_FINAL})|(?<=[၀-၉])ရ(?=[၀-၉])")  # ၁ဝ, ၂ဝ၁ရ၉
_DIGITS = str.maketrans("ဝရ", "၀၇")
_MISTYPED = (
    f"[{_TYPED}][{_MARK}ံ]|[{_TYPED}၄]{_FINAL}|[\u1000-\u103f]၀|[၀-၉][ဝရ]"  # in all that may be so
)
_OWN = ((ANY, r"[\u{1000}-\u{109f}]"),)  # in every text that may be odd


def as_letters(text: str) -> str:
    """Letters for the digits that were typed in their place, and zeros for the letter ဝ in numbers.

    ၀ and ဝ, ၇ and ရ, ၈ and ဂ, ၄ and ၎ look alike. A digit has no vowel, no medial and no final
    consonant, and a zero does not end a word (၀င်, ဘ၀, ၄င်း). A letter right behind a digit that
    begins no syllable is one too (၁ဝ).
    """

    def digits(match: re.Match[str]) -> str:
        return match[0].translate(_DIGITS)

    text = _AS_DIGIT.sub(digits, text)
    return _AS_LETTER.sub(lambda match: _LIKE_DIGITS.get(match[0], "၎"), text)


def _repaired(text: str) -> str:
    return as_letters(ORDER.sorted(text))


class Burmese(Cleaner):
    """One order for the signs of a Burmese syllable; Unicode normalisation leaves it open.

    After the letter come letters below, medials (ya, ra, wa, ha), vowel e, vowels above, below and
    aa, anusvara, dot below, asat, visarga. A mark that was typed twice in one place is stored once.
    Text in the Zawgyi encoding is for the cleaner ``zawgyi``, which must come before.

    A digit that was typed for a letter of its shape becomes the letter: ၀င် is ဝင်, ၄င်း is ၎င်း.
    A letter that was typed for zero becomes the digit: ၁ဝ is ၁၀.
    """

    version: ClassVar[int] = 2

    def clean(self, text: pl.Series) -> pl.Series:
        """Letters and marks stay, but for the copies of a mark and what was typed for another."""
        odd = f"{_ODD}|{_MISTYPED}"
        return repair_where(odd, text, lambda matches: until_settled(_repaired, matches), _OWN)


COMPONENT = Burmese
