"""Numbers in TensorBoard and Weights & Biases: replaced, and real where they are installed."""

import hashlib
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
    scalars: list[tuple[str, float, int]] = []

    def writer(folder: Path, purge_step: int) -> SimpleNamespace:
        assert folder == tmp_path / "run/tensorboard"
        assert purge_step == 1
        return SimpleNamespace(add_scalar=lambda *args: scalars.append(args))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "tensorboard"})
    train.train(config)
    assert [step for name, _, step in scalars if name == "step/loss"] == list(range(1, 13))
    assert {"step/lr", "speed/tokens_per_second", "validation/replay/english"} <= {
        name for name, _, _ in scalars
    }
    assert not any(isinstance(value, str) for _, value, _ in scalars)


def test_wandb_resumes_by_the_path_of_the_run(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, started, logged = ModuleType("wandb"), [], []

    def init(**options: object) -> SimpleNamespace:
        started.append(options)
        return SimpleNamespace(log=lambda values, step: logged.append((step, values)))

    module.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "wandb"})
    train.train(config)
    assert (started[0]["name"], started[0]["resume"]) == ("run", "allow")
    assert started[0]["dir"] == str(config.out)
    # the id is of the whole path, because many runs are called seed-1
    digest = hashlib.sha256(str(config.out.resolve()).encode()).hexdigest()
    assert started[0]["id"] == digest[:16]
    assert [step for step, values in logged if "step/loss" in values] == list(range(1, 13))


def test_tensorboard_shows_an_interrupted_run_whole(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read by TensorBoard's own reader: a step that was made twice is shown once."""
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
    events = reader.EventAccumulator(str(config.out / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("step/loss")] == list(range(1, 13))
    lines = map(json.loads, (config.out / "log.jsonl").read_text("utf-8").splitlines())
    losses = [line["loss"] for line in lines if line["event"] == "step"]
    assert [event.value for event in events.Scalars("step/loss")] == pytest.approx(losses)
    assert [event.step for event in events.Scalars("validation/replay/english")] == [0, 12]


def test_wandb_records_a_run_offline(
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


def test_a_missing_library_is_an_error(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "wandb"})
    with pytest.raises(ConfigError, match='log_to = "wandb" needs a library: pip install wandb'):
        train.train(config)
