"""What a run reports while it works: lines on the screen, and a JSONL log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import torch

from sealtrain import run_log
from sealtrain.parallel import World


@dataclass(frozen=True)
class Metrics:
    """One step, over all ranks."""

    step: int  # steps made, this one included
    loss: float  # nats per label, without z-loss
    lr: float  # of this step
    grad_norm: float  # before clipping
    num_tokens: int  # read in this step, replay and padding included
    num_labels: int  # that the loss is the mean of
    skipped: str = ""  # why the step updated nothing; empty if it did


class Progress:
    """Reports steps and events; each of the outputs may be absent.

    `log` gets every event, `track` the same numbers, and `screen` a line at intervals.
    `utilisation` computes shares of the GPUs' peak from tokens per second.
    """

    screen: TextIO | None = None
    log: Path | None = None
    track: Callable[[str, int, dict[str, Any]], None] | None = None
    utilisation: Callable[[float], dict[str, float]] | None = None

    def __init__(self, world: World, num_steps: int, every_steps: int) -> None:
        self.world, self.num_steps, self.every_steps = world, num_steps, every_steps
        self.start_clock()

    def start_clock(self) -> None:
        """Measure speed and waiting from now on."""
        self.since, self.num_tokens, self.seconds_stopped = time.perf_counter(), 0, 0.0
        # `World` counts the seconds where they pass; here they become shares of the interval.
        self.world.rank_wait_seconds = self.world.data_wait_seconds = 0.0

    @contextmanager
    def stopped_clock(self) -> Iterator[None]:
        """Leave out of the speed what is not training: validation, and waiting for a save."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds_stopped += time.perf_counter() - began

    def record(self, event: str, step: int, **values: Any) -> None:
        """Append one line to the log, and hand its numbers to the tracker."""
        if self.log is not None:
            run_log.append(self.log, event, step, values)
        if self.track is not None:
            self.track(event, step, values)

    def say(self, text: str, over: bool = False) -> None:
        """Write a line to the screen; with `over`, the next line replaces it on a terminal."""
        if self.screen is not None:
            # In a file or a pipe, each line stays, without control characters.
            is_terminal = self.screen.isatty()
            # To the start of the line, then erase it to its end.
            clear = "\r\x1b[K" if is_terminal else ""
            self.screen.write(clear + text + ("" if over and is_terminal else "\n"))
            self.screen.flush()

    def step(self, metrics: Metrics) -> None:
        """Record a step; at each `every_steps`-th and at the last, report speed and time left.

        Every rank must call it. The rank that waits least for the others is the slowest one.
        """
        self.num_tokens += metrics.num_tokens
        self.record("step", **asdict(metrics))
        if metrics.skipped:
            self.say(metrics.skipped)
        is_last = metrics.step == self.num_steps
        # Before any sum over ranks: all ranks return here at the same steps.
        if metrics.step % self.every_steps and not is_last:
            return
        passed = max(time.perf_counter() - self.since, 1e-9)
        seconds = max(passed - self.seconds_stopped, 1e-9)
        # `num_tokens` is of all ranks, so this is the speed of the whole run.
        speed = self.num_tokens / seconds
        shares = self.utilisation(speed) if self.utilisation is not None else {}
        # Each rank fills its own row and the sum collects all rows.
        waits = torch.zeros(self.world.size, 2)
        seconds_waited = [self.world.data_wait_seconds, self.world.rank_wait_seconds]
        waits[self.world.rank] = torch.tensor(seconds_waited)
        # The sum is a wait itself, but the clock starts again after it.
        waits = self.world.sum(waits / seconds)
        values = {
            "tokens_per_second": round(speed, 1),
            **shares,
            "loader_wait": waits[:, 0].max().item(),  # share of the time, on the worst rank
            "slowest_rank": int(waits[:, 1].argmin()),
            "rank_wait": (waits[:, 1].mean() - waits[:, 1].min()).item(),  # for the slowest
        }
        self.record("speed", metrics.step, **values)
        mfu = f"MFU {shares['mfu']:.1%}  " if shares else ""
        # Validations and saves of the last interval are included: there will be more of them.
        steps_left = self.num_steps - metrics.step
        left = timedelta(0, round(steps_left * metrics.num_tokens * passed / self.num_tokens))
        self.say(
            f"step {metrics.step}/{self.num_steps}  loss {metrics.loss:.3f}  lr {metrics.lr:.2e}  "
            f"{speed:,.0f} tokens/s  {mfu}{left} left",
            over=not is_last,
        )
        self.start_clock()
