"""A training run from start to end: validated, saved, and resumed where it stopped."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TextIO

import torch
from filelock import FileLock, Timeout
from torch.distributed.checkpoint.api import CheckpointException

from sealtrain import checkpoint, parallel
from sealtrain.config import Config
from sealtrain.errors import ConfigError, DataError, user_error
from sealtrain.progress import Progress
from sealtrain.resume import resume
from sealtrain.step import NotFiniteError, Run, setup, train_step
from sealtrain.validate import Losses, validate


def train(
    config: Config, must_resume: bool = False, screen: TextIO | None = None
) -> checkpoint.Record | None:
    """Train to the last step, from the newest checkpoint if `config.out` holds one.

    A finished run is not changed, unless a larger budget extends it. Returns the last record, or
    None if SIGTERM or SIGINT stopped the run earlier.

    Raises:
        ConfigError: `out` holds a run of another config or other shards; or it holds no checkpoint,
            and `must_resume` asks for one.
        SealError: any other fault that the user can mend.
    """
    # `setup` needs the rank and the device, so the processes join first.
    world = parallel.start()
    try:
        run = setup(config, world)
        if must_resume and checkpoint.latest(config.out) is None:
            raise ConfigError(f"nothing to resume: there is no checkpoint in {config.out}")
        # The folder is made last: a config that is refused leaves no empty run behind.
        with locked(config.out, world):
            if (folder := checkpoint.latest(config.out)) is not None:
                resume(run, folder)
            try:
                record = _run_to_end(run, _open_progress(run, screen))
            finally:
                run.saver.wait()  # a save in the background is finished however the run ends
    # SealErrors pass as they are: they state the remedy already. `user_error` returns what it does
    # not recognise unchanged, and the command shows its traceback.
    except (OSError, MemoryError, RuntimeError, CheckpointException) as error:
        raise user_error(error) from error
    # Only after success. To leave a group waits for all its processes under NCCL, and a process
    # that failed must end, so that its launcher ends the others.
    parallel.stop()
    return record


@contextmanager
def locked(out: Path, world: parallel.World) -> Iterator[None]:
    """Hold the folder of a run, made if needed; the lock goes with the process, however it ends.

    Rank 0 holds it, and on machines with folders of their own their first rank.

    Raises:
        DataError: another run holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    if not world.is_first_of_machine:
        yield
        return
    # Machines may share the folder, so each has a name of its own in it.
    name = ".lock" if world.rank == 0 else f".lock-{socket.gethostname()}"
    try:
        held = FileLock(out / name).acquire(blocking=False)
    except Timeout:
        raise DataError(
            f"another run is training in {out}; wait for it, or choose another --out"
        ) from None
    with held:
        yield


def _open_progress(run: Run, screen: TextIO | None) -> Progress:
    """The outputs of this rank: only rank 0 has a screen, a log and a tracker."""
    config, world = run.config, run.world
    # Every rank has a Progress, as its reports of speed sum over all ranks.
    progress = Progress(world, run.record.num_steps, config.log_every_steps)
    if world.device.type == "cuda":
        from sealtrain.cost import utilisation  # MFU is known of GPUs only

        gpu = torch.cuda.get_device_name()
        progress.utilisation = utilisation(run.model, run.order, config.train, gpu, world.size)
    # Other ranks keep None for each output, so nothing is written twice.
    if world.rank == 0:
        progress.screen, progress.log = screen, config.out / "log.jsonl"
        if run.record.step == 0:  # the log of a process that was killed before its first save
            progress.log.unlink(missing_ok=True)
        if config.log_to is not None:
            from sealtrain.trackers import open_tracker

            # An interrupted process may have shown points after the checkpoint's step.
            progress.track = open_tracker(config, run.record.step)
    return progress


def _run_to_end(run: Run, progress: Progress) -> checkpoint.Record | None:
    """Validate, make the steps and save at intervals, validate; None if any rank was stopped."""
    config, world, record, began = run.config, run.world, run.record, time.perf_counter()
    # A finished run with a larger budget does not come here: `resume` has extended its record.
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
    # A resumed run has these losses in its record. Measured now, they would be of a later step.
    record.before = record.before or _validate(run, progress)
    # The first report of speed must not count that validation.
    progress.start_clock()
    # A longer run continues from before the decay, so that step is always saved.
    before_decay = record.num_steps - config.optim.decay_steps
    with _stop_requests() as requests:
        while record.step < record.num_steps:
            try:
                progress.step(train_step(run))
            # The weights are finite, since the step updated nothing. All ranks raise it at the same
            # step, so all of them take part in this save.
            except NotFiniteError:
                run.saver.save(record, run.model, run.optimizer, run.tokenizer)
                raise
            run.saver.wait(until_done=False)  # an error of the last save ends the run now
            # Ranks get signals at different times, and must all stop after the same step.
            is_last, stopped = record.step == record.num_steps, world.any(bool(requests))
            # Without an interval the remainder is 0 at the last step only.
            is_due = record.step % (config.eval.every_steps or record.num_steps) == 0
            # Before the save, so that the losses of a checkpoint are in its record.
            with progress.stopped_clock():
                record.after = _validate(run, progress) if is_last or is_due else {}
            # One save even where several reasons meet: step numbers name the folders.
            at_interval = record.step % config.checkpoint.every_steps == 0
            if is_last or stopped or at_interval or record.step == before_decay:
                # `save` would wait too; here the time is measured, to report what slows the run.
                with progress.stopped_clock():
                    seconds = run.saver.wait()
                    run.saver.save(record, run.model, run.optimizer, run.tokenizer)
                if seconds > 1.0:
                    progress.say(
                        f"waited {seconds:.0f} s for the save before: raise checkpoint.every_steps"
                    )
            if stopped and not is_last:
                # The process may be ended once this returns, so the save is completed first.
                run.saver.wait()
                progress.say(f"stopped after step {record.step}; run it again to continue")
                return None
    # Outside the handlers: a signal during the last wait acts as usual.
    run.saver.wait()
    world.any(False)  # a barrier: rank 0 has completed the last checkpoint
    duration = timedelta(seconds=round(time.perf_counter() - began))
    saved = checkpoint.latest(config.out)
    progress.say(f"{record.num_steps} steps done, {duration}, saved {saved}")
    return record


def _validate(run: Run, progress: Progress) -> Losses:
    # All ranks run it and get the same losses; only rank 0 has a log to write them to.
    losses = validate(run.model, run.validation, run.config, run.tokenizer, run.world)
    progress.record("validation", run.record.step, **{k: x.loss for k, x in losses.items()})
    return losses


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """The SIGTERM and SIGINT received so far; a second one of a kind ends the process as usual."""
    # A handler may run between any two bytecodes, so it only takes a note.
    requests: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        requests.append(number)  # the loop sees it at the end of its step
        signal.signal(number, previous[number])

    previous = {int(n): signal.signal(n, note) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        # Only for the loop: a signal during setup ends the process, as there is nothing to save.
        yield requests
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
