"""Extending a finished or interrupted run by a larger budget, and the errors where it cannot be."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_shards import LENGTH, make_config

from sealtrain import checkpoint, train
from sealtrain.compare import read_runs
from sealtrain.config import Config
from sealtrain.errors import ConfigError


def config_of(shards: Path, out: Path, num_steps: int, **mixture: Any) -> Config:
    budget = {"total_tokens": num_steps * 4 * LENGTH, **mixture}
    return make_config(shards, out, mixture=budget, checkpoint={"every_steps": 5, "keep_last": 9})


def steps_of(out: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, (out / "log.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if line["event"] == "step"]


def state_of(out: Path) -> dict[str, torch.Tensor]:
    """Weights and moments of the newest checkpoint."""
    folder = checkpoint.latest(out)
    assert folder is not None
    return {k: t for path in (folder / "state").iterdir() for k, t in load_file(path).items()}


def assert_same(out: Path, other: Path) -> None:
    """Equal steps, and models that are equal bit for bit."""
    assert steps_of(out) == steps_of(other)
    assert state_of(out).keys() == state_of(other).keys()
    assert all(torch.equal(tensor, state_of(other)[k]) for k, tensor in state_of(out).items())


@pytest.fixture(scope="module")
def finished(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 steps over a mixture of pairs and text; tests do not change it."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train.train(config_of(shards, out, 12, strategy="mixed"))
    return out


def test_an_extended_run_equals_one_that_was_planned_longer(
    shards: Path, tmp_path: Path, finished: Path
) -> None:
    out, long, screen = tmp_path / "run", tmp_path / "long", io.StringIO()
    shutil.copytree(finished, out)
    result = train.train(config_of(shards, out, 16, strategy="mixed"), screen=screen)
    planned = train.train(config_of(shards, long, 16, strategy="mixed"))
    assert screen.getvalue().splitlines()[:2] == [
        "from step 8 to 16 of 4 x 32 tokens: 21,648 parameters on 1 x cpu, not compiled: no GPU",
        "phase 2: steps 9 to 16, 1,024 tokens, learning rate 1.00e-02 to 2.50e-03 (linear decay "
        "over the last 4)",
    ]
    assert_same(out, long)
    assert result is not None
    assert planned is not None
    assert (result.extended_at, result.after) == ([8], planned.after)
    short, whole = read_runs([out / "phase-1", out])  # the shorter run is kept whole
    assert (out / "phase-1/log.jsonl").read_bytes() == (finished / "log.jsonl").read_bytes()
    assert (short.runs[0].record.step, whole.runs[0].record.step) == (12, 16)


def test_an_interrupted_run_is_extended_twice(
    shards: Path, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 5 is before the decay, so nothing is set aside at first.

    A kill before the first save of a phase changes nothing.
    """

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    out, long, screen = tmp_path / "run", tmp_path / "long", io.StringIO()
    shutil.copytree(finished, out)
    for step in (8, 10, 12):
        shutil.rmtree(out / f"checkpoints/step-{step:06d}")
    for num_steps in (16, 20):
        with monkeypatch.context() as patch:
            patch.setattr(train, "train_step", killed)
            with pytest.raises(KeyboardInterrupt):
                train.train(config_of(shards, out, num_steps, strategy="mixed"))
        result = train.train(config_of(shards, out, num_steps, strategy="mixed"), screen=screen)
    phases = [line for line in screen.getvalue().splitlines() if line.startswith("phase")]
    assert [line.split(",")[0] for line in phases] == [
        "phase 2: steps 6 to 16",
        "phase 3: steps 13 to 20",
    ]
    train.train(config_of(shards, long, 20, strategy="mixed"))
    assert_same(out, long)
    assert result is not None
    assert result.extended_at == [5, 12]
    assert sorted(path.name for path in out.glob("phase-*/checkpoints/*")) == [
        "step-000015",
        "step-000016",
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"total_tokens": 8 * 4 * LENGTH}, r"total_tokens was 1536 and is 1024\): choose"),
        (
            {"total_tokens": 1537},
            r"total_tokens was 1536 and is 1537\): choose",
        ),  # no more steps
        ({"total_tokens": 9999, "replay": 0.5}, r"replay was 0\.25 and is 0\.5; mixture"),
        ({"total_tokens": None, "parallel_tokens": 9999}, "parallel_tokens was None and"),
    ],
)
def test_other_changes_are_refused(
    shards: Path, finished: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        train.train(make_config(shards, finished, mixture={"strategy": "mixed", **changes}))
    assert not list(finished.glob("phase-*"))


def test_a_strategy_that_divides_its_budget_is_refused(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train.train(config_of(shards, out, 12, strategy="parallel-last"))
    with pytest.raises(ConfigError, match=r"from step 8: parallel-last divides the whole budget"):
        train.train(config_of(shards, out, 16, strategy="parallel-last"))


def test_a_checkpoint_from_before_the_decay_is_needed(
    shards: Path, tmp_path: Path, finished: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    for step in (5, 8):
        shutil.rmtree(out / f"checkpoints/step-{step:06d}")
    with pytest.raises(ConfigError, match="no checkpoint is left of step 8, before the decay"):
        train.train(config_of(shards, out, 16, strategy="mixed"))


def test_limits_may_change(shards: Path, finished: Path) -> None:
    """They decide whether a run starts or stops, not which model comes out."""
    config = config_of(shards, finished, 12, strategy="mixed", max_epochs=50.0)
    skipping = config.train.model_copy(update={"max_skipped_steps": 3})
    assert train.train(config.model_copy(update={"train": skipping})) is not None
