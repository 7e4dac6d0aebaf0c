"""One step of a run: the sequences that it reads and the update that it makes."""

import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
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
from sealtrain.self_check import self_check

NO_LIMITS = (sys.float_info.max, sys.float_info.max)  # any finite number passes
SPIKE_WINDOW_STEPS = 128  # steps whose loss and gradient norm are remembered, as in OLMo-core
SPIKE_MIN_STEPS = 64  # with fewer remembered steps the deviation is too uncertain to call a spike


class Loader:
    """Threads that read this rank's part of the next steps; order of reading changes no batch."""

    def __init__(
        self, order: mixture.Order, config: Train, world: parallel.World, num_threads: int = 2
    ) -> None:
        # Threads, not processes: mapped files, permutations and prompt bits are in memory once.
        self._order, self._config, self._world = order, config, world
        # `share` refuses a batch that does not divide over the ranks, so a bad config fails here,
        # before the model is built.
        self._share = world.share(config.batch_sequences)
        # The step that is taken, and one in work for each thread.
        self._pool, self._num_ahead = ThreadPoolExecutor(num_threads, "loader"), num_threads + 1
        self._pending: dict[int, Future[tuple[data.Ids, data.Ids, int]]] = {}  # by step

    def take(self, step: int) -> tuple[data.Ids, data.Ids, int]:
        """Ids and labels [B, S] of a step, and how many labels count.

        The reading of the next steps begins before this step is waited for.
        """
        # The order has whole steps only, so nothing is left over by this division.
        num_steps = len(self._order) // self._config.batch_sequences
        for next_step in range(step, min(step + self._num_ahead, num_steps)):
            # After a resume the first call asks for the saved step: no earlier step is read.
            if next_step not in self._pending:
                self._pending[next_step] = self._pool.submit(self._read, next_step)
        began = time.perf_counter()
        # `result` raises what the thread raised, such as an id outside the vocabulary.
        batch = self._pending.pop(step).result()
        self._world.data_wait_seconds += time.perf_counter() - began
        return batch

    def _read(self, step: int) -> tuple[data.Ids, data.Ids, int]:
        # Ranks divide one range of positions, so their number does not change the batch.
        first = step * self._config.batch_sequences
        start, stop = first + self._share.start, first + self._share.stop
        ids, labels = self._order.batch(start, stop, self._config.loss_on == "target")
        # `np.asarray` shares the memory of the pinned tensor and keeps it alive.
        if torch.cuda.is_available():  # the GPU copies pinned memory while it computes
            ids, labels = (np.asarray(torch.from_numpy(a).pin_memory()) for a in (ids, labels))
        return ids, labels, int((labels != data.IGNORED).sum())


@dataclass
class Run:
    """Everything that a step needs; `record`, the tensors and `num_skipped` change."""

    config: Config
    world: parallel.World
    record: Record  # the state that is not a tensor
    order: mixture.Order
    validation: list[data.Stream]
    tokenizer: Path
    model: Any
    optimizer: torch.optim.AdamW
    loader: Loader
    saver: Saver
    notes: str  # what runs slower than it could
    phase: str = ""  # one line on the last phase of a run that was extended
    num_skipped: int = 0  # steps without an update in this process, for `max_skipped_steps`


def setup(config: Config, world: parallel.World) -> Run:
    """A run before its first step.

    Raises:
        SealError: something that would make the run fail later, as far as it can be known now.
    """
    # Checks of manifests and of the order come before the model, which takes the longest.
    streams = data.open_streams(config.shards, "train", config.allow_outside)
    validation = data.open_streams(config.shards, "validation", config.allow_outside)
    manifests, shared = [stream.manifest for stream in streams], streams[0].manifest
    # Each split agrees within itself (`open_streams`), so its first stream stands for all of it.
    if validation[0].shape != streams[0].shape:
        raise DataError(f"{config.shards}: train and validation differ; rebuild the shards")
    tokenizer = data.tokenizer_folder(streams[0])
    order = mixture.make_order(config.mixture, config.seed, streams, config.train.batch_sequences)
    # Only streams that the strategy reads: `multilingual` has no prompts to find.
    if config.train.loss_on == "target":
        data.check_sidecars(stream for stream in streams if stream.key in order.epochs())
    record = Record(
        num_steps=len(order) // config.train.batch_sequences,
        config=config,
        # A manifest holds the sha256 of its token files, so its own digest stands for the data.
        digests={"tokenizer": shared.tokenizer.sha256, **{s.key: s.digest for s in streams}},
        eos_id=shared.eos_id,
        template=next((m.templates[0] for m in manifests if m.templates), None),
        language_names={code: name for m in manifests for code, name in m.language_names.items()},
    )
    # The number of steps follows from the budget, so the schedule cannot be checked by `Config`.
    optim.check_schedule(config.optim, record.num_steps)
    loader = Loader(order, config.train, world)
    network = model.build(config.model, config.seed, shared, tokenizer)
    # Checked whole and not compiled: sharding and compiling change only how it is computed.
    parallel.move_to_device(network, world)
    self_check(network, shared, config.train)
    notes = parallel.parallelize(network, world, config.train)
    # The optimizer comes last: sharding replaces the parameters that it holds.
    optimizer = optim.make_optimizer(network, config.optim)
    return Run(
        config, world, record, order, validation, tokenizer, network, optimizer, loader,
        Saver(world), notes,
    )  # fmt: skip


class NotFiniteError(DataError):
    """Loss or gradient norm was not finite, or a spike; weights and moments are as before it."""


