"""Weights from Hugging Face folders: their dtype, and the errors where they do not fit."""

from pathlib import Path

import pytest
import torch
from tiny_shards import make_config

from sealtrain import parallel
from sealtrain.config import Config
from sealtrain.errors import ConfigError
from sealtrain.step import setup


def test_weights_from_hugging_face_become_float32(shards: Path, tmp_path: Path) -> None:
    run = setup(make_config(shards, tmp_path / "run"), parallel.start())
    expected = {name: p.detach().bfloat16().float() for name, p in run.model.named_parameters()}
    del run.model.training_loss
    run.model.to(torch.bfloat16).save_pretrained(tmp_path / "hf")
    base = make_config(shards, tmp_path / "run2")
    section = {"init_from": str(tmp_path / "hf")}
    config = Config.model_validate({**base.model_dump(), "model": section})
    again = setup(config, parallel.start())
    for name, parameter in again.model.named_parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter.detach(), expected[name])
    for missing in (str(tmp_path / "nowhere"), "models/nowhere"):
        config = Config.model_validate({**base.model_dump(), "model": {"init_from": missing}})
        with pytest.raises(ConfigError, match=r"nowhere: not loaded \(give a folder.*download"):
            setup(config, parallel.start())


def test_weights_too_small_for_the_shards_are_refused(shards: Path, tmp_path: Path) -> None:
    run = setup(make_config(shards, tmp_path / "run"), parallel.start())
    run.model.resize_token_embeddings(100)
    del run.model.training_loss
    run.model.save_pretrained(tmp_path / "hf")
    values = {
        **make_config(shards, tmp_path).model_dump(),
        "model": {"init_from": str(tmp_path / "hf")},
    }
    with pytest.raises(ConfigError, match="has 100 tokens and 32 positions, the shards have 4"):
        setup(Config.model_validate(values), parallel.start())
