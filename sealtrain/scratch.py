"""An OLMo 2 of a config's shape with random weights; loaded where a config starts from none."""

import math
from typing import Any

import torch
from transformers import Olmo2Config, Olmo2ForCausalLM

from sealtrain.config import Model
from sealtrain.data import Manifest
from sealtrain.loss import ATTENTION


def random_olmo2(config: Model, seed: int, shards: Manifest) -> Any:
    """Float32 weights on the CPU; they depend on `seed` and shape alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Olmo2ForCausalLM(olmo2_config(config, shards))


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
