"""The model a run trains: Hugging Face weights, or a small random OLMo 2."""

from typing import Any

import torch
from transformers import AutoModelForCausalLM

from sealtrain.config import Model
from sealtrain.data import Manifest
from sealtrain.errors import ConfigError
from sealtrain.loss import ATTENTION

FETCH = " (give a folder, or a name whose files `hf download` put into the cache)"


def build(config: Model, seed: int, shards: Manifest) -> Any:
    """The model before step 0, float32 on CPU; a random one depends on `seed` and shape alone.

    Hugging Face weights become float32 whatever their folder holds, and are safetensors only.
    """
    if config.init_from is None:
        from sealtrain.scratch import random_olmo2

        return random_olmo2(config, seed, shards)
    where = f"model.init_from {config.init_from}"
    how = {"dtype": torch.float32, "use_safetensors": True, "local_files_only": True}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            config.init_from, attn_implementation=ATTENTION, **how
        )
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: not loaded{FETCH}: {str(error).splitlines()[0]}") from error
    assert {p.dtype for p in model.parameters()} == {torch.float32}, "masters must be float32"
    known = (model.config.vocab_size, model.config.max_position_embeddings)
    if known[0] < shards.vocab_size or known[1] < shards.sequence_length:
        raise ConfigError(
            f"{where} knows {known[0]} tokens and {known[1]} positions, the shards have "
            f"{shards.vocab_size} and {shards.sequence_length}"
        )
    return model
