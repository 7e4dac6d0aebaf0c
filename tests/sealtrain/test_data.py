"""Token streams: what is read, which labels are ignored, and what is refused."""

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
        # EOS is 0: it predicts nothing, and a new document follows it
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


def test_sequences_have_the_ids_of_the_file(shards: Path) -> None:
    stream = open_stream(shards / "train/parallel/eng_Latn-tha_Thai/manifest.json")
    payload = np.fromfile(stream.folder / "part-00000.npy", dtype="<u2")
    read = np.concatenate([stream.sequence(i) for i in range(len(stream))])
    assert read.dtype == np.int64
    assert read.tolist() == payload.tolist()


def test_streams_are_ordered_by_kind_and_name(shards: Path) -> None:
    assert [stream.key for stream in open_streams(shards, "train")] == [
        "parallel/eng_Latn-ind_Latn",
        "parallel/eng_Latn-tha_Thai",
        "parallel/tha_Thai-eng_Latn",
        "monolingual/tha_Thai",
        "replay/english",
    ]


@pytest.fixture
def copy(shards: Path, tmp_path: Path) -> Path:
    """The shards, for a test to change."""
    return Path(shutil.copytree(shards, tmp_path / "shards"))


def edit(manifest: Path, **changes: object) -> None:
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))


def test_segments_of_files_from_elsewhere(copy: Path, tmp_path: Path) -> None:
    """Two files of different dtypes make one stream; the first segment begins inside its file."""
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
    # an address counts tokens from the beginning of the file, as `sealdata trace` does
    assert [stream.address(i).removeprefix(f"{tmp_path}/") for i in range(3)] == [
        f"a.npy:{LENGTH}",
        f"a.npy:{2 * LENGTH}",
        "b.npy:0",
    ]


def test_missing_shards_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        ({"vocab_size": 401}, "differ in sequence length, EOS, vocabulary or tokenizer"),
        (
            {"tokenizer": {"path": "../../../tokenizer", "sha256": "0"}},
            "differ in sequence length, EOS, vocabulary or tokenizer",
        ),
        ({"sequence_length": LENGTH * 2}, "its manifest.s segment ends at"),
    ],
)
def test_broken_manifests_are_refused(copy: Path, changes: dict[str, object], message: str) -> None:
    edit(copy / "train/parallel/eng_Latn-tha_Thai/manifest.json", **changes)
    with pytest.raises(DataError, match=message):
        open_streams(copy, "train")


def test_a_segment_must_end_inside_its_file(copy: Path) -> None:
    manifest = copy / "train/replay/english/manifest.json"
    [segment] = json.loads(manifest.read_text())["segments"]
    size = segment["file_size"]
    edit(manifest, segments=[{**segment, "byte_start": 2}])
    with pytest.raises(DataError, match=rf"{size} bytes, but its .* segment ends at {size + 2}$"):
        open_stream(manifest)


def test_ids_outside_the_vocabulary_are_refused(copy: Path) -> None:
    manifest = copy / "train/replay/english/manifest.json"
    ids = open_stream(manifest).sequence(0)
    edit(manifest, vocab_size=int(ids.max()) + 1)
    assert open_stream(manifest).sequence(0).tolist() == ids.tolist()
    edit(manifest, vocab_size=int(ids.max()))
    with pytest.raises(DataError, match=rf"sequence 0 of replay/english holds id {ids.max()}, but"):
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


def test_only_the_target_of_a_pair_has_labels(shards: Path) -> None:
    """The labels are exactly the second line and the EOS of each document."""
    stream = open_stream(shards / "train/parallel/eng_Latn-tha_Thai/manifest.json")
    tokenizer = Tokenizer.from_file(str(shards / "tokenizer/tokenizer.json"))
    actual: list[int] = []
    for number in range(len(stream)):
        ids, labels = stream.labelled(number, target_only=True)
        kept = labels != IGNORED
        assert labels[kept].tolist() == ids[1:][kept[:-1]].tolist()
        actual += labels[kept].tolist()
    expected, start = [], 0
    for document in pair_documents("eng_Latn", "tha_Thai"):
        prompt = tokenizer.encode(document.split("\n")[0]).ids
        tokens = [*tokenizer.encode(document).ids, stream.manifest.eos_id]
        assert tokens[: len(prompt)] == prompt
        target = range(len(prompt), len(tokens))
        # the first token of a sequence is never a label
        expected += [tokens[i] for i in target if (start + i) % LENGTH]
        start += len(tokens)
    assert actual == expected
    replay = open_stream(shards / "train/replay/english/manifest.json")
    ids, labels = replay.labelled(0, target_only=True)
    assert labels.tolist() == labels_of(ids[None], replay.manifest.eos_id)[0].tolist()


def test_a_prompt_may_cross_sequences_and_files(tmp_path: Path) -> None:
    """Two files of two sequences of four tokens, by brute force over documents (start, prompt)."""
    ids = np.arange(1, 17, dtype="<u2")
    # the prompt of the second ends two tokens into file 2, so one label there depends on file 1
    documents = [(0, 1), (3, 7), (12, 0), (13, 3)]
    segments = []
    for part in (0, 1):
        ids[8 * part : 8 * part + 8].tofile(tmp_path / f"part-{part}.npy")
        in_file = [(start, prompt) for start, prompt in documents if start // 8 == part]
        sidecar = [(start // 4, start % 4, prompt) for start, prompt in in_file]
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


def test_a_missing_sidecar_is_an_error_where_it_is_needed(copy: Path) -> None:
    stream = open_stream(copy / "train/parallel/eng_Latn-tha_Thai/manifest.json")
    (stream.folder / "part-00000.docs.parquet").unlink()
    stream.labelled(0, target_only=False)
    with pytest.raises(DataError, match=r'docs\.parquet: missing, but train\.loss_on = "target"'):
        stream.labelled(0, target_only=True)
