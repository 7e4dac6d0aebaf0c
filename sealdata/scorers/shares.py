"""Shares of letters, digits and punctuation in the characters of each side."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.scorers import SHARE, Range, Scorer, number_columns
from sealdata.text.characters import characters_of


class Shares(Scorer):
    """What the characters of a side are, white space left out: tables, menus, code and decoration
    have few letters, lists of figures many digits.

    Letters are those of any script with their marks, so that Thai, Khmer and Burmese count in full;
    digits are those of any script. What is neither (symbols, emoji) is in no share.

    Rules: letters at least 0.5 (Chinese, of fewer characters for as many figures and marks, 0.3),
    digits and punctuation at most 0.5 each. Those drop under 0.1 % of the pairs of TICO-19 in any
    of seven languages.

    Source: the AlphabetRatioFilter of OpusFilter (letters from 0.75 on, without marks and with
    spaces in the total) and stopes' rules for monolingual text (digits and punctuation up to 0.2
    each).
    """

    columns: ClassVar[dict[str, str]] = {
        f"{side}_{kind}": f"share of {kind} in the {name} side, white space left out, 0 to 1"
        for side, name in (("src", "English"), ("tgt", "other"))
        for kind in ("letters", "digits", "punctuation")
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(columns, SHARE)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns; null where a side is empty or all white space."""
        columns: dict[str, npt.NDArray[np.float64]] = {}
        for side in ("src", "tgt"):
            counts = characters_of(pairs, side)
            kinds = ("letters", "digits", "punctuation")
            total = sum(counts[kind] for kind in (*kinds, "other"))
            with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, and then null
                columns |= {f"{side}_{kind}": counts[kind] / total for kind in kinds}
        return number_columns(columns)


COMPONENT = Shares
