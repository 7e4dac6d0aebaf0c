"""Batches end by rows or by bytes, whichever comes first, in every format."""

import csv
import io
import json

import polars as pl
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import Source
from sealdata.readers import _tables as tables
from sealdata.stages.ingest import Ingest

LIMIT = 4_000  # bytes, in place of MAX_BATCH
PAIRS = [(f"{n}." + "a" * (n * 37 % 900), f"{n}." + "ก" * (n * 91 % 300)) for n in range(60)]
NEEDED = {"jsonl": {"src_column": "en", "tgt_column": "th"}, "tsv": {"layout": "pairs"}}
NEEDED |= {"joined": {"tgt_file": "x.th"}, "csv": {"columns": ("en", "th")}}


def write(reader, folder):
    """The path of a source with PAIRS in the reader's format."""
    path = folder / "x"
    if reader == "tsv":
        path.write_text("".join(f"{en}\t{th}\n" for en, th in PAIRS), "utf-8")
    elif reader == "moses":
        for place, code in enumerate(("en", "th")):
            (folder / f"x.{code}").write_text("".join(f"{p[place]}\n" for p in PAIRS), "utf-8")
    elif reader == "joined":
        for place, path in enumerate((folder / "x", folder / "x.th")):
            lines = (f"{n}\t{pair[place]}\n" for n, pair in enumerate(PAIRS))
            path.write_text("".join(lines), "utf-8")
        path = folder / "x"
    elif reader == "csv":
        written = io.StringIO()
        csv.writer(written).writerows([("en", "th"), *PAIRS])
        path.write_text(written.getvalue(), "utf-8")
    elif reader == "jsonl":
        path.write_text("".join(json.dumps({"en": a, "th": b}) + "\n" for a, b in PAIRS), "utf-8")
    elif reader == "tmx":
        units = "".join(
            f'<tu><tuv xml:lang="en"><seg>{a}</seg></tuv>'
            f'<tuv xml:lang="th"><seg>{b}</seg></tuv></tu>'
            for a, b in PAIRS
        )
        path.write_text(f'<tmx version="1.4"><body>{units}</body></tmx>', "utf-8")
    else:
        path = folder / "x.parquet"
        pl.DataFrame(PAIRS, schema=["en", "th"], orient="row").write_parquet(path)
    return path


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr("sealdata.readers._lines.MAX_BATCH", LIMIT)
    monkeypatch.setattr("sealdata.readers._tables.MAX_BATCH", LIMIT)
    monkeypatch.setattr("sealdata.readers._rejects.MAX_BATCH", LIMIT * 2)


@pytest.fixture(scope="module")
def ends():
    """The sizes of a reader's batches, for its tests to compare."""
    return {}


@pytest.mark.parametrize("reader", ["tsv", "moses", "joined", "csv", "jsonl", "tmx", "parquet"])
@pytest.mark.parametrize("block", [64, 4 << 20])
def test_long_records_end_a_batch_early(reader, block, low_limit, monkeypatch, ends, tmp_path):
    path = write(reader, tmp_path)
    component = load("readers", reader, NEEDED.get(reader))
    source = Source("x", path, "eng_Latn", "tha_Thai")
    monkeypatch.setattr("sealdata.readers._lines._BLOCK", block)  # how much is read at a time
    batches = list(component.batches(source, 25))
    sizes = [len(good) for good, rejected in batches if rejected.is_empty()]
    good = pl.concat([batch.good for batch in batches])
    assert good.select("src", "tgt").rows() == PAIRS
    assert good["row"].to_list() == list(range(60))
    assert max(sizes) <= 25
    assert len(sizes) > 10
    text = [
        sum(len(en) + len(th.encode()) for en, th in b.select("src", "tgt").rows())
        for b, _ in batches
    ]
    assert max(text) < LIMIT + 3_000  # the record by which a batch is full is in it
    ends.setdefault(reader, sizes)
    assert sizes == ends[reader]  # whatever is read at a time


@pytest.mark.parametrize("rows", [7, 500])
def test_ingest_leaves_such_parts(rows, low_limit, tmp_path):
    source = Source("x", write("tsv", tmp_path), "eng_Latn", "tha_Thai")
    record = Ingest(load("readers", "tsv", {"layout": "pairs"}), source, rows)(
        "x", tmp_path / "out"
    )
    parts = record.facts["parts"]
    assert sum(parts.values()) == record.rows_out == len(PAIRS)
    assert max(parts.values()) <= rows
    assert len(parts) > 10
    frames = [pl.read_parquet(tmp_path / "out" / f"{part}.parquet") for part in sorted(parts)]
    assert pl.concat(frames).select("src", "tgt").rows() == PAIRS


def test_moses_counts_lines_that_are_too_many_however_batches_end(low_limit, tmp_path):
    path = write("moses", tmp_path)
    with (tmp_path / "x.th").open("a") as file:
        file.write("one more\n" * 40)
    batches = load("readers", "moses").batches(Source("x", path, "eng_Latn", "tha_Thai"), 25)
    with pytest.raises(DataError, match="eng_Latn 60, tha_Thai 100"):
        list(batches)


@pytest.mark.parametrize("reader", ["parquet", "hf"])
def test_wide_rows_are_taken_out_of_a_file_few_at_a_time(reader, monkeypatch, tmp_path):
    wide = [(f"{n:02d}" * 45_000, f"{n}" * 9_000) for n in range(40)]
    frame = pl.DataFrame(wide, schema=["en", "th"], orient="row")
    path = tmp_path / "x"
    if reader == "hf":
        datasets = pytest.importorskip("datasets")
        datasets.Dataset(frame.to_arrow().cast(frame.to_arrow().schema)).save_to_disk(path)
    else:
        frame.write_parquet(path, row_group_size=25, compression="uncompressed")
    heights = []
    module = f"sealdata.readers.{'hf' if reader == 'hf' else '_tables'}"
    take = tables.take
    monkeypatch.setattr(tables, "FRAME_BYTES", 300_000)
    monkeypatch.setattr(f"{module}.take", lambda *a: heights.append(a[1].num_rows) or take(*a))
    options = {"src_column": "en", "tgt_column": "th"}
    source = Source("x", path, "eng_Latn", "tha_Thai")
    [batch] = load("readers", reader, options).batches(source, 100)
    assert batch.rejected.height == 40  # too long
    assert sum(heights) == 40
    assert max(heights) <= 5
