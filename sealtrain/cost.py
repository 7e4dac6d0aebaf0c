"""What a run costs: operations per token, and the peak speed of the GPUs that it may run on.

Shapes: N = parameters, L = layers, H = width of all heads, S = tokens in a sequence.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from sealtrain.config import Train
from sealtrain.data import positions_of
from sealtrain.mixture import Order

# Dense bfloat16 peak in operations per second, by a part of the name that CUDA reports; from
# NVIDIA's data sheets. An H200 has the speed of an H100: only its memory differs.
# Without sparsity: data sheets also show twice these figures, for matrices with zeros.
PEAKS = {
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200 NVL": 835e12,
    "H200": 989e12,
    "GH200": 989e12,
    "B200": 2250e12,
    "GB200": 2500e12,
    "L40S": 362e12,
    "RTX 4090": 165e12,
}


def peak_flops(device_name: str) -> float | None:
    """The peak of a GPU in bfloat16 operations per second.

    None for a GPU that is not listed: no MFU is better than a wrong one.
    """
    # A whole word: a GB200 is not a B200.
    names = [name for name in PEAKS if re.search(rf"\b{name}\b", device_name)]
    return PEAKS[max(names, key=len)] if names else None  # "H100 PCIe" before "H100"


@dataclass(frozen=True)
class Shape:
    """The sizes that the cost of a model depends on."""

    num_parameters: int
    num_embeddings: int  # parameters of the input embedding, a look-up without multiplications
    num_layers: int
    attention_width: int  # of all heads
    hidden_size: int
    intermediate_size: int
    vocab_size: int

    @classmethod
    def of(cls, model: Any) -> "Shape":
        """The shape of a causal model of transformers, whose weights may be on `meta`."""
        config = model.config.get_text_config()
        # Models without attention have no heads.
        heads = getattr(config, "num_attention_heads", None) or 0
        embedding = model.get_input_embeddings().weight
        tied = embedding is model.get_output_embeddings().weight
        return cls(
            # `numel` of a sharded weight (DTensor) counts the whole tensor.
            num_parameters=sum(p.numel() for p in model.parameters()),
            # A tied matrix multiplies as the output head, so it counts.
            num_embeddings=0 if tied else embedding.numel(),
            num_layers=config.num_hidden_layers,
            # Some models have a head size that is not the width divided by the heads.
            attention_width=heads
            * (getattr(config, "head_dim", None) or config.hidden_size // max(heads, 1)),
            hidden_size=config.hidden_size,
            # GPT-2 and its relatives write nothing where it is four times the width.
            intermediate_size=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
            vocab_size=config.vocab_size,
        )

    def flops_per_token(self, context: float) -> float:
        """Operations of forward and backward for one token that attends to `context` tokens.

        6 (N - input embedding) + 12 L H context. With context = S this is the full-attention
        convention in which MFU is compared; causal attention looks at S / 2 tokens on average.

        Source: Chowdhery et al. 2022 (PaLM), appendix B.
        """
        # Scores and weighted values: 2 products of 2 operations, once forward and twice backward.
        attention = 12 * self.num_layers * self.attention_width * context
        # 2 operations a weight forward and 4 backward.
        return 6 * (self.num_parameters - self.num_embeddings) + attention

    def executed_flops(self, context: float, recompute: bool) -> float:
        """Operations that really run for one token; `recompute` is activation checkpointing.

        It runs the forward pass of the layers twice: 4 parts of work where there were 3 (a backward
        pass costs two forward passes). The output head is not recomputed.
        """
        # The head is outside the layers, and checkpointing covers layers only.
        head = 6 * self.vocab_size * self.hidden_size
        return head + (self.flops_per_token(context) - head) * (4 / 3 if recompute else 1)


def utilisation(
    model: nn.Module, order: Order, config: Train, gpu: str, num_gpus: int
) -> Callable[[float], dict[str, float]]:
    """A function from tokens per second to the share of the GPUs' peak that they use.

    `mfu` counts by the full-attention convention. `executed` counts what really runs: attention
    over the mean context of the first 64 sequences, and recomputed activations. The function
    returns an empty dict for a GPU that is not listed.
    """
    shape, peak, manifest = Shape.of(model), peak_flops(gpu), order.streams[0].manifest
    # A causal token attends to itself and all before it: (S + 1) / 2 on average.
    length, context = manifest.sequence_length, (manifest.sequence_length + 1) / 2
    if config.document_mask:
        # Sequences are shuffled within a phase, so the first 64 are a sample of the first one.
        ids, _ = order.batch(0, min(64, len(order)))
        context = float(positions_of(ids, manifest.eos_id).mean()) + 1
    executed = shape.executed_flops(context, config.activation_checkpointing)
    flops = {"mfu": shape.flops_per_token(length), "executed": executed}

    def shares(tokens_per_second: float) -> dict[str, float]:
        # An empty dict and not zeros, so that the log has no figure at all.
        if peak is None:
            return {}
        return {name: tokens_per_second * n / (peak * num_gpus) for name, n in flops.items()}

    return shares
