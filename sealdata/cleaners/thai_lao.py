"""Vowels and tones of Thai and Lao, stored in one order whatever was typed."""

import re

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners._marks import MarkOrder, span, until_settled
from sealdata.cleaners._where import repair_where
from sealdata.text.char_filter import ANY

# First vowels above and below, then tones and the sign that silences a letter (thanthakhat,
# cancellation mark): WTT 2.0, for Thai. In Lao the semivowel below the letter comes first.
_ORDERS = (
    MarkOrder((span(0xE31, (0xE34, 0xE3A), 0xE47, 0xE4D, 0xE4E), span((0xE48, 0xE4C)))),
    MarkOrder(("\u0ebc", span(0xEB1, (0xEB4, 0xEBB), 0xECD), span((0xEC8, 0xECC)))),
)
# What looks the same in Thai, and 0x80 higher in Lao; \1 are tone marks.
_THAI_LOOKS = (
    ("\u0e4d([\u0e48-\u0e4b]*)\u0e32", "\\1\u0e33"),  # ring above and aa: sara am
    ("\u0e33([\u0e48-\u0e4b]+)", "\\1\u0e33"),  # a tone stands before sara am
    ("\u0e40\u0e40()", "\u0e41\\1"),  # e twice: ae
)
_SHIFT = {code: code + 0x80 for code in range(0xE00, 0xE80)}
_LOOKS = [
    (re.compile(pattern.translate(shift)), spelling.translate(shift))
    for shift in ({}, _SHIFT)
    for pattern, spelling in _THAI_LOOKS
]
_ODD = "|".join([*(order.disorder for order in _ORDERS), *(look.pattern for look, _ in _LOOKS)])
_OWN = ((ANY, r"[\u{e31}-\u{eff}]"),)  # in every text that may be odd


class ThaiLao(Cleaner):
    """One spelling of what looks the same in Thai and Lao; Unicode normalisation leaves them apart.

    - A vowel above or below the letter comes before the tone: กี่, not ก + ่ + ี.
    - Sara am is one character with the tone before it: น้ำ, also if it was typed น + ้ + ํ + า.
    - The vowel e twice (เเ, ເເ) is the vowel ae (แ, ແ).
    - A mark that was typed twice in one place is stored once.
    """

    def clean(self, text: pl.Series) -> pl.Series:
        """Letters and marks stay, but for the last two: two signs that look like one become one."""
        return repair_where(_ODD, text, lambda matches: until_settled(_step, matches), _OWN)


def _step(text: str) -> str:
    for order in _ORDERS:
        text = order.sorted(text)
    for look, spelling in _LOOKS:
        text = look.sub(spelling, text)
    return text


COMPONENT = ThaiLao
