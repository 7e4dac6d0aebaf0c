"""What a run says while it works: lines for people, and a JSONL log for machines."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import torch

from sealtrain.parallel import World


@dataclass(frozen=True)
class Metrics:
    """One step, over all ranks."""

    step: int  # steps made, this one included
    loss: float  # nats per label, z-loss not included
    lr: float
    grad_norm: float  # before clipping
    num_tokens: int
    num_labels: int
    skipped: str = ""  # why nothing was updated, where nothing was


class Progress:
    """`log` has every step, `track` its numbers too; `screen` gets a line now and then.

    Each may be absent. `use` gives the shares of the GPUs' peak used at so many tokens a second.
    """

    screen: TextIO | None = None
    log: Path | None = None
    track: Callable[[str, int, dict[str, Any]], None] | None = None
    use: Callable[[float], dict[str, float]] | None = None

    def __init__(self, world: World, num_steps: int, every_steps: int) -> None:
        self.world, self.num_steps, self.every_steps = world, num_steps, every_steps
        self.start_clock()

    def start_clock(self) -> None:
        """Measure speed from here."""
        self.since, self.tokens = time.perf_counter(), 0
        self.world.rank_wait_seconds = self.world.data_wait_seconds = 0.0

    def record(self, event: str, step: int, **values: Any) -> None:
        """Append one line to the log and hand it to the operating system at once."""
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"event": event, "step": step, **values}) + "\n")
        if self.track is not None:
            self.track(event, step, values)

    def say(self, text: str, over: bool = False) -> None:
        """A line on the screen; on a terminal `over` lets the next one write over it."""
        if self.screen is not None:
            live = self.screen.isatty()
            self.screen.write(("\r\x1b[K" if live else "") + text + ("" if over and live else "\n"))
            self.screen.flush()

    def step(self, metrics: Metrics) -> None:
        """Record a step; at every `every_steps`-th and at the last say how it goes.

        A rank that waits for the others less than they do is the slowest.
        """
        self.tokens += metrics.num_tokens
        self.record("step", **asdict(metrics))
        if metrics.skipped:
            self.say(metrics.skipped)
        is_last = metrics.step == self.num_steps
        if metrics.step % self.every_steps and not is_last:
            return
        seconds = max(time.perf_counter() - self.since, 1e-9)
        speed = self.tokens / seconds
        used = self.use(speed) if self.use is not None else {}
        waits = torch.zeros(self.world.size, 2)  # of each rank: for data, for the other ranks
        waits[self.world.rank] = torch.tensor(
            [self.world.data_wait_seconds, self.world.rank_wait_seconds]
        )
        waits = self.world.sum(waits / seconds)
        values = {
            "tokens_per_second": round(speed, 1),
            **used,
            "loader_wait": waits[:, 0].max().item(),  # share of the time, on the worst rank
            "slowest_rank": int(waits[:, 1].argmin()),
            "rank_wait": (waits[:, 1].mean() - waits[:, 1].min()).item(),  # for the slowest
        }
        self.record("speed", metrics.step, **values)
        mfu = f"MFU {used['mfu']:.1%}  " if used else ""
        left = timedelta(0, round((self.num_steps - metrics.step) * metrics.num_tokens / speed))
        self.say(
            f"step {metrics.step}/{self.num_steps}  loss {metrics.loss:.3f}  lr {metrics.lr:.2e}  "
            f"{speed:,.0f} tokens/s  {mfu}{left} left",
            over=not is_last,
        )
        self.start_clock()
