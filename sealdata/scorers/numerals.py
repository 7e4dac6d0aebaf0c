"""Agreement of the numbers on the two sides, in the digits of any script."""

from functools import cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.numbers import COLON, OTHER, SEPARATOR, SPACE, compare_numbers
from sealdata.scorers import Scorer, number_columns
from sealdata.scorers._calendars import as_the_other_side
from sealdata.scorers._multiples import written_out
from sealdata.text.characters import NUM_CODE_POINTS, members_of

# Between the digits of one number stand . , ' : or a space that does not break (thin, narrow).
_SEPARATORS = ".,'\u2019\xa0\u2009\u202f"


class Numerals(Scorer):
    """Numbers that both sides have, against the side with more numbers and the side with fewer.

    A number written in words on one side is common in good translations, so a rule should use
    ``conflict`` (do the numbers that exist contradict each other?), not ``agreement``.

    Digits of every script count as ASCII digits (๕, ໕, ៥, ၅, ௫, ５), separators of thousands are
    joined (1.000 = 1,000 = 1 000) and other separators split, so that 7:45 = 7.45 and 3.5 = 3,5.
    Leading zeros do not count. Chinese multiples are written out (500亿 = 50 billion, 3.2万 =
    32,000), and its decades (20世纪30年代 = 1930s). A year of the Buddhist era agrees with its own
    of the common era (พ.ศ. 2561 = 2018), and an hour of the afternoon with that of 24 (3 p.m. =
    15.00). Other numbers in words are not understood.
    """

    version: ClassVar[int] = 3

    columns: ClassVar[dict[str, str]] = {
        "agreement": "shared numbers over numbers of the side with more, 0 to 1; 1 is agreement",
        "conflict": "share of the side with fewer numbers that the other lacks, 0 to 1; 0 is none",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns, null where neither side has a number (``conflict``: where one has none).

        Repeats count: 5 twice on one side needs 5 twice on the other. A plain space may part
        thousands or two numbers: the reading that agrees better counts.
        """
        src, tgt = written_out(pairs["src"], pairs["tgt"])
        figures = compare_numbers(*texts_of(src), *texts_of(tgt), _kinds())
        rows = np.flatnonzero(figures[1] > 0)  # few: only these are compared again
        if len(rows):
            src, tgt = as_the_other_side(src.gather(rows), tgt.gather(rows))
            figures[:, rows] = compare_numbers(*texts_of(src), *texts_of(tgt), _kinds())
        return number_columns(dict(zip(self.columns, figures, strict=True)))


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """What every code point is to a number, uint8 [0x110000]."""
    kinds = np.full(NUM_CODE_POINTS, OTHER, np.uint8)
    digits = members_of(r"\p{Nd}")  # of every script, ten in a row from its 0 to its 9
    indices = np.arange(len(digits))
    first = np.maximum.accumulate(np.where(np.diff(digits, prepend=0) > 1, indices, 0))
    kinds[digits] = (indices - first) % 10
    kinds[[ord(char) for char in _SEPARATORS]] = SEPARATOR
    kinds[ord(":")], kinds[ord(" ")] = COLON, SPACE
    return frozen(kinds)


COMPONENT = Numerals
