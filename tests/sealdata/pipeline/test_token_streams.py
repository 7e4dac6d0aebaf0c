"""Streams of token files made elsewhere: by reference, sampled, watched for change."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sealcli.show import show_build
from sealdata.build_manifest import read_build_manifest
from sealdata.dataset.build import Built, build
from sealdata.dataset.trace import trace
from sealdata.dataset.verify import problems
from sealdata.errors import ConfigError, DataError, SealError
from sealdata.files.places import sample_dir
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from sealdata.shards import token_files
from sealdata.shards.reader import view_sequence
from sealdata.shards.token_files import TokenRange, identified, measure, problems_of, sample
from sealdata.stages import external_tokens
from sealdata.tokenizers import open_tokenizer
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress
from sealtrain.data import open_streams

LENGTH = 32
TOKENIZER = open_tokenizer(sample_dir() / "tokenizers/bpe")
RECIPE: dict[str, Any] = {
    "name": "test",
    "source": [
        {
            "name": "pairs",
            "reader": "tsv",
            "options": {"layout": "pairs"},
            "path": "pairs.tsv",
            "src_lang": "eng_Latn",
            "tgt_lang": "ind_Latn",
        }
    ],
    "stream": [{"name": "olmo", "kind": "replay", "tokens": ["tokens/part-*.npy"]}],
    "tokenizer": {"path": "sample:tokenizers/bpe"},
    "validation": {"share": 0.1},
    "pack": {"sequence_length": LENGTH, "block_length": 2 * LENGTH},
}


def olmo_ids(count: int) -> np.ndarray:
    """Little documents end to end, as they lie in OLMo's files."""
    ids: list[int] = []
    while len(ids) < count:
        ids += [*TOKENIZER.encode([f"Document {len(ids)} of the base model."])[0].tolist()]
        ids.append(TOKENIZER.eos_id)
    return np.array(ids[:count], "<u4")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    lines = [f"Number {n} is here.\tNomor {n} ada di sini." for n in range(40)]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines))
    (tmp_path / "tokens").mkdir()
    olmo_ids(10 * LENGTH + 5).tofile(tmp_path / "tokens/part-000.npy")
    olmo_ids(20 * LENGTH + 7).tofile(tmp_path / "tokens/part-001.npy")
    return tmp_path


def built(base: Path, limit: int | None = None, **stream: Any) -> Built:
    streams = [{**RECIPE["stream"][0], **stream}]
    plan = Plan(Recipe.model_validate({**RECIPE, "stream": streams}), base)
    with LocalEngine(1) as engine:
        return build(plan, base / "out", engine, NoProgress(), limit)


def test_a_build_takes_them_where_they_lie(base: Path) -> None:
    manifest = built(base).manifest
    [pairs] = manifest.funnel
    assert (pairs.train, pairs.validation) == (37, 3)
    train, held = (row for row in manifest.streams if row.kind == "replay")
    assert (train.num_sequences, held.num_sequences) == (27, 3)
    assert (train.num_documents, train.num_padding, train.left_out_tokens) == (None, 0, 12)
    assert held.left_out_tokens == 0
    folder = base / "out/shards/train/replay/olmo"
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]  # nothing is copied
    segments = json.loads((folder / "manifest.json").read_text())["segments"]
    assert [(Path(s["path"]), s["byte_start"], s["num_sequences"]) for s in segments] == [
        (base / "tokens/part-000.npy", 0, 10),
        (base / "tokens/part-001.npy", 0, 17),
    ]
    assert "not counted" in (base / "out/report/index.html").read_text()
    assert problems(base / "out") == []


def test_the_trainer_reads_every_id_once(base: Path) -> None:
    built(base)
    read = []
    for split in ("train", "validation"):
        # The ids lie where they were, outside of the shards.
        streams = open_streams(base / "out/shards", split, allow_outside=True)
        stream = next(stream for stream in streams if stream.key == "replay/olmo")
        read += [stream.sequence(number) for number in range(len(stream))]
    parts = [olmo_ids(10 * LENGTH + 5)[: 10 * LENGTH], olmo_ids(20 * LENGTH + 7)[: 20 * LENGTH]]
    assert np.array_equal(np.concatenate(read), np.concatenate(parts))


def test_inspect_decodes_and_trace_says_why_it_cannot(base: Path) -> None:
    built(base)
    folder = base / "out/shards/train/replay/olmo"
    texts = [document.text for document in view_sequence(folder, 10).documents]
    assert texts[0] == "Document 0 of the base model."
    with pytest.raises(DataError, match="from elsewhere and have no sidecar"):
        trace(folder, 3)


def test_again_is_nothing_to_do_and_a_change_is_noticed(base: Path) -> None:
    first = built(base)
    assert first.fresh
    assert not built(base).fresh
    ids = olmo_ids(20 * LENGTH + 7)
    ids[40] = ids[41]
    ids.tofile(base / "tokens/part-001.npy")
    assert any("SHA-256 is not the manifest's" in line for line in problems(base / "out"))
    second = built(base)
    assert second.fresh
    assert second.manifest.build_key != first.manifest.build_key
    assert problems(base / "out") == []
    (base / "tokens/part-001.npy").write_bytes(ids.tobytes()[:-4])
    assert any("missing or not of" in line for line in problems(base / "out"))


