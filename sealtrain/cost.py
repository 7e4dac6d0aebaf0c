"""What a run costs: operations a token, memory a GPU, hours; peaks of the GPUs it may run on.

Shapes: N = parameters, L = layers, H = width of all heads, S = tokens in a sequence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from sealtrain.config import Config, Train
from sealtrain.data import Manifest, positions_of
from sealtrain.errors import ConfigError
from sealtrain.mixture import Order
from sealtrain.scratch import olmo2_config

# Dense bf16 peak by the name CUDA gives the device, in operations a second; NVIDIA data sheets. An
# H200 computes like an H100: only its memory differs.
PEAKS = {
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "B200": 2250e12,
    "L40S": 362e12,
    "RTX 4090": 165e12,
}


def peak_flops(device_name: str) -> float | None:
    """Peak of a GPU in bf16 operations a second; None for one not listed: no MFU is better than a
    wrong one."""
    found = [name for name in PEAKS if name in device_name]
    return PEAKS[max(found, key=len)] if found else None


@dataclass(frozen=True)
class Shape:
    """What the cost of a model depends on."""

    num_parameters: int
    num_embeddings: int  # parameters of the input embedding, which multiplies nothing
    num_layers: int
    num_heads: int
    head_size: int
    hidden_size: int
    intermediate_size: int
    vocab_size: int

    @classmethod
    def of(cls, model: nn.Module) -> "Shape":
        """The shape of a causal model of transformers; its weights may lie on `meta`."""
        known: Any = model
        config = known.config
        embedding = known.get_input_embeddings().weight
        tied = embedding is known.get_output_embeddings().weight
        return cls(
            num_parameters=sum(p.numel() for p in model.parameters()),
            num_embeddings=0 if tied else embedding.numel(),
            num_layers=config.num_hidden_layers,
            num_heads=config.num_attention_heads,
            head_size=getattr(config, "head_dim", None)
            or config.hidden_size // config.num_attention_heads,
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            vocab_size=config.vocab_size,
        )

    def flops_per_token(self, context: float) -> float:
        """Operations of forward and backward for one token that attends to `context` others.

        6 (N - input embedding) + 12 L H context: with context = S this is the full-attention
        convention by which MFU is compared; causal attention really looks at S / 2 on average.

        Source: Chowdhery et al. 2022 (PaLM), appendix B.
        """
        width = self.num_heads * self.head_size
        return (
            6 * (self.num_parameters - self.num_embeddings) + 12 * self.num_layers * width * context
        )

    def executed(self, context: float, twice: bool) -> float:
        """Operations really executed: activation checkpointing computes layers forward twice."""
        head = 6 * self.vocab_size * self.hidden_size
        return head + (self.flops_per_token(context) - head) * (4 / 3 if twice else 1)


def utilisation(
    model: nn.Module, order: Order, config: Train, gpu: str, num_gpus: int
) -> Callable[[float], dict[str, float]]:
    """What says which share of the GPUs' peak so many tokens a second use.

    `mfu` counts by the full-attention convention; `executed` what is really executed, by the mean
    context of the first sequences and with the second forward of activation checkpointing. Of a GPU
    that is not listed nothing is said.
    """
    shape, peak, length = (
        Shape.of(model),
        peak_flops(gpu),
        order.streams[0].manifest.sequence_length,
    )
    context = (length + 1) / 2
    if config.document_mask:
        ids, eos_id = order.batch(0, min(64, len(order)))[0], order.streams[0].manifest.eos_id
        context = float(positions_of(ids, eos_id).mean()) + 1
    executed = shape.executed(context, config.activation_checkpointing)
    flops = {"mfu": shape.flops_per_token(length), "executed": executed}

    def shares(tokens_per_second: float) -> dict[str, float]:
        if peak is None:
            return {}
        return {k: tokens_per_second * each / (peak * num_gpus) for k, each in flops.items()}

    return shares


@dataclass(frozen=True)
class Memory:
    """Bytes on each of `world_size` GPUs, by what they hold; an estimate, not a promise."""

    parameters: float  # float32 masters, sharded
    gradients: float
    optimizer: float  # two moments
    gathered: float  # parameters of two layers and the root in the dtype of computation
    activations: float
    logits: float  # of one chunk, float32, with its gradient
    host_for_saving: float  # the copy of weights and moments that is saved in the background

    @property
    def on_gpu(self) -> float:
        """All but what lies in host memory."""
        return (
            self.parameters + self.gradients + self.optimizer
            + self.gathered + self.activations + self.logits
        )  # fmt: skip


def memory(config: Config, shape: Shape, sequence_length: int, world_size: int) -> Memory:
    """Memory of training as `parallel.parallelize` spreads it.

    Activations of a layer for one token, in units of its width, with attention that stores no
    scores: about 14 plus 4 for each unit of the feed-forward's width over the layer's.

    Source of the count: Korthikanti et al. 2022, equation 2, less the score matrix and dropout.
    """
    world_size //= config.train.replicas
    own = 4 * shape.num_parameters / world_size
    moments = own if config.optim.moments == "bfloat16" else 2 * own
    width = 2 if world_size > 1 else 4  # many GPUs compute in bf16, one device in float32
    root = 2 * shape.vocab_size * shape.hidden_size
    layer = (shape.num_parameters - root) / shape.num_layers
    tokens = config.train.micro_batch_sequences * sequence_length
    stored = 14 * shape.hidden_size + 4 * shape.intermediate_size
    return Memory(
        parameters=own,
        gradients=own,
        optimizer=moments,
        gathered=width * (root + 2 * layer) if world_size > 1 else 0.0,
        activations=width * tokens * shape.num_layers * stored,
        logits=2 * 4.0 * min(config.train.loss_chunk_tokens, tokens) * shape.vocab_size,
        host_for_saving=own + moments,
    )


def without_weights(config: Config, shards: Manifest) -> nn.Module:
    """The model of a config on `meta`: its shape, and no memory taken.

    Raises:
        ConfigError: `init_from` cannot be read.
    """
    if config.model.init_from is None:
        known = olmo2_config(config.model, shards)
    else:
        try:
            known = AutoConfig.from_pretrained(config.model.init_from)
        except (OSError, ValueError) as error:
            where, reason = config.model.init_from, str(error).splitlines()[0]
            raise ConfigError(f"model.init_from {where}: cannot read it: {reason}") from error
    with torch.device("meta"):
        made: nn.Module = AutoModelForCausalLM.from_config(known)  # type: ignore[no-untyped-call]
    return made
