"""What progress looks like to people: lines for a log, bars for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

from sealdata.files.printable import printable
from sealdata.workflow.steps import Step

PLAIN_INTERVAL = 5.0  # seconds between lines, and between records
BAR_INTERVAL = 0.2  # seconds between movements of the bar
NO_END = "no ETA: a stream does not say how long it is"


@dataclass(frozen=True)
class Snapshot:
    """How far a run is. A step that the run did not announce has the number 0."""

    number: int  # of the step, from 1
    total: int  # steps of the run
    name: str
    title: str
    unit: str  # "pairs" or "records"; "" where the step counts parts only
    done: float | None  # share of the step, 0 to 1, of what this run has to do; None: not known
    parts: int  # finished in the stage that is running
    expected_parts: int  # 0: not known
    rows: int  # that the step has seen, those of an earlier run among them
    rows_per_second: float  # in this run
    lost: int | None  # by this step itself; None: it drops nothing
    kept: int | None  # pairs kept in the end; None before that is known
    parts_kept: int  # of an earlier run
    parts_damaged: int  # of an earlier run, damaged or gone: they are made again
    seconds: float  # since the step began
    has_no_end: bool  # a stream that does not say how long it is
    step_left: float | None  # seconds left for the step; None: not known
    left: float | None  # for this step and all later ones


class View(Protocol):
    """Shows snapshots. ``interval`` is the least number of seconds between two of them."""

    interval: float

    def open(self, command: str, steps: Sequence[Step]) -> None:
        """The run begins."""
        ...

    def begin(self, snapshot: Snapshot, skipped: int) -> None:
        """A step begins; ``skipped`` steps before it were finished by an earlier run."""
        ...

    def show(self, snapshot: Snapshot) -> None:
        """The step goes on."""
        ...

    def end(self, snapshot: Snapshot) -> None:
        """The step is over."""
        ...

    def note(self, text: str) -> None:
        """Something for people to know."""
        ...

    def close(self, status: str) -> None:
        """The run is over: ``done``, ``failed`` or ``interrupted``."""
        ...


def duration(seconds: float) -> str:
    """``under 1 s``, ``41 s``, ``12 min``, ``3.5 h``."""
    if seconds < 1:
        return "under 1 s"
    # A unit changes at two of the larger: "110 s" and "115 min" are easy to read.
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def heading(snapshot: Snapshot) -> str:
    """``step 3 of 9, find duplicates``."""
    step = f"step {snapshot.number} of {snapshot.total}, " if snapshot.total > 1 else ""
    return f"{step}{snapshot.title}"


def _counts(snapshot: Snapshot) -> list[str]:
    """What was seen and lost."""
    rows, unit = snapshot.rows, snapshot.unit
    counts = [f"{rows:,} {unit}"] if rows and unit else []
    if snapshot.lost:
        counts.append(f"{snapshot.lost:,} lost ({snapshot.lost / max(rows, 1):.1%})")
    if snapshot.kept is not None:
        counts.append(f"{snapshot.kept:,} kept ({snapshot.kept / max(rows, 1):.1%})")
    return counts


def earlier(snapshot: Snapshot) -> list[str]:
    """What an earlier run left: parts that are kept, and parts that are made again."""
    kept, damaged = snapshot.parts_kept, snapshot.parts_damaged
    said = [f"{kept:,} part{'s' * (kept != 1)} of an earlier run kept"] if kept else []
    if damaged:
        said.append(f"{damaged:,} damaged or missing part{'s' * (damaged != 1)} made again")
    return said


def going_on(snapshot: Snapshot) -> str:
    """``45%, 865 pairs, 186 pairs/s, ETA 12 s, all steps 3 min``."""
    said = [f"{snapshot.done:.0%}"] if snapshot.done is not None else []
    if not snapshot.unit and snapshot.expected_parts:
        said.append(f"{snapshot.parts:,} of {snapshot.expected_parts:,} parts")
    said += _counts(snapshot)
    if snapshot.rows and snapshot.unit:
        said.append(f"{snapshot.rows_per_second:,.0f} {snapshot.unit}/s")
    if snapshot.has_no_end:
        said.append(NO_END)
    if snapshot.step_left:
        said.append(f"ETA {duration(snapshot.step_left)}")
        # The last step has no later ones, and their time would be said twice.
        if snapshot.left is not None and snapshot.number < snapshot.total:
            said.append(f"all steps {duration(snapshot.left)}")
    return ", ".join(said)


def over(snapshot: Snapshot) -> list[str]:
    """``done in 4 s``, ``2,013 pairs``, ``12 lost (0.6%)``."""
    return [f"done in {duration(snapshot.seconds)}", *_counts(snapshot)]


def skipped_steps(snapshot: Snapshot, skipped: int) -> str:
    """``steps 1 to 3 of 9 were finished by an earlier run``."""
    first, last = snapshot.number - skipped, snapshot.number - 1
    which = f"step {last} of {snapshot.total} was"
    if skipped > 1:
        which = f"steps {first} to {last} of {snapshot.total} were"
    return f"{which} finished by an earlier run"


class Lines:
    """A line when a step begins and one when it ends, and one every few seconds in between.

    A command of one step that takes less than these seconds says nothing.
    """

    interval = PLAIN_INTERVAL

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said: list[str] = []  # of an earlier run, when the step began

    def open(self, command: str, steps: Sequence[Step]) -> None:
        """Nothing: the first step says how many there are."""

    def begin(self, snapshot: Snapshot, skipped: int) -> None:
        """Say which step begins, and what it keeps of an earlier run, as far as that is known."""
        self._said = earlier(snapshot)
        if skipped:
            self.note(skipped_steps(snapshot, skipped))
        if snapshot.total > 1:
            said = f": {', '.join(self._said)}" if self._said else ""
            self.note(f"{heading(snapshot)}{said}")

    def show(self, snapshot: Snapshot) -> None:
        """Say how far it is; the end of a step is left to ``end``."""
        if snapshot.done == 1:
            return
        self.note(f"{heading(snapshot)}: {going_on(snapshot)}")

    def end(self, snapshot: Snapshot) -> None:
        """Say what was done."""
        if snapshot.total > 1 or snapshot.seconds >= self.interval:
            more = earlier(snapshot)
            said = [*over(snapshot), *(more if more != self._said else [])]
            self.note(f"{heading(snapshot)}: {', '.join(said)}")

    def note(self, text: str) -> None:
        """A line; flushed, because a log is read while the run goes on."""
        print(printable(text), file=self._stream, flush=True)

    def close(self, status: str) -> None:
        """Nothing."""


class Bars:
    """One bar per step, which stays with its summary when the step ends."""

    interval = BAR_INTERVAL

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            # The text takes up to 80 columns; the bar has the rest, within 4 to 20.
            BarColumn(bar_width=max(4, min(20, self._console.width - 80))),
            TextColumn("{task.fields[summary]}"),
            console=self._console,
        )
        self._task: TaskID | None = None

    def open(self, command: str, steps: Sequence[Step]) -> None:
        """Nothing is drawn before there is work."""

    def begin(self, snapshot: Snapshot, skipped: int) -> None:
        """Add a bar."""
        self._bars.start()  # again does nothing
        if skipped:
            self.note(skipped_steps(snapshot, skipped))
        self._task = self._bars.add_task(heading(snapshot), total=None, summary="")

    def show(self, snapshot: Snapshot) -> None:
        """Move the bar."""
        assert self._task is not None, "a step that never began"
        # Without a total, rich draws a moving bar.
        total = None if snapshot.done is None else 1.0
        done = snapshot.done or 0.0
        self._bars.update(self._task, total=total, completed=done, summary=going_on(snapshot))

    def end(self, snapshot: Snapshot) -> None:
        """Leave the bar full, also if the share was never known."""
        assert self._task is not None, "a step that never began"
        summary = ", ".join([*over(snapshot), *earlier(snapshot)])
        self._bars.update(self._task, total=1.0, completed=1.0, summary=summary)

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(printable(text), highlight=False, markup=False)

    def close(self, status: str) -> None:
        """Free the terminal for other output."""
        self._bars.stop()
