"""Ranges of keys: what lets rows of all parts of all sources meet without all being in memory.

A stage writes, per part, a file sorted by a key. A second stage reads one range of keys from all of
them and decides; a third collects each part's decisions into a mask. Files are cut into small row
groups, so that reading a range, or a part's share of one, reads little else: every byte is read
about once, whatever the number of parts and ranges.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.errors import DataError
from sealdata.files.frames import count_rows, write_frame
from sealdata.files.records import PartRecord
from sealdata.workflow.stage import Step

ROWS_PER_RANGE = 4_000_000  # of keys and positions in memory: some 500 MiB with the work on them
_GROUP_ROWS = 16_384


@dataclass(frozen=True)
class KeyFile:
    """The keys of one part: where they are, and the part's place in the order of precedence."""

    path: Path
    order: int  # sources in recipe order, then parts
    lang: str


def languages_of(files: Sequence[KeyFile]) -> list[list[Any]]:
    """The languages of the files in order, as runs: [[language, number of files], ...]."""
    ordered = sorted(files, key=lambda file: file.order)
    return [[lang, len(list(run))] for lang, run in groupby(ordered, key=lambda file: file.lang)]


def range_names(num_keys: int, limit: int | None = None) -> tuple[str, ...]:
    """Names of the key ranges that are resolved independently, each small enough for memory: of
    about ``limit`` keys, or ROWS_PER_RANGE."""
    count = max(1, -(-num_keys // (limit or ROWS_PER_RANGE)))
    return tuple(f"range-{index:05d}-of-{count:05d}" for index in range(count))


def write_sorted(frame: pl.DataFrame, path: Path, group_rows: int = _GROUP_ROWS) -> None:
    """Write a frame that is sorted by what later readers filter on; rows of many bytes are better
    written few to a group."""
    write_frame(frame, path, row_group_size=group_rows)


def read_range(files: Iterable[KeyFile], name: str, key: str) -> pl.DataFrame:
    """The rows of all files whose ``key`` (u64) lies in the range ``name``, in order of precedence.

    Added are ``order`` (u32, of the file) and ``lang`` (u16: equal numbers are equal languages).

    Raises:
        DataError: a file is missing or damaged.
    """
    index, count = (int(number) for number in name.removeprefix("range-").split("-of-"))
    low, high = index * 2**64 // count, (index + 1) * 2**64 // count - 1
    within = pl.col(key).is_between(pl.lit(low, pl.UInt64), pl.lit(high, pl.UInt64))
    numbers: dict[str, int] = {}
    frames = []
    for file in sorted(files, key=lambda file: file.order):
        lang = numbers.setdefault(file.lang, len(numbers))
        frame = rows_of(file.path, within).sort("at")
        frames.append(
            frame.with_columns(order=pl.lit(file.order, pl.UInt32), lang=pl.lit(lang, pl.UInt16))
        )
    return pl.concat(frames)


def with_company(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """The rows whose ``key`` some other row has too, in any order. To sort by one number takes a
    tenth of the time of a sort by all that rows are ranked by, and most keys stand alone."""
    ordered = rows.sort(key)
    again = ordered[key] == ordered[key].shift()
    return ordered.filter(again.fill_null(False) | again.shift(-1).fill_null(False))


def repeats(ranked: pl.DataFrame, keys: list[str]) -> pl.Series:
    """How many rows with equal ``keys`` stand above each row (u32); equal keys must be adjacent."""
    begins = pl.lit(False)
    for key in keys:
        begins = begins | (pl.col(key) != pl.col(key).shift())
    place = pl.int_range(pl.len(), dtype=pl.UInt32)
    first = pl.when(begins.fill_null(True)).then(place).forward_fill()
    return ranked.select(above=place - first).to_series()


@dataclass(frozen=True)
class Flag(Step):
    """Turns the decisions of all ranges into one mask per part."""

    resolver: str  # name of the stage that decided
    reason: str
    resolved: Path
    ranges: tuple[str, ...]
    orders: dict[str, int]  # part -> its place in the order of precedence
    cleaned: Path

    def stage_name(self) -> str:
        """``dedup-mask`` for ``dedup``."""
        return f"{self.resolver}-mask"

    def params(self) -> dict[str, int]:
        """The parts and their precedence."""
        return self.orders

    def __call__(self, part: str, folder: Path) -> PartRecord:
        """Writes ``flag`` (bool), aligned with the part's rows: true for a pair to be dropped."""
        places = self._found(part)["at"]
        height = count_rows(self.cleaned / f"{part}.parquet")
        write_frame(mask(height, places), folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=height,
            rows_out=height - places.len(),
            dropped={self.reason: places.len()} if places.len() else {},
        )

    def _found(self, part: str) -> pl.DataFrame:
        mine = pl.col("order") == self.orders[part]
        paths = [self.resolved / f"{name}.parquet" for name in self.ranges]
        return pl.concat(rows_of(path, mine).select("at") for path in paths).unique()


def mask(height: int, places: pl.Series) -> pl.DataFrame:
    """A frame of ``height`` rows whose ``flag`` is true at ``places``."""
    every = pl.int_range(height, dtype=pl.UInt32, eager=True)
    return pl.DataFrame({"flag": every.is_in(places.cast(pl.UInt32).implode())})


def rows_of(path: Path, wanted: pl.Expr) -> pl.DataFrame:
    """The rows of a parquet file that are ``wanted``; row groups that can hold none are not read.

    Raises:
        DataError: missing or damaged.
    """
    try:
        return pl.scan_parquet(path, glob=False).filter(wanted).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"cannot read {path} ({str(error).splitlines()[0]}); delete it and run again"
        ) from None
