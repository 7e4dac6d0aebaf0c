"""Resuming a run where it stopped, and extending it when its budget was raised.

An extended run continues from before its decay, and ends as if it had been planned longer.
"""

import logging
import shutil
from pathlib import Path

import numpy as np

from sealtrain import run_log
from sealtrain.checkpoint import (
    Record,
    load_state,
    read_record,
    replace_text,
    step_folders,
    step_of,
)
from sealtrain.errors import ConfigError
from sealtrain.mixture import make_order
from sealtrain.optim import learning_rate
from sealtrain.records import to_json
from sealtrain.step import Run

_log = logging.getLogger(__name__)

BUDGET_KEYS = ("mixture.total_tokens", "mixture.parallel_tokens")


def resume(run: Run, folder: Path) -> None:
    """Bring a run to the state of its newest checkpoint, or extend it if only its budget grew.

    Raises:
        ConfigError: the checkpoint is of another config or other shards, or cannot be extended.
        DataError: the checkpoint is damaged.
    """
    # Every rank reads the record: all must find the same step, and the same reason to refuse. One
    # rank of a machine reads the files for all of it.
    record = read_record(folder, check_files=run.world.is_first_of_machine)
    # Digests are part of the identity, so rebuilt shards of the same names are other shards.
    if record.identity() != run.record.identity():
        folder, record = extend(run, record)
    load_state(folder, run.model, run.optimizer)
    # The log may be ahead of the checkpoint: those steps are made and logged again.
    if run.world.rank == 0:
        _cut_log(record.step, run.config.out / "log.jsonl")
    # What does not change the model (paths, intervals, limits) is the new config's.
    run.record = record.model_copy(update={"config": run.config})
    if record.extended_at:
        run.phase = describe_phase(run)


def extend(run: Run, old: Record) -> tuple[Path, Record]:
    """The checkpoint that a larger budget continues from, and its record for the new phase.

    It is the newest checkpoint from before the old decay. Later checkpoints and evaluations move to
    `OUT/phase-N` with a copy of the log, so that folder is a complete run.

    Raises:
        ConfigError: more than the budget differs, or no checkpoint from before the decay is left.
            Or a run planned that long would have read other sequences by then.
    """
    out, mixture = run.config.out, run.config.mixture
    # Both sets of keys are compared: a stream that was added or removed is a change too.
    new_values, old_values = run.record.identity(), old.identity()
    keys = sorted(new_values.keys() | old_values.keys())
    changed = {key for key in keys if new_values.get(key) != old_values.get(key)}
    # A run has one of the two budgets, so exactly one of the keys may differ.
    if not changed < set(BUDGET_KEYS) or run.record.num_steps <= old.num_steps:
        changes = [
            f"{key} was {old_values.get(key)!r} and is {new_values.get(key)!r}"
            for key in sorted(changed)
        ]
        raise ConfigError(
            f"{out} holds a run of another config or other shards ({'; '.join(changes)}): choose "
            "another --out, or delete that folder"
        )
    # A rate that has begun to fall cannot be taken back, so later checkpoints are of no use. The
    # decay options are part of the identity, so those of the old run are those of the new one.
    last = old.num_steps - run.config.optim.decay_steps
    folders = [p for p in step_folders(out / "checkpoints") if step_of(p) <= last]
    if not folders:
        raise ConfigError(
            f"{out} cannot be extended: no checkpoint is left of step {last}, before the decay, or "
            "earlier; choose another --out"
        )
    folder, batch = folders[-1], run.config.train.batch_sequences
    # Equal stream indices have equal visits, and so equal sequences: both orders share the seed.
    num_read = step_of(folder) * batch
    order = make_order(old.config.mixture, run.config.seed, run.order.streams, batch)
    if not np.array_equal(order.stream_indices[:num_read], run.order.stream_indices[:num_read]):
        raise ConfigError(
            f"{out} cannot be extended from step {step_of(folder)}: {mixture.strategy} divides the "
            "whole budget, so a longer run reads other sequences before it; choose another --out"
        )
    # This may be an older checkpoint than the one that was read, so its files are verified as well.
    record = read_record(folder, check_files=run.world.is_first_of_machine)
    run.world.any(False)  # a barrier: every rank has read what rank 0 moves now
    # One rank moves, because a second rename of the same path would fail.
    if run.world.rank == 0:
        _set_aside(out, record.step, out / f"phase-{len(old.extended_at) + 1}")
    run.world.any(False)  # a barrier: no rank continues before everything has moved
    # Step and window of spikes stay those of the older checkpoint; only the length is new.
    record.num_steps, record.extended_at = run.record.num_steps, [*old.extended_at, record.step]
    return folder, record


def describe_phase(run: Run) -> str:
    """One line on what the last extension adds: steps, tokens and learning rates."""
    start, end, config = run.record.extended_at[-1], run.record.num_steps, run.config
    length = run.order.streams[0].manifest.sequence_length
    # Tokens read by all ranks, replay and padding included.
    num_tokens = (end - start) * config.train.batch_sequences * length
    rates = " to ".join(f"{learning_rate(config.optim, t, end):.2e}" for t in (start, end - 1))
    return (
        f"phase {len(run.record.extended_at) + 1}: steps {start + 1} to {end}, {num_tokens:,} "
        f"tokens, learning rate {rates} ({config.optim.decay} decay over the last "
        f"{config.optim.decay_steps})"
    )


def _cut_log(step: int, log: Path) -> None:
    """Drop from the log what an earlier process did after a step, and what is not readable."""
    if not log.exists():
        return
    lines = run_log.read(log)
    if lines.tail:
        _log.warning("%s: cut %d unreadable lines at its end", log, len(lines.tail))
    if faults := lines.faults("left out; the run continues from its checkpoint"):
        _log.warning("%s", faults)
    kept = [to_json(event) + "\n" for event in lines.events if event["step"] <= step]
    # A kill here leaves the whole log or the cut one, never a part of it.
    replace_text(log, "".join(kept))


def _set_aside(out: Path, step: int, phase: Path) -> None:
    """Move checkpoints and evaluations of later steps into a phase's folder.

    The log is copied before anything moves, and `resume` cuts it only afterwards: a kill at any
    point loses nothing.
    """
    folders = ("checkpoints", "evaluations")
    # The list is complete before the first move; after a kill, the next start lists what is left.
    later = [p for name in folders for p in out.glob(f"{name}/step-*") if step_of(p) > step]
    for path in later:
        target = phase / path.relative_to(out)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Inside the loop, so that a phase without later checkpoints gets no folder.
        shutil.copyfile(out / "log.jsonl", phase / "log.jsonl")
        path.rename(target)
