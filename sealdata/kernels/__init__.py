"""Compiled loops over the characters of texts, where polars has no expression.

A kernel takes a column as ``Texts`` (its UTF-8 bytes and where each text begins, copied by polars
at most), walks every text once, and returns one row of numbers per text. numba compiles the kernels
at their first call, so that no C compiler is needed, and the machine code is kept on disk.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt
import platformdirs
import polars as pl

F = TypeVar("F", bound=Callable[..., object])
D = TypeVar("D", bound=np.generic)

# numba compiles once for each combination of argument types, so all kernels use these two.
Bytes = npt.NDArray[np.uint8]
Starts = npt.NDArray[np.int64]
Int = int | np.int64  # in a kernel there is no other integer than one of 64 bits


def compiled(function: F) -> F:
    """``function`` as machine code that lets other threads run, made for the types of its first
    call and kept in ``cache_folder()``.

    Where no such folder can be written, every process compiles for itself.
    """
    # ``cache=True`` raises where numba finds no folder that it can write to.
    folder = cache_folder()
    if folder is None:
        return numba.njit(nogil=True)(function)  # type: ignore[return-value]
    with _numba_cache(folder):
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[return-value]


@cache
def cache_folder() -> Path | None:
    """The folder of the machine code, named by a digest of all kernel sources.

    None if ``NUMBA_CACHE_DIR``, the user's cache and this package are all read-only.

    numba renews a kernel when the file of that kernel changes, but not when a function changes that
    the kernel calls from another file. A folder for each state of the sources closes that gap.
    """
    # Zero bytes separate names and contents: text that moves to another file changes the digest.
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    # The user's cache comes first: an installed package is often read-only.
    candidates = [
        Path(platformdirs.user_cache_dir("sealdata")) / "kernels",
        Path(__file__).parent / "__pycache__",
    ]
    # numba's own variable has precedence, as its users expect.
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        candidates.insert(0, Path(named))
    # Folders of other digests stay: two versions of the package may run at the same time.
    for parent in candidates:
        folder = parent / digest.hexdigest()[:16]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # ``mkdir`` also succeeds on a read-only folder that exists. Only a write shows the
            # truth.
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return None


def is_compiled() -> bool:
    """Whether a run of this version left machine code on this machine for others to use."""
    folder = cache_folder()
    return folder is not None and next(folder.rglob("*.nbi"), None) is not None


@contextmanager
def _numba_cache(folder: Path) -> Iterator[None]:
    """numba chooses the folder when it decorates; kernels of other packages keep their own."""
    config: Any = numba.config
    # The setting is global to the process, so it is put back even if decorating fails.
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


class Texts(NamedTuple):
    """A text column as kernels read it: text i is ``data[starts[i] : starts[i + 1]]``, UTF-8."""

    starts: Starts  # int64 [texts + 1]
    data: Bytes  # uint8 [bytes of all texts]


def texts_of(column: pl.Series) -> Texts:
    """The buffers behind a text column, read-only; null counts as empty."""
    # polars copies its strings into one array of bytes and one of 64-bit offsets.
    array = column.fill_null("").to_arrow()
    _, starts, data = array.buffers()
    # ``starts`` of no texts is a single zero. Arrow lets a column without rows omit that buffer.
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
    # pyarrow takes both buffers as they are. Nothing checks that the bytes are valid UTF-8.
    import pyarrow as pa

    starts, data = pa.py_buffer(texts.starts), pa.py_buffer(texts.data)
    array = pa.LargeStringArray.from_buffers(len(texts.starts) - 1, starts, data)
    return pl.Series(name, array)


def frozen(table: npt.NDArray[D]) -> npt.NDArray[D]:
    """``table`` made read-only: a cached table is shared, and a caller must not change it."""
    table.flags.writeable = False
    return table


@compiled
def decode(data: Bytes, offset: Int) -> tuple[Int, Int]:
    """The code point whose UTF-8 begins at ``data[offset]``, and where the next one begins.

    Indices are unsigned: numba then does not check whether they count from the end. That saves a
    third of the time.
    """
    # No byte is checked: polars holds valid UTF-8 only, so the announced bytes always follow. The
    # first byte states their number: below 0x80 none, below 0xE0 one, below 0xF0 two.
    lead = np.int64(data[np.uint64(offset)])
    if lead < 0x80:
        return lead, offset + 1
    second = np.int64(data[np.uint64(offset + 1)]) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | second, offset + 2
    third = np.int64(data[np.uint64(offset + 2)]) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | second << 6 | third, offset + 3
    fourth = np.int64(data[np.uint64(offset + 3)]) & 0x3F
    return (lead & 0x07) << 18 | second << 12 | third << 6 | fourth, offset + 4
