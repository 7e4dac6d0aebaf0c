"""Ratio of the lengths of the two sides."""

import math
from typing import ClassVar

import polars as pl

from sealdata.languages import length_range, resolve
from sealdata.scorers import Range, Scorer
from sealdata.text.characters import characters_of


class Ratio(Scorer):
    """Characters on the longer side over characters on the shorter, at equal language lengths.

    Characters are first multiplied by the language's length factor (``languages.toml``): Chinese
    says the same in a third of the characters of English. Latin letters and digits in another
    script are names and terms as English has them, and count as they are. An empty side counts as
    one character.

    Some languages have no published factor. Then any factor of the languages in their script is
    possible, and the one that suits the pair best counts. So limits are wider and not wrong.

    Source: Gale & Church 1993; the factors are those of stopes, the pipeline of NLLB.
    """

    version: ClassVar[int] = 4

    columns: ClassVar[dict[str, str]] = {
        "chars": "longer side over shorter, 1 or more; 1 is what a translation has on average",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"chars": Range(1, math.inf)}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null never."""
        sides = pl.DataFrame(length_bounds(pairs))
        src_longer = pl.col("src_low") / pl.col("tgt_high")
        tgt_longer = pl.col("tgt_low") / pl.col("src_high")
        return sides.select(chars=pl.max_horizontal(src_longer, tgt_longer, pl.lit(1.0)))


def length_bounds(pairs: pl.DataFrame) -> dict[str, pl.Series]:
    """The lowest and highest possible ``expected_length`` of both sides, Float64: ``src_low``,
    ``src_high``, ``tgt_low``, ``tgt_high``. They are equal where the length factor is known."""
    bounds = {}
    for side in ("src", "tgt"):
        low = bounds[f"{side}_low"] = expected_length(pairs, side, 0)
        codes = pairs[f"{side}_lang"].unique().drop_nulls()
        is_known = all(len(set(length_factors(code))) == 1 for code in codes)
        # Nearly always, and then the second one would be computed for nothing.
        bounds[f"{side}_high"] = low if is_known else expected_length(pairs, side, 1)
    return bounds


def expected_length(pairs: pl.DataFrame, side: str, bound: int = 0) -> pl.Series:
    """Length of a side of ``pairs`` in characters of English, Float64; an empty one counts as 1.

    Args:
        pairs: with the columns ``src``, ``tgt`` and their ``_lang``.
        side: ``src`` or ``tgt``.
        bound: where the factor of a language is not known, 0 takes the lowest possible one, 1 the
            highest.
    """
    langs = pairs[f"{side}_lang"]
    codes = langs.unique().drop_nulls().to_list()  # few: quicker than a look-up per row
    chars = pairs[side].str.len_chars().fill_null(0).clip(lower_bound=1).cast(pl.Float64)
    factors = {code: length_factors(code)[bound] for code in codes}
    if all(factor == 1 for factor in factors.values()):
        return chars
    factor = langs.replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    as_english = kept_characters(pairs, side)
    return (chars - as_english) * factor + as_english


def length_factors(code: str) -> tuple[float, float]:
    """The lowest and the highest possible length factor of a language; equal where it is known."""
    language = resolve(code)
    if language.length_factor is None:
        return length_range(language.script)
    return language.length_factor, language.length_factor


def kept_characters(pairs: pl.DataFrame, side: str) -> pl.Series:
    """Characters of a side that translation keeps, Float64: Latin letters and digits in another
    script. A name or a term in them is as long as in English; 0 where the language is in Latin."""
    langs = pairs[f"{side}_lang"]
    codes = langs.unique().drop_nulls().to_list()
    foreign = langs.is_in([code for code in codes if resolve(code).script != "Latn"])
    foreign = foreign.fill_null(False)
    if not foreign.any():
        return pl.repeat(0.0, pairs.height, eager=True)
    counts = characters_of(pairs, side)
    kept = pl.Series(counts["Latn"] + counts["digits"], dtype=pl.Float64)
    # The one character of an empty side is none of these.
    return kept * foreign


COMPONENT = Ratio