def test_a_range_and_a_limit(base: Path) -> None:
    ranges = [{"path": "tokens/part-001.npy", "byte_start": 4 * LENGTH, "num_sequences": 5}]
    manifest = built(base, tokens=ranges).manifest
    counts = [row.num_sequences for row in manifest.streams if row.kind == "replay"]
    assert counts == [4, 1]
    limited = built(base, limit=12).manifest
    counts = [row.num_sequences for row in limited.streams if row.kind == "replay"]
    assert counts == [10, 2]
    assert read_build_manifest(base / "out").limit == 12


def test_ranges_that_begin_inside_a_document(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One range begins behind an EOS, one behind another id; the held out sequences follow it."""
    path = base / "tokens/part-001.npy"
    ids = olmo_ids(20 * LENGTH + 7)
    start = int(np.flatnonzero(ids == TOKENIZER.eos_id)[0]) + 1
    ranges = [
        {"path": str(path), "byte_start": 4 * start, "num_sequences": 3},
        {"path": str(path), "byte_start": 4 * (start + 3 * LENGTH + 2), "num_sequences": 7},
        {"path": "tokens/part-000.npy"},
    ]
    assert ids[start + 3 * LENGTH + 1] != TOKENIZER.eos_id
    result = built(base, tokens=ranges)
    train, held = (row for row in result.manifest.streams if row.kind == "replay")
    show_build(result.manifest, base / "out")
    assert "ranges of token files that begin inside a document: 1" in capsys.readouterr().out
    before_held = olmo_ids(10 * LENGTH)[8 * LENGTH - 1]
    assert (train.cut_documents, held.cut_documents) == (1, before_held != TOKENIZER.eos_id)
    first = view_sequence(base / "out/shards/train/replay/olmo", 3).documents[0]
    assert first.text == TOKENIZER.decode(ids[start + 3 * LENGTH + 2 :][: first.stop - first.ends])
    assert problems(base / "out") == []


def test_an_eos_that_the_recipe_names_is_known_to_all_that_read_the_build(base: Path) -> None:
    (base / "tok").mkdir()
    shutil.copy(TOKENIZER.path, base / "tok")  # without the tokenizer_config.json that names it
    table = {"path": "tok", "options": {"eos": "<|endoftext|>"}}
    plan = Plan(Recipe.model_validate({**RECIPE, "tokenizer": table}), base)
    with LocalEngine(1) as engine:
        build(plan, base / "out", engine, NoProgress(), None)
    assert problems(base / "out") == []
    documents = view_sequence(base / "out/shards/train/replay/olmo", 0).documents
    assert documents[0].text == "Document 0 of the base model."


@pytest.mark.parametrize("function", ["write_stream_manifest", "stream_manifest"])
def test_killed_and_started_again(
    base: Path, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off before and in the middle of a stream of references, then run again."""
    whole = built(base).manifest
    bytes_of = (base / "out/shards/train/replay/olmo/manifest.json").read_bytes()
    shutil.rmtree(base / "out")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(external_tokens, function, killed)
        with pytest.raises(KeyboardInterrupt):
            built(base)
    assert not (base / "out/manifest.json").exists()
    again = built(base)
    assert again.fresh
    assert again.manifest == whole
    assert (base / "out/shards/train/replay/olmo/manifest.json").read_bytes() == bytes_of
    assert problems(base / "out") == []


def test_monolingual_and_uint16(base: Path) -> None:
    olmo_ids(20 * LENGTH).astype("<u2").tofile(base / "two.npy")
    built(base, kind="monolingual", lang="ind_Latn", tokens=["two.npy"], dtype="uint16")
    view = view_sequence(base / "out/shards/train/monolingual/ind_Latn", 0)
    assert view.documents[0].text == "Document 0 of the base model."


def spoilt(base: Path, what: str) -> Path:
    path = base / "spoilt.npy"
    ids = olmo_ids(10 * LENGTH)
    if what == "numpy":
        np.save(path, ids)
    elif what == "vocabulary":
        ids[3 * LENGTH] = TOKENIZER.vocab_size
        ids.tofile(path)
    elif what == "uint16":
        ids.astype("<u2").tofile(path)
    elif what == "no_eos":
        ids[ids == TOKENIZER.eos_id] = ids[0]
        ids.tofile(path)
    elif what == "padding":
        ids[LENGTH:] = TOKENIZER.eos_id
        ids.tofile(path)
    elif what == "cut":
        path.write_bytes(ids.tobytes()[:-1])
    elif what == "short":
        ids[: LENGTH - 1].tofile(path)
    return path


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("numpy", "has the header that np.save writes"),
        ("vocabulary", "sequence 3 holds id .* outside the vocabulary"),
        ("uint16", "outside the vocabulary .* or not uint32"),
        ("no_eos", "0 of 320 sampled tokens are EOS"),
        ("padding", "of 320 sampled tokens are EOS"),
        ("cut", "size 1,279 is not a multiple of 4 bytes"),
        ("short", "less than one sequence of 32 uint32"),
        ("absent", "no file matches"),
    ],
)
def test_what_is_no_token_file_is_refused_before_work_begins(
    base: Path, what: str, message: str
) -> None:
    with pytest.raises(SealError, match=message):
        built(base, tokens=[str(spoilt(base, what))])
    assert not list((base / "out/work").glob("*-*"))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"byte_start": 2}, "byte_start 2 is not a multiple of 4"),
        ({"num_sequences": 11}, "takes 11 sequences of 32 tokens, but the file has 10"),
        ({"byte_start": 4 * 10**6}, "less than one sequence"),
    ],
)
def test_a_range_outside_its_file(base: Path, entry: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        built(base, tokens=[{"path": "tokens/part-000.npy", **entry}])


def test_held_out_sequences_may_have_no_eos(base: Path) -> None:
    """One sequence of ten is held out, in the middle of a document: too few to say anything."""
    ids = olmo_ids(10 * LENGTH)
    ids[9 * LENGTH :] = ids[0]
    ids.tofile(base / "long.npy")
    manifest = built(base, tokens=["long.npy"]).manifest
    counts = [row.num_sequences for row in manifest.streams if row.kind == "replay"]
    assert counts == [9, 1]
    assert problems(base / "out") == []


@pytest.mark.parametrize(("limit", "digests"), [(4 * LENGTH, ["digest"]), (4 * LENGTH - 1, [])])
def test_files_up_to_a_size_are_hashed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, digests: list[str]
) -> None:
    monkeypatch.setattr(token_files, "HASHED_BYTES", limit)
    monkeypatch.setattr(token_files, "_RANGE_BYTES", 16)
    olmo_ids(LENGTH).tofile(tmp_path / "ids.npy")
    files = measure([TokenRange(tmp_path / "ids.npy")], "uint32", LENGTH)
    known, [name] = identified(files, lambda path: "digest")
    assert [segment.sha256 for segment in known.segments if segment.sha256] == digests
    assert (name == "digest") == bool(digests)


