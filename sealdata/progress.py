"""Progress of a build on stderr: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from sealdata.manifest import PartRecord

PLAIN_INTERVAL = 5.0  # seconds between lines where stderr is no terminal


class _Meter:
    """Rows and parts of one stage: seen, expected, dropped, and how fast."""

    def __init__(self) -> None:
        self.began: float | None = None  # work on it, not the stage: stages wait for one another
        self.parts = self.expected_parts = 0
        self.rows = self.expected_rows = self.dropped = 0
        self.seconds = 0.0  # from the beginning to the last part

    def expect(self, parts: int, rows: int) -> None:
        self.began = self.began or time.monotonic()
        self.expected_parts += parts
        self.expected_rows += rows

    def add(self, record: PartRecord) -> None:
        self.began = self.began or time.monotonic()
        self.seconds = time.monotonic() - self.began
        self.parts += 1
        self.rows += record.rows_in
        self.dropped += sum(record.dropped.values())

    def left(self) -> float | None:
        """Seconds until all that is expected is done, by rows where known; None: unknown."""
        if self.expected_rows:
            done = self.rows / self.expected_rows
        elif self.expected_parts:
            done = self.parts / self.expected_parts
        else:
            return None
        return self.seconds * (1 - done) / done if 0 < done <= 1 else None

    def summary(self) -> str:
        """``1,000,000 rows, 250,000 rows/s, 1.2% dropped``."""
        share = self.dropped / self.rows if self.rows else 0.0
        rate = self.rows / max(self.seconds, 1e-3)
        return f"{self.rows:,} rows, {rate:,.0f} rows/s, {share:.1%} dropped"


def _duration(seconds: float) -> str:
    """``41 s``, ``12 min``, ``3.5 h``."""
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


class PlainProgress:
    """A line when a stage ends, and one every few seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._meters: dict[str, _Meter] = {}
        self._last: dict[str, float] = {}

    def begin(self, stage: str) -> None:
        """A stage starts."""
        self._meters[stage] = _Meter()
        self._last[stage] = time.monotonic()

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More work has become known."""
        self._meters[stage].expect(parts, rows)

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Count the part, and report if it is time to."""
        meter, now = self._meters[stage], time.monotonic()
        meter.add(record)
        left = meter.left()
        if now - self._last[stage] >= PLAIN_INTERVAL and left != 0:
            self._last[stage] = now
            self._line(stage, "" if left is None else f", ETA {_duration(left)}")

    def end(self, stage: str) -> None:
        """Report the whole stage, if there was anything to do."""
        if self._meters[stage].began is not None:
            self._line(stage, "")

    def _line(self, stage: str, rest: str) -> None:
        meter = self._meters[stage]
        of = f"/{meter.expected_parts}" if meter.expected_parts else ""
        text = f"{stage}: {meter.parts}{of} parts, {meter.summary()}{rest}"
        print(text, file=self._stream, flush=True)


class BarProgress:
    """One bar per stage, which stays with its summary when the stage ends."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._meters: dict[str, _Meter] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Bars | None = None

    def begin(self, stage: str) -> None:
        """A stage starts; stages that run at the same time share one display."""
        if self._bars is None:
            self._bars = Bars(
                TextColumn("{task.description:<16}"),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[parts]:>9}  {task.fields[summary]}"),
                console=self._console,
            )
            self._bars.start()
        self._meters[stage] = _Meter()
        self._tasks[stage] = self._bars.add_task(stage, total=None, parts="", summary="")

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More work has become known."""
        self._meters[stage].expect(parts, rows)
        self._show(stage)

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Move the bar."""
        self._meters[stage].add(record)
        self._show(stage)

    def end(self, stage: str) -> None:
        """Leave the bar where it is."""
        assert self._bars is not None, "a stage ends that never began"
        meter = self._meters.pop(stage)
        self._bars.update(self._tasks[stage], total=meter.parts, completed=meter.parts)
        if meter.began is None:
            self._bars.update(self._tasks[stage], visible=False)
        if not self._meters:
            self._bars.stop()
            self._bars = None

    def _show(self, stage: str) -> None:
        assert self._bars is not None, "a part of a stage that never began"
        meter = self._meters[stage]
        by_rows = bool(meter.expected_rows)
        left = meter.left()
        summary = meter.summary() + (f", {_duration(left)} left" if left else "")
        of = f"/{meter.expected_parts}" if meter.expected_parts else ""
        self._bars.update(
            self._tasks[stage],
            total=(meter.expected_rows if by_rows else meter.expected_parts) or None,
            completed=meter.rows if by_rows else meter.parts,
            parts=f"{meter.parts}{of}",
            summary=summary if meter.rows else "",
        )


def make_progress(stream: TextIO = sys.stderr) -> PlainProgress | BarProgress:
    """The progress that fits ``stream``."""
    return BarProgress(stream) if stream.isatty() else PlainProgress(stream)
