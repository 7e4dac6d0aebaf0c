"""One step of a run: the sequences it reads, the update it makes."""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.profiler import record_function

from sealtrain import data, mixture, model, optim, parallel
from sealtrain.checkpoint import Record, Saver
from sealtrain.config import Config, Train
from sealtrain.errors import DataError
from sealtrain.progress import Metrics

NO_LIMITS = (sys.float_info.max, sys.float_info.max)  # finite is enough
WINDOW = 128  # steps whose loss and norm are remembered, to tell a spike


class Loader:
    """Threads that read this rank's part of the coming steps, in whatever order they come to it."""

    def __init__(
        self, order: mixture.Order, config: Train, world: parallel.World, num_threads: int = 2
    ) -> None:
        self._order, self._config, self._world = order, config, world
        self._share = world.share(config.batch_sequences)
        self._pool, self._ahead = ThreadPoolExecutor(num_threads, "loader"), num_threads + 1
        self._coming: dict[int, Future[tuple[data.Ids, data.Ids, int]]] = {}

    def take(self, step: int) -> tuple[data.Ids, data.Ids, int]:
        """Ids and labels [B, S] of a step and how many labels; the next steps are begun first."""
        end = len(self._order) // self._config.batch_sequences
        for coming in range(step, min(step + self._ahead, end)):
            if coming not in self._coming:
                self._coming[coming] = self._pool.submit(self._read, coming)
        began = time.perf_counter()
        batch = self._coming.pop(step).result()
        self._world.waited_for_data += time.perf_counter() - began
        return batch

    def _read(self, step: int) -> tuple[data.Ids, data.Ids, int]:
        first = step * self._config.batch_sequences
        places = first + self._share.start, first + self._share.stop
        ids, labels = self._order.batch(*places, self._config.loss_on == "target")
        if torch.cuda.is_available():  # memory that the GPU copies from by itself
            ids, labels = (np.asarray(torch.from_numpy(a).pin_memory()) for a in (ids, labels))
        return ids, labels, int((labels != data.IGNORED).sum())


@dataclass
class Run:
    """Everything a step needs; only `record` and the tensors change."""

    config: Config
    world: parallel.World
    record: Record  # the state beside weights and moments
    order: mixture.Order
    validation: list[data.Stream]
    tokenizer: Path
    model: Any
    optimizer: torch.optim.AdamW
    loader: Loader
    saver: Saver
    notes: str  # on what is slower than it could be
    phase: str = ""  # of a run that was extended
    num_skipped: int = 0  # steps by this process, for want of numbers to trust


def setup(config: Config, world: parallel.World) -> Run:
    """A run before its first step; what can be known to make it fail later is refused now."""
    streams = data.open_streams(config.shards, "train")
    validation = data.open_streams(config.shards, "validation")
    manifests, shared = [stream.manifest for stream in streams], streams[0].manifest
    if validation[0].shape != streams[0].shape:
        raise DataError(f"{config.shards}: train and validation differ: rebuild the shards")
    tokenizer = data.tokenizer_folder(streams[0])
    order = mixture.make_order(config.mixture, config.seed, streams, config.train.batch_sequences)
    if config.train.loss_on == "target":
        from sealtrain.targets import check_sidecars

        check_sidecars(stream for stream in streams if stream.key in order.epochs())
    record = Record(
        num_steps=len(order) // config.train.batch_sequences,
        config=config,
        digests={"tokenizer": shared.tokenizer.sha256, **{s.key: s.digest for s in streams}},
        eos_id=shared.eos_id,
        template=next((m.templates[0] for m in manifests if m.templates), None),
        language_names={code: name for m in manifests for code, name in m.language_names.items()},
    )
    optim.check_schedule(config.optim, record.num_steps)
    batches = Loader(order, config.train, world)
    network = model.build(config.model, config.seed, shared)
    notes = parallel.parallelize(network, world, config.train)
    return Run(
        config, world, record, order, validation, tokenizer, network,
        optim.make_optimizer(network, config.optim), batches, Saver(world), notes,
    )  # fmt: skip


class NotFiniteError(DataError):
    """Numbers broke or leapt; weights and moments are those of before the step."""


def train_step(run: Run) -> Metrics:
    """One update from the step's sequences, every label of the whole batch weighing the same.

    Where loss or gradient norm are not finite, or a spike, no rank updates anything. While
    `train.max_skipped_steps` allows it the step counts as made; then NotFiniteError names what it
    read.
    """
    config, world, eos_id = run.config.train, run.world, run.record.eos_id
    ids, labels, num_labels = run.loader.take(run.record.step)
    num_labels = max(1, int(world.sum(torch.tensor(num_labels)).item()))
    if not run.model.training:  # after a validation; a visit to every module
        run.model.train()
    nats = torch.zeros((), dtype=torch.float64, device=world.device)
    for start in range(0, len(ids), config.micro_batch_sequences):
        part = slice(start, start + config.micro_batch_sequences)
        with record_function("sealtrain.forward"):
            total, losses = run.model.training_loss(ids[part], labels[part], eos_id, config)
        with record_function("sealtrain.backward"):
            (total * (world.size / num_labels)).backward()  # FSDP averages over the ranks
        nats += losses.sum(dtype=torch.float64)

    lr = optim.learning_rate(run.config.optim, run.record.step, run.record.num_steps)
    limits = NO_LIMITS
    if config.spike_sigmas is not None:
        from sealtrain.spikes import limits_of

        limits = limits_of(run.record.recent, config.spike_sigmas)
    with record_function("sealtrain.optimizer"):
        loss, norm = _update(run, lr, world.sum(nats) / num_labels, limits)
    skipped = ""
    if not (loss <= limits[0] and norm <= limits[1]):
        from sealtrain.explain import not_to_trust

        first = run.record.step * config.batch_sequences
        read = [run.order.at(first + n) for n in range(config.batch_sequences)]
        skipped = not_to_trust(run.record.step + 1, loss, norm, limits, read)
        if run.num_skipped == config.max_skipped_steps:
            raise NotFiniteError(skipped)
        run.num_skipped += 1
    run.record.recent = [*run.record.recent, (loss, norm)][-WINDOW:]
    run.record.step += 1
    return Metrics(run.record.step, loss, lr, norm, world.size * ids.size, num_labels, skipped)


def _update(run: Run, lr: float, loss: Tensor, limits: tuple[float, float]) -> tuple[float, float]:
    """Clip, step and clear; returns the loss and the norm of the gradients before clipping."""
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.config.optim.clip_norm)
    norm = (norm.full_tensor() if isinstance(norm, DTensor) else norm).double()
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    # The fused kernel reads this flag, and leaves weights and moments alone where it is up. What is
    # not a number is not below a limit either.
    sound = (loss <= limits[0]) & (norm <= limits[1])
    run.optimizer.found_inf = (~sound).float()  # type: ignore[attr-defined]
    run.optimizer.step()
    run.optimizer.zero_grad()
    return tuple(torch.stack([loss, norm]).tolist())  # type: ignore[return-value]
