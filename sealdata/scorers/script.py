"""Share of the letters of each side that belong to the script of its declared language."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import resolve, unicode_scripts
from sealdata.scorers import SHARE, Range, Scorer, number_columns
from sealdata.text.characters import characters_of


class Script(Scorer):
    """Letters (and marks) in the declared script over letters of any script, on each side.

    Letters that all scripts share (U+02BC, combining accents) are not counted. A side without
    letters has no share, nor has one in a script that is not counted.
    """

    columns: ClassVar[dict[str, str]] = {
        "src_share": "share of letters in the Latin script, 0 to 1; 1 is pure",
        "tgt_share": "share of letters in the script of the declared language, 0 to 1; 1 is pure",
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(columns, SHARE)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns; null where a side has no letters."""
        shares = {f"{side}_share": _share(pairs, side) for side in ("src", "tgt")}
        return number_columns(shares)


def _share(pairs: pl.DataFrame, side: str) -> npt.NDArray[np.float64]:
    """NaN where there are no letters, or no language is declared."""
    counts, lang = characters_of(pairs, side), pairs[f"{side}_lang"]
    letters = counts["letters"] - counts["shared_letters"]
    share = np.full(pairs.height, np.nan)
    for code in lang.unique().drop_nulls():
        lang_rows = (lang == code).fill_null(False).to_numpy() & (letters > 0)
        # Japanese is written in three scripts, Korean in two. Letters of rare ones are not counted.
        in_script = [
            counts[script] for script in unicode_scripts(resolve(code).script) if script in counts
        ]
        if not in_script:
            continue
        declared = np.sum(in_script, axis=0)
        np.divide(declared, letters, out=share, where=lang_rows)
    return share


COMPONENT = Script
