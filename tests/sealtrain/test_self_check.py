"""Architectures of transformers whose loss would be wrong, and those whose loss is right."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from sealtrain import parallel
from sealtrain.config import Train
from sealtrain.data import Manifest
from sealtrain.errors import ConfigError
from sealtrain.head import head_of
from sealtrain.self_check import measure, self_check

SHARDS = Manifest.model_construct(vocab_size=500, eos_id=2, sequence_length=32)
MASKED = Train(batch_sequences=1, micro_batch_sequences=1)
PLAIN = MASKED.model_copy(update={"document_mask": False})
SIZES = {
    "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GPT2 = {"n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 32}
OPT = {"ffn_dim": 128, "word_embed_proj_dim": 64}
GEMMA = {"head_dim": 16, "query_pre_attn_scalar": 16, "final_logit_softcapping": 3.0}


def make(kind: str, **options: Any) -> Any:
    """A small model whose weights are so large, and biases so far from 0, that errors show."""
    config = AutoConfig.for_model(kind, **{**SIZES, **options})
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(
        config, attn_implementation="sdpa", dtype=torch.float32
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(3.0)
            elif name.endswith("bias"):
                parameter.normal_(0.0, 0.5)
    parallel.move_to_device(model, parallel.start())
    return model


@pytest.mark.parametrize(
    ("kind", "options", "has_bias", "scale", "cap"),
    [("llama", {}, False, 1.0, None), ("phi", {}, True, 1.0, None),
     ("granite", {"logits_scaling": 8.0}, False, 0.125, None),
     ("hyperclovax", {"logits_scaling": 0.25}, False, 0.25, None),
     ("cohere", {"logit_scale": 0.0625}, False, 0.0625, None),
     ("cohere2", {"logit_scale": 0.0625, "head_dim": 16}, False, 0.0625, None),
     ("gemma3_text", GEMMA, False, 1.0, 3.0), ("gpt2", GPT2, False, 1.0, None)],
)  # fmt: skip
def test_heads_that_are_more_than_a_matrix(
    kind: str, options: dict[str, Any], has_bias: bool, scale: float, cap: float | None
) -> None:
    model = make(kind, **options)
    head = head_of(model)
    assert (head.bias is not None, head.scale, head.cap) == (has_bias, scale, cap)
    self_check(model, SHARDS, MASKED)
    found = measure(model, SHARDS, MASKED)
    assert max(found.head, found.future) < 1e-5
    assert found.leak is not None
    assert found.leak < 1e-5


@pytest.mark.parametrize(
    ("kind", "options"), [("opt", OPT), ("falcon", {}), ("jamba", {}), ("recurrent_gemma", {})]
)
def test_documents_that_see_each_other_are_refused(kind: str, options: dict[str, Any]) -> None:
    model = make(kind, **options)
    name = rf"{type(model).__name__} \(model_type {kind}\)"
    with pytest.raises(
        ConfigError, match=rf"{name}: the loss of a document.*train\.document_mask = false$"
    ):
        self_check(model, SHARDS, MASKED)
    self_check(model, SHARDS, PLAIN)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [("bert-generation", {}, "Choose a causal model"),
     ("bert", {"is_decoder": True}, "output head is of an unknown kind")],
)  # fmt: skip
def test_other_models_are_refused(kind: str, options: dict[str, Any], message: str) -> None:
    model = make(kind, **options)
    with pytest.raises(ConfigError, match=message):
        self_check(model, SHARDS, PLAIN)


def test_the_model_is_left_as_it_was() -> None:
    model = make("llama").train()
    before, state = model.lm_head.weight.clone(), torch.random.get_rng_state()
    self_check(model, SHARDS, MASKED)
    assert model.training
    assert torch.equal(before, model.lm_head.weight)
    assert model.lm_head.weight.grad is None
    assert torch.equal(torch.random.get_rng_state(), state)


def test_weights_that_are_not_finite_are_refused() -> None:
    model = make("llama")
    with torch.no_grad():
        model.lm_head.weight[3, 0] = float("nan")
    with pytest.raises(ConfigError, match="by nan nats a token"):
        self_check(model, SHARDS, MASKED)


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [("llama", {}, "layers"), ("gpt2", GPT2, "h"), ("opt", OPT, "decoder.layers"),
     ("falcon", {}, "h")],
)  # fmt: skip
def test_the_layers_by_any_name(kind: str, options: dict[str, Any], name: str) -> None:
    model = make(kind, **options)
    assert parallel.layers_of(model) is model.base_model.get_submodule(name)
    model.config.num_hidden_layers = 7
    with pytest.raises(ConfigError, match="has no list of its 7 layers"):
        parallel.layers_of(model)
