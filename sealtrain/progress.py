"""What a run says while it works: lines for people, and a JSONL log for machines."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from sealtrain.files import replace_text


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
    """`log` has every step; `screen` gets a line now and then. Either may be absent."""

    def __init__(
        self, screen: TextIO | None, log: Path | None, num_steps: int, every_steps: int
    ) -> None:
        self.screen, self.log = screen, log
        self.num_steps, self.every_steps = num_steps, every_steps
        self.start_clock()

    def start_clock(self) -> None:
        """Measure speed from here."""
        self.since, self.tokens, self.steps = time.perf_counter(), 0, 0

    def forget_after(self, step: int) -> None:
        """Drop from the log what an earlier process did after `step`, or half wrote."""
        if self.log is not None and self.log.exists():
            lines = self.log.read_text("utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            kept = [line for line in whole if json.loads(line)["step"] <= step]
            replace_text(self.log, "".join(kept))

    def record(self, event: str, step: int, **values: Any) -> None:
        """Append one line to the log and hand it to the operating system at once."""
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"event": event, "step": step, **values}) + "\n")

    def say(self, text: str, over: bool = False) -> None:
        """A line on the screen; on a terminal `over` lets the next one write over it."""
        if self.screen is not None:
            live = self.screen.isatty()
            self.screen.write(("\r\x1b[K" if live else "") + text + ("" if over and live else "\n"))
            self.screen.flush()

    def step(self, metrics: Metrics) -> None:
        """Record a step; at every `every_steps`-th and at the last say how it goes."""
        self.tokens += metrics.num_tokens
        self.steps += 1
        self.record("step", **asdict(metrics))
        if metrics.skipped:
            self.say(metrics.skipped)
        is_last = metrics.step == self.num_steps
        if metrics.step % self.every_steps and not is_last:
            return
        seconds = max(time.perf_counter() - self.since, 1e-9)
        left = duration((self.num_steps - metrics.step) * seconds / self.steps)
        self.record("speed", metrics.step, tokens_per_second=round(self.tokens / seconds, 1))
        self.say(
            f"step {metrics.step}/{self.num_steps}  loss {metrics.loss:.3f}  lr {metrics.lr:.2e}  "
            f"{self.tokens / seconds:,.0f} tokens/s  {left} left",
            over=not is_last,
        )
        self.start_clock()


def duration(seconds: float) -> str:
    """Seconds as a person writes them: `42 s`, `7 min 05 s`, `31 h 12 min`."""
    minutes, left = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min {left:02} s" if minutes else f"{left} s"
