"""Agreement of the numbers on the two sides, in the digits of any script."""

from functools import cache
from itertools import product
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.numbers import COLON, OTHER, SEPARATOR, SPACE, compare_numbers
from sealdata.scorers import SHARE, Range, Scorer, number_columns
from sealdata.scorers._calendars import as_the_other_side
from sealdata.scorers._multiples import readings
from sealdata.scorers._units import in_the_same_units
from sealdata.text.characters import NUM_CODE_POINTS, members_of

# Between the digits of one number stand . , ' : or a space that does not break (thin, narrow), and
# the decimal and thousands separators of Arabic script and of Chinese.
_SEPARATORS = ".,'\u2019\xa0\u2009\u202f\u066b\u066c\uff0c\uff0e"


class Numerals(Scorer):
    """Numbers that both sides have, against the side with more numbers and the side with fewer.

    A number written in words on one side is common in good translations, so a rule should use
    ``conflict`` (do the numbers that exist contradict each other?), not ``agreement``.

    Digits of every script count as ASCII digits (๕, ໕, ៥, ၅, ௫, ５), separators of thousands are
    joined (1.000 = 1,000 = 1 000) and other separators split, so that 7:45 = 7.45 and 3.5 = 3,5.
    Leading zeros do not count.

    Where numbers contradict each other, more is tried, and the reading that agrees best counts.
    Words that multiply are written out in the languages of ``multiples.toml`` (500亿 = 50 billion,
    Rp500 ribu = Rp500,000, သိန်း ၃ = 300,000), and so are the decades of Chinese (20世纪30年代 =
    1930s). A year of the Buddhist era agrees with its own of the common era (พ.ศ. 2561 = 2018), an
    hour of the afternoon with that of 24 (3 p.m. = 15.00). A number with a unit of ``units.toml``
    agrees with what it is in another (6 feet = 1.8 m), and an amount of money with any in another
    currency. Other numbers in words are not understood.
    """

    version: ClassVar[int] = 4

    columns: ClassVar[dict[str, str]] = {
        "agreement": "shared numbers over numbers of the side with more, 0 to 1; 1 is agreement",
        "conflict": "share of the side with fewer numbers that the other lacks, 0 to 1; 0 is none",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"agreement": SHARE, "conflict": SHARE}
    seldom: ClassVar[frozenset[str]] = frozenset({"agreement", "conflict"})

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns, null where neither side has a number (``conflict``: where one has none).

        Repeats count: 5 twice on one side needs 5 twice on the other. A plain space may part
        thousands or two numbers: the reading that agrees better counts.
        """
        figures = compare_numbers(*texts_of(pairs["src"]), *texts_of(pairs["tgt"]), _kinds())
        rows = np.flatnonzero(figures[1] > 0)  # few: only these are compared again
        if len(rows):
            _reread(pairs[rows], figures, rows)
        return number_columns(dict(zip(self.columns, figures, strict=True)))


def _reread(
    pairs: pl.DataFrame, figures: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> None:
    """Set the ``figures`` of ``rows``, which are those of ``pairs``, to their best readings'."""
    sides = pairs.select("src", "tgt", "src_lang", "tgt_lang").rows()
    texts = {row: pair[:2] for row, pair in zip(rows, sides, strict=True)}
    best = _best(
        [
            (row, *as_the_other_side(*reading))
            for row, (src, tgt, src_lang, tgt_lang) in zip(rows, sides, strict=True)
            for reading in product(readings(src, src_lang), readings(tgt, tgt_lang))
        ],
        figures,
    )
    # Units are dear to look for, so only where the best reading still contradicts.
    _best(
        [
            (row, *in_the_same_units(*pair))
            for row in rows[figures[1, rows] > 0]
            for pair in {texts[row], best.get(row, texts[row])}
        ],
        figures,
    )


def _best(
    tried: list[tuple[np.int64, str, str]], figures: npt.NDArray[np.float64]
) -> dict[np.int64, tuple[str, str]]:
    """Compare both sides of each (row, src, tgt). A reading of a row that agrees better than its
    ``figures`` replaces them; the best of each row is returned."""
    src, tgt = (pl.Series([reading[side] for reading in tried], dtype=pl.String) for side in (1, 2))
    agreement, conflict = compare_numbers(*texts_of(src), *texts_of(tgt), _kinds())
    best: dict[np.int64, tuple[str, str]] = {}
    for (row, *reading), agrees, contradicts in zip(tried, agreement, conflict, strict=True):
        if (contradicts, -agrees) < (figures[1, row], -figures[0, row]):
            figures[:, row] = agrees, contradicts
            best[row] = (reading[0], reading[1])
    return best


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
