"""Overlap of the words of the two sides: text that was copied, not translated."""

from typing import ClassVar

import polars as pl
from pydantic import Field

from sealdata.kernels import texts_of
from sealdata.kernels.shared_words import count_words
from sealdata.scorers import SHARE, Range, Scorer
from sealdata.text.characters import lower_table, without_special_case


class Copy(Scorer):
    """Distinct words that both sides share over those of the side with more of them.

    Words stand between white space and are compared without case, so that a copy with other
    spacing or capitals has 1. One side is English, and a copy of it has English words whatever the
    script of the other language. Sides of fewer than ``min_words`` words may be names, the same in
    both languages, and have no overlap.

    A translation keeps names, numbers and addresses: words that have a capital, a digit or a slash
    wherever they stand in the pair. If ``min_words`` others are left, the overlap of these is
    computed too, and the lower of the two counts.
    """

    version: ClassVar[int] = 2

    min_words: int = Field(3, ge=1)  # words of the longer side, below which there is no score

    columns: ClassVar[dict[str, str]] = {
        "overlap": "shared words over words of the longer side, 0 to 1; 1 is a copy",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"overlap": SHARE}
    seldom: ClassVar[frozenset[str]] = frozenset({"overlap"})

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null where both sides have too few words."""
        src, tgt = (texts_of(without_special_case(pairs[side])) for side in ("src", "tgt"))
        counts = count_words(*src, *tgt, lower_table())
        names = ("src", "tgt", "shared", "plain_src", "plain_tgt", "plain_shared")
        words = pl.DataFrame(dict(zip(names, counts, strict=True)))
        longer = pl.max_horizontal("src", "tgt")
        plain = pl.max_horizontal("plain_src", "plain_tgt")
        overlap = pl.when(longer >= self.min_words).then(pl.col("shared") / longer)
        without_names = pl.when(plain >= self.min_words).then(pl.col("plain_shared") / plain)
        return words.select(overlap=pl.min_horizontal(overlap, without_names))


COMPONENT = Copy
