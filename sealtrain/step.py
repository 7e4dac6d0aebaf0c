"""One step of a run: the sequences it reads, the update it makes."""

# ruff: noqa: N806 (names end in their shape)

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from sealtrain import data, mixture, model, optim, parallel
from sealtrain.config import Config
from sealtrain.data import IGNORED, Stream
from sealtrain.errors import DataError
from sealtrain.mixture import Order
from sealtrain.parallel import World
from sealtrain.progress import Metrics


@dataclass
class Run:
    """Everything a step needs; only `step` and the tensors change."""

    config: Config
    world: World
    order: Order
    validation: list[Stream]
    tokenizer: Path
    model: Any
    optimizer: torch.optim.AdamW
    num_steps: int
    step: int = 0  # steps made: all the state there is, beside weights and moments
    num_skipped: int = 0  # of them by this process, for want of finite numbers

    @property
    def manifest(self) -> data.Manifest:
        """What all streams share: tokenizer, EOS, sequence length."""
        return self.order.streams[0].manifest


def setup(config: Config, world: World) -> Run:
    """A run before its first step; what can be known to make it fail later is refused now."""
    streams = data.open_streams(config.shards, "train")
    validation = data.open_streams(config.shards, "validation")
    if validation[0].shape != streams[0].shape:
        raise DataError(f"{config.shards}: train and validation differ: rebuild the shards")
    tokenizer = data.tokenizer_folder(streams[0])
    world.share(config.train.batch_sequences)
    order = mixture.make_order(config.mixture, config.seed, streams, config.train.batch_sequences)
    num_steps = len(order) // config.train.batch_sequences
    for stream in streams if config.train.loss_on == "target" else ():
        if stream.manifest.kind == "parallel" and stream.key in order.epochs():
            for part in range(len(stream.manifest.segments)):
                stream.documents(part)
    optim.check_schedule(config.optim, num_steps)
    network = parallel.parallelize(
        model.build(config.model, config.seed, streams[0].manifest), world, config.train
    )
    optimizer = optim.make_optimizer(network, config.optim)
    return Run(config, world, order, validation, tokenizer, network, optimizer, num_steps)


class NotFiniteError(DataError):
    """Numbers broke; weights and moments are those of before the step."""


def train_step(run: Run) -> Metrics:
    """One update from the step's sequences, every label of the whole batch weighing the same.

    Where loss or gradients are not finite, no rank updates anything. While
    `train.max_skipped_steps` allows it the step counts as made; then NotFiniteError names what it
    read.
    """
    config, world, eos_id = run.config.train, run.world, run.manifest.eos_id
    mine, first = world.share(config.batch_sequences), run.step * config.batch_sequences
    target_only = config.loss_on == "target"
    ids_BS, labels_BS = run.order.batch(first + mine.start, first + mine.stop, target_only)
    num_labels = max(1, int(world.sum(torch.tensor((labels_BS != IGNORED).sum())).item()))

    run.model.train()
    nats = torch.zeros((), dtype=torch.float64, device=world.device)
    for start in range(0, len(ids_BS), config.micro_batch_sequences):
        part = slice(start, start + config.micro_batch_sequences)
        total, losses_BS = run.model.training_loss(ids_BS[part], labels_BS[part], eos_id, config)
        (total * (world.size / num_labels)).backward()  # FSDP averages over the ranks
        nats += losses_BS.sum(dtype=torch.float64)

    lr = optim.learning_rate(run.config.optim, run.step, run.num_steps)
    nats = world.sum(nats)
    norm = _update(run, lr, nats)
    loss = nats.item() / num_labels
    skipped = ""
    if not math.isfinite(loss) or not math.isfinite(norm):
        from sealtrain.explain import not_finite

        places = range(first, first + config.batch_sequences)
        read = [f"{stream.key}:{number}" for stream, number in map(run.order.at, places)]
        skipped = not_finite(run.step + 1, loss, norm, read)
        if run.num_skipped == config.max_skipped_steps:
            raise NotFiniteError(skipped)
        run.num_skipped += 1
    run.step += 1
    return Metrics(run.step, loss, lr, norm, world.size * ids_BS.size, num_labels, skipped)


def _update(run: Run, lr: float, nats: Tensor) -> float:
    """Clip, step and clear; returns the norm of the gradients before clipping."""
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.config.optim.clip_norm)
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    # The fused kernel reads this flag, and leaves weights and moments alone where it is up.
    broken = ~(torch.isfinite(norm) & torch.isfinite(nats))
    run.optimizer.found_inf = broken.float()  # type: ignore[attr-defined]
    run.optimizer.step()
    run.optimizer.zero_grad()
    return float(norm.item())
