"""Chunked cross-entropy compared with torch, and attention that stays inside documents."""

import itertools
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_shards import LENGTH, make_config
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM

from sealtrain import attention, parallel
from sealtrain.config import Train
from sealtrain.data import IGNORED, labels_of, open_streams, positions_of
from sealtrain.loss import ChunkedCrossEntropy
from sealtrain.model import build


def reference(
    hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, z_loss: float
) -> torch.Tensor:
    """The same loss by torch, with all logits at one time."""
    logits = hidden @ weight.T
    kept = labels != IGNORED
    z = logits.logsumexp(1)[kept].square().sum()
    return (
        functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum") + z_loss * z
    )


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_loss_and_gradients_equal_torch(z_loss: float, chunk: int) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(100, 24, generator=generator, requires_grad=True)
    weight = torch.randn(513, 24, generator=generator, requires_grad=True)
    labels = torch.randint(0, 513, (100,), generator=generator)
    labels[::9] = IGNORED
    expected = reference(hidden, weight, labels, z_loss) / 50
    expected_grads = torch.autograd.grad(expected, (hidden, weight))
    total, losses = ChunkedCrossEntropy.apply(hidden, weight, labels, z_loss, chunk)
    (total / 50).backward()

    assert total.item() / 50 == pytest.approx(expected.item(), rel=1e-6)
    assert hidden.grad is not None
    assert weight.grad is not None
    for actual, grad in zip((hidden.grad, weight.grad), expected_grads, strict=True):
        assert (actual - grad).norm() / grad.norm() < 1e-5
    per_token = functional.cross_entropy(
        hidden @ weight.T, labels, ignore_index=IGNORED, reduction="none"
    )
    torch.testing.assert_close(losses, per_token.detach(), rtol=1e-5, atol=1e-5)
    assert losses[::9].eq(0).all()


@pytest.mark.parametrize("chunk", [7, 1000])
@pytest.mark.parametrize(
    ("has_bias", "scale", "cap"),
    [(True, 1.0, None), (False, 0.125, None), (False, 1.0, 3.0), (True, 0.5, 3.0)],
)
def test_a_head_with_bias_scale_and_cap_equals_torch(
    has_bias: bool, scale: float, cap: float | None, chunk: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(40, 24, generator=generator, requires_grad=True)
    weight = torch.randn(99, 24, generator=generator, requires_grad=True)
    bias = torch.randn(99, generator=generator, requires_grad=True) if has_bias else None
    labels = torch.randint(0, 99, (40,), generator=generator)
    labels[::9] = IGNORED
    logits = functional.linear(hidden, weight, bias) * scale
    if cap is not None:
        logits = cap * torch.tanh(logits / cap)
    nats = functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    expected = nats + 1e-2 * logits.logsumexp(1)[labels != IGNORED].square().sum()
    inputs = [hidden, weight] if bias is None else [hidden, weight, bias]
    grads = torch.autograd.grad(expected, inputs)
    total, _ = ChunkedCrossEntropy.apply(hidden, weight, labels, 1e-2, chunk, bias, scale, cap)
    (total / 2).backward()
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)
    for tensor, grad in zip(inputs, grads, strict=True):
        assert tensor.grad is not None
        assert (2 * tensor.grad - grad).norm() / grad.norm() < 1e-5


@pytest.fixture
def model(shards: Path, tmp_path: Path) -> Any:
    """Random weights of ten times the usual size: attention is far from uniform, so leaks show."""
    manifest = open_streams(shards, "train")[0].manifest
    config = make_config(shards, tmp_path, model={"init_std": 0.2})
    built = build(config.model, 1, manifest, shards / "tokenizer")
    parallel.parallelize(built, parallel.start(), Train(batch_sequences=1, micro_batch_sequences=1))
    return built


DOCUMENTS = [[7, 8, 9, 0], [0], [11, 12, 13, 14, 15, 0], [16, 0], [17, 18, 19]]  # EOS is 0


