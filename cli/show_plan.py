"""What `sealtrain run --dry-run` prints: what is read, how often, at what rate, on which GPUs."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from sealtrain import cost, data, mixture, optim
from sealtrain.config import Config
from sealtrain.cost import Shape
from sealtrain.data import IGNORED, Manifest, Stream
from sealtrain.errors import ConfigError
from sealtrain.mixture import Order
from sealtrain.model import base_config, compare_tokenizers, olmo2_config
from sealtrain.new_rows import new_pieces, num_rows
from sealtrain.tokenizer import FILE, base_file

from .tables import table

GIB = 2**30
SAMPLE = 64  # sequences of a stream, at most, whose labels are counted
BARS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 64  # characters


class Machine(NamedTuple):
    """What the run is planned for."""

    num_gpus: int = 1
    gpu: str = "H200"  # a key of `cost.PEAKS`
    mfu: float = 0.4  # share of the GPU's peak that the run is assumed to reach


def plan(config: Config, machine: Machine | None = None) -> str:
    """Streams and languages with tokens and epochs, steps, learning rate, memory and hours.

    Raises:
        SealError: whatever would stop the run before its first step.
    """
    machine = machine or Machine()
    streams = data.open_streams(config.shards, "train", config.allow_outside)
    order = mixture.make_order(config.mixture, config.seed, streams, config.train.batch_sequences)
    num_steps = len(order) // config.train.batch_sequences
    optim.check_schedule(config.optim, num_steps)
    note = _compare_tokenizers(config, streams[0])
    length = streams[0].manifest.sequence_length
    return "\n\n".join(
        [
            _streams(order, length, config.train.loss_on == "target"),
            _languages(order, length),
            f"{num_steps:,} steps of {config.train.batch_sequences} x {length} tokens: "
            f"{len(order) * length:,} tokens",
            _curve(config, num_steps),
            _machine(config, order, length, machine),
            *([note] if note else []),
        ]
    )


def _compare_tokenizers(config: Config, stream: Stream) -> str:
    if config.model.init_from is None:
        return ""
    base, folder = base_config(config.model.init_from), data.tokenizer_folder(stream)
    note = compare_tokenizers(config.model, base, stream.manifest, folder)
    file = base_file(config.model.init_from)
    if config.model.new_rows is None or file is None:
        return note
    # An embedding and a head, unless they are one matrix.
    matrices = 1 if base.get_text_config().tie_word_embeddings else 2
    num_new = len(new_pieces(file, folder / FILE))
    width = base.get_text_config().hidden_size
    return (
        f"{num_new:,} new pieces: {num_new * width * matrices:,} parameters of new rows, "
        f"each {config.model.new_rows}"
    )


def _streams(order: Order, length: int, target_only: bool) -> str:
    """What is read of each stream; real tokens are those that are not padding."""
    epochs = order.epochs()
    rows = []
    for stream in order.streams:
        if stream.key not in epochs:
            continue
        read = round(epochs[stream.key] * len(stream)) * length
        real, labels = _shares(stream, target_only)
        rows.append(
            [
                stream.key,
                f"{read:,}",
                f"{real:.2%}",
                f"{round(read * labels):,}",
                f"{epochs[stream.key] * len(stream) / len(order):.1%}",
                f"{len(stream) * length:,}",
                f"{epochs[stream.key]:.2f}",
            ]
        )
    head = ["stream", "tokens read", "real", "labels, about", "share", "tokens there", "epochs"]
    return table(head, rows)


def _shares(stream: Stream, target_only: bool) -> tuple[float, float]:
    """Real tokens among a stream's tokens, and labels among those of some of its sequences.

    A stream from elsewhere does not tell its padding.
    """
    facts = json.loads((stream.folder / "manifest.json").read_text("utf-8"))
    total = len(stream) * stream.manifest.sequence_length
    looked_at = range(0, len(stream), math.ceil(len(stream) / SAMPLE))
    labels = [stream.labelled(number, target_only)[1] for number in looked_at]
    return (facts.get("num_tokens") or total) / total, float(np.mean(np.array(labels) != IGNORED))


def _languages(order: Order, length: int) -> str:
    """Tokens by language; a pair's are counted for the language that is not English."""
    tokens: dict[str, float] = defaultdict(float)
    for stream in order.streams:
        read = order.epochs().get(stream.key, 0.0) * len(stream) * length
        others = [code for code in stream.manifest.languages if code != "eng_Latn"]
        name = stream.manifest.language_names[(others or stream.manifest.languages)[0]]
        label = f"{name} (replay)" if stream.manifest.kind == "replay" else name
        tokens[label] += read
    total = sum(tokens.values())
    rows = [
        [name, f"{round(count):,}", f"{count / total:.1%}"]
        for name, count in sorted(tokens.items(), key=lambda item: -item[1])
        if count
    ]
    return table(["language", "tokens read", "share"], rows)


