"""Rows and parts of one stage: seen, expected, dropped, kept from an earlier run; and how fast."""

import time
from dataclasses import dataclass

from sealdata.files.records import PartRecord


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


class Meter:
    """Rows and parts of one stage: seen, expected, dropped, and how fast."""

    def __init__(self, after: "Meter | None" = None) -> None:
        # All times are seconds of ``time.monotonic``, which no change of the clock disturbs.
        self.after = after  # the stage whose parts this one works on as they appear
        self.tasks: dict[int, _Task] = {}
        self.began: float | None = None  # the first work on it: a stage waits for the one before
        self.parts = self.expected_parts = 0
        # Rows that went in. ``expected_rows`` stays 0 where they are not known.
        self.rows = self.expected_rows = self.dropped = 0
        # What an earlier run left: parts that are kept, their rows and drops; parts made again.
        self.kept_parts = self.kept_rows = self.kept_dropped = self.damaged_parts = 0
        self.ended = False
        self.seconds = 0.0  # from the beginning to the last finished part
        self.reported = 0.0  # from the beginning to the last report of a task

    def expect(self, parts: int, rows: int) -> None:
        """More parts have become known, with their rows (0: not known)."""
        # Not at ``begin``: streaming stages begin together, but some wait for others.
        self.began = self.began or time.monotonic()
        self.expected_parts += parts
        self.expected_rows += rows

    def add(self, record: PartRecord) -> None:
        """Count a part of this run."""
        self.began = self.began or time.monotonic()
        # Rates end at the last finished part, so waiting for the next does not lower them.
        self.seconds = time.monotonic() - self.began
        self.parts += 1
        self.rows += record.rows_in
        self.dropped += sum(record.dropped.values())

    def keep(self, record: PartRecord) -> None:
        """Count a part of an earlier run, which takes no time of this one."""
        self.kept_parts += 1
        self.kept_rows += record.rows_in
        self.kept_dropped += sum(record.dropped.values())

    def expect_task(self, number: int, weight: float | None) -> None:
        """A task whose parts are not known in advance."""
        self.began = self.began or time.monotonic()
        self.tasks[number] = _Task(weight)

    def headway(self, number: int, share: float) -> None:
        """The share of such a task that is done."""
        task, now = self.tasks[number], time.monotonic()
        task.began = task.began or now
        task.share, task.seconds = share, now - task.began
        # Whatever comes first, an expectation or a report, starts the time of the stage.
        self.began = self.began or now
        self.reported = now - self.began

    def num_lost(self) -> int:
        """Rows that were dropped, in this run and in an earlier one."""
        return self.dropped + self.kept_dropped

    def num_left(self) -> int:
        """Rows that went in and were not dropped, in this run and in an earlier one."""
        return self.rows + self.kept_rows - self.num_lost()

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

    def has_no_end(self) -> bool:
        """Whether a task cannot report its share, here or in the stage before."""
        # A task without a weight hides the end only until it is done.
        here = any(task.weight is None and task.share < 1 for task in self.tasks.values())
        return here or (self.after is not None and self.after.has_no_end())
