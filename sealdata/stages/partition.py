"""Ranges of keys: how rows of all parts of all sources are compared without all in memory.

A first step writes, per part, a file sorted by a key. A second step reads one range of keys from
all of them and decides. A third collects each part's decisions into a mask. Files have small row
groups, so that every byte is read about once, whatever the number of parts and ranges.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.files.frames import write_frame
from sealdata.files.parquet import count_rows, reading, scan
from sealdata.files.records import PartRecord
from sealdata.workflow.stage import Step

ROWS_PER_RANGE = 4_000_000  # keys and positions: about 500 MiB with the work on them
# A range may read two row groups of each file only in part. Larger groups would mean more rows that
# are read for nothing.
_GROUP_ROWS = 16_384


@dataclass(frozen=True)
class KeyFile:
    """The keys of one part: where they are, and the part's place in the order of precedence."""

    path: Path
    order: int  # sources in recipe order, then parts
    # Only pairs of one language are compared. The code stands for the side that is not English.
    lang: str


def languages_of(files: Sequence[KeyFile]) -> list[list[Any]]:
    """The languages of the files in order, as runs: [[language, number of files], ...]."""
    # Runs, because a recipe may have hundreds of parts of one language after each other.
    ordered = sorted(files, key=lambda file: file.order)
    return [[lang, len(list(run))] for lang, run in groupby(ordered, key=lambda file: file.lang)]


def range_names(num_keys: int, limit: int | None = None) -> tuple[str, ...]:
    """Names of the key ranges that are resolved independently, each small enough for memory: of
    about ``limit`` keys, or ROWS_PER_RANGE."""
    # One range at least: later stages read a file of decisions even where there are no keys.
    count = max(1, -(-num_keys // (limit or ROWS_PER_RANGE)))
    # The number of ranges is in the name, so a name says its bounds without any other state.
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
    # Keys are hashes, so equal ranges of u64 have about equally many.
    low, high = index * 2**64 // count, (index + 1) * 2**64 // count - 1
    # ``is_between`` includes both ends. Statistics of the row groups let polars skip groups
    # outside.
    within = pl.col(key).is_between(pl.lit(low, pl.UInt64), pl.lit(high, pl.UInt64))
    # Languages as small integers: a range may hold millions of rows.
    numbers: dict[str, int] = {}
    frames = []
    for file in sorted(files, key=lambda file: file.order):
        lang = numbers.setdefault(file.lang, len(numbers))
        # The file is sorted by key. Back in the order of rows, the concatenation is in the order of
        # precedence.
        frame = rows_of(file.path, within).sort("at")
        frames.append(
            frame.with_columns(order=pl.lit(file.order, pl.UInt32), lang=pl.lit(lang, pl.UInt16))
        )
    return pl.concat(frames)


def rows_with_duplicates(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """The rows whose ``key`` some other row has too, in any order.

    Most keys occur once. A sort by this one number takes a tenth of the time of the sort by all
    columns that follows, which then has few rows.
    """
    # Equal keys are now neighbours, so a comparison with the row above and below finds all repeats.
    ordered = rows.sort(key)
    # The shifted column begins with null: the first row equals nothing above it.
    is_repeated = ordered[key] == ordered[key].shift()
    return ordered.filter(is_repeated.fill_null(False) | is_repeated.shift(-1).fill_null(False))


def rank_in_group(ranked: pl.DataFrame, keys: list[str]) -> pl.Series:
    """How many rows with equal ``keys`` come before each row (u32); equal keys must be adjacent."""
    # A group begins where any of its keys differs from the row above.
    begins = pl.lit(False)
    for key in keys:
        begins = begins | (pl.col(key) != pl.col(key).shift())
    position = pl.int_range(pl.len(), dtype=pl.UInt32)
    # The position of the first row of a group is carried down to all its rows.
    first = pl.when(begins.fill_null(True)).then(position).forward_fill()
    return ranked.select(rank=position - first).to_series()


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
        # The ranges may drop no row of this part. Its mask is then all false, but it exists.
        rows = self._dropped_rows(part)
        # The height comes from the footer of the cleaned part. Its text is not read.
        height = count_rows(self.cleaned / f"{part}.parquet")
        write_frame(mask(height, rows), folder / f"{part}.parquet")
        return PartRecord(
            part=part,
            rows_in=height,
            rows_out=height - rows.len(),
            dropped={self.reason: rows.len()} if rows.len() else {},
        )

    def _dropped_rows(self, part: str) -> pl.Series:
        # Files of decisions are sorted by ``order``, so only the row groups of this part are read.
        of_part = pl.col("order") == self.orders[part]
        paths = [self.resolved / f"{name}.parquet" for name in self.ranges]
        # A near-duplicate may be found in several ranges. It is one row of the mask.
        return pl.concat(rows_of(path, of_part)["at"] for path in paths).unique()


def mask(height: int, rows: pl.Series) -> pl.DataFrame:
    """A frame of ``height`` rows whose ``flag`` is true at ``rows``."""
    every = pl.int_range(height, dtype=pl.UInt32, eager=True)
    return pl.DataFrame({"flag": every.is_in(rows.cast(pl.UInt32).implode())})


def rows_of(path: Path, condition: pl.Expr) -> pl.DataFrame:
    """The rows of a parquet file that meet ``condition``. Row groups without any are not read.

    Raises:
        DataError: missing or damaged.
    """
    with reading(path):
        return scan(path).filter(condition).collect()
