"""Rules and repairs by regular expressions: exact counts, and what Rust's engine refuses."""

from typing import Any

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import ConfigError, DataError
from sealdata.pairs import make_pairs


@pytest.mark.parametrize(
    ("pattern", "pair", "expected"),
    [
        ("[ae]", ("Hello ae", "xyz"), (3, 0, 3 / 8, 0.0)),
        ("(?i)COOKIE(s)?", ("Cookies, cookie", "ค"), (2, 0, 13 / 15, 0.0)),
        (r"\p{Thai}+", ("a", "กขค b กข"), (0, 2, 0.0, 5 / 8)),
        ("^$", ("", "x"), (1, 0, 0.0, 0.0)),
        ("😀", ("a😀", "😀😀"), (1, 2, 0.5, 1.0)),
    ],
)
def test_matches(pattern: str, pair: tuple[str, str], expected: tuple[float, ...]) -> None:
    scores = load("scorers", "regex", {"pattern": pattern}).score(make_pairs([pair]))
    assert scores.columns == ["src_count", "tgt_count", "src_share", "tgt_share"]
    assert scores.row(0) == expected


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "expected"),
    [
        (r"^\s*[•-]\s+", "", "• item • x", "item • x"),
        (r"(\w+)@(\w+)", "$2 at ${1}s", "a@b", "b at as"),
        ("(?P<n>x)y", "${n}", "xy xyy", "x x"),  # again, until nothing changes
        (r"\.\.", ".", "....", "."),
        ("a", "$$", "aa", "$$"),
        ("z", "y", "abc", "abc"),
    ],
)
def test_substitutions(pattern: str, replacement: str, text: str, expected: str) -> None:
    cleaner = load("cleaners", "regex", {"pattern": pattern, "replacement": replacement})
    texts = pl.Series("src", [text, "", None])
    assert cleaner.clean(texts).to_list() == [expected, "", ""]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "(?<=a)b"}, "look-around, including look-ahead and look-behind, is not support"
         "ed. Match what stands around it too, or write two rules; a program"),
        ({"pattern": r"(a)\1"}, "backreferences are not supported. Name the alternatives"),
        ({"pattern": "("}, "'(' is not a regular expression: unclosed group"),
        ({"pattern": "a{999}{999}"}, "exceeds size limit"),
        ({"pattern": "(a)", "replacement": "$1x"},
         "no group '1x'; write ${1} before letters; groups: 0, 1"),
        ({"pattern": "(?P<n>a)", "replacement": "${m}"}, "no group 'm'; groups: 0, 1, n"),
    ],
)  # fmt: skip
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("cleaners", "regex", {"replacement": "", **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_replacement_without_end_is_an_error() -> None:
    cleaner = load("cleaners", "regex", {"pattern": "a", "replacement": "aa"})
    with pytest.raises(DataError, match="makes new matches without end: 'bab'"):
        cleaner.clean(pl.Series("src", ["x", "bab"]))
