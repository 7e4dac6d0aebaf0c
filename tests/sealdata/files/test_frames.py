"""Frames on disk: slices of bounded text, footers, statistics, and damage that names its file."""

import resource
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pyarrow.parquet import read_metadata

from sealdata.errors import DataError
from sealdata.files.frames import (
    parts_in_memory,
    read_frame,
    read_part,
    slices,
    text_bytes,
    write_frame,
    write_published,
)
from sealdata.files.parquet import count_rows


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


def _pages(path: Path) -> set[bytes]:
    """The compressed pages of the text column: what lies between the offsets of the page index."""
    data = path.read_bytes()
    chunk = read_metadata(path).row_group(0).column(0)
    column = data[chunk.data_page_offset : chunk.data_page_offset + chunk.total_compressed_size]
    # A page's header begins with its type, a field of one byte, and then its size.
    return {part for part in column.split(b"\x15\x00\x15") if len(part) > 1000}


def test_pages_behind_a_removed_row_keep_their_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = [rng.bytes(600).hex() for _ in range(4000)]  # 5 MB: several pages
    whole, fewer = tmp_path / "whole.parquet", tmp_path / "fewer.parquet"
    for write, least in ((write_published, 0.7), (write_frame, 0.0)):
        write(pl.DataFrame({"src": texts}), whole)
        write(pl.DataFrame({"src": texts[:5] + texts[25:]}), fewer)
        old, new = _pages(whole), _pages(fewer)
        kept = sum(len(page) for page in new & old) / sum(len(page) for page in new)
        assert (kept > least) is (write is write_published), (write, kept)


def test_a_published_frame_has_a_page_index(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"src": ["a", None, "ກ"], "score": [0.5, None, 1.0], "list": [["x"], [], None]},
        schema_overrides={"score": pl.Float32},
    )
    write_published(frame, tmp_path / "a.parquet")
    assert read_frame(tmp_path / "a.parquet").equals(frame)
    footer = read_metadata(tmp_path / "a.parquet")
    assert footer.num_row_groups == 1
    assert footer.row_group(0).column(0).has_offset_index
    assert "string" in str(footer.schema.to_arrow_schema().field("src").type)
    write_published(frame.clear(), tmp_path / "none.parquet")
    assert read_frame(tmp_path / "none.parquet").equals(frame.clear())


def test_published_bytes_do_not_depend_on_chunks(tmp_path: Path) -> None:
    """A column with more values than a dictionary takes: where it is dropped must not vary."""
    frame = pl.DataFrame({"row": range(300_000), "src": [str(n % 7) for n in range(300_000)]})
    written = set()
    for number, cuts in enumerate(([], [1000], [1000, 40_000, 200_001], [131_000])):
        ends = [*cuts, frame.height]
        parts = [frame[start:end] for start, end in zip([0, *cuts], ends, strict=True)]
        path = tmp_path / f"{number}.parquet"
        write_published(pl.concat(parts, rechunk=False), path)
        written.add(path.read_bytes())
    assert len(written) == 1
    assert read_frame(path).equals(frame)


def test_a_disk_that_is_full_is_one_line(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"a\.parquet.*too large") as caught:
            write_published(pl.DataFrame({"src": range(100_000)}), tmp_path / "a.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


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
