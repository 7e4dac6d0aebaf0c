"""The order of a stream: by row, not by file, batch or partition."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.errors import DataError
from sealdata.shards.shuffle import rebatched, row_keys, shuffled

GOLDEN = {  # by seed
    1: [4713831384342984361, 14511358563926889624, 9422956211042035945],
    7: [8298898476404934816, 2320065544208760676, 6084076100996279527],
}


def rows(start: int, stop: int, source: str = "nllb") -> pl.DataFrame:
    numbers = pl.int_range(start, stop, dtype=pl.UInt64, eager=True)
    frame = pl.DataFrame({"row": numbers}).select(source=pl.lit(source), row="row")
    return frame.with_columns(key=row_keys(frame, seed=7))


@pytest.mark.parametrize("seed", GOLDEN)
def test_golden_keys(seed: int) -> None:
    """Keys decide the order of every stream ever written: they may not change."""
    frame = pl.DataFrame({"source": ["nllb", "nllb", "scb"], "row": [0, 1, 0]})
    keys = row_keys(frame.with_columns(pl.col("row").cast(pl.UInt64)), seed)
    assert keys.to_list() == GOLDEN[seed]


def test_keys_depend_on_seed_source_and_row_alone() -> None:
    keys = rows(0, 5000)["key"]
    assert keys.n_unique() == 5000
    assert keys[1000:1010].equals(rows(1000, 1010)["key"])
    assert not keys.equals(rows(0, 5000, "opus")["key"])
    assert not keys.equals(row_keys(rows(0, 5000), seed=8))
    assert 0.47 < (keys > 2**63).mean() < 0.53


@pytest.mark.parametrize("partitions", [1, 2, 13])
def test_order_does_not_depend_on_partitions_or_batches(partitions: int, tmp_path: Path) -> None:
    batches = [rows(500, 900), rows(0, 500), rows(0, 300, "opus"), rows(0, 0)]
    ordered = pl.concat(shuffled(batches, partitions, tmp_path))
    assert ordered.equals(pl.concat(shuffled([pl.concat(batches[::-1])], 1, tmp_path)))
    assert ordered["key"].is_sorted()
    assert ordered.height == 1200
    assert not list(tmp_path.iterdir())


def test_no_rows(tmp_path: Path) -> None:
    assert list(shuffled([], 1, tmp_path)) == []
    assert list(shuffled([rows(0, 0)], 4, tmp_path)) == []


def test_disk_trouble_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot write .*make room and run again"):
        list(shuffled([rows(0, 10)], 2, tmp_path / "absent"))


@pytest.mark.parametrize("size", [1, 7, 10, 100])
def test_rebatched(size: int) -> None:
    frames = [rows(0, 3), rows(3, 3), rows(3, 25), rows(25, 26)]
    batches = list(rebatched(frames, size))
    assert pl.concat(batches)["row"].to_list() == list(range(26))
    assert {batch.height for batch in batches[:-1]} <= {size}
    assert 0 < batches[-1].height <= size
