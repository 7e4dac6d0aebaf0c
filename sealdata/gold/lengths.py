"""Length factors of languages, measured on references."""

from pathlib import Path

import polars as pl

from sealdata.component import load
from sealdata.gold.references import read_references
from sealdata.languages import resolve
from sealdata.scorers.ratio import kept_characters

LENGTHS_SCHEMA: dict[str, pl.DataType] = {
    "lang": pl.String(),
    "pairs": pl.UInt32(),
    "factor": pl.Float64(),  # characters of all English text over those of the language
    "spread": pl.Float64(),  # standard deviation of the logarithm of this ratio over pairs
    "shipped": pl.Float64(),  # length_factor of the language as it is known; null: it is not
}


def length_factors(folder: Path) -> pl.DataFrame:
    """A row of LENGTHS_SCHEMA for each language with references in ``folder``.

    The factor is that of compute_length_factors in stopes: a ratio of sums of characters, so that
    long sentences have more weight. Latin letters and digits in another script are left out on both
    sides, as the scorer ratio counts them. Invisible characters, such as the zero-width spaces of
    Khmer, are not counted, because cleaning removes them before any rule. Pairs with an empty side
    are left out.

    Raises:
        ConfigError: see ``read_references``.
        DataError: see ``read_references``.
    """
    references, visible = read_references(folder), load("cleaners", "unicode")
    texts = references.select("lang", *(visible.clean(references[side]) for side in ("src", "tgt")))
    kept = kept_characters(texts.with_columns(tgt_lang="lang"), "tgt")
    chars = texts.select("lang", pl.col("src", "tgt").str.len_chars(), kept=kept)
    not_empty = chars.filter((pl.col("src") > 0) & (pl.col("tgt") > 0))
    rows = not_empty.group_by("lang", maintain_order=True).agg(
        pairs=pl.len(),
        factor=(pl.col("src") - pl.col("kept")).sum() / (pl.col("tgt") - pl.col("kept")).sum(),
        spread=(pl.col("src") / pl.col("tgt")).log().std(),
    )
    shipped = {code: resolve(code).length_factor for code in rows["lang"]}
    return rows.with_columns(shipped=pl.col("lang").replace_strict(shipped)).cast(LENGTHS_SCHEMA)  # type: ignore[arg-type]
