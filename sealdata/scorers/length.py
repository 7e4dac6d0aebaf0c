"""Length of each side in characters."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import COUNT, Range, Scorer


class Length(Scorer):
    """Characters (Unicode code points) of each side; scripts without spaces have no other unit."""

    columns: ClassVar[dict[str, str]] = {
        "src_chars": "characters of the English side, 0 or more",
        "tgt_chars": "characters of the other side, 0 or more",
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(("src_chars", "tgt_chars"), COUNT)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """UInt32 columns; null never."""
        return pairs.select(
            src_chars=pl.col("src").str.len_chars(), tgt_chars=pl.col("tgt").str.len_chars()
        )


COMPONENT = Length
