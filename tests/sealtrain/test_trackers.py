"""Numbers handed to TensorBoard or Weights & Biases: to stand-ins, and to the two themselves where
they are installed."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from tiny_shards import make_config

from sealtrain import train
from sealtrain.errors import ConfigError
from sealtrain.step import Run, train_step


def test_tensorboard_gets_every_number(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, float, int]] = []

    def writer(folder: Path, purge_step: int) -> SimpleNamespace:
        assert folder == tmp_path / "run/tensorboard"
        assert purge_step == 1
        return SimpleNamespace(add_scalar=lambda *args: shown.append(args))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "tensorboard"})
    train.train(config)
    assert [step for name, _, step in shown if name == "step/loss"] == list(range(1, 13))
    assert {"step/lr", "speed/tokens_per_second", "validation/replay/english"} <= {
        name for name, _, _ in shown
    }
    assert not any(isinstance(value, str) for _, value, _ in shown)


def test_wandb_resumes_by_the_name_of_the_run(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, began, logged = ModuleType("wandb"), [], []

    def init(**options: object) -> SimpleNamespace:
        began.append(options)
        return SimpleNamespace(log=lambda values, step: logged.append((step, values)))

    module.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "wandb"})
    train.train(config)
    assert (began[0]["name"], began[0]["resume"]) == ("run", "allow")
    assert began[0]["dir"] == str(config.out)
    assert len(str(began[0]["id"])) == 16  # of the whole path: many runs are called seed-1
    assert [step for step, values in logged if "step/loss" in values] == list(range(1, 13))


def test_tensorboard_itself_shows_an_interrupted_run_whole(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own reader: the step that was made twice is shown once."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "tensorboard"})

    def dying(run: Run) -> object:
        if run.record.step == 9:
            raise KeyboardInterrupt
        return train_step(run)

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", dying)
        with pytest.raises(KeyboardInterrupt):
            train.train(config)
    train.train(config)
    found = reader.EventAccumulator(str(config.out / "tensorboard")).Reload()
    assert [event.step for event in found.Scalars("step/loss")] == list(range(1, 13))
    lines = map(json.loads, (config.out / "log.jsonl").read_text("utf-8").splitlines())
    losses = [line["loss"] for line in lines if line["event"] == "step"]
    assert [event.value for event in found.Scalars("step/loss")] == pytest.approx(losses)
    assert [event.step for event in found.Scalars("validation/replay/english")] == [0, 12]


def test_wandb_itself_takes_a_run_offline(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "wandb"})
    train.train(config)
    assert wandb.run.name == "run"
    assert wandb.run.summary["step/grad_norm"] > 0
    wandb.finish()
    [path] = config.out.glob("wandb/offline-run-*/*.wandb")
    assert path.read_bytes().count(b"step/loss") >= 12


def test_what_is_not_installed_is_said(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "wandb"})
    with pytest.raises(ConfigError, match='log_to = "wandb" needs a library: pip install wandb'):
        train.train(config)
