"""A run taken up where it stopped, or, to be longer, before its decay as if planned so at first."""

import json
import shutil
from pathlib import Path

import numpy as np

from sealtrain.checkpoint import Record, replace_text
from sealtrain.errors import ConfigError
from sealtrain.mixture import make_order
from sealtrain.optim import learning_rate
from sealtrain.restore import load_state, read_record
from sealtrain.step import Run

BUDGETS = ("mixture.total_tokens", "mixture.parallel_tokens")


def resume(run: Run, folder: Path) -> None:
    """Take a run up from its newest checkpoint; extend it where only its budget was raised, and
    refuse that of another config or shards."""
    record = read_record(folder)
    if record.identity() != run.record.identity():
        folder, record = extend(run, record)
    load_state(folder, run.model, run.optimizer)
    if run.world.rank == 0:
        _forget_after(record.step, run.config.out / "log.jsonl")
    run.record = record.model_copy(update={"config": run.config})
    if record.extended_at:
        run.phase = phase_of(run)


def _forget_after(step: int, log: Path) -> None:
    """Drop from the log what an earlier process did after a step, or half wrote."""
    if log.exists():
        lines = log.read_text("utf-8").splitlines(keepends=True)
        kept = [x for x in lines if x.endswith("\n") and json.loads(x)["step"] <= step]
        replace_text(log, "".join(kept))


def extend(run: Run, old: Record) -> tuple[Path, Record]:
    """The checkpoint that a larger budget goes on from, and its record for the new phase.

    It is the newest of before the old decay. What came later moves to `OUT/phase-N` with a copy of
    the log: a folder that is a run of its own.

    Raises:
        ConfigError: more differs than the budget, no checkpoint is left of before the decay, or a
            run planned so long would have read other sequences by then.
    """
    out, mixture = run.config.out, run.config.mixture
    new, was = run.record.identity(), old.identity()
    changed = {key for key in new.keys() | was.keys() if new.get(key) != was.get(key)}
    if not changed < set(BUDGETS) or run.record.num_steps <= old.num_steps:
        facts = [f"{k} was {was.get(k)!r} and is {new.get(k)!r}" for k in sorted(changed)]
        raise ConfigError(
            f"{out} holds a run of another config or other shards ({'; '.join(facts)}): choose "
            "another --out, or delete that folder"
        )
    last = old.num_steps - run.config.optim.decay_steps
    found = [p for p in sorted(out.glob("checkpoints/step-*[0-9]")) if step_of(p) <= last]
    if not found:
        raise ConfigError(
            f"{out} cannot be extended: no checkpoint is left of step {last}, before the decay, or "
            "earlier; choose another --out"
        )
    folder, batch = found[-1], run.config.train.batch_sequences
    num = step_of(folder) * batch
    order = make_order(old.config.mixture, run.config.seed, run.order.streams, batch)
    if not np.array_equal(order.stream_n[:num], run.order.stream_n[:num]):
        raise ConfigError(
            f"{out} cannot be extended from step {step_of(folder)}: {mixture.strategy} divides the "
            "whole budget, so a longer run reads other sequences before it; choose another --out"
        )
    record = read_record(folder)
    run.world.any(False)  # every rank has read what is moved now
    if run.world.rank == 0:
        _set_aside(out, record.step, out / f"phase-{len(old.extended_at) + 1}")
    run.world.any(False)
    record.num_steps, record.extended_at = run.record.num_steps, [*old.extended_at, record.step]
    return folder, record


def _set_aside(out: Path, step: int, aside: Path) -> None:
    """Move what belongs to later steps; the log is copied whole first, and cut afterwards."""
    later = [p for p in out.glob("[ce]*/step-*") if step_of(p) > step]  # checkpoints, evaluations
    for path in later:
        target = aside / path.relative_to(out)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(out / "log.jsonl", aside / "log.jsonl")
        path.rename(target)


def step_of(path: Path) -> int:
    """Steps made when `step-000100`, or `step-000100.anything` about it, was written."""
    return int(path.name.split(".")[0].removeprefix("step-"))


def phase_of(run: Run) -> str:
    """What the last extension added, in a line."""
    start, end, config = run.record.extended_at[-1], run.record.num_steps, run.config
    length = run.order.streams[0].manifest.sequence_length
    num_tokens = (end - start) * config.train.batch_sequences * length
    rates = " to ".join(f"{learning_rate(config.optim, t, end):.2e}" for t in (start, end - 1))
    return (
        f"phase {len(run.record.extended_at) + 1}: steps {start + 1} to {end}, {num_tokens:,} "
        f"tokens, learning rate {rates} ({config.optim.decay} decay over the last "
        f"{config.optim.decay_steps})"
    )
