"""Progress of a build on stderr: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from sealdata.manifest import PartRecord

PLAIN_INTERVAL = 5.0  # seconds between lines where stderr is no terminal


class _Meter:
    """Rows seen and dropped in one stage, and how fast."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.rows = self.dropped = 0

    def add(self, record: PartRecord) -> None:
        self.rows += record.rows_in
        self.dropped += sum(record.dropped.values())

    def summary(self) -> str:
        seconds = max(time.monotonic() - self.started, 1e-3)
        share = self.dropped / self.rows if self.rows else 0.0
        return f"{self.rows:,} rows, {self.rows / seconds:,.0f} rows/s, {share:.1%} dropped"


class PlainProgress:
    """A line when a stage ends, and one every few seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage = ""
        self._parts = self._finished = 0
        self._meter = _Meter()
        self._last = 0.0

    def begin(self, stage: str, parts: int) -> None:
        """A stage with so many unfinished parts starts."""
        self._stage, self._parts, self._finished, self._meter = stage, parts, 0, _Meter()
        self._last = time.monotonic()

    def part_done(self, record: PartRecord) -> None:
        """Count the part, and report if it is time to."""
        self._meter.add(record)
        self._finished += 1
        now = time.monotonic()
        if now - self._last >= PLAIN_INTERVAL and self._finished < self._parts:
            self._last = now
            each = (now - self._meter.started) / self._finished
            left = each * (self._parts - self._finished)
            self._line(f"{self._finished}/{self._parts} parts, ETA {left:,.0f} s")

    def end(self) -> None:
        """Report the whole stage."""
        self._line(f"{self._finished}/{self._parts} parts")

    def _line(self, text: str) -> None:
        print(f"{self._stage}: {text}, {self._meter.summary()}", file=self._stream, flush=True)


class BarProgress:
    """One bar per stage, which stays with its summary when the stage ends."""

    def __init__(self, stream: TextIO) -> None:
        self._bars = Bars(
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[summary]}"),
            TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._task = TaskID(0)
        self._meter = _Meter()

    def begin(self, stage: str, parts: int) -> None:
        """A stage with so many unfinished parts starts."""
        self._meter = _Meter()
        self._task = self._bars.add_task(stage, total=parts, summary="")
        self._bars.start()

    def part_done(self, record: PartRecord) -> None:
        """Move the bar."""
        self._meter.add(record)
        self._bars.update(self._task, advance=1, summary=self._meter.summary())

    def end(self) -> None:
        """Leave the bar where it is."""
        self._bars.stop()


def make_progress(stream: TextIO = sys.stderr) -> PlainProgress | BarProgress:
    """The progress that fits ``stream``."""
    return BarProgress(stream) if stream.isatty() else PlainProgress(stream)
