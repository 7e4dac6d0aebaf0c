"""Compiled loops over the characters of texts, for what polars has no expression for.

A kernel takes a column as ``Texts`` (its UTF-8 bytes and where each text begins, nothing copied but
by polars itself), walks every text once, and gives one row of numbers per text. Kernels are made
by numba: no compiler is needed, the machine code is made at the first call and kept on disk.

A kernel's file on disk is renewed when the kernel's own module changes, not when a function
changes that it calls from another: after editing this one, delete ``__pycache__/*.nb*``.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt
import polars as pl

F = TypeVar("F", bound=Callable[..., object])
D = TypeVar("D", bound=np.generic)

Bytes = npt.NDArray[np.uint8]
Starts = npt.NDArray[np.int64]
Int = int | np.int64  # in a kernel there is no other integer than one of 64 bits


def compiled(function: F) -> F:
    """``function`` as machine code that lets other threads run, made for the types of its first
    call and kept beside its module, or in the user's cache where that folder is read-only.

    Where neither can be written, every process compiles for itself.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[return-value]
    except RuntimeError:  # numba: "no locator available"
        return numba.njit(nogil=True)(function)  # type: ignore[return-value]


class Texts(NamedTuple):
    """A text column as kernels read it: text i is ``data[starts[i] : starts[i + 1]]``, UTF-8."""

    starts: Starts  # int64 [texts + 1]
    data: Bytes  # uint8 [bytes of all texts]


def texts_of(column: pl.Series) -> Texts:
    """The buffers behind a text column, read-only; null counts as empty."""
    array = column.fill_null("").to_arrow()
    _, starts, data = array.buffers()
    if not len(array):
        return Texts(np.frombuffer(bytes(8), np.int64), np.frombuffer(b"", np.uint8))
    # Buffers of arrow are read-only, and so is all here: a kernel is compiled for one type.
    first, last = array.offset, array.offset + len(array) + 1
    return Texts(
        np.frombuffer(starts, np.int64)[first:last],
        np.frombuffer(data if data is not None else b"", np.uint8),
    )


def text_column(texts: Texts, name: str = "") -> pl.Series:
    """A text column of whole, valid UTF-8 texts, the opposite of ``texts_of``."""
    import pyarrow as pa

    starts, data = pa.py_buffer(texts.starts), pa.py_buffer(texts.data)
    array = pa.LargeStringArray.from_buffers(len(texts.starts) - 1, starts, data)
    return pl.Series(name, array)


def frozen(table: npt.NDArray[D]) -> npt.NDArray[D]:
    """``table`` made read-only, which a cached table that others share had better be."""
    table.flags.writeable = False
    return table


@compiled
def decode(data: Bytes, at: Int) -> tuple[Int, Int]:
    """The code point whose UTF-8 begins at ``data[at]``, and where the next one begins.

    Unsigned places need no look at whether they count from the end: a third of the time.
    """
    lead = np.int64(data[np.uint64(at)])
    if lead < 0x80:
        return lead, at + 1
    second = np.int64(data[np.uint64(at + 1)]) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | second, at + 2
    third = np.int64(data[np.uint64(at + 2)]) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | second << 6 | third, at + 3
    fourth = np.int64(data[np.uint64(at + 3)]) & 0x3F
    return (lead & 0x07) << 18 | second << 12 | third << 6 | fourth, at + 4