def packed_logits(model: Any, document_mask: bool) -> torch.Tensor:
    ids = np.array([[i for document in DOCUMENTS for i in document]])
    positions = torch.from_numpy(positions_of(ids, 0)) if document_mask else None
    rows = torch.from_numpy(np.concatenate([ids, ids]))  # a batch of two
    if positions is not None:
        positions = positions.expand_as(rows)
    return model(input_ids=rows, position_ids=positions, use_cache=False).logits[0]


def separate_logits(model: Any) -> torch.Tensor:
    logits = [model(input_ids=torch.tensor([d]), use_cache=False).logits[0] for d in DOCUMENTS]
    return torch.cat(logits)


@pytest.mark.parametrize("training", [True, False])
def test_packed_documents_do_not_attend_to_each_other(model: Any, training: bool) -> None:
    model.train(training)
    difference = (packed_logits(model, True) - separate_logits(model)).abs().max()
    assert difference < 1e-5


def test_a_leak_between_documents_would_be_visible(model: Any) -> None:
    difference = (packed_logits(model, False) - separate_logits(model)).abs()
    assert difference[: len(DOCUMENTS[0])].max() < 1e-5  # no document precedes the first
    assert difference.max() > 0.1


@pytest.mark.parametrize("training", [True, False])
def test_the_training_loss_is_that_of_separate_documents(model: Any, training: bool) -> None:
    """Through the call that a step makes, which must pass the mask on."""
    model.train(training)
    ids = np.array([[i for document in DOCUMENTS for i in document]])
    losses = {}
    for mask in (True, False):
        config = Train(batch_sequences=1, micro_batch_sequences=1, document_mask=mask, z_loss=0.0)
        total, _ = model.training_loss(ids, labels_of(ids, 0), 0, config)
        losses[mask] = total.item()
    apart = sum(
        functional.cross_entropy(
            model(input_ids=torch.tensor([d]), use_cache=False).logits[0, :-1],
            torch.tensor(d[1:]),
            reduction="sum",
        ).item()
        for d in DOCUMENTS
        if len(d) > 1
    )
    assert losses[True] == pytest.approx(apart, rel=1e-6)
    assert losses[False] != pytest.approx(apart, rel=1e-3)


def test_without_the_mask_attention_is_that_of_one_long_document(model: Any) -> None:
    ids = torch.tensor([[i for document in DOCUMENTS for i in document]])
    plain = model(input_ids=ids).logits[0]
    torch.testing.assert_close(packed_logits(model, False), plain, rtol=0, atol=1e-5)
    assert len(ids[0]) < LENGTH


def varlen_by_sdpa(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor,
    _: torch.Tensor, max_q: int, max_k: int, *, scale: float | None,
    window_size: tuple[int, int] = (-1, -1), enable_gqa: bool = False,
) -> torch.Tensor:  # fmt: skip
    """What torch's kernel computes on a GPU, here by sdpa for each document."""
    left, right = window_size
    assert right == 0  # causal
    assert (starts.dtype, max_q) == (torch.int32, max_k)
    parts = []
    for start, stop in itertools.pairwise(starts.tolist()):
        q, k, v = (x[start:stop].float().transpose(0, 1) for x in (query, key, value))
        distance = torch.arange(stop - start)[:, None] - torch.arange(stop - start)
        seen = (distance >= 0) & ((distance <= left) if left >= 0 else True)
        out = functional.scaled_dot_product_attention(q, k, v, seen, scale=scale)
        parts.append(out.transpose(0, 1))
    return torch.cat(parts).to(query.dtype)


