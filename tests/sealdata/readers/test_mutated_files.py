"""Files damaged at random, in every format: one line that names the file, or rows that tie."""

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from sealdata.component import load
from sealdata.errors import DataError
from sealdata.readers import Source

PAIRS = [(f"It is {n}% of {n * 7919}.", f"คือ {n}% ของ {n * 7919} ครับ") for n in range(300)]
TSV = "".join(f"{en}\t{th}\t1.{n}\n" for n, (en, th) in enumerate(PAIRS)).encode()


def moses() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, lang in enumerate(("en", "th")):
            archive.writestr(f"X.en-th.{lang}", "".join(f"{pair[place]}\n" for pair in PAIRS))
        archive.writestr("X.en-th.scores", "1.07\n" * len(PAIRS))
    return packed.getvalue()


def tmx() -> bytes:
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>{en}</seg></tuv><tuv xml:lang="th"><seg>{th}</seg></tuv></tu>'
        for en, th in PAIRS
    )
    return f'<?xml version="1.0"?><tmx version="1.4"><body>{units}</body></tmx>'.encode()


def parquet() -> bytes:
    written = io.BytesIO()
    pl.DataFrame(PAIRS, schema=["en", "th"], orient="row").write_parquet(written)
    return written.getvalue()


CSV = "en_text,th_text\n" + "".join(f'"{en}",{th}\n' for en, th in PAIRS)
JSONL = "".join(json.dumps({"en": en, "th": th}, ensure_ascii=False) + "\n" for en, th in PAIRS)
FILES: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "plain": ("tsv", TSV, {"layout": "ccaligned"}),
    "gzip": ("tsv", gzip.compress(TSV, mtime=0), {"layout": "ccaligned"}),
    "members": (
        "tsv",
        b"".join(gzip.compress(TSV[n : n + 5000], mtime=0) for n in range(0, len(TSV), 5000)),
        {"layout": "ccaligned"},
    ),
    "xz": ("tsv", lzma.compress(TSV), {"layout": "ccaligned"}),
    "bzip2": ("tsv", bz2.compress(TSV), {"layout": "ccaligned"}),
    "zstd": ("tsv", pa.compress(TSV, "zstd", asbytes=True), {"layout": "ccaligned"}),
    "moses": ("moses", moses(), {}),
    "tmx": ("tmx", tmx(), {}),
    "csv": ("csv", CSV.encode(), {}),
    "jsonl": ("jsonl", JSONL.encode(), {}),
    "parquet": ("parquet", parquet(), {}),
}


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 20)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def drop(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.randrange(1, 400)]


def zero(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start : start + 50] = bytes(len(data[start : start + 50]))


def splice(data: bytearray, rng: random.Random) -> None:
    start, other = rng.randrange(len(data)), rng.randrange(len(data))
    data[start:start] = data[other : other + 300]


@pytest.mark.parametrize("damage", [flip, cut, drop, zero, splice])
@pytest.mark.parametrize("name", FILES)
def test_damage_is_an_error_or_counted(
    tmp_path: Path, name: str, damage: Callable[[bytearray, random.Random], None]
) -> None:
    reader, whole, options = FILES[name]
    path = tmp_path / f"corpus-{name}"
    source = Source("corpus", path, "eng_Latn", "tha_Thai")
    for seed in range(15):
        data = bytearray(whole)
        damage(data, random.Random(f"{name} {damage.__name__} {seed}"))
        path.write_bytes(data)
        rows: list[int] = []
        said = path.name
        try:
            for good, rejected in load("readers", reader, options).batches(source, 64):
                rows += sorted([*good["row"], *rejected["row"]])
                assert rejected["reason"].null_count() == 0
        except DataError as error:
            said = str(error)
        assert path.name in said, seed
        assert "\n" not in said, seed
        assert rows == list(range(len(rows))), seed
