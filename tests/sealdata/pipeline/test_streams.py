"""From a recipe to the streams it asks for: which there are, and what changes their keys."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from sealdata.errors import ConfigError
from sealdata.files.frames import write_frame
from sealdata.files.places import sample_dir
from sealdata.files.records import file_sha256
from sealdata.pairs import make_pairs
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.streams import PairFiles, Stream, plan_streams
from sealdata.recipe.tables import Recipe
from sealdata.shards.reader import view_sequence
from sealdata.shards.verify import verify_stream
from sealdata.stages.pack import STREAM
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress
from sealdata.workflow.run_stages import run_stages

RECIPE: dict[str, Any] = {
    "name": "test",
    "source": [
        {"name": "s", "reader": "tsv", "path": "s", "src_lang": "eng_Latn", "tgt_lang": "ind_Latn"}
    ],
    "stream": [
        {"name": "english", "kind": "replay", "path": "replay.txt"},
        {"name": "mono", "kind": "monolingual", "path": "mono.txt", "lang": "id"},
    ],
    "tokenizer": {"path": "sample:tokenizers/bpe"},
    "validation": {"share": 0.3},
    "pack": {"sequence_length": 32, "block_length": 64},
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "replay.txt").write_text("\n".join(f"Document {n}." for n in range(30)))
    (tmp_path / "mono.txt").write_text("\n".join(f"Dokumen {n}." for n in range(30)))
    for split, count in (("train", 20), ("validation", 2)):
        pairs = make_pairs([(f"Number {n}.", f"Nomor {n}.") for n in range(count)])
        write_frame(pairs, tmp_path / f"{split}-00000.parquet")
    return tmp_path


def streams_of(base: Path, **changes: Any) -> list[Stream]:
    plan = Plan(Recipe.model_validate({**RECIPE, **changes}), base)
    pairs = [
        PairFiles("ind_Latn", split, (base / f"{split}-00000.parquet",), (f"key-{split}",))
        for split in ("train", "validation")
    ]
    return plan_streams(plan, pairs, file_sha256)  # type: ignore[arg-type]


PLACES = [
    "train/parallel/eng_Latn-ind_Latn",
    "train/parallel/ind_Latn-eng_Latn",
    "validation/parallel/eng_Latn-ind_Latn",
    "validation/parallel/ind_Latn-eng_Latn",
    "train/replay/english",
    "validation/replay/english",
    "train/monolingual/ind_Latn",
    "validation/monolingual/ind_Latn",
]


def test_places(base: Path) -> None:
    streams = streams_of(base)
    assert [stream.path for stream in streams] == PLACES
    assert len({stream.stage.key for stream in streams}) == len(PLACES)
    assert [stream.path for stream in streams_of(base, format={"directions": "x-en"})][:2] == [
        "train/parallel/ind_Latn-eng_Latn",
        "validation/parallel/ind_Latn-eng_Latn",
    ]


def test_replay_goes_end_to_end_and_pairs_stay_whole(base: Path) -> None:
    def modes(streams: list[Stream]) -> list[str]:
        return [stream.stage.params["layout"]["mode"] for stream in streams]

    assert modes(streams_of(base)) == ["whole"] * 4 + ["concat"] * 2 + ["whole"] * 2
    own = [{**RECIPE["stream"][0], "mode": "whole"}]
    assert modes(streams_of(base, stream=own)) == ["whole"] * 6
    ends = {**RECIPE["pack"], "mode": "concat"}
    assert set(modes(streams_of(base, pack=ends))) == {"concat"}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"pack": {"sequence_length": 16, "block_length": 64}},
        {"tokenizer": {"path": "sample:tokenizers/unigram"}},
    ],
)
def test_what_changes_every_stream(base: Path, change: dict[str, Any]) -> None:
    before = {stream.stage.key for stream in streams_of(base)}
    assert not before & {stream.stage.key for stream in streams_of(base, **change)}


def test_what_changes_some_streams(base: Path) -> None:
    before = [stream.stage.key for stream in streams_of(base)]
    after = [s.stage.key for s in streams_of(base, format={"names": "autonym"})]
    changed = [old != new for old, new in zip(before, after, strict=True)]
    assert changed == [True] * 4 + [False] * 2 + [True] * 2
    (base / "replay.txt").write_text("Another document.")
    after = [stream.stage.key for stream in streams_of(base)]
    assert [old != new for old, new in zip(before, after, strict=True)] == [
        *[False] * 4, *[True] * 2, *[False] * 2
    ]  # fmt: skip


def test_two_streams_in_one_place(base: Path) -> None:
    table = RECIPE["stream"][1]
    with pytest.raises(ConfigError, match=r"two .* tables make train/monolingual/ind_Latn"):
        streams_of(base, stream=[table, {**table, "name": "more"}])


def test_all_streams_run_side_by_side(base: Path) -> None:
    streams = streams_of(base)
    with LocalEngine(1) as engine:
        done = run_stages([s.stage for s in streams], base / "work", engine, NoProgress())
    counts = [one.records[0].facts["num_documents"] for one in done]
    assert counts[:4] == [20, 20, 2, 2]
    assert sum(counts[4:6]) == sum(counts[6:]) == 30
    for one in done:
        problems = verify_stream(one.folder / STREAM)
        # the tokenizer is placed by the build
        assert [problem for problem in problems if "no tokenizer at" not in problem] == []


SIDES = [
    {"name": "ind", "kind": "monolingual", "from_pairs": True, "lang": "ind_Latn"},
    {"name": "eng", "kind": "monolingual", "from_pairs": True, "lang": "eng_Latn"},
]


def test_the_sides_of_pairs_are_streams_of_their_own(base: Path, tmp_path: Path) -> None:
    streams = [s for s in streams_of(base, stream=SIDES) if s.label.kind == "monolingual"]
    assert [stream.path for stream in streams] == [
        "train/monolingual/ind_Latn",
        "validation/monolingual/ind_Latn",
        "train/monolingual/eng_Latn",
        "validation/monolingual/eng_Latn",
    ]
    done = run_stages([s.stage for s in streams], tmp_path / "w", LocalEngine(1), NoProgress())
    shutil.copytree(sample_dir() / "tokenizers/bpe", tmp_path / "shards/tokenizer")
    texts = {}
    for stream, one in zip(streams, done, strict=True):
        record = one.records[0]
        assert record.rows_in == record.rows_out == (20 if stream.label.split == "train" else 2)
        folder = tmp_path / "shards" / stream.path
        shutil.copytree(one.folder / STREAM, folder)
        assert verify_stream(folder) == []
        last = 1 if stream.label.split == "validation" else 3
        views = [view_sequence(folder / "part-00000.npy", n) for n in range(last)]
        texts[stream.path] = [(d.row, d.text) for view in views for d in view.documents]
    indonesian, english = texts["train/monolingual/ind_Latn"], texts["train/monolingual/eng_Latn"]
    assert all(text == f"Nomor {row}." for row, text in indonesian)
    assert all(text == f"Number {row}." for row, text in english)
    # taken apart: where one side stands says nothing of the other
    assert [row for row, _ in indonesian][:8] != [row for row, _ in english][:8]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"path": "x.txt", "from_pairs": True}, "needs either path, from_pairs or tokens"),
        ({}, "needs either path, from_pairs or tokens"),
        ({"from_pairs": True, "kind": "replay"}, "only monolingual text comes from_pairs"),
        ({"from_pairs": True, "lang": "tha_Thai"}, "no source has tha_Thai"),
    ],
)
def test_a_stream_has_one_origin(table: dict[str, Any], message: str) -> None:
    stream = {"name": "x", "kind": "monolingual", "lang": "ind_Latn", **table}
    with pytest.raises(ValueError, match=message):
        Recipe.model_validate({**RECIPE, "stream": [stream]})
