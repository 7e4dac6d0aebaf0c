"""Streams on disk: written, read back, taken apart, and verified down to a flipped byte."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.errors import ConfigError, DataError
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.places import sample_dir
from sealdata.shards.manifest import (
    StreamManifest,
    TokenizerFacts,
    dtype_for,
    read_stream_manifest,
    write_stream_manifest,
)
from sealdata.shards.packing import Mode, pack
from sealdata.shards.reader import PackedStream, find_sequence, mark, view_sequence
from sealdata.shards.tokens import ORIGIN_SCHEMA, TokenDocuments
from sealdata.shards.verify import verify_stream
from sealdata.shards.writer import StreamWriter
from sealdata.tokenizers import open_tokenizer

TOKENIZER = open_tokenizer(sample_dir() / "tokenizers" / "bpe")
EOS = TOKENIZER.eos_id


def made_of(lengths: list[int]) -> TokenDocuments:
    """Documents of the given lengths (EOS included), ids counting up from 300."""
    ids = np.arange(300, 300 + sum(lengths), dtype=np.uint32) % 3000 + 300
    ends = np.cumsum(np.array(lengths, np.int64))
    ids[ends - 1] = EOS
    count = len(lengths)
    origin = pl.DataFrame(
        {"source": ["s"] * count, "row": range(count), "template": [0] * count, "prompt": lengths},
        schema=ORIGIN_SCHEMA,
    )
    return TokenDocuments(ids, ends, origin)


def write(
    folder: Path, lengths: list[int], mode: Mode = "whole", vocab_size: int = TOKENIZER.vocab_size
) -> StreamManifest:
    """A stream of sequences of 8 ids, blocks of 16, files of 32, written in batches of 5."""
    documents = made_of(lengths)
    writer = StreamWriter(
        folder,
        eos_id=EOS,
        vocab_size=vocab_size,
        sequence_length=8,
        block_length=16,
        blocks_per_file=2,
    )
    waiting = TokenDocuments.empty()
    with writer:
        for start in range(0, len(lengths), 5):
            places = np.arange(start, min(start + 5, len(lengths)))
            waiting = waiting.followed_by(documents.take(places))
            order, padding, left = pack(mode, waiting.lengths, 8, hold=4)
            writer.write(waiting.take(order), padding)
            waiting = waiting.take(left)
        order, padding, _ = pack(mode, waiting.lengths, 8, hold=0)
        writer.write(waiting.take(order), padding)
        totals = writer.close()
    manifest = StreamManifest(
        split="train",
        kind="replay",
        name="english",
        languages=["eng_Latn"],
        language_names={"eng_Latn": "English"},
        templates=[],
        tokenizer=TokenizerFacts(
            name="bpe", path=str(TOKENIZER.path.parent), sha256=TOKENIZER.sha256
        ),
        eos_id=EOS,
        vocab_size=vocab_size,
        dtype=dtype_for(vocab_size),
        sequence_length=8,
        block_length=16,
        num_documents=totals.num_documents,
        num_tokens=totals.num_tokens,
        num_padding=totals.num_padding,
        num_split_documents=totals.num_split_documents,
        num_sequences=totals.num_sequences,
        segments=list(totals.segments),
    )
    write_stream_manifest(manifest, folder)
    return manifest


LENGTHS = [5, 3, 8, 4, 30, 2, 2, 7, 6, 3, 3, 3, 5, 9, 4]


@pytest.mark.parametrize("mode", ["whole", "concat"])
@pytest.mark.parametrize(("vocab_size", "dtype"), [(4022, "<u2"), (100_278, "<u4")])
def test_files_are_plain_little_endian_ids(
    mode: Mode, vocab_size: int, dtype: str, tmp_path: Path
) -> None:
    manifest = write(tmp_path, LENGTHS, mode, vocab_size)
    data = b"".join((tmp_path / segment.path).read_bytes() for segment in manifest.segments)
    ids = np.frombuffer(data, dtype)
    assert len(ids) == manifest.num_sequences * 8 == manifest.num_tokens + manifest.num_padding
    assert manifest.num_tokens == sum(LENGTHS)
    assert manifest.num_documents == len(LENGTHS)
    assert len(manifest.segments) == -(-len(ids) // 32)
    for segment in manifest.segments[:-1]:
        assert segment.num_sequences == 4
    for segment in manifest.segments:
        content = (tmp_path / segment.path).read_bytes()
        assert (segment.byte_start, segment.file_size) == (0, len(content))
        assert segment.sha256 == hashlib.sha256(content).hexdigest()
    assert sorted(file.suffix for file in tmp_path.iterdir()) == sorted(
        [".json", *[".npy", ".parquet"] * len(manifest.segments)]
    )
    assert verify_stream(tmp_path) == []


def test_concat_pads_the_tail_only(tmp_path: Path) -> None:
    manifest = write(tmp_path, [5, 9, 3], "concat")
    stream = PackedStream(tmp_path)
    ids = np.concatenate([stream.sequence(number) for number in range(len(stream))])
    assert ids[:17].tolist() == made_of([5, 9, 3]).ids.tolist()
    assert ids[17:].tolist() == [EOS] * 7
    assert (manifest.num_padding, manifest.num_split_documents) == (7, 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=30), st.sampled_from(["whole", "concat"]))
def test_documents_come_back_from_the_ids_alone(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], mode: Mode
) -> None:
    folder = tmp_path_factory.mktemp("stream")
    manifest = write(folder, lengths, mode)
    assert verify_stream(folder) == []
    ids = np.concatenate([ids for _, _, ids in PackedStream(folder).chunks(3)])
    marks = mark(ids, EOS, before=None)
    real = ids[~marks.padding]
    ends = np.flatnonzero(real == EOS) + 1
    found = [real[start:end].tolist() for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    documents = made_of(lengths)
    sidecar = pl.concat([read_frame(path) for path in sorted(folder.glob("part-*.docs.parquet"))])
    assert sorted(sidecar["row"]) == list(range(len(lengths)))
    for row, document in zip(sidecar["row"], found, strict=True):
        assert document == documents.take(np.array([row])).ids.tolist()
    if mode == "concat":
        assert sidecar["row"].is_sorted()
    starts = sidecar["sequence"].to_numpy().astype(int) * 8 + sidecar["offset"].to_numpy()
    assert starts.tolist() == np.flatnonzero(marks.first).tolist()
    straddling = sum(
        start // 8 != (start + lengths[row] - 1) // 8
        for row, start in zip(sidecar["row"], starts, strict=True)
    )
    assert manifest.num_split_documents == straddling
    if mode == "whole":
        assert straddling == sum(length > 8 for length in lengths)


def test_bytes_do_not_depend_on_the_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, LENGTHS)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_an_interrupted_writer_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    writer = StreamWriter(
        tmp_path, eos_id=EOS, vocab_size=4022, sequence_length=8, block_length=16, blocks_per_file=1
    )
    with contextlib.suppress(KeyboardInterrupt), writer:
        writer.write(made_of([10, 10]), np.array([0, 0]))
        assert len(list(tmp_path.glob(".part-*.tmp"))) == 1
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "part-00000.docs.parquet",
        "part-00000.npy",
    ]


def test_disk_trouble_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot write .*part-00000\.npy"):
        write(tmp_path / "file", [4])


def test_view_of_a_sequence(tmp_path: Path) -> None:
    write(tmp_path, [5, 14, 3], "concat")
    first, second, third = (view_sequence(tmp_path, number) for number in range(3))
    spans = [
        [(d.start, d.stop, d.begins, d.ends, d.row, d.prompt) for d in view.documents]
        for view in (first, second, third)
    ]
    assert spans == [
        [(0, 5, True, True, 0, 5), (5, 8, True, False, 1, 14)],
        [(0, 8, False, False, 1, 14)],
        [(0, 3, False, True, 1, 14), (3, 6, True, True, 2, 3)],
    ]
    assert [view.num_padding for view in (first, second, third)] == [0, 0, 2]
    assert first.documents[0].text == TOKENIZER.decode(made_of([5]).ids[:4].tolist())
    (tmp_path / "part-00000.docs.parquet").unlink()
    assert view_sequence(tmp_path).documents[0].source is None


def test_a_document_whose_eos_opens_a_sequence(tmp_path: Path) -> None:
    write(tmp_path, [9, 4], "concat")
    view = view_sequence(tmp_path, 1)
    assert [(d.start, d.stop, d.begins, d.ends) for d in view.documents] == [
        (0, 1, False, True),
        (1, 5, True, True),
    ]
    assert (view.documents[0].text, view.num_padding) == ("", 3)


def test_finding_a_sequence(tmp_path: Path) -> None:
    manifest = write(tmp_path, LENGTHS)
    assert len(manifest.segments) > 2
    assert find_sequence(tmp_path, 5) == (tmp_path, 5)
    assert find_sequence(tmp_path / "manifest.json", 5) == (tmp_path, 5)
    assert find_sequence(tmp_path / "part-00001.npy", 1) == (tmp_path, 5)
    with pytest.raises(ConfigError, match="no sequence 4; it has 4"):
        find_sequence(tmp_path / "part-00001.npy", 4)
    with pytest.raises(ConfigError, match="neither the folder"):
        find_sequence(tmp_path / "absent.npy", 0)
    with pytest.raises(ConfigError, match="not a token file of the stream"):
        find_sequence(tmp_path / "part-00001.docs.parquet", 0)
    last = manifest.num_sequences - 1
    with pytest.raises(ConfigError, match=f"no sequence {last + 1}; it has 0 to {last}"):
        view_sequence(tmp_path, last + 1)


def test_the_tokenizer_must_be_the_one_that_made_the_ids(tmp_path: Path) -> None:
    write(tmp_path, LENGTHS)
    edit_manifest(tmp_path, lambda facts: facts["tokenizer"].update(sha256="0" * 64))
    with pytest.raises(DataError, match="not the tokenizer that made"):
        view_sequence(tmp_path, 0)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    facts = json.loads((folder / "manifest.json").read_text())
    change(facts)
    (folder / "manifest.json").write_text(json.dumps(facts))


def edit_ids(folder: Path, change: Callable[[Any], None]) -> None:
    """Change the ids of the second file and forgive its digest."""
    path = folder / "part-00001.npy"
    ids = np.fromfile(path, "<u2")
    change(ids)
    path.write_bytes(ids.tobytes())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit_manifest(folder, lambda facts: facts["segments"][1].update(sha256=digest))


def flip_byte(folder: Path) -> None:
    data = bytearray((folder / "part-00000.npy").read_bytes())
    data[0] ^= 1
    (folder / "part-00000.npy").write_bytes(data)


def cut(folder: Path) -> None:
    path = folder / "part-00001.npy"
    path.write_bytes(path.read_bytes()[:-2])


def move_document(folder: Path) -> None:
    path = folder / "part-00000.docs.parquet"
    rows = read_frame(path)
    write_frame(rows.with_columns(pl.col("offset") + 1), path)


def stray_eos(ids: Any) -> None:
    ids[int(np.flatnonzero((ids[:7] != EOS) & (ids[1:8] != EOS))[0])] = EOS


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (flip_byte, "its SHA-256 is not the manifest's"),
        (cut, "missing or not of 64 bytes"),
        (lambda folder: (folder / "part-00001.npy").unlink(), "missing or not of 64 bytes"),
        (lambda folder: (folder / "manifest.json").unlink(), "cannot read"),
        (lambda folder: (folder / "part-00000.docs.parquet").unlink(), "has no sidecar"),
        (lambda folder: (folder / "part-00000.docs.parquet").write_text("x"), "cannot read"),
        (move_document, "puts its documents elsewhere"),
        (lambda folder: edit_ids(folder, lambda ids: ids.__setitem__(3, 5000)), "holds id 5000"),
        (lambda folder: edit_ids(folder, stray_eos), "num_documents is 16 by the ids, 15"),
        (
            lambda folder: edit_manifest(folder, lambda facts: facts.update(num_tokens=1)),
            "do not fill num_sequences",
        ),
        (
            lambda folder: edit_manifest(folder, lambda facts: facts.update(num_documents=1)),
            "num_documents is 15 by the ids, 1 by the manifest",
        ),
        (
            lambda folder: edit_manifest(folder, lambda facts: facts.update(block_length=24)),
            "not of whole blocks",
        ),
        (
            lambda folder: edit_manifest(folder, lambda facts: facts["tokenizer"].update(path="x")),
            "no tokenizer at",
        ),
    ],
)
def test_verify_finds(damage: Callable[[Path], None], complaint: str, tmp_path: Path) -> None:
    write(tmp_path, LENGTHS)
    assert verify_stream(tmp_path) == []
    damage(tmp_path)
    assert any(complaint in problem for problem in verify_stream(tmp_path)), verify_stream(tmp_path)


def test_verify_finds_padding_that_stops_early_and_a_missing_eos(tmp_path: Path) -> None:
    manifest = write(tmp_path, [6, 6, 6, 6, 6, 6])
    assert manifest.num_padding == 12

    def early(ids: Any) -> None:
        ids[7] = 300  # was padding, after another

    def unclosed(ids: Any) -> None:
        ids[-8:] = 300

    edit_ids(tmp_path, early)
    problems = verify_stream(tmp_path)
    assert any("padding in sequence 4 does not reach its end" in problem for problem in problems)
    edit_ids(tmp_path, unclosed)
    assert any("the last document has no EOS" in problem for problem in verify_stream(tmp_path))


def test_manifest_contract(tmp_path: Path) -> None:
    write(tmp_path, [5, 4])
    facts = json.loads((tmp_path / "manifest.json").read_text())
    assert facts == {
        "format": "sealdata-stream",
        "version": 1,
        "split": "train",
        "kind": "replay",
        "name": "english",
        "languages": ["eng_Latn"],
        "language_names": {"eng_Latn": "English"},
        "templates": [],
        "tokenizer": {
            "name": "bpe",
            "path": str(TOKENIZER.path.parent),
            "sha256": TOKENIZER.sha256,
            "eos": None,
        },
        "eos_id": EOS,
        "vocab_size": 4022,
        "dtype": "uint16",
        "sequence_length": 8,
        "block_length": 16,
        "num_documents": 2,
        "num_tokens": 9,
        "num_padding": 7,
        "num_split_documents": 0,
        "num_sequences": 2,
        "segments": [
            {
                "path": "part-00000.npy",
                "dtype": "uint16",
                "byte_start": 0,
                "num_sequences": 2,
                "file_size": 32,
                "sha256": hashlib.sha256((tmp_path / "part-00000.npy").read_bytes()).hexdigest(),
            }
        ],
    }
    edit_manifest(tmp_path, lambda facts: facts.update(extra=1))
    with pytest.raises(DataError, match=r"is not a stream manifest \(extra"):
        read_stream_manifest(tmp_path)


@pytest.mark.parametrize(
    ("vocab_size", "dtype"), [(65_536, "uint16"), (65_537, "uint32"), (100_278, "uint32")]
)
def test_dtype_follows_the_largest_id(vocab_size: int, dtype: str) -> None:
    assert dtype_for(vocab_size) == dtype
