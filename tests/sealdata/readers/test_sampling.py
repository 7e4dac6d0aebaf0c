"""Samples of a source: spread over the whole file where that is affordable."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import Source
from sealdata.readers import _sampling as sampling
from sealdata.readers._sampling import Sample, draw_sample


def sample(path: Path, rows: int, reader: str = "tsv", **options: str) -> Sample:
    params = {"layout": "pairs"} if reader == "tsv" else options
    return draw_sample(
        load("readers", reader, params), Source("s", path, "eng_Latn", "tha_Thai"), rows
    )


def write(path: Path, num_lines: int, bad_every: int = 0) -> Path:
    lines = [
        f"bad line {n}\n" if bad_every and n % bad_every == 0 else f"line {n:05d}\tบรรทัด\n"
        for n in range(num_lines)
    ]
    data = "".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def numbers(drawn: Sample) -> list[int]:
    return [int(text.split()[1]) for text in drawn.good["src"]]


@pytest.mark.parametrize("name", ["s.tsv", "s.tsv.gz"])
@pytest.mark.parametrize(
    ("num_lines", "rows", "step"), [(1000, 1000, 1), (1001, 1000, 2), (9000, 1000, 16), (3, 5, 1)]
)
def test_a_small_file_is_read_to_its_end(tmp_path, name, num_lines, rows, step):
    drawn = sample(write(tmp_path / name, num_lines), rows)
    assert numbers(drawn) == list(range(0, num_lines, step))
    assert (drawn.num_records, drawn.whole, drawn.head_only) == (num_lines, True, False)


def test_batches_do_not_change_the_sample(tmp_path, monkeypatch):
    path = write(tmp_path / "s.tsv", 5000, bad_every=7)
    once = sample(path, 300)
    monkeypatch.setattr(sampling, "_BATCH", 13)
    again = sample(path, 300)
    assert numbers(again) == numbers(once)
    assert once.rejected == again.rejected == {"wrong_column_count": 715}
    assert once.num_records == again.num_records == 5000
    assert once.examples == again.examples == {"wrong_column_count": "bad line 0"}


def test_a_large_plain_file_is_read_at_many_places(tmp_path, monkeypatch):
    path = write(tmp_path / "s.tsv", 40_000)
    monkeypatch.setattr(sampling, "MAX_WHOLE", 1000)
    drawn = sample(path, 320)
    rows = numbers(drawn)
    assert len(rows) == 320
    assert drawn.rejected == {}, "no place begins inside a line"
    starts = rows[::20]
    assert starts[0] == 0
    assert all(abs(start - 2500 * place) <= 1 for place, start in enumerate(starts))
    assert (drawn.whole, drawn.head_only) == (False, False)
    texts = tmp_path / "t.txt"
    texts.write_text("".join(f"text {n:05d}\n" for n in range(40_000)))
    assert max(map(int, sample(texts, 320, "text").good["text"].str.slice(5))) > 37_000


def test_a_large_compressed_file_is_read_from_its_head(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "MAX_WHOLE", 10)
    drawn = sample(write(tmp_path / "s.tsv.gz", 4000), 300)
    assert numbers(drawn) == list(range(300))
    assert (drawn.whole, drawn.head_only) == (False, True)


def test_a_damaged_file_is_an_error(tmp_path):
    path = write(tmp_path / "s.tsv.gz", 4000)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="cut short"):
        sample(path, 300)


def test_an_empty_file_has_an_empty_sample(tmp_path):
    drawn = sample(write(tmp_path / "s.tsv", 0), 300)
    assert (drawn.num_records, drawn.good.height, drawn.whole) == (0, 0, True)


@pytest.mark.parametrize("reader", ["parquet", "text"])
def test_a_large_parquet_file_is_read_at_many_row_groups(tmp_path, monkeypatch, reader):
    monkeypatch.setattr(sampling, "MAX_WHOLE", 10)
    texts = [f"line {n:05d}" for n in range(40_000)]
    path = tmp_path / "s.parquet"
    columns = {"en": texts, "th": texts} if reader == "parquet" else {"text": texts}
    pl.DataFrame(columns).write_parquet(path, row_group_size=1000)
    drawn = sample(path, 320, reader)
    column = "src" if reader == "parquet" else "text"
    rows = [int(text.split()[1]) for text in drawn.good[column]]
    starts = [1000 * (40 * i // 16) for i in range(16)]
    assert rows == [start + n for start in starts for n in range(20)]
    assert not drawn.head_only
    pl.DataFrame(columns).write_parquet(path, row_group_size=40_000)
    drawn = sample(path, 320, reader)
    assert drawn.head_only
    assert drawn.good.height == 320
