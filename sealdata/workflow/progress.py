"""Progress of a build on stderr: a live bar on a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from sealdata.files.records import PartRecord

PLAIN_INTERVAL = 5.0  # seconds between lines where stderr is not a terminal


@dataclass
class _Task:
    """A task whose parts are not known in advance, such as reading a source."""

    # Size relative to the other tasks, such as bytes to read. None: it cannot report its share.
    weight: float | None
    # 0 to 1, as the task reported last.
    share: float = 0.0
    began: float | None = None  # its first report: a task waits in a queue before it starts
    seconds: float = 0.0  # from there to its last report

    def left(self) -> float:
        """Seconds left at the speed so far; 0 before the first report."""
        return self.seconds * (1 - self.share) / self.share if self.share else 0.0


class _Meter:
    """Rows and parts of one stage: seen, expected, dropped, and how fast."""

    def __init__(self, after: "_Meter | None" = None) -> None:
        # All times are seconds of ``time.monotonic``, which no change of the clock disturbs.
        self.after = after  # the stage whose parts this one works on as they appear
        self.tasks: dict[int, _Task] = {}
        self.began: float | None = None  # the first work on it: a stage waits for the one before
        self.parts = self.expected_parts = 0
        # Rows that went in. ``expected_rows`` stays 0 where they are not known.
        self.rows = self.expected_rows = self.dropped = 0
        self.seconds = 0.0  # from the beginning to the last finished part
        self.reported = 0.0  # from the beginning to the last report of a task

    def expect(self, parts: int, rows: int) -> None:
        # Not at ``begin``: streaming stages begin together, but some wait for others.
        self.began = self.began or time.monotonic()
        self.expected_parts += parts
        self.expected_rows += rows

    def add(self, record: PartRecord) -> None:
        self.began = self.began or time.monotonic()
        # Rates end at the last finished part, so waiting for the next does not lower them.
        self.seconds = time.monotonic() - self.began
        self.parts += 1
        self.rows += record.rows_in
        self.dropped += sum(record.dropped.values())

    def expect_task(self, number: int, weight: float | None) -> None:
        self.began = self.began or time.monotonic()
        self.tasks[number] = _Task(weight)

    def headway(self, number: int, share: float) -> None:
        task, now = self.tasks[number], time.monotonic()
        task.began = task.began or now
        task.share, task.seconds = share, now - task.began
        # Whatever comes first, an expectation or a report, starts the time of the stage.
        self.began = self.began or now
        self.reported = now - self.began

    def done(self) -> float | None:
        """The share of all work, by weight of the tasks, else by rows or parts; None: unknown.

        Parts that the stage before has yet to write count as well.
        """
        if self.tasks:
            weighted = [(t.weight, t.share) for t in self.tasks.values() if t.weight is not None]
            # One task without a weight makes the share of the whole unknown.
            if len(weighted) < len(self.tasks):
                return None
            return sum(weight * share for weight, share in weighted) / sum(w for w, _ in weighted)
        # Only parts that exist are expected. The share of the stage before scales for the others.
        before = self.after.done() if self.after is not None and self.after.tasks else 1.0
        if before is None or not self.expected_parts:
            return None
        # Rows are more exact than parts: the last part of a source is shorter.
        by_rows = self.expected_rows > 0
        of_expected = (
            self.rows / self.expected_rows if by_rows else self.parts / self.expected_parts
        )
        return of_expected * before

    def left(self) -> float | None:
        """Seconds until all is done; None: unknown.

        A task is not shared among processes. So a stage does not end before its slowest task, nor
        before the stage whose parts it works on.
        """
        done = self.done()
        # Unknown or 0: there is no speed to extrapolate from.
        if not done:
            return None
        # A reader reports between its parts, so its last report is newer than its last part.
        spent = self.reported if self.tasks else self.seconds
        # More workers do not shorten a single task.
        slowest = max((task.left() for task in self.tasks.values()), default=0.0)
        before = (self.after.left() if self.after is not None else 0.0) or 0.0
        # Linear in the share, which assumes that the speed stays as it was.
        return max(spent * (1 - done) / done, slowest, before)

    def time_left(self) -> str:
        """``ETA 12 min``, the reason why there is none, or nothing if no time is left."""
        if self.has_no_end():
            return "no ETA: a stream does not say how long it is"
        left = self.left()
        return f"ETA {_duration(left)}" if left else ""

    def has_no_end(self) -> bool:
        """Whether a task cannot report its share, here or in the stage before."""
        # A task without a weight hides the end only until it is done.
        here = any(task.weight is None and task.share < 1 for task in self.tasks.values())
        return here or (self.after is not None and self.after.has_no_end())

    def summary(self) -> str:
        """``1,000,000 rows, 250,000 rows/s, 1.2% dropped``."""
        share = self.dropped / self.rows if self.rows else 0.0
        # A first part within a clock tick must not divide by zero.
        rate = self.rows / max(self.seconds, 1e-3)
        return f"{self.rows:,} rows, {rate:,.0f} rows/s, {share:.1%} dropped"


def _duration(seconds: float) -> str:
    """``41 s``, ``12 min``, ``3.5 h``."""
    # A unit changes at two of the larger: "110 s" and "115 min" are easy to read.
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


class PlainProgress:
    """A line when a stage ends, and one every few seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._meters: dict[str, _Meter] = {}
        # When each stage printed last, so that one busy stage does not silence another.
        self._last: dict[str, float] = {}

    def begin(self, stage: str, after: str | None = None) -> None:
        """A stage starts."""
        self._meters[stage] = _Meter(self._meters[after] if after is not None else None)
        self._last[stage] = time.monotonic()

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More work has become known."""
        self._meters[stage].expect(parts, rows)

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """A task whose parts are not known in advance."""
        self._meters[stage].expect_task(task, weight)

    def headway(self, stage: str, task: int, share: float) -> None:
        """Record the share that is done."""
        self._meters[stage].headway(task, share)

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Count the part, and report if it is time to."""
        meter, now = self._meters[stage], time.monotonic()
        meter.add(record)
        # The last part is left to ``end``, which prints the same figures.
        if now - self._last[stage] >= PLAIN_INTERVAL and meter.done() != 1:
            self._last[stage] = now
            left = meter.time_left()
            self._line(stage, f", {left}" if left else "")

    def end(self, stage: str) -> None:
        """Report the whole stage, if anything was done."""
        # A resumed build has nothing to say of stages that were finished before.
        if self._meters[stage].parts:
            self._line(stage, "")

    def _line(self, stage: str, rest: str) -> None:
        meter = self._meters[stage]
        # While a source is read, no one knows how many parts it will have.
        of = f"/{meter.expected_parts}" if meter.expected_parts else ""
        text = f"{stage}: {meter.parts}{of} parts, {meter.summary()}{rest}"
        # Flushed, because a log is read while the build runs.
        print(text, file=self._stream, flush=True)