def test_ranges_may_touch_but_not_overlap(base: Path) -> None:
    path = base / "tokens/part-000.npy"
    touching = [TokenRange(path, 0, 3), TokenRange(path, 4 * 3 * LENGTH, 4)]
    files = measure(touching, "uint32", LENGTH)
    assert [segment.num_sequences for segment in files.segments] == [3, 4]
    with pytest.raises(DataError, match="take the same sequences"):
        measure([TokenRange(path, 0, 3), TokenRange(path, 4 * 3 * LENGTH - 4, 4)], "uint32", LENGTH)


@pytest.mark.parametrize(
    ("ids", "start", "inside"),
    [([9, 5, 6], 0, False), ([9, 5, 6], 1, False), ([5, 5, 6], 1, True), ([5, 9, 6], 2, False)],
)
def test_a_range_begins_inside_a_document_if_no_eos_is_before_it(
    tmp_path: Path, ids: list[int], start: int, inside: bool
) -> None:
    np.array(ids, "<u4").tofile(tmp_path / "ids.npy")
    [segment] = measure([TokenRange(tmp_path / "ids.npy", 4 * start)], "uint32", 1).segments
    assert token_files.begins_inside(segment, eos_id=9) == inside


def test_what_a_recipe_may_not_say(base: Path) -> None:
    with pytest.raises(ConfigError, match="is an address"):
        built(base, tokens=["http://olmo-data.org/part-000-00000.npy"])
    with pytest.raises(DataError, match="take the same sequences"):
        built(base, tokens=["tokens/part-*.npy", "tokens/part-000.npy"])
    for wrong, message in (
        ({"path": "text.txt"}, "needs either path, from_pairs or tokens"),
        ({"mode": "whole"}, "tokens take no reader, options or mode"),
        ({"tokens": [], "path": "a.txt", "dtype": "uint16"}, "dtype is for tokens"),
    ):
        table = {**RECIPE["stream"][0], **wrong}
        with pytest.raises(ValueError, match=re.escape(message)):
            Recipe.model_validate({**RECIPE, "stream": [table]})


def test_large_files_are_known_by_a_sample(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = base / "large.npy"
    monkeypatch.setattr(token_files, "HASHED_BYTES", 1 << 20)
    olmo_ids(20 * LENGTH).tofile(path)
    with path.open("r+b") as file:
        file.truncate(4 << 20)  # zeros: 32,768 sequences

    def name() -> str:
        files = measure([TokenRange(path)], "uint32", LENGTH)
        known, (found,) = identified(files, lambda _: "never asked")
        assert known.segments[0].sha256 is None
        return found

    before = name()
    assert name() == before
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert name() != before
    segment = measure([TokenRange(path)], "uint32", LENGTH).segments[0]
    numbers = [number for number, _ in sample(segment, LENGTH)]
    assert (len(numbers), numbers[0], numbers[-1]) == (4096, 0, 32_767)
    assert "outside the vocabulary" in problems_of([segment], LENGTH, vocab_size=5, eos_id=0)[0]