def train_step(run: Run) -> Metrics:
    """One update, in which every label of the whole batch has the same weight.

    A step whose loss or gradient norm is not finite or a spike updates nothing on any rank, and
    counts as made.

    Raises:
        NotFiniteError: this process has skipped `train.max_skipped_steps` steps before; the message
            names the sequences that the step read.
    """
    config, world, eos_id = run.config.train, run.world, run.record.eos_id
    # Arrays are [B / ranks, S]: this rank's part of the batch.
    ids, labels, num_labels = run.loader.take(run.record.step)
    # The mean is over the labels of the whole batch. A mean of means would weigh a label more where
    # its micro-batch or rank has fewer. A batch without any label has a loss of 0.
    num_labels = max(1, int(world.sum(torch.tensor(num_labels)).item()))
    if not run.model.training:  # only after a validation: train() visits every module
        run.model.train()
    # The sum stays on the device: reading it after each micro-batch would wait for the GPU.
    nats = torch.zeros((), dtype=torch.float64, device=world.device)
    for start in range(0, len(ids), config.micro_batch_sequences):
        rows = slice(start, start + config.micro_batch_sequences)
        with record_function("sealtrain.forward"):
            total, losses = run.model.training_loss(ids[rows], labels[rows], eos_id, config)
        with record_function("sealtrain.backward"):
            # FSDP averages gradients over the ranks, and the batch needs their sum.
            (total * (world.size / num_labels)).backward()
        nats += losses.sum(dtype=torch.float64)

    # The rate is computed from the step, so a checkpoint holds no state of a scheduler.
    lr = optim.learning_rate(run.config.optim, run.record.step, run.record.num_steps)
    # The limits come from the steps before this one: a spike does not raise its own limit.
    limits = NO_LIMITS
    if config.spike_sigmas is not None:
        limits = spike_limits(run.record.recent, config.spike_sigmas)
    with record_function("sealtrain.optimizer"):
        # On a GPU, this sum over ranks is queued like a kernel and the host does not wait for it.
        loss, norm = _update(run, lr, world.sum(nats) / num_labels, limits)
    skipped = ""
    if not (loss <= limits[0] and norm <= limits[1]):  # NaN is not below any limit
        skipped = _skip_message(run, loss, norm, limits)
        # The count of steps is not raised here. The run is then saved as before the step, and the
        # same command makes this step again.
        if run.num_skipped == config.max_skipped_steps:
            raise NotFiniteError(skipped)
        run.num_skipped += 1
    # The window is part of the record, so a resumed run finds the same spikes (tested).
    run.record.recent = [*run.record.recent, (loss, norm)][-SPIKE_WINDOW_STEPS:]
    # A skipped step counts as made: its sequences are not read again.
    run.record.step += 1
    # All ranks read parts of one size, so the product is the number of tokens of the batch.
    return Metrics(run.record.step, loss, lr, norm, world.size * ids.size, num_labels, skipped)


def _update(run: Run, lr: float, loss: Tensor, limits: tuple[float, float]) -> tuple[float, float]:
    """Clip gradients, update, clear gradients; the loss and the gradient norm before clipping."""
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.config.optim.clip_norm)
    # Under FSDP the norm is a DTensor that has not been summed over the ranks yet.
    norm = (norm.full_tensor() if isinstance(norm, DTensor) else norm).double()
    # A NaN norm makes all gradients NaN while it clips them; nothing uses them before `zero_grad`.
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    # The fused kernel reads `found_inf` on the device and updates nothing where it is 1. Deciding
    # there saves a wait for the GPU before the update.
    in_limits = (loss <= limits[0]) & (norm <= limits[1])
    # The kernel also leaves the step counts of the bias correction as they were.
    run.optimizer.found_inf = (~in_limits).float()  # type: ignore[attr-defined]
    run.optimizer.step()
    run.optimizer.zero_grad()
    # One copy to the host for both numbers, since each copy waits for the GPU.
    return tuple(torch.stack([loss, norm]).tolist())  # type: ignore[return-value]


def spike_limits(recent: Sequence[tuple[float, float]], sigmas: float) -> tuple[float, float]:
    """Loss and gradient norm above which a step is a spike.

    Each limit is the mean plus `sigmas` standard deviations of the remembered steps. Skipped steps
    are among them, so that a lasting rise is accepted after some steps. Steps that were not finite
    are left out. `fmean` and `pstdev` sum exactly, so every rank computes the same limits, on any
    processor.

    Source: the rule of OLMo-core's SkipStepOptimizer, 6 deviations over 128 steps.
    """
    # One infinite value would make mean and deviation infinite or NaN for the next 128 steps.
    finite = [pair for pair in recent if all(map(math.isfinite, pair))]
    if len(finite) < SPIKE_MIN_STEPS:
        return NO_LIMITS
    losses, norms = zip(*finite, strict=True)
    return fmean(losses) + sigmas * pstdev(losses), fmean(norms) + sigmas * pstdev(norms)


def _skip_message(run: Run, loss: float, norm: float, limits: tuple[float, float]) -> str:
    """One line on a step without an update: its numbers, and the address of every sequence read."""
    is_spike = math.isfinite(loss + norm)
    spike = f" (a spike: above {limits[0]:.4g} or {limits[1]:.4g})" if is_spike else ""
    first = run.record.step * run.config.train.batch_sequences
    positions = range(first, first + run.config.train.batch_sequences)
    # The whole batch is listed, not only this rank's part: gradients are summed over all ranks.
    addresses = [stream.address(index) for stream, index in map(run.order.locate, positions)]
    return (
        f"step {run.record.step + 1}: loss {loss}, gradient norm {norm}{spike}, no update made, "
        "weights unchanged: lower optim.lr, or use `sealdata trace` on the sequences read: "
        f"{', '.join(addresses)}"
    )