class BarProgress:
    """One bar per stage, which stays with its summary when the stage ends."""

    def __init__(self, stream: TextIO) -> None:
        # Rich allows one live display per console, so all overlapping stages share ``_bars``.
        self._console = Console(file=stream)
        self._meters: dict[str, _Meter] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Bars | None = None

    def begin(self, stage: str, after: str | None = None) -> None:
        """A stage starts; stages that run at the same time share one display."""
        if self._bars is None:
            self._bars = Bars(
                TextColumn("{task.description}"),
                # The text takes up to 80 columns; the bar has the rest, within 4 to 20.
                BarColumn(bar_width=max(4, min(20, self._console.width - 80))),
                TextColumn("{task.fields[parts]:>5} {task.fields[summary]}"),
                console=self._console,
            )
            self._bars.start()
        self._meters[stage] = _Meter(self._meters[after] if after is not None else None)
        self._tasks[stage] = self._bars.add_task(stage, total=None, parts="", summary="")

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More work has become known."""
        self._meters[stage].expect(parts, rows)
        self._show(stage)

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """A task whose parts are not known in advance."""
        self._meters[stage].expect_task(task, weight)

    def headway(self, stage: str, task: int, share: float) -> None:
        """Move the bar."""
        self._meters[stage].headway(task, share)
        self._show(stage)

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Move the bar."""
        self._meters[stage].add(record)
        self._show(stage)

    def end(self, stage: str) -> None:
        """Leave the bar where it is."""
        assert self._bars is not None, "a stage ends that never began"
        # The bar becomes full even if the share of the work was never known.
        meter = self._meters.pop(stage)
        self._bars.update(self._tasks[stage], total=meter.parts, completed=meter.parts)
        # Nothing was done, so nothing is shown.
        if meter.began is None:
            self._bars.update(self._tasks[stage], visible=False)
        # The last stage of the display frees the terminal for other output.
        if not self._meters:
            self._bars.stop()
            self._bars = None

    def _show(self, stage: str) -> None:
        assert self._bars is not None, "a part of a stage that never began"
        meter = self._meters[stage]
        done, left = meter.done(), meter.time_left()
        # Shorter than the plain line: the whole must fit one line of a terminal.
        summary = meter.summary().replace(" rows/s", "/s") + (f", {left}" if left else "")
        of = f"/{meter.expected_parts}" if meter.expected_parts else ""
        self._bars.update(
            self._tasks[stage],
            # Without a total, rich draws a moving bar.
            total=None if done is None else 1.0,
            completed=done or 0.0,
            parts=f"{meter.parts}{of}",
            summary=summary if meter.rows else "",
        )


def make_progress(stream: TextIO = sys.stderr) -> PlainProgress | BarProgress:
    """The progress that fits ``stream``."""
    return BarProgress(stream) if stream.isatty() else PlainProgress(stream)