def _curve(config: Config, num_steps: int) -> str:
    """The learning rate along the run: a bar a step or stretch of steps, and its corners."""
    rates = [optim.learning_rate(config.optim, step, num_steps) for step in range(num_steps)]
    width = min(CURVE_WIDTH, num_steps)
    steps = [round(i * (num_steps - 1) / max(width - 1, 1)) for i in range(width)]
    bars = "".join(BARS[round(rates[p] / config.optim.lr * (len(BARS) - 1))] for p in steps)
    warmup, decay = config.optim.warmup_steps, config.optim.decay_steps
    return (
        f"learning rate  {bars}\n"
        f"               {rates[0]:.2e} at step 1, {max(rates):.2e} from step {max(warmup, 1):,}, "
        f"{config.optim.decay} decay over the last {decay:,} steps to {rates[-1]:.2e}"
    )


def _machine(config: Config, order: Order, length: int, machine: Machine) -> str:
    """Memory of each GPU, and hours at the assumed share of its peak."""
    peak = cost.peak_flops(machine.gpu)
    if peak is None:
        raise ConfigError(f"no peak is known of {machine.gpu!r}; known: {', '.join(cost.PEAKS)}")
    manifest = order.streams[0].manifest
    shape = cost.Shape.of(without_weights(config, manifest))
    need = memory(config, shape, length, machine.num_gpus)
    tokens = len(order) * length
    flops = shape.flops_per_token(length)
    hours = tokens * flops / (peak * machine.mfu * machine.num_gpus) / 3600
    rows = [
        [name.replace("_", " "), f"{getattr(need, name) / GIB:,.2f}"]
        for name in ("parameters", "gradients", "optimizer", "gathered", "activations", "logits")
    ]
    rows += [["all on the GPU, about", f"{need.on_gpu / GIB:,.2f}"]]
    rows += [["host memory for saving", f"{need.host_for_saving / GIB:,.2f}"]]
    return "\n\n".join(
        [
            f"{shape.num_parameters:,} parameters on {machine.num_gpus} x {machine.gpu}",
            table(["memory of each GPU", "GiB"], rows),
            f"{flops / 1e9:,.2f} GFLOP a token; at {machine.mfu:.0%} of {peak / 1e12:,.0f} "
            f"TFLOP/s: {hours:,.1f} hours",
        ]
    )


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
    sharded = 4 * shape.num_parameters / world_size
    moments = sharded if config.optim.moments == "bfloat16" else 2 * sharded
    width = 2 if world_size > 1 else 4  # many GPUs compute in bf16, one device in float32
    root = 2 * shape.vocab_size * shape.hidden_size
    layer = (shape.num_parameters - root) / shape.num_layers
    tokens = config.train.micro_batch_sequences * sequence_length
    stored = 14 * shape.hidden_size + 4 * shape.intermediate_size
    in_all_layers = shape.num_layers * stored
    if config.train.activation_checkpointing:
        # Each layer keeps its input, and one at a time is computed again.
        in_all_layers = shape.num_layers * shape.hidden_size + stored
    return Memory(
        parameters=sharded,
        gradients=sharded,
        optimizer=moments,
        gathered=width * (root + 2 * layer) if world_size > 1 else 0.0,
        activations=width * tokens * in_all_layers,
        logits=2 * 4.0 * min(config.train.loss_chunk_tokens, tokens) * shape.vocab_size,
        host_for_saving=sharded + moments,
    )


def without_weights(config: Config, shards: Manifest) -> nn.Module:
    """The model of a config on `meta`: its shape, and no memory taken.

    Raises:
        ConfigError: `init_from` cannot be read.
    """
    if config.model.init_from is None:
        model_config = olmo2_config(config.model, shards)
    else:
        model_config = base_config(config.model.init_from)
        if config.model.new_rows is not None:
            text = model_config.get_text_config()
            text.vocab_size = num_rows(text.vocab_size, shards.vocab_size)
    with torch.device("meta"):
        made: nn.Module = AutoModelForCausalLM.from_config(model_config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    return made
