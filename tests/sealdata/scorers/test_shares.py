"""Letters, digits and punctuation of every script, as shares of what is no white space."""

import pytest

from sealdata.component import load
from sealdata.pairs import make_pairs


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("It rains.", (7 / 8, 0.0, 1 / 8)),
        ("น้ำ ๓ แก้ว", (7 / 8, 1 / 8, 0.0)),  # vowel and tone marks are letters
        ("ភ្លៀង។", (5 / 6, 0.0, 1 / 6)),
        ("မိုး ၃၅", (4 / 6, 2 / 6, 0.0)),
        ("下雨了。", (0.75, 0.0, 0.25)),
        ("| 12 | 34 |", (0.0, 4 / 7, 0.0)),  # a bar is a symbol
        ("***", (0.0, 0.0, 1.0)),
        ("😀", (0.0, 0.0, 0.0)),
        (" \u3000\n", (None, None, None)),
        ("", (None, None, None)),
    ],
)
def test_shares_of_either_side(text, shares):
    scorer = load("scorers", "shares")
    assert scorer.score(make_pairs([(text, "Hujan")])).row(0) == (*shares, 1.0, 0.0, 0.0)
    assert scorer.score(make_pairs([("Hujan", text)])).row(0) == (1.0, 0.0, 0.0, *shares)
