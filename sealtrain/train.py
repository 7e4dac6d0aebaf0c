"""A training run from end to end: measured, saved, and taken up where it stopped."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from sealtrain import checkpoint, parallel
from sealtrain.checkpoint import Record
from sealtrain.config import Config
from sealtrain.errors import ConfigError
from sealtrain.progress import Progress, duration
from sealtrain.step import NotFiniteError, Run, setup, train_step
from sealtrain.validate import Losses, validate


def train(config: Config, must_resume: bool = False, screen: TextIO | None = None) -> Record | None:
    """Train to the end, from where an earlier process left off; None if asked to stop before.

    Refuses a run of another config or other shards in `out`, and to resume what is not there.
    """
    world = parallel.start()
    try:
        run = setup(config, world)
        before = _resume(run, must_resume)
        progress = Progress(None, None, run.num_steps, config.log_every_steps)
        if world.rank == 0:
            progress.screen, progress.log = screen, config.out / "log.jsonl"
        progress.forget_after(run.step)
        return _to_the_end(run, before, progress)
    finally:
        parallel.stop()


def finished(config: Config) -> Record | None:
    """The last checkpoint's record if the run in `out` has ended; refuses another config's run."""
    last = checkpoint.latest(config.out)
    record = checkpoint.read_record(last) if last else None
    if record is None or record.step < record.num_steps:
        return None
    _check_same(config.out, config.identity(), record.config.identity())
    return record


def _to_the_end(run: Run, before: Losses, progress: Progress) -> Record | None:
    """Validation, steps saved at intervals, validation; None where any rank was asked to stop."""
    config, began, record = run.config, time.perf_counter(), None
    progress.say(
        f"from step {run.step} to {run.num_steps} of {config.train.batch_sequences} x "
        f"{run.manifest.sequence_length} tokens: {run.model.num_parameters():,} parameters on "
        f"{run.world.size} x {run.world.device.type}"
    )
    before = before or _validate(run, progress)
    progress.start_clock()
    with _stop_requests() as stop:
        while run.step < run.num_steps:
            try:
                progress.step(train_step(run))
            except NotFiniteError:
                _save(run, before, {})
                raise
            is_last, stopped = run.step == run.num_steps, run.world.any(bool(stop))
            due = run.step % (config.eval.every_steps or run.num_steps) == 0
            losses = _validate(run, progress) if is_last or due else {}
            if is_last or stopped or _is_kept(config, run.step, run.num_steps):
                record = _save(run, before, losses if is_last else {})
            if stopped and not is_last:
                progress.say(f"stopped after step {run.step}; run it again to continue")
                return None
    seconds = duration(time.perf_counter() - began)
    progress.say(f"{run.num_steps} steps done, {seconds}, saved {checkpoint.latest(config.out)}")
    return record


def _is_kept(config: Config, step: int, num_steps: int) -> bool:
    """Whether a step is saved: at the interval, and before the decay, to decay from it again."""
    decay_starts = step == num_steps - config.optim.decay_steps
    return decay_starts or step % config.checkpoint.every_steps == 0


def _validate(run: Run, progress: Progress) -> Losses:
    losses = validate(run.model, run.validation, run.config, run.tokenizer, run.world)
    progress.record("validation", run.step, **{key: loss.loss for key, loss in losses.items()})
    return losses


def _resume(run: Run, required: bool) -> Losses:
    """Load the newest checkpoint, if there is one; returns the validation before step 0."""
    out, folder = run.config.out, checkpoint.latest(run.config.out)
    if folder is None:
        if required:
            raise ConfigError(f"nothing to resume: there is no checkpoint in {out}")
        out.mkdir(parents=True, exist_ok=True)
        return {}
    record = checkpoint.read_record(folder)
    _check_same(out, run.config.identity(), record.config.identity())
    _check_same(out, _digests(run), record.digests)
    checkpoint.load_state(folder, run.model, run.optimizer)
    run.step = record.step
    return record.before


def _check_same(out: Path, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Refuse to go on with another config or other shards than the run began with."""
    if new != old:
        from sealtrain.explain import another_run

        raise another_run(out, new, old)


def _digests(run: Run) -> dict[str, str]:
    """sha256 of the tokenizer and of each training stream's manifest."""
    streams = {stream.key: stream.digest for stream in run.order.streams}
    return {"tokenizer": run.manifest.tokenizer.sha256, **streams}


def _save(run: Run, before: Losses, after: Losses) -> Record:
    """Write a checkpoint of this step; returns what it says about itself."""
    manifests = [stream.manifest for stream in run.order.streams]
    record = Record(
        step=run.step,
        num_steps=run.num_steps,
        config=run.config,
        digests=_digests(run),
        eos_id=run.manifest.eos_id,
        template=next((m.templates[0] for m in manifests if m.templates), None),
        language_names={code: name for m in manifests for code, name in m.language_names.items()},
        before=before,
        after=after,
    )
    checkpoint.write(run.config.out, record, run.model, run.optimizer, run.tokenizer, run.world)
    return record


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """SIGTERM and SIGINT, noted rather than obeyed; a second one ends the process as usual."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(number, previous[number])

    previous = {int(n): signal.signal(n, note) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
