import sys
import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.text import characters
from sealdata.text.characters import (
    characters_of,
    class_table,
    count_characters,
    scripts,
)


def counts(text):
    """The counted classes of one text that are not zero."""
    row = count_characters(pl.Series([text], dtype=pl.String)).row(0, named=True)
    return {name: count for name, count in row.items() if count}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, 42!", {"letters": 5, "Latn": 5, "digits": 2, "punctuation": 2, "spaces": 1}),
        # Consonant, tone mark, vowel and the sign of abbreviation are letters of Thai.
        ("น้ำฯ ๓฿", {"letters": 4, "Thai": 4, "spaces": 1, "digits": 1, "other": 1}),
        ("ນ້ຳ ໓", {"letters": 3, "Laoo": 3, "spaces": 1, "digits": 1}),
        ("ភាសា។", {"letters": 4, "Khmr": 4, "punctuation": 1}),
        ("မြန်မာ၊၃", {"letters": 6, "Mymr": 6, "punctuation": 1, "digits": 1}),
        ("தமிழ் ௩", {"letters": 5, "Taml": 5, "spaces": 1, "digits": 1}),
        ("中文。", {"letters": 2, "Hani": 2, "punctuation": 1}),
        ("Việt", {"letters": 4, "Latn": 4}),
        ("e\u0301ʼ", {"letters": 3, "Latn": 1, "shared_letters": 2}),
        ("Привет", {"letters": 6, "Cyrl": 6}),
        ("ひらカタ漢", {"letters": 5, "Hira": 2, "Kana": 2, "Hani": 1}),
        ("ᚠᚢ", {"letters": 2, "foreign_letters": 2}),
        ("\u2028\xa0\u3000\t", {"spaces": 4}),
        ("\u200b\0😀+", {"other": 4}),
        ("", {}),
        (None, {}),
    ],
)
def test_counts(text, expected):
    assert counts(text) == expected


def test_every_script_has_a_class_of_the_kernel():
    assert list(scripts()) == sorted(set(scripts()))
    assert len(characters.CLASSES) + len(scripts()) <= 64
    for index, script in enumerate(scripts()):
        assert (class_table() == len(characters.CLASSES) + index).any(), script


def test_the_table_agrees_with_the_categories_of_python():
    """Where both know a character: they may follow different versions of Unicode."""
    table = class_table()
    letters = np.isin(table, [0, 1, 2, 3], invert=True)
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        if category in ("Cn", "Cs") or table[code] == 0:
            continue
        assert letters[code] == (category[0] in "LM"), hex(code)
        assert (table[code] == 1) == (category == "Nd"), hex(code)
        assert (table[code] == 2) == (category[0] == "P"), hex(code)


@settings(deadline=None)  # the machine may be busy
@given(texts=st.lists(st.text(max_size=9), max_size=20))
def test_a_text_counts_the_same_wherever_it_stands(texts):
    together = count_characters(pl.Series(texts, dtype=pl.String))
    assert together.rows() == [
        count_characters(pl.Series([text], dtype=pl.String)).row(0) for text in texts
    ]
    total = together.select(pl.sum_horizontal(pl.exclude("letters"))).to_series()
    assert total.to_list() == [len(text) for text in texts]


def test_counts_of_a_frame_are_made_once_and_never_those_of_another():
    one, other = (pl.DataFrame({"src": [text], "tgt": ["x"]}) for text in ("ab1", "ก"))
    assert characters_of(one, "src")["Latn"].tolist() == [2]
    assert characters_of(one, "src") is characters_of(one, "src")
    assert characters_of(other, "src")["Thai"].tolist() == [1]
    assert characters_of(one, "tgt")["Latn"].tolist() == [1]
