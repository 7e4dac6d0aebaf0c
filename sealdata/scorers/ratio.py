"""Ratio of the lengths of the two sides."""

from typing import ClassVar

import polars as pl

from sealdata.languages import languages
from sealdata.scorers import Scorer


class Ratio(Scorer):
    """Characters on the longer side over characters on the shorter, at equal language lengths.

    Characters are first multiplied by the language's length factor (``languages.toml``): Chinese
    says the same in a third of the characters of English. An empty side counts as one character.

    Source: Gale & Church 1993; the factors are those of stopes, the pipeline of NLLB.
    """

    version: ClassVar[int] = 2

    columns: ClassVar[dict[str, str]] = {
        "chars": "longer side over shorter, 1 or more; 1 is what a translation has on average",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null never."""
        src, tgt = (expected_length(pairs, side) for side in ("src", "tgt"))
        return pairs.select(chars=pl.max_horizontal(src, tgt) / pl.min_horizontal(src, tgt))


def expected_length(pairs: pl.DataFrame, side: str) -> pl.Expr:
    """Length of a side of ``pairs`` in characters of English."""
    codes = pairs[f"{side}_lang"].unique()
    factor = pl.lit(1.0)
    for code in codes.drop_nulls():  # few: quicker than a look-up per row
        language = languages().get(code)
        own_factor = pl.lit(language.length_factor if language else 1.0)
        if len(codes) == 1:
            factor = own_factor
        else:
            is_code = pl.col(f"{side}_lang") == code
            factor = pl.when(is_code).then(own_factor).otherwise(factor)
    return pl.col(side).str.len_chars().clip(lower_bound=1) * factor


COMPONENT = Ratio
