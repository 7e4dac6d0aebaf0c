"""Frames on disk: slices of bounded text, footers, statistics, and damage that names its file."""

from pathlib import Path

import polars as pl
import pytest
from pyarrow.parquet import read_metadata

from sealdata.errors import DataError
from sealdata.files.frames import (
    count_rows,
    parts_in_memory,
    read_frame,
    read_part,
    slices,
    text_bytes,
    write_frame,
)


@pytest.mark.parametrize(
    ("sizes", "max_bytes", "heights"),
    [
        ([3, 3, 3, 3, 3], 6, [2, 2, 1]),  # a slice may be exactly full
        ([3, 3, 3, 3, 3], 7, [2, 2, 1]),
        ([9, 1, 1, 9], 4, [1, 2, 1]),  # a row that is too large goes by itself
        ([0, 0, 0], 1, [3]),
        ([], 4, []),
    ],
)
def test_slices_hold_so_many_bytes_or_one_row(
    sizes: list[int], max_bytes: int, heights: list[int]
) -> None:
    frame = pl.DataFrame(
        {"src": ["a" * size for size in sizes], "other": ["ignored"] * len(sizes)},
        schema={"src": pl.String, "other": pl.String},
    )
    parts = list(slices(frame, ["src"], max_bytes))
    assert [part.height for part in parts] == heights
    assert pl.concat([frame.clear(), *parts]).equals(frame)


def test_slices_count_bytes_of_all_columns_and_not_characters() -> None:
    frame = pl.DataFrame({"src": ["ກ", "ກ", "ກ"], "tgt": ["a", "a", "a"]})  # 3 + 1 bytes a row
    assert [part.height for part in slices(frame, ["src", "tgt"], 8)] == [2, 1]


def test_the_footer_has_rows_and_bytes_of_the_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_frame(
        pl.DataFrame({"src": ["x" * 100] * 5, "tgt": [str(n) * 700 for n in range(5)]}), path
    )
    assert count_rows(path) == 5
    src, tgt = text_bytes(path, ["src"]), text_bytes(path, ["tgt"])
    assert 100 <= src < 700  # equal texts are stored once
    assert 5 * 700 <= tgt < 5 * 700 + 200
    assert text_bytes(path, ["src", "tgt"]) == src + tgt


def test_only_small_row_groups_have_statistics(tmp_path: Path) -> None:
    frame = pl.DataFrame({"row": range(10)})
    write_frame(frame, tmp_path / "plain.parquet")
    write_frame(frame, tmp_path / "sorted.parquet", row_group_size=4)
    plain, ordered = (read_metadata(tmp_path / f"{name}.parquet") for name in ("plain", "sorted"))
    assert plain.num_row_groups == 1
    assert plain.row_group(0).column(0).statistics is None
    assert ordered.num_row_groups == 3
    assert [ordered.row_group(n).column(0).statistics.min for n in range(3)] == [0, 4, 8]


def test_equal_frames_are_equal_bytes(tmp_path: Path) -> None:
    frame = pl.DataFrame({"src": ["a", "b"]})
    write_frame(frame, tmp_path / "a.parquet")
    write_frame(frame.clone(), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_damaged_frame_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(
        DataError, match=r"cannot read .*a\.parquet \(.*\); delete it and run again"
    ):
        read_frame(path)


def test_a_part_that_changes_in_place_is_read_again(tmp_path: Path) -> None:
    path, other = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_frame(pl.DataFrame({"src": ["a"]}), path)
    write_frame(pl.DataFrame({"src": ["b"]}), other)
    with parts_in_memory():
        assert read_part(path)["src"].to_list() == ["a"]
        path.write_bytes(other.read_bytes())  # the same inode
        assert read_part(path)["src"].to_list() == ["b"]
