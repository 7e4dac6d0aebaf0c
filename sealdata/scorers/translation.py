"""The translator of a pair, human or machine, as a number that rules can use."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import SHARE, Range, Scorer


class Translation(Scorer):
    """Whether one side is a machine's translation of the other, as the corpus or the recipe says.

    ``max = 0`` drops what a machine translated. With ``missing = "drop"`` a rule also drops pairs
    without a known translator.
    """

    columns: ClassVar[dict[str, str]] = {
        "machine": "1: a machine translated; 0: a human; null: unknown, or not said",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"machine": SHARE}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float32: 0, 1 or null."""
        said = pl.col("translation")
        judged = said.is_in(["human", "machine"])
        return pairs.select(machine=pl.when(judged).then((said == "machine").cast(pl.Float32)))


COMPONENT = Translation
