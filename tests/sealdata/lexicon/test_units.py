"""Units: words by their stems, Han characters and pairs of them, runs of four elsewhere."""

import polars as pl
import pytest

from sealdata.kernels.units import MAX_UNITS, RUN, distinct, unit_ids
from sealdata.lexicon.units import units_of

MASK = 2**64 - 1


def hashed(unit: str) -> int:
    """FNV-1a over code points."""
    value = 0xCBF29CE484222325
    for char in unit:
        value = ((value ^ ord(char)) * 0x100000001B3) & MASK
    return value


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("", []),
        (" … !", []),
        ("Cats, cats", ["cats", "cats"]),
        ("Translators translate", ["transl", "transl"]),  # six characters are a stem
        ("Don't", ["don", "t"]),
        ("v2.0 ๒๕๖๗ ၁၂", ["v2", "0", "2567", "12"]),  # digits of all scripts are digits
        ("NGƯỜI Việt", ["người", "việt"]),
        ("வணக்கம்!", ["வணக்கம்"[:6]]),
        ("我爱你", ["我", "爱", "我爱", "你", "爱你"]),
        ("我，你", ["我", "你"]),  # no pair across a mark
        ("用Python写", ["用", "python", "写"]),
        ("かな", ["か", "な", "かな"]),
        ("สวัสดี", ["สวัส", "วัสด", "ัสดี"]),
        ("မြန်မာ", ["မြန်", "ြန်မ", "န်မာ"]),
        ("ນ ້ຳ", ["ນ", "້ຳ"]),  # shorter than a run: as it is
        ("ភាសាABC១២", ["ភាសា", "abc12"]),
    ],
)
def test_units(text, units):
    hashes, begins = units_of(pl.Series([text]))
    assert hashes.tolist() == [hashed(unit) for unit in units]
    assert begins.tolist() == [0, len(units)]


def test_units_of_several_texts_and_of_long_ones():
    hashes, begins = units_of(pl.Series(["b a b", None, "字" * 500, "ก" * 500, "x " * 500, "a"]))
    assert begins.tolist() == [0, 3, 3, *(3 + MAX_UNITS * i for i in (1, 2, 3)), 4 + 3 * MAX_UNITS]
    assert hashes[3 + MAX_UNITS] == hashed("ก" * RUN)
    once, starts = distinct(hashes, begins)
    assert starts.tolist() == [0, 2, 2, 4, 5, 6, 7]
    assert once[:2].tolist() == sorted([hashed("a"), hashed("b")])
    known = once[:2].copy()
    assert unit_ids(hashes[:4], known).tolist() == [
        known.tolist().index(hashed("b")),
        known.tolist().index(hashed("a")),
        known.tolist().index(hashed("b")),
        -1,
    ]
