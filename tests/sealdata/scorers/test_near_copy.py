"""Copies that were changed a little are found; translations are not copies."""

import pytest

from sealdata.component import load
from sealdata.pairs import make_pairs

SENTENCE = "The old school by the river was closed for three days."


@pytest.mark.parametrize(
    ("src", "tgt", "similarity"),
    [
        (SENTENCE, SENTENCE, 1.0),
        (SENTENCE, f" {SENTENCE.upper().replace(' ', '')} ", 1.0),
        (SENTENCE, SENTENCE.replace("o", "0"), 1 - 5 / 44),  # no word with an o is the same
        (SENTENCE, "Sekolah tua di tepi sungai itu ditutup selama tiga hari.", 0.0),
        (SENTENCE, "โรงเรียนเก่าริมแม่น้ำปิดสามวัน", 0.0),
        ("ฝนตกหนัก", "ฝนตกนัก", 7 / 8),
        (SENTENCE, "", 0.0),
        ("", " ", 0.0),
        ("a" * 2048 + "b" * 9000, "a" * 2048 + "ก" * 900, 1.0),
        ("a" * 3000, "a" * 2500, 1.0),  # the first 2,048 characters say enough
    ],
)
def test_near_copy(src, tgt, similarity):
    for rows in ([(src, tgt)], [(tgt, src)]):
        found = load("scorers", "near_copy").score(make_pairs(rows))["similarity"].item()
        assert found == pytest.approx(similarity)
