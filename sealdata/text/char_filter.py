"""Spots the few texts that a slow repair or a closer look is for.

A regular expression without a rare literal in it costs 1.4 ns a byte, whatever it looks for: most
of what cleaners cost on clean text. A table of code points costs a third.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.char_pairs import hold_neighbours
from sealdata.text.characters import NUM_CODE_POINTS, members_of

Table = npt.NDArray[np.uint16]

ANY = ""  # in place of a class: any character, or the start of the text


def contains_char_pair(text: pl.Series, *neighbours: tuple[str, str]) -> pl.Series:
    """Bool per text, false for null: it holds a character of the first class of a couple and one of
    the second right behind it.

    Classes are regular expressions of polars for one character; at most 16 couples. The tables are
    made at the first call and kept.
    """
    # Two look-ups and one `and` a character: a set bit says that a couple matches.
    first, second = _tables(neighbours)
    return pl.Series(text.name, hold_neighbours(*texts_of(text), first, second))


@cache
def _tables(neighbours: Sequence[tuple[str, str]]) -> tuple[Table, Table]:
    assert len(neighbours) <= 16, "a bit for each"
    # 2 x 1,114,112 x 2 bytes = 4.5 MB for each set of couples.
    tables = np.zeros((2, NUM_CODE_POINTS), np.uint16)
    for bit, couple in enumerate(neighbours):
        # Both tables use one bit for a couple, so couples cannot be mixed up.
        for table, members in zip(tables, couple, strict=True):
            table[slice(None) if members == ANY else members_of(members)] |= np.uint16(1 << bit)
    # Read-only: the cache hands out the same arrays to all callers.
    return frozen(tables[0]), frozen(tables[1])
