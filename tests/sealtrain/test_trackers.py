"""Numbers handed to TensorBoard or Weights & Biases, by stand-ins for the two."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from tiny_shards import make_config

from sealtrain import train
from sealtrain.errors import ConfigError


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
    assert began[0]["id"] == "run"
    assert began[0]["resume"] == "allow"
    assert [step for step, values in logged if "step/loss" in values] == list(range(1, 13))


def test_what_is_not_installed_is_said(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    config = make_config(shards, tmp_path / "run").model_copy(update={"log_to": "wandb"})
    with pytest.raises(ConfigError, match='log_to = "wandb" needs it installed: pip install wandb'):
        train.train(config)
