"""Matches of a regular expression of your own."""

from typing import ClassVar

import polars as pl
from pydantic import field_validator

from sealdata.scorers import COUNT, SHARE, Range, Scorer
from sealdata.text.regex import check_pattern


class Regex(Scorer):
    """How often a pattern matches in each side, and how much of the side its matches are.

    Rust's ``regex`` syntax, which takes time in proportion to the text: no look-around and no
    references to groups. ``(?i)`` at the beginning ignores case. A rule with ``max = 0`` on a count
    drops pairs with a match, one with ``min = 1`` drops those without.
    """

    columns: ClassVar[dict[str, str]] = {
        "src_count": "matches in the English side, 0 or more",
        "tgt_count": "matches in the other side, 0 or more",
        "src_share": "share of the characters of the English side in matches, 0 to 1",
        "tgt_share": "share of the characters of the other side in matches, 0 to 1",
    }
    ranges: ClassVar[dict[str, Range | None]] = {
        **dict.fromkeys(("src_count", "tgt_count"), COUNT),
        **dict.fromkeys(("src_share", "tgt_share"), SHARE),
    }

    pattern: str  # regular expression of Rust's `regex`

    _compiles = field_validator("pattern")(check_pattern)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """UInt32 and Float64 columns; null never."""
        sides = [pairs[side].fill_null("") for side in ("src", "tgt")]
        counts = [side.str.count_matches(self.pattern).cast(pl.UInt32) for side in sides]
        shares = [
            self._share(side, (count > 0).arg_true())
            for side, count in zip(sides, counts, strict=True)
        ]
        return pl.DataFrame(dict(zip(self.columns, [*counts, *shares], strict=True)))

    def _share(self, side: pl.Series, rows: pl.Series) -> pl.Series:
        """Lists of matches take memory, so they are made only of texts that have any."""
        texts = side.gather(rows)
        matched = texts.str.extract_all(self.pattern).list.eval(pl.element().str.len_chars())
        shares = matched.list.sum() / texts.str.len_chars().clip(lower_bound=1)
        return pl.zeros(side.len(), pl.Float64, eager=True).scatter(rows, shares.cast(pl.Float64))


COMPONENT = Regex
