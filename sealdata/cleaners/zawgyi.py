"""Burmese in the Zawgyi encoding, converted to Unicode."""

import re
from typing import ClassVar

import polars as pl

from sealdata.cleaners import Cleaner
from sealdata.cleaners.burmese import ORDER, as_letters
from sealdata.text.zawgyi import is_zawgyi

_KINZI = "\u1004\u103a\u1039"
_KINZI_SIGN = "\u1064"
_LETTERS = {  # code points of letters that Zawgyi has on its own
    0x106A: "\u1009", 0x106B: "\u100a", 0x106E: "\u100d\u1039\u100d", 0x106F: "\u100d\u1039\u100e",
    0x1086: "\u103f", 0x108F: "\u1014", 0x1090: "\u101b", 0x1091: "\u100f\u1039\u100d",
    0x1092: "\u100b\u1039\u100c", 0x1097: "\u100b\u1039\u100b",
}  # fmt: skip
_BELOW = {  # code point -> letter below
    0x1060: 0x1000, 0x1061: 0x1001, 0x1062: 0x1002, 0x1063: 0x1003, 0x1065: 0x1005, 0x1066: 0x1006,
    0x1067: 0x1006, 0x1068: 0x1007, 0x1069: 0x1008, 0x106C: 0x100B, 0x106D: 0x100C, 0x1070: 0x100F,
    0x1071: 0x1010, 0x1072: 0x1010, 0x1073: 0x1011, 0x1074: 0x1011, 0x1075: 0x1012, 0x1076: 0x1013,
    0x1077: 0x1014, 0x1078: 0x1015, 0x1079: 0x1016, 0x107A: 0x1017, 0x107B: 0x1018, 0x107C: 0x1019,
    0x1085: 0x101C, 0x1093: 0x1018,
}  # fmt: skip
_MARKS = {
    0x1033: "\u102f", 0x1034: "\u1030", 0x1039: "\u103a", 0x103A: "\u103b", 0x103B: "\u103c",
    0x103C: "\u103d", 0x103D: "\u103e", 0x105A: "\u102b\u103a", 0x107D: "\u103b",
    0x1087: "\u103e", 0x1088: "\u103e\u102f", 0x1089: "\u103e\u1030", 0x108A: "\u103d\u103e",
    0x108B: "\u102d", 0x108C: "\u102e", 0x108D: "\u1036", 0x108E: "\u102d\u1036",
    0x1094: "\u1037", 0x1095: "\u1037", 0x1096: "\u1039\u1010\u103d",
    **dict.fromkeys(range(0x107E, 0x1085), "\u103c"),
    **{code: f"\u1039{chr(letter)}" for code, letter in _BELOW.items()},
}  # fmt: skip
_WITH_KINZI = frozenset("\u1064\u108b\u108c\u108d")
# A syllable as Zawgyi stores it, from left to right as it is seen: vowel e and medial ra, the
# letter (or the digit 0 or 7 in place of a letter that looks like it), then all other marks.
_FOLLOWING = (
    "\u102b-\u1030\u1032-\u103a\u103c\u103d\u105a\u1060-\u1069\u106c\u106d\u1070-\u107d"
    "\u1085\u1087-\u108e\u1093-\u1096"
)
_SYLLABLE = re.compile(
    "([\u1031\u103b\u107e-\u1084]*)"
    "([\u1000-\u102a\u103f\u1040\u1047\u104e\u106a\u106b\u106e\u106f\u1086\u108f-\u1092\u1097])"
    f"([{_FOLLOWING}]*)|([\u1031\u103b\u107e-\u1084{_FOLLOWING}]+)"  # or marks without a letter
)
_LOOKALIKES = {"\u1040": "\u101d", "\u1047": "\u101b"}  # 0 for wa, 7 for ra


class Zawgyi(Cleaner):
    """Texts that are in Zawgyi, by Google's detector, in Unicode.

    Zawgyi uses the code points of Burmese for other signs and stores signs from left to right as
    they are displayed. To a program that expects Unicode such a text is noise. Half of the text
    written in Myanmar before 2019 is in Zawgyi. A text is converted as a whole or not at all. Texts
    that are valid in both encodings have the same meaning in both.

    Source: the tables of the Zawgyi-One font; detector: myanmar-tools (Google, Apache-2.0).
    """

    version: ClassVar[int] = 2

    def clean(self, text: pl.Series) -> pl.Series:
        """Each sign of Zawgyi becomes the Unicode of what it shows."""
        text = text.fill_null("")
        rows = is_zawgyi(text).arg_true()
        if rows.is_empty():
            return text
        converted = pl.Series(map(to_unicode, text.gather(rows)), dtype=pl.String)
        return text.clone().scatter(rows, converted)


def to_unicode(text: str) -> str:
    """The Unicode of a text in Zawgyi, with the marks of each syllable in their order."""
    return as_letters(ORDER.sorted(_SYLLABLE.sub(_syllable, text)))


def _syllable(match: re.Match[str]) -> str:
    before, letter, after, stray = match.groups()
    if stray:
        return _marks(stray)
    if before or after:
        letter = _LOOKALIKES.get(letter, letter)
    if letter == "\u1025" and after.startswith("\u1039"):
        letter = "\u1009"  # nya looks like u, which is never silenced
    kinzi = "" if _WITH_KINZI.isdisjoint(after) else _KINZI
    ra = "\u103c" if before.strip("\u1031") else ""
    e = "\u1031" if "\u1031" in before else ""
    return f"{kinzi}{letter.translate(_LETTERS)}{_marks(after.replace(_KINZI_SIGN, ''))}{ra}{e}"


def _marks(text: str) -> str:
    return text.replace(_KINZI_SIGN, _KINZI).translate(_MARKS)


COMPONENT = Zawgyi
