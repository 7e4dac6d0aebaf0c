"""The model a run trains: Hugging Face weights, or a small random OLMo 2."""

import math
from typing import Any

import torch
from transformers import AutoModelForCausalLM, Olmo2Config, Olmo2ForCausalLM

from sealtrain.config import Model
from sealtrain.data import Manifest
from sealtrain.errors import ConfigError

ATTENTION = "sdpa"  # keeps documents apart by their positions on every device


def build(config: Model, seed: int, shards: Manifest) -> Any:
    """The model before step 0, float32 on CPU; a random one depends on `seed` and shape alone.

    Hugging Face weights become float32 whatever their folder holds, and are safetensors only.
    """
    if config.init_from is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Olmo2ForCausalLM(olmo2_config(config, shards))
    where = f"model.init_from {config.init_from}"
    try:
        model = AutoModelForCausalLM.from_pretrained(
            config.init_from,
            dtype=torch.float32,
            attn_implementation=ATTENTION,
            use_safetensors=True,
        )
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: cannot load it: {str(error).splitlines()[0]}") from error
    assert {p.dtype for p in model.parameters()} == {torch.float32}, "masters must be float32"
    known = (model.config.vocab_size, model.config.max_position_embeddings)
    if known[0] < shards.vocab_size or known[1] < shards.sequence_length:
        raise ConfigError(
            f"{where} knows {known[0]} tokens and {known[1]} positions, the shards have "
            f"{shards.vocab_size} and {shards.sequence_length}"
        )
    return model


def olmo2_config(config: Model, shards: Manifest) -> Any:
    """Every size is given: the defaults of `Olmo2Config` are those of OLMo 1."""
    make: Any = Olmo2Config
    return make(
        vocab_size=math.ceil(shards.vocab_size / config.vocab_multiple) * config.vocab_multiple,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_heads,
        max_position_embeddings=shards.sequence_length,
        initializer_range=config.init_std,
        pad_token_id=shards.eos_id,
        eos_token_id=shards.eos_id,
        tie_word_embeddings=config.tie_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        rms_norm_eps=config.rms_norm_eps,
        attn_implementation=ATTENTION,
        dtype=torch.float32,
    )
