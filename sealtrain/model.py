"""The model that a run trains: Hugging Face weights, or a small OLMo 2 with random weights."""

import logging
import math
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from sealtrain.config import Model
from sealtrain.data import Manifest
from sealtrain.errors import ConfigError
from sealtrain.loss import ATTENTION
from sealtrain.new_rows import add_rows, new_pieces
from sealtrain.tokenizer import FILE, base_file, check_base

_log = logging.getLogger(__name__)

FETCH = " (give a folder, or a name whose files `hf download` put into the cache)"
# For every file of transformers: nothing is downloaded, and code of a folder is neither run nor
# offered to be.
SAFE = {"local_files_only": True, "trust_remote_code": False}


def reason(error: Exception) -> str:
    """Why transformers did not load a folder, to follow `not loaded`."""
    first = str(error).splitlines()[0]
    if "trust_remote_code" in str(error):
        return ": it needs Python code of its own (auto_map), which is never run"
    return f"{FETCH}: {first}"


def build(config: Model, seed: int, shards: Manifest, tokenizer: Path) -> Any:
    """The model before step 0, in float32 on the CPU; `tokenizer` is the folder of the shards'.

    Weights are read from a folder or the local cache, never downloaded, and from safetensors only:
    other formats are pickles, which can run code. They become float32, also from a bfloat16 file.

    Raises:
        ConfigError: the weights cannot be loaded, the model has too few tokens or positions, or its
            tokenizer is not the one of the shards.
    """
    # Vocabulary and positions of a random model come from the shards, so it always fits them.
    if config.init_from is None:
        return random_init(config, seed, shards)
    # Before the weights, which take the longest.
    if note := compare_tokenizers(config, base_config(config.init_from), shards, tokenizer):
        _log.warning(note)
    where = f"model.init_from {config.init_from}"
    # float32 from the start: small updates of a bfloat16 weight would be rounded away.
    options = {"dtype": torch.float32, "use_safetensors": True, **SAFE}
    # transformers reports a missing file, a wrong format and an unknown architecture in these ways.
    try:
        model = AutoModelForCausalLM.from_pretrained(
            config.init_from, attn_implementation=ATTENTION, **options
        )
    except (OSError, ValueError) as error:
        raise ConfigError(f"{where}: not loaded{reason(error)}") from error
    assert {p.dtype for p in model.parameters()} == {torch.float32}, "master weights are float32"
    if config.new_rows is not None and (base := base_file(config.init_from)) is not None:
        pieces = new_pieces(base, tokenizer / FILE)
        if not pieces:
            _log.warning("model.new_rows: the shards have no piece that the base lacks")
        add_rows(model, pieces, config.new_rows, seed)
    # More ids than the shards use are fine: OLMo 2 pads its vocabulary from 100,278 to 100,352.
    text = model.config.get_text_config()
    # A model without a limit, such as one with ALiBi, has no such key.
    num_ids = text.vocab_size
    num_positions = getattr(text, "max_position_embeddings", None) or shards.sequence_length
    if num_ids < shards.vocab_size or num_positions < shards.sequence_length:
        raise ConfigError(
            f"{where} has {num_ids} tokens and {num_positions} positions, the shards have "
            f"{shards.vocab_size} and {shards.sequence_length}"
        )
    return model


def base_config(init_from: str) -> Any:
    """The config of a base model, by transformers.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return AutoConfig.from_pretrained(init_from, **SAFE)
    except (OSError, ValueError) as error:
        raise ConfigError(f"model.init_from {init_from}: not loaded{reason(error)}") from error


def random_init(config: Model, seed: int, shards: Manifest) -> Any:
    """An OLMo 2 with random float32 weights that depend only on `seed` and the shape."""
    from transformers import Olmo2ForCausalLM  # 0.8 s, which runs from weights need not wait for

    # All ranks make the same weights, as only the seed decides.
    with torch.random.fork_rng(devices=[]):  # the caller's generator stays as it was
        torch.manual_seed(seed)
        return Olmo2ForCausalLM(olmo2_config(config, shards))


def olmo2_config(config: Model, shards: Manifest) -> Any:
    """The transformers config of a random OLMo 2 for some shards.

    Every size is given, because the defaults of `Olmo2Config` are those of OLMo 1.
    """
    # Imported here: only a random model needs it.
    from transformers import Olmo2Config

    make: Any = Olmo2Config
    return make(
        # Rows up to a multiple of 128 cost little and suit the matrix products of GPUs.
        vocab_size=math.ceil(shards.vocab_size / config.vocab_multiple) * config.vocab_multiple,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        # As many as heads: no grouped queries, as in OLMo 2 1B and 7B.
        num_key_value_heads=config.num_heads,
        # Rotary embeddings have no weights, so this is only the limit that `build` compares.
        max_position_embeddings=shards.sequence_length,
        initializer_range=config.init_std,
        # The defaults of `Olmo2Config` (1 and 50,279) are ids of another tokenizer.
        pad_token_id=shards.eos_id,
        eos_token_id=shards.eos_id,
        tie_word_embeddings=config.tie_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        rms_norm_eps=config.rms_norm_eps,
        attn_implementation=ATTENTION,
        dtype=torch.float32,
    )


def compare_tokenizers(config: Model, base: Any, shards: Manifest, tokenizer: Path) -> str:
    """A note if the tokenizer of the base could not be compared with the shards' in `tokenizer`.

    Raises:
        ConfigError: they differ, and `model.other_tokenizer` is not set.
    """
    if config.init_from is None or config.other_tokenizer:
        return ""
    eos = base.get_text_config().eos_token_id
    may_extend = config.new_rows is not None
    note = check_base(config.init_from, eos, tokenizer, shards.eos_id, may_extend)
    if note and may_extend:
        raise ConfigError(f"{note}, so model.new_rows cannot tell which pieces are new")
    return note