def test_varlen_attention_gets_the_documents(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU, with a replacement for the kernel; sdpa is the reference, and bfloat16 rounds."""
    ids = np.array([[i for document in DOCUMENTS for i in document]] * 2)
    labels = labels_of(ids, 0)
    config = Train(batch_sequences=2, micro_batch_sequences=2, z_loss=0.0)
    expected, by_token = model.training_loss(ids, labels, 0, config)
    monkeypatch.setattr(attention, "varlen_attn", varlen_by_sdpa)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert attention.use_varlen(model, torch.bfloat16) == ""
    total, losses = model.training_loss(ids, labels, 0, config)
    total.backward()
    assert total.item() == pytest.approx(expected.item(), rel=5e-3)
    assert (losses - by_token).abs().max() < 0.05
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def make_mistral(**options: Any) -> Any:
    """A small model whose attention has a window of three tokens."""
    config = AutoConfig.for_model(
        "mistral", vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, head_dim=16, sliding_window=3, **options,
    )  # fmt: skip
    torch.manual_seed(0)
    built = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.ndim > 1:
                parameter.mul_(10.0)
    parallel.move_to_device(built, parallel.start())
    return built.eval()


def test_a_sliding_window_reaches_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest document has six tokens, so the window of three decides its loss."""
    monkeypatch.setattr(attention, "varlen_attn", varlen_by_sdpa)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    ids = np.array([[i for document in DOCUMENTS for i in document]])
    config = Train(batch_sequences=1, micro_batch_sequences=1, z_loss=0.0)
    built = make_mistral()
    expected, _ = built.training_loss(ids, labels_of(ids, 0), 0, config)
    assert attention.use_varlen(built, torch.bfloat16) == ""
    windowed, _ = built.training_loss(ids, labels_of(ids, 0), 0, config)
    assert windowed.item() == pytest.approx(expected.item(), rel=5e-3)
    built.config.sliding_window = None
    for layer in built.model.layers:
        layer.self_attn.config.sliding_window = None
    whole, _ = built.training_loss(ids, labels_of(ids, 0), 0, config)
    assert whole.item() != pytest.approx(expected.item(), rel=1e-2)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [("attention_dropout", 0.1, "the model has dropout in its attention"),
     ("attn_logit_softcapping", 50.0, "the model caps its attention scores"),
     ("kv_lora_rank", 8, "the model has latent attention"),
     ("layer_types", ["chunked_attention"], "the model has chunked_attention")],
)  # fmt: skip
def test_attention_that_the_kernel_does_not_compute(
    key: str, value: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "varlen_attn", varlen_by_sdpa)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    built = make_mistral()
    setattr(built.config, key, value)
    assert attention.use_varlen(built, torch.bfloat16) == reason
    assert built.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("compiled", [False, True])
def test_the_kernel_of_torch_accepts_the_inputs(
    model: Any, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    """The real operator, forward and backward, on the `meta` device: shapes and dtypes only."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # does not know `meta`
    config = Train(batch_sequences=2, micro_batch_sequences=2)
    model.to("meta")
    assert attention.use_varlen(model, torch.bfloat16) == ""
    if compiled:
        for layer in model.base_model.layers:
            layer.compile(backend="aot_eager")
    for documents in (DOCUMENTS, [*DOCUMENTS[1:], DOCUMENTS[0]]):  # in two orders
        ids = np.array([[i for document in documents for i in document]] * 2)
        total, _ = model.training_loss(ids, labels_of(ids, 0), 0, config)
        total.backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())


def test_document_bounds() -> None:
    """A sequence that begins inside a document begins a new one."""
    positions = positions_of(np.array([[5, 0, 6, 7], [8, 9, 0, 0]]), 0)
    bounds = attention.document_bounds(positions, torch.device("cpu"))
    assert bounds["cu_seq_lens_q"].tolist() == [0, 2, 4, 7, 8]
    assert bounds["cu_seq_lens_q"].dtype == torch.int32
    assert bounds["max_length_q"] == 3


@pytest.mark.parametrize(
    ("capability", "dtype", "reason"),
    [
        ((7, 5), torch.bfloat16, "the GPU is older than Ampere"),
        ((9, 0), torch.float32, "precision is float32"),
    ],
)
def test_without_the_kernel_sdpa_stays_and_the_reason_is_given(
    model: Any, monkeypatch: pytest.MonkeyPatch, capability: Any, dtype: Any, reason: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert attention.use_varlen(model, dtype) == reason
    assert model.config._attn_implementation == "sdpa"
