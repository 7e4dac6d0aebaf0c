"""Random weights by seed and shape, and weights from Hugging Face folders."""

from pathlib import Path

import pytest
import torch
from tiny_shards import make_config

from sealtrain import parallel
from sealtrain.config import Config, Model
from sealtrain.data import Manifest
from sealtrain.errors import ConfigError
from sealtrain.model import olmo2_config, random_init
from sealtrain.step import setup

SHARDS = Manifest.model_construct(vocab_size=300, eos_id=7, sequence_length=64)
SHAPE = Model(
    hidden_size=16, intermediate_size=32, num_layers=2, num_heads=2, tie_embeddings=True,
    rope_theta=1e4, rms_norm_eps=1e-5, init_std=0.2,
)  # fmt: skip


def test_the_config_of_a_random_model_has_every_size() -> None:
    config = olmo2_config(SHAPE, SHARDS)
    assert config.vocab_size == 384  # 300 rounded up to a multiple of 128
    assert config.max_position_embeddings == 64
    assert (config.hidden_size, config.intermediate_size) == (16, 32)
    assert (config.num_hidden_layers, config.num_attention_heads) == (2, 2)
    assert config.num_key_value_heads == 2
    assert (config.eos_token_id, config.pad_token_id) == (7, 7)
    assert config.rope_parameters["rope_theta"] == 1e4
    assert (config.rms_norm_eps, config.initializer_range) == (1e-5, 0.2)
    assert config.tie_word_embeddings is True


def test_random_weights_depend_on_the_seed_only() -> None:
    state = torch.random.get_rng_state()
    first, again, other = (random_init(SHAPE, seed, SHARDS) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    weights = [model.model.layers[0].mlp.up_proj.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert weights[0].std().item() == pytest.approx(0.2, rel=0.1)
    assert first.lm_head.weight is first.model.embed_tokens.weight


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
