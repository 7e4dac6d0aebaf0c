"""Units of texts in any script, as hashes."""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.units import HAN, RUNS, Hashes, Ints, unit_hashes
from sealdata.text.characters import NUM_CODE_POINTS, lower_table, members_of


def units_of(texts: pl.Series) -> tuple[Hashes, Ints]:
    """Hashes of the units of each text in order, and where each text's begin."""
    return unit_hashes(*texts_of(texts), folded_table(), class_table())


@cache
def folded_table() -> npt.NDArray[np.int32]:
    """Letters and marks in lower case, digits of all scripts as ASCII, 0 for everything else."""
    table = np.zeros(NUM_CODE_POINTS, np.int32)
    inside = members_of(r"[\p{L}\p{M}\p{N}]")
    table[inside] = lower_table()[inside]
    for code in members_of(r"\p{Nd}"):
        table[code] = ord("0") + unicodedata.digit(chr(code), 0)
    return frozen(table)


@cache
def class_table() -> npt.NDArray[np.uint8]:
    """How the units of each letter are made: see ``sealdata.kernels.units``."""
    table = np.zeros(NUM_CODE_POINTS, np.uint8)
    table[members_of(r"[[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]&&\p{L}]")] = HAN
    scripts = r"\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}"
    table[members_of(rf"[[{scripts}]&&[\p{{L}}\p{{M}}]]")] = RUNS
    return frozen(table)
