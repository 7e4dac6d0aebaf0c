"""Token streams: what is read, what is ignored, what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tiny_shards import LENGTH, pair_documents
from tokenizers import Tokenizer

from sealtrain.data import (
    IGNORED,
    labels_of,
    open_stream,
    open_streams,
    positions_of,
    tokenizer_folder,
)
from sealtrain.errors import DataError

X = IGNORED


@pytest.mark.parametrize(
    ("ids", "labels", "positions"),
    [
        # EOS is 0: nothing is predicted from it, and what follows is a new document
        ([5, 6, 0, 7, 8, 9], [6, 0, X, 8, 9, X], [0, 1, 2, 0, 1, 2]),
        ([5, 0, 0, 0], [0, X, X, X], [0, 1, 0, 0]),  # padding is a run of EOS
        ([0, 5, 6, 0], [X, 6, 0, X], [0, 0, 1, 2]),
        ([5, 6, 7], [6, 7, X], [0, 1, 2]),  # the middle of a document
    ],
)
def test_labels_and_positions(ids: list[int], labels: list[int], positions: list[int]) -> None:
    rows = np.array([ids, ids])
    assert labels_of(rows, 0).tolist() == [labels, labels]
    assert positions_of(rows, 0).tolist() == [positions, positions]


def test_sequences_are_the_bytes_of_the_file(shards: Path) -> None:
    stream = open_stream(shards / "train/parallel/eng_Latn-tha_Thai/manifest.json")
    payload = np.fromfile(stream.folder / "part-00000.npy", dtype="<u2")
    read = np.concatenate([stream.sequence(i) for i in range(len(stream))])
    assert read.dtype == np.int64
    assert read.tolist() == payload.tolist()


def test_streams_come_by_kind_and_name(shards: Path) -> None:
    assert [stream.key for stream in open_streams(shards, "train")] == [
        "parallel/eng_Latn-ind_Latn",
        "parallel/eng_Latn-tha_Thai",
        "parallel/tha_Thai-eng_Latn",
        "monolingual/tha_Thai",
        "replay/english",
    ]


@pytest.fixture
def copy(shards: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shards, tmp_path / "shards"))


def edit(manifest: Path, **changes: object) -> None:
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))


def test_segments_from_elsewhere(copy: Path, tmp_path: Path) -> None:
    """Two files of other types, one of them entered in its middle, make one stream."""
    first = np.arange(3 * LENGTH, dtype="<u4") % 300
    second = np.arange(LENGTH, dtype="<u2") % 300
    first.tofile(tmp_path / "a.npy")
    second.tofile(tmp_path / "b.npy")
    manifest = copy / "train/replay/english/manifest.json"
    segments = [
        {"path": str(tmp_path / "a.npy"), "dtype": "uint32", "byte_start": LENGTH * 4,
         "num_sequences": 2, "file_size": first.nbytes, "sha256": None},
        {"path": str(tmp_path / "b.npy"), "dtype": "uint16", "byte_start": 0,
         "num_sequences": 1, "file_size": second.nbytes, "sha256": None},
    ]  # fmt: skip
    edit(manifest, segments=segments, num_sequences=3)
    stream = open_stream(manifest)
    rows = [stream.sequence(i).tolist() for i in range(3)]
    expected = [first[LENGTH : 2 * LENGTH], first[2 * LENGTH :], second]
    assert rows == [row.tolist() for row in expected]


def test_no_shards_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        open_streams(Path("builds/quickstart/shards"), "train")
    assert str(caught.value) == (
        "no shards at builds/quickstart/shards; run `sealdata build quickstart` first"
    )
    with pytest.raises(DataError, match="no train streams"):
        open_streams(tmp_path, "train")


def test_broken_files_are_refused(copy: Path) -> None:
    folder = copy / "train/parallel/eng_Latn-tha_Thai"
    payload = (folder / "part-00000.npy").read_bytes()
    (folder / "part-00000.npy").write_bytes(payload[:-2])
    with pytest.raises(DataError, match=rf"{len(payload) - 2} bytes, its manifest says"):
        open_streams(copy, "train")
    (folder / "part-00000.npy").unlink()
    with pytest.raises(DataError, match=r"part-00000\.npy: missing"):
        open_streams(copy, "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not a stream manifest: format"),
        ({"version": 2}, "not a stream manifest: version"),
        ({"num_sequences": 1}, "1 sequences, its segments hold"),
        ({"num_sequences": 0, "segments": []}, "0 sequences, its segments hold 0"),
        ({"eos_id": 1}, "differ in sequence length, EOS, vocabulary or tokenizer"),
        ({"sequence_length": LENGTH * 2}, "its manifest.s segment ends at"),
    ],
)
def test_broken_manifests_are_refused(copy: Path, changes: dict[str, object], message: str) -> None:
    edit(copy / "train/parallel/eng_Latn-tha_Thai/manifest.json", **changes)
    with pytest.raises(DataError, match=message):
        open_streams(copy, "train")


def test_unknown_ids_are_refused(copy: Path) -> None:
    manifest = copy / "train/replay/english/manifest.json"
    edit(manifest, vocab_size=5)
    with pytest.raises(DataError, match=r"sequence 0 of replay/english holds id \d+, but"):
        open_stream(manifest).sequence(0)


def test_another_tokenizer_is_refused(copy: Path) -> None:
    stream = open_streams(copy, "train")[0]
    assert tokenizer_folder(stream) == (copy / "tokenizer").resolve()
    path = copy / "tokenizer/tokenizer.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(DataError, match="not the tokenizer that made parallel/eng_Latn-ind_Latn"):
        tokenizer_folder(stream)
    path.unlink()
    with pytest.raises(DataError, match="not the tokenizer"):
        tokenizer_folder(stream)


def test_of_a_pair_only_the_target_is_learnt(shards: Path) -> None:
    """The labels left are the second line and the EOS of each document, and nothing else."""
    stream = open_stream(shards / "train/parallel/eng_Latn-tha_Thai/manifest.json")
    tokenizer = Tokenizer.from_file(str(shards / "tokenizer/tokenizer.json"))
    learnt: list[int] = []
    for number in range(len(stream)):
        ids, labels = stream.labelled(number, target_only=True)
        kept = labels != IGNORED
        assert labels[kept].tolist() == ids[1:][kept[:-1]].tolist()
        learnt += labels[kept].tolist()
    expected, start = [], 0
    for document in pair_documents("eng_Latn", "tha_Thai"):
        prompt = tokenizer.encode(document.split("\n")[0]).ids
        tokens = [*tokenizer.encode(document).ids, stream.manifest.eos_id]
        assert tokens[: len(prompt)] == prompt
        places = range(len(prompt), len(tokens))
        # the first token of a sequence is nobody's label
        expected += [tokens[place] for place in places if (start + place) % LENGTH]
        start += len(tokens)
    assert learnt == expected
    replay = open_stream(shards / "train/replay/english/manifest.json")
    for ours, theirs in zip(replay.labelled(0, True), replay.labelled(0, False), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_a_prompt_may_cross_sequences_and_files(tmp_path: Path) -> None:
    """Two files of two sequences of four: brute force over documents (start, prompt)."""
    ids = np.arange(1, 17, dtype="<u2")
    documents = [(0, 1), (3, 6), (12, 0), (13, 3)]  # the second ends two tokens into file 2
    segments = []
    for part in (0, 1):
        ids[8 * part : 8 * part + 8].tofile(tmp_path / f"part-{part}.npy")
        begun = [(start, prompt) for start, prompt in documents if start // 8 == part]
        sidecar = [(start // 4, start % 4, prompt) for start, prompt in begun]
        pl.DataFrame(sidecar, ["sequence", "offset", "prompt"], orient="row").cast(
            pl.UInt32
        ).write_parquet(tmp_path / f"part-{part}.docs.parquet")
        segments.append(
            {"path": f"part-{part}.npy", "dtype": "uint16", "byte_start": 0,
             "num_sequences": 2, "file_size": 16}
        )  # fmt: skip
    manifest = {
        "format": "sealdata-stream", "version": 1, "kind": "parallel", "name": "x", "languages": [],
        "language_names": {}, "templates": [], "tokenizer": {"path": "", "sha256": ""},
        "eos_id": 0, "vocab_size": 20, "sequence_length": 4, "num_sequences": 4,
        "segments": segments,
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    stream = open_stream(tmp_path / "manifest.json")
    prompt = {token for start, length in documents for token in range(start, start + length)}
    for number in range(4):
        labels = stream.labelled(number, target_only=True)[1].tolist()
        after = range(4 * number + 1, 4 * number + 4)
        assert labels == [X if token in prompt else ids[token] for token in after] + [X]


def test_without_the_sidecar_no_prompt_is_known(copy: Path) -> None:
    stream = open_stream(copy / "train/parallel/eng_Latn-tha_Thai/manifest.json")
    (stream.folder / "part-00000.docs.parquet").unlink()
    stream.labelled(0, target_only=False)
    with pytest.raises(DataError, match=r'docs\.parquet: missing, but train\.loss_on = "target"'):
        stream.labelled(0, target_only=True)
