"""Dedup: of pairs with equal keys the first survives, by source, then part, then row."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.frames import count_rows, write_frame
from sealdata.manifest import PartRecord

ROWS_PER_PARTITION = 10_000_000  # about 1 GiB of keys and positions in memory


@dataclass(frozen=True)
class KeyFile:
    """The keys of one part: where they are, and the part's place in the order of precedence."""

    path: Path
    order: int  # sources in recipe order, then parts
    lang: str


def partition_names(num_keys: int) -> tuple[str, ...]:
    """Names of the key ranges that are resolved independently, each small enough for memory."""
    count = max(1, -(-num_keys // ROWS_PER_PARTITION))
    return tuple(f"range-{index:05d}-of-{count:05d}" for index in range(count))


@dataclass(frozen=True)
class Resolve:
    """Finds the duplicates within one range of source keys, over all parts of all sources."""

    files: tuple[KeyFile, ...]

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``order``, ``at`` of each duplicate, sorted; no match across languages."""
        index, count = (int(number) for number in part.removeprefix("range-").split("-of-"))
        low, high = index * 2**64 // count, (index + 1) * 2**64 // count - 1
        within = pl.col("src_key").is_between(pl.lit(low, pl.UInt64), pl.lit(high, pl.UInt64))
        frames = [
            pl.scan_parquet(file.path, glob=False)
            .filter(within)
            .with_columns(order=pl.lit(file.order, pl.UInt32), lang=pl.lit(file.lang))
            for file in self.files
        ]
        keys = pl.concat(frames).collect().sort("order", "at")
        first = keys.select(pl.struct("src_key", "tgt_key", "lang").is_first_distinct()).to_series()
        duplicates = keys.filter(~first).select("order", "at")
        write_frame(duplicates, folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=keys.height,
            rows_out=keys.height - duplicates.height,
            dropped={"duplicate": duplicates.height},
        )


@dataclass(frozen=True)
class Flag:
    """Turns the duplicates of all ranges into one mask per part."""

    resolved: Path
    ranges: tuple[str, ...]
    orders: dict[str, int]  # part -> its place in the order of precedence
    cleaned: Path

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``flag`` (bool), aligned with the part's rows: true for a duplicate."""
        found = [
            pl.scan_parquet(self.resolved / f"{name}.parquet", glob=False)
            .filter(pl.col("order") == self.orders[part])
            .select("at")
            for name in self.ranges
        ]
        places = pl.concat(found).collect().to_series()
        height = count_rows(self.cleaned / f"{part}.parquet")
        write_frame(mask(height, places), folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=height,
            rows_out=height - places.len(),
            dropped={"duplicate": places.len()},
        )


def mask(height: int, places: pl.Series) -> pl.DataFrame:
    """A frame of ``height`` rows whose ``flag`` is true at ``places``."""
    every = pl.int_range(height, dtype=pl.UInt32, eager=True)
    return pl.DataFrame({"flag": every.is_in(places.cast(pl.UInt32).implode())})
