"""A training run from end to end: measured, saved, and taken up where it stopped."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import TextIO

import torch
from torch.distributed.checkpoint.api import CheckpointException

from sealtrain import checkpoint, parallel
from sealtrain.config import Config
from sealtrain.errors import ConfigError, user_error
from sealtrain.progress import Progress
from sealtrain.resume import resume
from sealtrain.step import NotFiniteError, Run, setup, train_step
from sealtrain.validate import Losses, validate


def train(
    config: Config, must_resume: bool = False, screen: TextIO | None = None
) -> checkpoint.Record | None:
    """Train to the end, from where an earlier process left off; None if asked to stop before.

    Refuses a run of another config or other shards in `out`, and to resume what is not there; a
    larger budget extends the run. Of a run that has ended, its last record is returned.
    """
    world = parallel.start()
    try:
        run = setup(config, world)
        folder = checkpoint.latest(config.out)
        if folder is not None:
            resume(run, folder)
        elif must_resume:
            raise ConfigError(f"nothing to resume: there is no checkpoint in {config.out}")
        config.out.mkdir(parents=True, exist_ok=True)
        try:
            return _to_the_end(run, _progress(run, screen))
        finally:
            run.saver.wait()  # however the run ends
    except (OSError, MemoryError, RuntimeError, CheckpointException) as error:
        raise user_error(error) from error
    finally:
        parallel.stop()


def _progress(run: Run, screen: TextIO | None) -> Progress:
    """Where this rank reports to: all but the first report nowhere."""
    config, world = run.config, run.world
    progress = Progress(world, run.record.num_steps, config.log_every_steps)
    if world.device.type == "cuda":
        from sealtrain.cost import utilisation

        gpu = torch.cuda.get_device_name()
        progress.use = utilisation(run.model, run.order, config.train, gpu, world.size)
    if world.rank == 0:
        progress.screen, progress.log = screen, config.out / "log.jsonl"
        if run.record.step == 0:  # of a process that was killed before it had saved
            progress.log.unlink(missing_ok=True)
        if config.log_to is not None:
            from sealtrain.trackers import open_tracker

            progress.track = open_tracker(config, run.record.step)
    return progress


def _to_the_end(run: Run, progress: Progress) -> checkpoint.Record | None:
    """Validation, steps saved at intervals, validation; None where any rank was asked to stop."""
    config, world, record, began = run.config, run.world, run.record, time.perf_counter()
    if record.step == record.num_steps:
        progress.say(f"{config.out} is finished ({record.step} steps): nothing to do")
        return record
    progress.say(
        f"from step {record.step} to {record.num_steps} of {config.train.batch_sequences} x "
        f"{run.validation[0].manifest.sequence_length} tokens: {run.model.num_parameters():,} "
        f"parameters on {world.size} x {world.device.type}{run.notes}"
    )
    if run.phase:
        progress.say(run.phase)
    record.before = record.before or _validate(run, progress)
    progress.start_clock()
    with _stop_requests() as stop:
        while record.step < record.num_steps:
            try:
                progress.step(train_step(run))
            except NotFiniteError:
                run.saver.save(record, run.model, run.optimizer, run.tokenizer)
                raise
            run.saver.wait(until_done=False)
            is_last, stopped = record.step == record.num_steps, world.any(bool(stop))
            due = is_last or record.step % (config.eval.every_steps or record.num_steps) == 0
            record.after = _validate(run, progress) if due else {}
            # at the interval, and before the decay, to decay from there again
            at_decay = record.num_steps - config.optim.decay_steps
            kept = record.step % config.checkpoint.every_steps == 0 or record.step == at_decay
            if is_last or stopped or kept:
                if (waited := run.saver.wait()) > 1.0:
                    progress.say(f"waited {waited:.0f} s for a save: raise checkpoint.every_steps")
                run.saver.save(record, run.model, run.optimizer, run.tokenizer)
            if stopped and not is_last:
                run.saver.wait()
                progress.say(f"stopped after step {record.step}; run it again to continue")
                return None
    run.saver.wait()
    world.any(False)  # what the first rank still did to the checkpoint is done
    seconds = timedelta(seconds=round(time.perf_counter() - began))
    progress.say(f"{record.num_steps} steps done, {seconds}, saved {checkpoint.latest(config.out)}")
    return record


def _validate(run: Run, progress: Progress) -> Losses:
    losses = validate(run.model, run.validation, run.config, run.tokenizer, run.world)
    progress.record("validation", run.record.step, **{k: x.loss for k, x in losses.items()})
    return losses


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
