"""The order of a stream: by a hash of each row's origin, whatever order it was read in."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import polars_hash as plh

from sealdata.errors import DataError
from sealdata.text.hashing import mix


def row_keys(frame: pl.DataFrame, seed: int) -> pl.Series:
    """A u64 per row, computed from (seed, ``source``, ``row``) only: it orders and draws rows."""
    import numpy as np

    # The name of the source is hashed, not its number: adding a source leaves the order of others.
    source = frame.select(plh.col("source").nchash.xxh3_64()).to_series().to_numpy()
    with np.errstate(over="ignore"):
        # Sums wrap modulo 2^64. Rows are mixed before they are added: as plain numbers, row 1 of a
        # source and row 0 of one with the next hash would have equal keys.
        key = source + mix(frame["row"], seed).to_numpy()
    # Mixed again, or all rows of a source would only be shifted against those of another.
    return mix(pl.Series("key", key), seed)


def shuffled(
    frames: Iterable[pl.DataFrame], partitions: int, folder: Path
) -> Iterator[pl.DataFrame]:
    """All rows in the order of their ``key`` (u64), one range of keys after the other.

    With more than one partition, rows wait in files under ``folder``, which must exist. The order
    does not depend on the number of partitions.

    Raises:
        DataError: the disk is full or refuses.
    """
    # Small streams stay in memory and write no files.
    if partitions == 1:
        held = list(frames)
        if held:
            yield _ordered(pl.concat(held))
        return
    # All frames are read before the first row leaves, because the smallest key may come last.
    for number, frame in enumerate(frames):
        _spill(frame, number, partitions, folder)
    for partition in range(partitions):
        # By name, which is the order of reading; `_ordered` does not depend on it.
        pieces = sorted(folder.glob(f"{partition:06d}-*.arrow"))
        if pieces:
            yield _ordered(pl.concat([pl.read_ipc(piece) for piece in pieces]))
        # Deleted at once: the disk holds what is left to read and not the whole stream twice.
        for piece in pieces:
            piece.unlink()


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    # Source and row decide between equal keys, so the order does not depend on how rows came.
    return frame.sort("key", "source", "row")


def _spill(frame: pl.DataFrame, number: int, partitions: int, folder: Path) -> None:
    # The upper 32 bits divide the range of keys evenly; a product with all 64 would overflow u64.
    partition = ((pl.col("key") // 2**32) * partitions) // 2**32
    parts = frame.with_columns(_partition=partition).partition_by(
        "_partition", include_key=False, as_dict=True
    )
    for (key,), part in parts.items():
        path = folder / f"{key:06d}-{number:06d}.arrow"
        try:
            # Arrow IPC and not Parquet: these files are read once, as they are.
            part.write_ipc(path, compression="lz4")
        except (OSError, pl.exceptions.PolarsError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"cannot write {path} ({reason}); make room and run again") from None


def rebatched(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of exactly ``rows`` (the last may be shorter, none is empty)."""
    held: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        held.append(frame)
        count += frame.height
        if count < rows:
            continue
        joined = pl.concat(held)
        # All whole frames are cut now; the rest waits for the next frame.
        whole = count - count % rows
        for start in range(0, whole, rows):
            yield joined.slice(start, rows)
        held, count = [joined.slice(whole)], count - whole
    if count:
        yield pl.concat(held)
