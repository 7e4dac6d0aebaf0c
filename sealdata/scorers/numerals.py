"""Agreement of the numbers on the two sides, in the digits of any script."""

import sys
import unicodedata
from functools import cache
from typing import ClassVar

import polars as pl

from sealdata.scorers import Scorer

# Between the digits of one number stand . , ' : or a space that does not break (thin, narrow).
_SEPARATORS = r".,':\u{2019}\u{a0}\u{2009}\u{202f}"
_GROUPED = r"^[0-9]{1,3}([^0-9:][0-9]{2,3})*[^0-9:][0-9]{3}$"  # 1,234,567 and India's 12,34,567


class Numerals(Scorer):
    """Numbers that both sides have, against the side with more numbers and the side with fewer.

    A number written in words on one side is common in good translations, so a rule had better ask
    for ``conflict`` (do the numbers that there are contradict each other?) than for ``agreement``.

    Digits of every script count as ASCII digits (๕, ໕, ៥, ၅, ௫, ５), separators of thousands are
    joined (1.000 = 1,000 = 1 000) and other separators split, so that 7:45 = 7.45 and 3.5 = 3,5.
    Leading zeros do not count. Numbers in words are not understood.
    """

    columns: ClassVar[dict[str, str]] = {
        "agreement": "shared numbers over numbers of the side with more, 0 to 1; 1 is agreement",
        "conflict": "share of the side with fewer numbers that the other lacks, 0 to 1; 0 is none",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns, null where neither side has a number (``conflict``: where one has none).

        Repeats count: 5 twice on one side needs 5 twice on the other.
        """
        written = pl.concat(_written(pairs, side) for side in ("src", "tgt"))
        strict = _agreement(written.with_columns(pl.col("number").str.split(" ")).explode("number"))
        # A plain space may part thousands or two numbers: the reading that agrees better counts.
        spaced = written.filter(pl.col("number").str.contains(" ", literal=True))
        loose = _agreement(written.join(spaced, on="pair", how="semi"))
        best = (
            pl.concat([strict, loose])
            .group_by("pair")
            .agg(pl.col("agreement").max(), pl.col("conflict").min())
        )
        rows = pl.DataFrame({"pair": pl.int_range(pairs.height, dtype=pl.UInt32, eager=True)})
        return rows.join(best, on="pair", how="left", maintain_order="left").select(*self.columns)


@cache
def _digits() -> dict[str, str]:
    """The decimal digits that are not ASCII, with the ASCII digit of the same value."""
    known = map(chr, range(0x80, sys.maxunicode + 1))
    return {char: str(unicodedata.decimal(char)) for char in known if char.isdecimal()}


def _written(pairs: pl.DataFrame, side: str) -> pl.DataFrame:
    """One row per number of a side, in ASCII digits: ``pair``, ``number``, ``src``, ``tgt`` (0, 1).

    Numbers with nothing but one plain space between them are one row.
    """
    digit = f"[0-9{''.join(_digits())}]"
    pattern = f"{digit}+(?:[{_SEPARATORS} ]{digit}+)*"
    found = pairs.select(number=pl.col(side).str.extract_all(pattern)).with_row_index("pair")
    found = found.explode("number", empty_as_null=False)
    return found.with_columns(
        pl.col("number").str.replace_many(list(_digits()), list(_digits().values())),
        src=pl.lit(side == "src", pl.UInt32),
        tgt=pl.lit(side == "tgt", pl.UInt32),
    )


def _agreement(written: pl.DataFrame) -> pl.DataFrame:
    """Agreement and conflict by ``pair``."""
    numbers = written.with_columns(number=_values(pl.col("number"))).explode("number")
    value = pl.col("number").str.strip_chars_start("0")
    numbers = numbers.with_columns(number=pl.when(value == "").then(pl.lit("0")).otherwise(value))
    sides = pl.col("src", "tgt")
    totals = numbers.group_by("pair", "number").agg(sides.sum())
    counts = totals.group_by("pair").agg(sides.sum(), shared=pl.min_horizontal(sides).sum())
    fewer = pl.min_horizontal(sides)
    return counts.select(
        "pair",
        agreement=pl.col("shared") / pl.max_horizontal(sides),
        conflict=pl.when(fewer > 0).then(1 - pl.col("shared") / fewer),
    )


def _values(written: pl.Expr) -> pl.Expr:
    """The digits of each number: joined where its separators part thousands, else split."""
    joined = pl.concat_list(written.str.replace_all("[^0-9]", ""))
    parts = written.str.extract_all("[0-9]+")
    return pl.when(written.str.contains(_GROUPED)).then(joined).otherwise(parts)


COMPONENT = Numerals
