"""Frames on disk: parquet written atomically, read whole with the file named in any error."""

from functools import partial
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.manifest import write_atomic


def write_frame(frame: pl.DataFrame, path: Path, row_group_size: int | None = None) -> None:
    """Write ``frame`` as zstd-compressed parquet, atomically; equal frames give equal bytes.

    Small row groups let a reader that filters on a sorted column skip what it does not want.

    Raises:
        DataError: the disk is full or refuses.
    """
    write_atomic(
        path, partial(frame.write_parquet, compression="zstd", row_group_size=row_group_size)
    )


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


def count_rows(path: Path) -> int:
    """Rows of a parquet file, from its footer."""
    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
