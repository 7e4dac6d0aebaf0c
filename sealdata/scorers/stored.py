"""Scores that the corpus itself came with, under names that rules can use."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import COUNT, SHARE, Range, Scorer, Thresholds


class Stored(Scorer):
    """The ratio margin and language-ID probabilities stored with the pairs (NLLB, CCMatrix).

    A margin is not a cosine: NLLB kept 1.06 and above, and what exceeds 1.25 is often boilerplate.
    """

    columns: ClassVar[dict[str, str]] = {
        "margin": "ratio margin of the corpus, about 1 to 2; higher is more alike",
        "src_lid": "language-ID probability of the English side, 0 to 1; 1 is certain",
        "tgt_lid": "language-ID probability of the other side, 0 to 1; 1 is certain",
    }
    ranges: ClassVar[dict[str, Range | None]] = {
        "margin": COUNT,
        "src_lid": SHARE,
        "tgt_lid": SHARE,
    }

    thresholds: ClassVar[dict[str, Thresholds]] = {
        "margin": Thresholds(
            "a ratio margin",
            0.9,
            10,
            "it is about 1 for sentences that have nothing to do with each other, so a cosine's "
            "threshold keeps everything; NLLB was mined at 1.06",
        )
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float32 columns; null where the corpus stores none."""
        return pairs.select(
            margin="stored_margin", src_lid="stored_src_lid", tgt_lid="stored_tgt_lid"
        )


COMPONENT = Stored
