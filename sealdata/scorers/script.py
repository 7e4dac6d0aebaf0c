"""Share of the letters of each side that belong to the script of its declared language."""

from typing import ClassVar

import polars as pl

from sealdata.characters import count_characters, unicode_script
from sealdata.languages import resolve
from sealdata.scorers import Scorer


class Script(Scorer):
    """Letters (and marks) in the declared script over letters of any script, on each side.

    Letters that all scripts share (U+02BC, combining accents) are not counted. A side without
    letters has no share.
    """

    columns: ClassVar[dict[str, str]] = {
        "src_share": "share of letters in the Latin script, 0 to 1; 1 is pure",
        "tgt_share": "share of letters in the script of the declared language, 0 to 1; 1 is pure",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns; null where a side has no letters."""
        return pl.DataFrame({f"{side}_share": _share(pairs, side) for side in ("src", "tgt")})


def _share(pairs: pl.DataFrame, side: str) -> pl.Series:
    counts = count_characters(pairs[side]).with_columns(lang=pairs[f"{side}_lang"])
    letters = pl.col("letters") - pl.col("shared_letters")
    declared = pl.coalesce(
        pl.lit(None, pl.UInt32),
        *(
            pl.when(pl.col("lang") == lang).then(pl.col(unicode_script(resolve(lang).script)))
            for lang in pairs[f"{side}_lang"].unique().drop_nulls()
        ),
    )
    share = counts.select(pl.when(letters > 0).then(declared / letters))
    return share.to_series().cast(pl.Float64)


COMPONENT = Script
