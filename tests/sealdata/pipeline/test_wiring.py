"""Every value of a recipe reaches the step that it is for: what the stages of a build recorded."""

from pathlib import Path
from typing import Any

import pytest

from sealdata.dataset.audit import audit_recipe
from sealdata.dataset.build import Built, build
from sealdata.files.records import read_json
from sealdata.pipeline import run
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.run import FIRST_RUN
from sealdata.recipe.tables import Recipe
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

# No value is a default, and no two values of one kind are equal.
RECIPE: dict[str, Any] = {
    "name": "wiring",
    "seed": 7,
    "part_rows": 30,
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
    "stream": [
        {"name": "text", "kind": "monolingual", "lang": "ind_Latn", "path": "text.txt"},
        {"name": "sides", "kind": "monolingual", "lang": "eng_Latn", "from_pairs": True},
    ],
    "score": {"length": {}},
    "rule": [{"reason": "too_long", "score": "length.src_chars", "max": 900}],
    "decontaminate": {"refs": ["evaluation"], "containment": 0.7, "min_chars": 11},
    "caps": {"max_per_src": 3, "max_per_tgt": 5, "score": "length.src_chars"},
    "near_dedup": {"jaccard": 0.9},
    "validation": {"share": 0.3, "max_pairs": 9},
    "tokenizer": {"path": "sample:tokenizers/bpe"},
    "format": {
        "templates": ["{first}\n{second}", "{first} = {second}"],
        "weights": [3, 1],
        "names": "autonym",
    },
    "pack": {
        "sequence_length": 32,
        "block_length": 96,
        "lookahead": 6,
        "sidecars": ["megatron"],
    },
}
NUM_PAIRS, NUM_TEXTS = 40, 40


class Weights(NoProgress):
    """Records the weight of each source, by which the time left is estimated."""

    def __init__(self) -> None:
        self.weights: list[float | None] = []

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        self.weights.append(weight)


def make(base: Path, limit: int | None = None) -> tuple[Built, Weights]:
    plan = Plan(Recipe.model_validate(RECIPE), base)
    shown = Weights()
    with LocalEngine(1) as engine:
        return build(plan, base / "out", engine, shown, limit), shown


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wiring")
    pairs = [f"Number {n} is here.\tNomor {n} ada di sini.\n" for n in range(NUM_PAIRS)]
    (folder / "pairs.tsv").write_text("".join(pairs))
    (folder / "text.txt").write_text("".join(f"Kalimat nomor {n}.\n" for n in range(NUM_TEXTS)))
    (folder / "evaluation").mkdir()
    (folder / "evaluation/eng_Latn.txt").write_text("This sentence is in no source at all.\n")
    _, shown = make(folder)
    assert shown.weights == [(folder / "pairs.tsv").stat().st_size]
    return folder


@pytest.fixture(scope="module")
def stages(base: Path) -> dict[str, list[dict[str, Any]]]:
    """The manifests of all finished stages, by name."""
    manifests: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((base / "out/work").glob("*/manifest.json")):
        manifest = read_json(path)
        manifests.setdefault(manifest["stage"], []).append(manifest)
    return manifests


def params(stages: dict[str, list[dict[str, Any]]], name: str) -> Any:
    [manifest] = stages[name]
    return manifest["params"]


def test_the_values_of_the_stages_on_pairs(stages: dict[str, list[dict[str, Any]]]) -> None:
    assert params(stages, "ingest")["part_rows"] == 30
    assert params(stages, "decontaminate") == [0.7, 11]
    assert params(stages, "src-cap")[-1] == 3
    assert params(stages, "tgt-cap")[-1] == 5
    assert params(stages, "src-cap-keys")[-1] == "length.src_chars"
    assert params(stages, "tgt-cap-keys")[-1] == "length.src_chars"
    assert params(stages, "near-dedup") == 0.9
    assert params(stages, "hold-out")[-2:] == [0.3, 7]
    assert params(stages, "cutoffs")[0] == 9


