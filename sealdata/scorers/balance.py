"""How far the lengths of the two sides are from what translations of that length have."""

from typing import ClassVar

import polars as pl

from sealdata.scorers import ANY_NUMBER, Range, Scorer
from sealdata.scorers.ratio import length_bounds

# Standard deviation of the log ratio of translations: what no length takes away, and what one
# character has, falling with the root of the length. Fitted to TICO-19 and TALPCo (13 languages):
# 0.48 below 15 characters, 0.25 at 30, 0.21 at 75, 0.16 from 100 on.
_SPREAD, _SPREAD_OF_ONE = 0.15, 1.1


class Balance(Scorer):
    """The log ratio of the lengths, by the measure of its spread at that length.

    Short translations vary more than long ones: "No, that's not correct." may be one word. One
    limit on the deviation fits a word and a paragraph. One limit on the ratio is too tight for the
    word or too loose for the paragraph: a deviation of 4 is a ratio of 4 at a dozen characters, of
    2.4 at fifty, of 2.0 at two hundred.

    Source: Gale & Church 1993, who also let the variance grow with the length; the factors are
    those of ``ratio``. A language without a factor has the deviation that suits the pair best.
    """

    version: ClassVar[int] = 4

    columns: ClassVar[dict[str, str]] = {
        "deviation": "log of English over the other side, in standard deviations of translations "
        "of that length. 0 is the average; below 0 the English is too short, above 0 too long",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"deviation": ANY_NUMBER}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null never: an empty side counts as one character."""
        return pl.DataFrame({"deviation": deviation(pairs)})


def deviation(pairs: pl.DataFrame) -> pl.Series:
    """How far the log ratio of the lengths is from the average, in its standard deviations."""
    sides = pl.DataFrame(length_bounds(pairs))
    spread = (_SPREAD**2 + _SPREAD_OF_ONE**2 / pl.max_horizontal("src_low", "tgt_low")).sqrt()
    src_longer = (pl.col("src_low") / pl.col("tgt_high")).log().clip(lower_bound=0)
    tgt_longer = (pl.col("src_high") / pl.col("tgt_low")).log().clip(upper_bound=0)
    # At most one of the two is not 0.
    return sides.select((src_longer + tgt_longer) / spread).to_series()


COMPONENT = Balance
