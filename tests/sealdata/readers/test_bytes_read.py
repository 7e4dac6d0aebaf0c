"""Bytes consumed: whatever the format, a reader shows how far it is in its files, at any time."""

import bz2
import gzip
import json
import lzma
import random
import zipfile

import polars as pl
import pyarrow as pa
import pytest

from sealdata.component import load
from sealdata.readers import Source, _lines, joined
from sealdata.readers._bytes_read import track

PAIRS = 30_000

_random = random.Random(3)
_WORDS = [f"{_random.randrange(10**12):x}" for _ in range(5000)]


def sentences(seed):
    draw = random.Random(seed)
    return [" ".join(draw.choices(_WORDS, k=6)) for _ in range(PAIRS)]


@pytest.fixture(scope="module")
def sides():
    return sentences(1), sentences(2)


def zipped(folder, members):
    path = folder / "corpus.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def written(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def zstd(data):
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return out.getvalue().to_pybytes()


def make(kind, folder, sides):
    """A source of ``kind`` in ``folder``: reader, path, options."""
    src, tgt = sides
    tsv = "".join(f"{a}\t{b}\n" for a, b in zip(src, tgt, strict=True)).encode()
    if kind in ("plain", "gz", "xz", "bz2", "zst"):
        pack = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "zst": zstd}
        pack["xz"] = lambda data: lzma.compress(data, preset=0)
        return "tsv", written(folder, f"pairs.{kind}", pack[kind](tsv)), {"layout": "pairs"}
    if kind == "zip":
        return "tsv", zipped(folder, {"pairs.tsv": tsv}), {"layout": "pairs"}
    if kind == "moses":
        members = {f"NLLB.en-id.{lang}": "\n".join(s) for lang, s in (("en", src), ("id", tgt))}
        return "moses", zipped(folder, members), {}
    if kind == "joined":
        for name, side in (("eng", src), ("ind", tgt)):
            lines = "".join(f"{number}\t{text}\n" for number, text in enumerate(side))
            written(folder, f"data_{name}.txt", lines.encode())
        return "joined", folder / "data_eng.txt", {"tgt_file": "data_ind.txt"}
    if kind == "jsonl":
        lines = [json.dumps({"en": a, "id": b}) for a, b in zip(src, tgt, strict=True)]
        return "jsonl", written(folder, "pairs.jsonl", "\n".join(lines).encode()), {}
    if kind == "csv":
        lines = ["en,id", *(f"{a},{b}" for a, b in zip(src, tgt, strict=True))]
        data = written(folder, "pairs.csv", "\n".join(lines).encode())
        return "csv", data, {"columns": ["en", "id"]}
    path = folder / "pairs.parquet"
    pl.DataFrame({"en": src, "id": tgt}).write_parquet(path, row_group_size=4_000)
    return "parquet", path, {}


KINDS = ["plain", "gz", "xz", "bz2", "zst", "zip", "moses", "joined", "jsonl", "csv", "parquet"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_of_bytes_follows_that_of_rows(tmp_path, sides, kind, monkeypatch):
    monkeypatch.setattr(_lines, "_BLOCK", 1 << 18)
    monkeypatch.setattr(joined, "_BLOCK_ROWS", 5_000)
    reader, path, options = make(kind, tmp_path, sides)
    component = load("readers", reader, options)
    size = component.size(path)
    shares = []
    with track() as meter:
        batches = component.batches(Source("s", path, "eng_Latn", "ind_Latn"), PAIRS // 3)
        for batch in batches:
            assert batch.good.height == PAIRS // 3
            shares.append(meter.consumed() / size)
    assert shares == sorted(shares)
    early = 2 / 3 if reader == "joined" else 0.0  # it reads both files before the first pair
    assert early + (1 - early) * 0.3 < shares[0] < early + (1 - early) * 0.75, shares
    assert 0.99 < meter.consumed() / size <= 1.001, "all of it, in the end"


def test_a_dataset_on_the_hub_has_no_size(tmp_path):
    options = {"repo": "a/b", "revision": "0" * 40}
    assert load("readers", "hf", options).size(tmp_path) is None
