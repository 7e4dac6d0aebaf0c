"""Scores that the corpus itself came with, under names that rules can use."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import Scorer


class Stored(Scorer):
    """The ratio margin and language-ID probabilities stored with the pairs (NLLB, CCMatrix).

    A margin is no cosine: NLLB kept 1.06 and above, and what exceeds 1.25 is often boilerplate.
    """

    columns: ClassVar[dict[str, str]] = {
        "margin": "ratio margin of the corpus, about 1 to 2; higher is more alike",
        "src_lid": "language-ID probability of the English side, 0 to 1; 1 is certain",
        "tgt_lid": "language-ID probability of the other side, 0 to 1; 1 is certain",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float32 columns; null where the corpus stores none."""
        return pairs.select(
            margin="stored_margin", src_lid="stored_src_lid", tgt_lid="stored_tgt_lid"
        )


COMPONENT = Stored
