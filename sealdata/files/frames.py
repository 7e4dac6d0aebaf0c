"""Frames on disk: parquet written atomically, read whole with the file named in any error."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.files.records import write_atomic

_GROUP_ROWS = 32_768


def write_frame(frame: pl.DataFrame, path: Path, row_group_size: int | None = None) -> None:
    """Write ``frame`` as zstd-compressed parquet, atomically; equal frames give equal bytes.

    Small row groups are written and read in memory that is reused. ``row_group_size`` is for files
    that a reader filters by a sorted column. Only these have statistics, by which the reader skips
    groups: for long texts, statistics cost a sixth of the writing time.

    Raises:
        DataError: the disk is full or refuses.
    """
    write_atomic(path, partial(_write, frame, row_group_size))


def _write(frame: pl.DataFrame, row_group_size: int | None, path: Path) -> None:
    """Write parquet. Errors of the system become OSError, also where polars raises its own."""
    try:
        frame.write_parquet(
            path,
            compression="zstd",
            compression_level=1,  # a sixth of the time less than 3 for an eighth more bytes
            row_group_size=row_group_size or _GROUP_ROWS,
            statistics=row_group_size is not None,
        )
    except pl.exceptions.ComputeError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """Read a parquet file.

    Raises:
        DataError: missing or damaged.
    """
    try:
        return pl.read_parquet(path, columns=columns, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"cannot read {path} ({str(error).splitlines()[0]}); delete it and run again"
        ) from None


# The part that was read or written last, by its file's identity; None: nothing is kept.
_recent: dict[tuple[int, ...], pl.DataFrame] | None = None


@contextmanager
def parts_in_memory() -> Iterator[None]:
    """Inside this context, ``read_part`` does not read the part again that it read last, or that
    ``keep_part`` was given."""
    global _recent
    _recent = {}
    try:
        yield
    finally:
        _recent = None


def read_part(path: Path) -> pl.DataFrame:
    """``read_frame`` of all columns, for stages that work on the same part in turn.

    Raises:
        DataError: missing or damaged.
    """
    frame = (_recent or {}).get(_identity(path)) if path.exists() else None
    if frame is None:
        frame = read_frame(path)
        keep_part(path, frame)
    return frame


def keep_part(path: Path, frame: pl.DataFrame) -> None:
    """Remember that ``path`` holds ``frame``, and forget the part before."""
    if _recent is not None:
        _recent.clear()
        _recent[_identity(path)] = frame


def _identity(path: Path) -> tuple[int, ...]:
    """Equal for two names of one file, different after a change."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def slices(frame: pl.DataFrame, columns: list[str], max_bytes: int) -> Iterator[pl.DataFrame]:
    """Consecutive slices with at most about ``max_bytes`` in the text ``columns``, and at least one
    row.

    Whatever is computed from a slice stays small, and in the processor's cache.
    """
    sizes = frame.select(pl.sum_horizontal(pl.col(columns).str.len_bytes())).to_series()
    ends = sizes.cast(pl.UInt64).cum_sum().to_numpy()
    start = done = 0
    while start < frame.height:
        stop = max(int(ends.searchsorted(done + max_bytes, side="right")), start + 1)
        yield frame[start:stop]
        start, done = stop, int(ends[stop - 1])


def count_rows(path: Path) -> int:
    """Rows of a parquet file, from its footer."""
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())


def text_bytes(path: Path, columns: Collection[str]) -> int:
    """About how many bytes of text the columns of a parquet file have, from its footer."""
    from pyarrow.parquet import read_metadata

    footer = read_metadata(path)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    chunks = (group.column(number) for group in groups for number in range(group.num_columns))
    return sum(
        int(chunk.total_uncompressed_size) for chunk in chunks if chunk.path_in_schema in columns
    )
