"""Ratio of the lengths of the two sides."""

import math
from typing import ClassVar

import polars as pl

from sealdata.languages import languages
from sealdata.scorers import Range, Scorer
from sealdata.text.characters import characters_of


class Ratio(Scorer):
    """Characters on the longer side over characters on the shorter, at equal language lengths.

    Characters are first multiplied by the language's length factor (``languages.toml``): Chinese
    says the same in a third of the characters of English. Latin letters and digits in another
    script are names and terms as English has them, and count as they are. An empty side counts as
    one character.

    Source: Gale & Church 1993; the factors are those of stopes, the pipeline of NLLB.
    """

    version: ClassVar[int] = 3

    columns: ClassVar[dict[str, str]] = {
        "chars": "longer side over shorter, 1 or more; 1 is what a translation has on average",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"chars": Range(1, math.inf)}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null never."""
        src, tgt = (expected_length(pairs, side) for side in ("src", "tgt"))
        sides = pl.DataFrame({"src": src, "tgt": tgt})
        return sides.select(chars=pl.max_horizontal("src", "tgt") / pl.min_horizontal("src", "tgt"))


def expected_length(pairs: pl.DataFrame, side: str) -> pl.Series:
    """Length of a side of ``pairs`` in characters of English, Float64; an empty one counts as 1."""
    langs = pairs[f"{side}_lang"]
    codes = langs.unique().drop_nulls().to_list()  # few: quicker than a look-up per row
    chars = pairs[side].str.len_chars().fill_null(0).clip(lower_bound=1).cast(pl.Float64)
    factors = {code: languages()[code].length_factor for code in codes if code in languages()}
    if all(factor == 1 for factor in factors.values()):
        return chars
    factor = langs.replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    as_english = kept_characters(pairs, side)
    return (chars - as_english) * factor + as_english


def kept_characters(pairs: pl.DataFrame, side: str) -> pl.Series:
    """Characters of a side that translation keeps, Float64: Latin letters and digits in another
    script. A name or a term in them is as long as in English; 0 where the language is in Latin."""
    langs = pairs[f"{side}_lang"]
    other = [code for code, language in languages().items() if language.script != "Latn"]
    foreign = langs.is_in(other).fill_null(False)
    if not foreign.any():
        return pl.repeat(0.0, pairs.height, eager=True)
    counts = characters_of(pairs, side)
    kept = pl.Series(counts["Latn"] + counts["digits"], dtype=pl.Float64)
    # The one character of an empty side is none of these.
    return kept * foreign


COMPONENT = Ratio
