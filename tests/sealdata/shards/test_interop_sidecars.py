"""Sidecars for other trainers: bytes as their formats say, and padding where we say."""

import gzip
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sealdata.shards.interop_sidecars import write_sidecars
from sealdata.shards.manifest import (
    StreamManifest,
    TokenizerFacts,
    dtype_for,
    write_stream_manifest,
)
from sealdata.shards.tokens import ORIGIN_SCHEMA, TokenDocuments
from sealdata.shards.writer import StreamWriter

EOS, LENGTH = 9, 8


def packed(
    folder: Path, documents: list[list[int]], padding: list[int], vocab_size: int = 10
) -> Path:
    """A stream of files of two sequences; document i is its ids and EOS, then padding[i] EOS."""
    writer = StreamWriter(
        folder,
        eos_id=EOS,
        vocab_size=vocab_size,
        sequence_length=LENGTH,
        block_length=2 * LENGTH,
        blocks_per_file=1,
    )
    ids = np.array([i for document in documents for i in [*document, EOS]], np.uint32)
    ends = np.cumsum([len(document) + 1 for document in documents])
    origin = pl.DataFrame(
        {
            "source": ["s"] * len(documents),
            "row": range(len(documents)),
            "template": 0,
            "prompt": 0,
        },
        schema=ORIGIN_SCHEMA,
    )
    with writer:
        writer.write(TokenDocuments(ids, ends, origin), np.array(padding))
        totals = writer.close()
    manifest = StreamManifest(
        split="train",
        kind="replay",
        name="x",
        languages=["eng_Latn"],
        language_names={"eng_Latn": "English"},
        templates=[],
        tokenizer=TokenizerFacts(name="t", path=".", sha256="0"),
        eos_id=EOS,
        vocab_size=vocab_size,
        dtype=dtype_for(vocab_size),
        sequence_length=LENGTH,
        block_length=2 * LENGTH,
        num_documents=totals.num_documents,
        num_tokens=totals.num_tokens,
        num_padding=totals.num_padding,
        num_split_documents=totals.num_split_documents,
        num_sequences=totals.num_sequences,
        segments=list(totals.segments),
    )
    write_stream_manifest(manifest, folder)
    return folder


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """12 3 EOS 45 EOS | padding, a document over both files, and one at the end."""
    return packed(tmp_path, [[1, 2], [3, 4], [1] * 11, [5, 6]], [0, 2, 0, 0])


def test_olmo_core(stream: Path) -> None:
    """Padding is in no document, and a document over two files is two."""
    write_sidecars(stream, ("olmo-core",))
    read = [gzip.decompress((stream / f"part-0000{n}.csv.gz").read_bytes()) for n in (0, 1)]
    assert read == [b"0,3,0,,0\n3,6,1,,1\n8,16,2,,2\n", b"0,4,0,,0\n4,7,1,,1\n"]


def test_datatrove_and_torchtitan(stream: Path) -> None:
    """Padding belongs to the document before it."""
    sizes = write_sidecars(stream, ("datatrove", "torchtitan"))
    ends = [np.fromfile(stream / f"part-0000{n}.npy.index", "<u8").tolist() for n in (0, 1)]
    assert ends == [[3, 8, 16], [4, 8]]
    offsets = [np.load(stream / f"part-0000{n}.offsets.npy") for n in (0, 1)]
    assert [o.tolist() for o in offsets] == [[0, 3, 8, 16], [0, 4, 8]]
    assert offsets[0].dtype == np.int64
    assert sizes == {"datatrove": 5 * 8, "torchtitan": 2 * 128 + 7 * 8}


def test_megatron(stream: Path) -> None:
    write_sidecars(stream, ("megatron",))
    data = (stream / "part-00000.idx").read_bytes()
    assert data[:9] == b"MMIDIDX\x00\x00"
    assert struct.unpack("<QBQQ", data[9:34]) == (1, 8, 3, 4)  # 8: uint16
    assert np.frombuffer(data, "<i4", 3, 34).tolist() == [3, 5, 8]
    assert np.frombuffer(data, "<i8", 3, 46).tolist() == [0, 6, 16]
    assert np.frombuffer(data, "<i8", 4, 70).tolist() == [0, 1, 2, 3]
    assert len(data) == 102


def test_equal_ids_give_equal_sidecars(stream: Path, tmp_path: Path) -> None:
    kinds = ("olmo-core", "datatrove", "megatron", "torchtitan")
    write_sidecars(stream, kinds)
    first = {path.name: path.read_bytes() for path in stream.glob("part-*")}
    write_sidecars(stream, kinds)
    assert first == {path.name: path.read_bytes() for path in stream.glob("part-*")}
