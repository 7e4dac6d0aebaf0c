"""Frames on disk: parquet written atomically, read whole with the file named in any error."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import polars as pl

from sealdata.files.parquet import reading
from sealdata.files.records import write_atomic

# Rows of a row group, unless the caller sets another size.
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
            # Fixed sizes, so that the bytes depend on the frame and not on the machine.
            row_group_size=row_group_size or _GROUP_ROWS,
            statistics=row_group_size is not None,
        )
    except pl.exceptions.ComputeError as error:
        # polars reports a full disk by text only. As an OSError it becomes one line for the user.
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None


def write_published(frame: pl.DataFrame, path: Path) -> None:
    """Write ``frame`` for people to download, atomically; equal frames give equal bytes.

    Pages end where the content says and not after a number of rows. So pages behind rows that are
    added or removed have the same bytes as before. A store that compares chunks of files, as the
    Hugging Face Hub does, takes only the other pages. A page index lets readers skip pages.

    Raises:
        DataError: the disk is full or refuses.
    """
    write_atomic(path, partial(_write_pages, frame))


def _write_pages(frame: pl.DataFrame, path: Path) -> None:
    # polars can write neither. Imported here: it takes a tenth of a second.
    from pyarrow import concat_tables
    from pyarrow.parquet import write_table

    # Chunks of a fixed size: where the writer drops a dictionary depends on chunks, and those of
    # a frame on the number of cores. Slices within a chunk of the frame are not copied.
    slices_of_rows = frame.iter_slices(_GROUP_ROWS) if frame.height else iter([frame])
    tables = [
        rows.rechunk().to_arrow(compat_level=pl.CompatLevel.newest()) for rows in slices_of_rows
    ]
    write_table(
        concat_tables(tables),
        path,
        compression="zstd",
        compression_level=3,  # downloaded more often than written
        # A group ends after a number of rows, so that all behind it would change: one is a part.
        row_group_size=max(frame.height, 1),
        use_content_defined_chunking=True,
        write_page_index=True,
        store_schema=False,  # Parquet's own types, which all readers know; not views of texts
    )


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """Read a parquet file.

    Raises:
        DataError: missing or damaged.
    """
    with reading(path):
        # No globbing: a folder of the user may have ``*`` or ``[`` in its name.
        return pl.read_parquet(path, columns=columns, glob=False)


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
        # Nothing is kept between tasks: a worker that waits holds no part.
        _recent = None


def read_part(path: Path) -> pl.DataFrame:
    """``read_frame`` of all columns, for stages that work on the same part in turn.

    Raises:
        DataError: missing or damaged.
    """
    # By identity and not by name: the cleaned part is often a hard link to the raw one.
    frame = (_recent or {}).get(_identity(path)) if path.exists() else None
    if frame is None:
        frame = read_frame(path)
        # The frame is shared from here on, so no stage may change it in place.
        keep_part(path, frame)
    return frame


def keep_part(path: Path, frame: pl.DataFrame) -> None:
    """Remember that ``path`` holds ``frame``, and forget the part before."""
    if _recent is not None:
        # One part at most, so memory is that of a single part.
        _recent.clear()
        _recent[_identity(path)] = frame


def _identity(path: Path) -> tuple[int, ...]:
    """Equal for two names of one file, different after a change."""
    # Size and time too: a file may change in place and keep its inode.
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def slices(frame: pl.DataFrame, columns: list[str], max_bytes: int) -> Iterator[pl.DataFrame]:
    """Consecutive slices with at most about ``max_bytes`` in the text ``columns``, and at least one
    row.

    Whatever is computed from a slice stays small, and in the processor's cache.
    """
    # Bytes and not characters: memory is what must be bounded. Nulls count as nothing.
    sizes = frame.select(pl.sum_horizontal(pl.col(columns).str.len_bytes())).to_series()
    # 64 bits, because the sum of lengths in 32 bits would overflow at 4 GiB.
    ends = sizes.cast(pl.UInt64).cum_sum().to_numpy()
    start = done = 0
    while start < frame.height:
        # A row that is larger than the limit makes a slice by itself.
        stop = max(int(ends.searchsorted(done + max_bytes, side="right")), start + 1)
        yield frame[start:stop]
        start, done = stop, int(ends[stop - 1])


def text_bytes(path: Path, columns: Collection[str]) -> int:
    """About how many bytes of text the columns of a parquet file have, from its footer."""
    # polars does not show the sizes of column chunks.
    from pyarrow.parquet import read_metadata

    with reading(path):
        footer = read_metadata(path)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    chunks = (group.column(number) for group in groups for number in range(group.num_columns))
    # Uncompressed, with the lengths of texts; a dictionary makes repeated texts smaller.
    return sum(
        int(chunk.total_uncompressed_size) for chunk in chunks if chunk.path_in_schema in columns
    )