def test_the_values_of_the_streams(stages: dict[str, list[dict[str, Any]]]) -> None:
    packed = [stage["params"] for stage in stages["pack"]]
    assert len(packed) == 8
    assert [stream["seed"] for stream in packed] == [7] * 8
    layout = {"mode": "whole", "sequence_length": 32, "block_length": 96, "lookahead": 6}
    assert all(stream["layout"] == {**layout, "sidecars": ["megatron"]} for stream in packed)
    pairs = [stream["origin"] for stream in packed if stream["label"]["kind"] == "parallel"]
    assert sorted(origin["english_first"] for origin in pairs) == [False, False, True, True]
    for origin in pairs:
        assert (origin["weights"], origin["names"], origin["halved"]) == ([3, 1], "autonym", False)
        assert origin["language_names"]["ind_Latn"] == "Bahasa Indonesia"
    texts = [stream["origin"] for stream in packed if "reader" in stream["origin"]]
    assert [(origin["share"], origin["limit"]) for origin in texts] == [(0.3, None)] * 2


def test_the_counts_that_follow(base: Path) -> None:
    """13 of 40 English sides fall below the share of 0.3 and 9 may stay; so do 16 of 40 texts."""
    manifest = read_json(base / "out/manifest.json")
    [row] = manifest["funnel"]
    assert (row["train"], row["validation"]) == (27, 9)
    assert row["dropped"] == {"select": {"held_out": 4}}
    counts = {stream["path"]: stream["num_documents"] for stream in manifest["streams"]}
    assert counts == {
        "shards/train/parallel/eng_Latn-ind_Latn": 27,
        "shards/train/parallel/ind_Latn-eng_Latn": 27,
        "shards/validation/parallel/eng_Latn-ind_Latn": 9,
        "shards/validation/parallel/ind_Latn-eng_Latn": 9,
        "shards/train/monolingual/ind_Latn": 24,
        "shards/validation/monolingual/ind_Latn": 16,
        "shards/train/monolingual/eng_Latn": 27,
        "shards/validation/monolingual/eng_Latn": 9,
    }


def test_an_input_is_copied_into_the_results(base: Path) -> None:
    """Its owner may write to it tomorrow; outputs of stages are hard links."""
    copied = base / "out/shards/tokenizer/tokenizer.json"
    assert copied.stat().st_nlink == 1
    path = min((base / "out/pairs").rglob("train-*.parquet"))
    assert path.stat().st_nlink == 2


def test_a_result_that_is_missing_is_put_back(base: Path) -> None:
    """The manifest alone does not make a build finished."""
    built, _ = make(base)
    assert not built.fresh
    path = min((base / "out/pairs").rglob("train-*.parquet"))
    data = path.read_bytes()
    path.unlink()
    built, _ = make(base)
    assert built.fresh
    assert path.read_bytes() == data


def test_a_limit_holds_for_pairs_and_documents(base: Path, tmp_path: Path) -> None:
    for name in ("pairs.tsv", "text.txt"):
        (tmp_path / name).write_bytes((base / name).read_bytes())
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation/eng_Latn.txt").write_text("This sentence is in no source at all.\n")
    built, shown = make(tmp_path, limit=10)
    assert shown.weights == [1]  # not the size: ten records take equally long in any file
    manifest = built.manifest
    [row] = manifest.funnel
    assert row.records == 10
    texts = [s for s in manifest.streams if s.path.endswith("monolingual/ind_Latn")]
    assert sum(stream.num_documents or 0 for stream in texts) == 10


class Notes(NoProgress):
    """Keeps the messages for people."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize(("compiled", "notes"), [(True, []), (False, [FIRST_RUN])])
def test_the_first_run_says_that_it_compiles(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool, notes: list[str]
) -> None:
    monkeypatch.setattr(run, "is_compiled", lambda: compiled)
    shown = Notes()
    with LocalEngine(1) as engine:
        plan = Plan(Recipe.model_validate(RECIPE), base)
        audit_recipe(plan, tmp_path / "out", engine, shown, rows=20)
    assert shown.notes == notes


def test_the_values_of_an_audit(base: Path, tmp_path: Path) -> None:
    """The seed draws the sample, here all pairs: a language has at least 1,000 if it has them."""
    with LocalEngine(1) as engine:
        plan = Plan(Recipe.model_validate(RECIPE), base)
        audit_recipe(plan, tmp_path / "out", engine, NoProgress(), rows=20)
    [path] = (tmp_path / "out/work").glob("sample-*/manifest.json")
    sizes, _, seed, _ = read_json(path)["params"]
    assert seed == 7
    assert sizes == {"part-00000": 30, "part-00001": 10}
