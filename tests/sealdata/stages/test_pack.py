"""The pack stage: every pair once per direction, in hashed order, the same bytes every time."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from sealdata.component import load
from sealdata.files.frames import read_frame, write_frame
from sealdata.files.places import sample_dir
from sealdata.files.records import PartRecord
from sealdata.formats.documents import PairFormat
from sealdata.pairs import make_pairs
from sealdata.readers import Source
from sealdata.shards.manifest import Kind, Split, read_stream_manifest
from sealdata.shards.reader import PackedStream, view_sequence
from sealdata.shards.shuffle import row_keys
from sealdata.shards.verify import verify_stream
from sealdata.stages import pack
from sealdata.stages.pack import Layout, Pack, PairOrigin, StreamLabel, TextOrigin
from sealdata.text.hashing import key_hashes, mix
from sealdata.tokenizers import open_tokenizer

SAMPLE = sample_dir()
TOKENIZER = open_tokenizer(SAMPLE / "tokenizers" / "bpe")
PAPER = "{first_name}: {first}\n{second_name}: {second}"
WHOLE = Layout("whole", sequence_length=256, block_length=1024, lookahead=20)


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, ...]:
    """163 sentences of the bundled corpus with their Thai, in two files."""
    english, thai = (
        (SAMPLE / "text" / f"{code}.txt").read_text("utf-8").splitlines()
        for code in ("eng_Latn", "tha_Thai")
    )
    frame = make_pairs(list(zip(english, thai, strict=True)), tgt_lang="tha_Thai")
    frame = frame.with_columns(pl.lit(0.9).alias("laser.cosine"))
    files = tmp_path / "train-00000.parquet", tmp_path / "train-00001.parquet"
    write_frame(frame[:100], files[0])
    write_frame(frame[100:], files[1])
    return files


def parallel(
    files: tuple[Path, ...], *, english_first: bool = True, halved: bool = False, seed: int = 1
) -> Pack:
    form = PairFormat("tha_Thai", english_first, halved, (PAPER,), (1.0,), "english")
    label = StreamLabel(
        "train",
        "parallel",
        "-".join(form.languages),
        form.languages,
        form.language_names,
        form.templates,
    )
    return Pack(label, PairOrigin(files, form), TOKENIZER, WHOLE, seed)


def run(job: Pack, folder: Path) -> tuple[PartRecord, Path]:
    record = job("packed", folder)
    tokenizer = folder.parent.parent / "tokenizer"
    tokenizer.parent.mkdir(parents=True, exist_ok=True)
    if not tokenizer.exists():
        tokenizer.symlink_to(SAMPLE / "tokenizers" / "bpe")
    return record, folder / pack.STREAM


def rows_of(stream: Path) -> pl.DataFrame:
    return pl.concat([read_frame(path) for path in sorted(stream.glob("*.docs.parquet"))])


def texts_of(stream: Path) -> list[str]:
    count = len(PackedStream(stream))
    views = (view_sequence(stream, number) for number in range(count))
    return [document.text for view in views for document in view.documents]


def bytes_of(stream: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in stream.iterdir()}


def test_every_pair_becomes_one_document(pairs: tuple[Path, ...], tmp_path: Path) -> None:
    record, stream = run(parallel(pairs), tmp_path / "shards" / "a" / "b")
    assert (record.rows_in, record.rows_out, record.dropped) == (163, 163, {})
    assert verify_stream(stream) == []
    frame = pl.concat([read_frame(file) for file in pairs])
    wanted = [f"English: {src}\nThai: {tgt}" for src, tgt in frame.select("src", "tgt").rows()]
    manifest = read_stream_manifest(stream)
    assert sorted(texts_of(stream)) == sorted(wanted)
    assert manifest.num_tokens == len(TOKENIZER.encode(wanted).ids) + 163
    assert rows_of(stream)["row"].sort().to_list() == list(range(163))
    assert rows_of(stream)["source"].unique().to_list() == ["memory"]
    assert manifest.name == "eng_Latn-tha_Thai"
    assert manifest.languages == ["eng_Latn", "tha_Thai"]
    assert manifest.language_names == {"eng_Latn": "English", "tha_Thai": "Thai"}
    assert manifest.templates == [PAPER]
    assert manifest.tokenizer.path == "../../../tokenizer"
    assert (manifest.eos_id, manifest.vocab_size, manifest.dtype) == (4001, 4022, "uint16")
    assert record.facts == {
        "empty": False,
        "split": "train",
        "kind": "parallel",
        "name": "eng_Latn-tha_Thai",
        "languages": ["eng_Latn", "tha_Thai"],
        "num_documents": 163,
        "num_tokens": manifest.num_tokens,
        "num_padding": manifest.num_padding,
        "num_split_documents": manifest.num_split_documents,
        "num_sequences": manifest.num_sequences,
        "sidecar_bytes": {},
    }


def test_order_is_hashed_not_that_of_the_files(pairs: tuple[Path, ...], tmp_path: Path) -> None:
    concat = Layout("concat", 64, 256, 20)
    job = parallel(pairs)
    job = Pack(job.label, job.origin, job.tokenizer, concat, job.seed)
    _, stream = run(job, tmp_path / "shards" / "a" / "b")
    frame = pl.concat([read_frame(file) for file in pairs])
    expected = frame.with_columns(key=row_keys(frame, seed=1)).sort("key")["row"]
    assert rows_of(stream)["row"].to_list() == expected.to_list()
    assert not expected.is_sorted()


def test_bytes_do_not_depend_on_files_partitions_or_leftovers(
    pairs: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = run(parallel(pairs), tmp_path / "shards" / "a" / "b")
    joined = tmp_path / "train-joined.parquet"
    write_frame(pl.concat([read_frame(file) for file in reversed(pairs)]), joined)
    folder = tmp_path / "shards" / "a" / "c"
    for leftover in (folder / pack.STREAM, folder / ".shuffle"):
        leftover.mkdir(parents=True)
        (leftover / "part-00099.npy").write_text("of a killed run")
    monkeypatch.setattr(pack, "PARTITION_BYTES", 2000)
    monkeypatch.setattr(pack, "READ_ROWS", 17)
    _, second = run(parallel((joined,)), folder)
    assert bytes_of(first) == bytes_of(second)
    assert not (folder / ".shuffle").exists()
    _, other = run(parallel(pairs, seed=2), tmp_path / "shards" / "a" / "d")
    assert bytes_of(first) != bytes_of(other)


def test_random_splits_the_pairs_between_the_directions(
    pairs: tuple[Path, ...], tmp_path: Path
) -> None:
    there, one = run(parallel(pairs, halved=True), tmp_path / "shards" / "a" / "b")
    back, other = run(
        parallel(pairs, english_first=False, halved=True), tmp_path / "shards" / "a" / "c"
    )
    assert there.rows_out + back.rows_out == 163
    assert there.dropped == {"other_direction": back.rows_out}
    rows = [*rows_of(one)["row"], *rows_of(other)["row"]]
    assert sorted(rows) == list(range(163))
    assert read_stream_manifest(other).languages == ["tha_Thai", "eng_Latn"]


def test_an_empty_stream_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "validation-00000.parquet"
    write_frame(make_pairs([]), file)
    record, stream = run(parallel((file,)), tmp_path / "shards" / "a" / "b")
    assert not stream.exists()
    assert record.facts["empty"] is True
    assert (record.rows_in, record.rows_out, record.facts["num_sequences"]) == (0, 0, 0)


def documents_of(path: Path, kind: Kind, split: Split, limit: int | None = None) -> Pack:
    source = Source("english", path, "eng_Latn")
    origin = TextOrigin(load("readers", "text"), source, share=0.2, split=split, limit=limit)
    label = StreamLabel(split, kind, "english", ("eng_Latn",), {"eng_Latn": "English"})
    return Pack(label, origin, TOKENIZER, Layout("concat", 64, 256, 20), seed=1)


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    path = tmp_path / "replay.jsonl.gz"
    lines = [json.dumps({"text": f"Document {n} of the <|endoftext|> kind."}) for n in range(200)]
    path.write_bytes(gzip.compress("\n".join([*lines, "no json", '{"text": " "}']).encode()))
    return path


def test_replay_is_split_by_the_hash_of_its_text(replay: Path, tmp_path: Path) -> None:
    train, one = run(documents_of(replay, "replay", "train"), tmp_path / "shards" / "a" / "b")
    held, other = run(documents_of(replay, "replay", "validation"), tmp_path / "shards" / "a" / "c")
    assert train.rows_in == held.rows_in == 202
    assert train.rows_out + held.rows_out == 200
    assert 20 < held.rows_out < 60
    assert train.dropped == {"bad_json": 1, "empty_text": 1, "other_split": held.rows_out}
    assert verify_stream(one) == verify_stream(other) == []
    texts = pl.DataFrame({"text": [f"Document {n} of the <|endoftext|> kind." for n in range(200)]})
    hashes = mix(key_hashes(texts, ["text"])["text"], 1)
    expected = (hashes < int(0.2 * 2**64)).arg_true().to_list()
    assert rows_of(other)["row"].sort().to_list() == expected
    assert texts["text"][expected[0]] in "".join(texts_of(other))
    assert read_stream_manifest(one).templates == []


def test_limit_reads_only_the_first_records(replay: Path, tmp_path: Path) -> None:
    record, stream = run(
        documents_of(replay, "replay", "train", limit=50), tmp_path / "shards" / "a" / "b"
    )
    assert record.rows_in == 50
    assert rows_of(stream)["row"].max() < 50  # type: ignore[operator]


def test_params_name_all_that_matters(pairs: tuple[Path, ...]) -> None:
    job = parallel(pairs)
    params = json.dumps(job.params())
    assert TOKENIZER.sha256 in params
    assert str(pairs[0].parent) not in params
    assert params != json.dumps(parallel(pairs, seed=2).params())
