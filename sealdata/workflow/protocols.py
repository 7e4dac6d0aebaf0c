"""What runs tasks and what shows their progress, as the stages see them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from sealdata.files.records import PartRecord
from sealdata.workflow.stage import Task

# Returns the tasks that have become ready since the last call.
TaskSource = Callable[[], Sequence[Task]]

# Read by the libraries of a worker when they are imported.
THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")

POLL = 0.2  # seconds after which an engine asks for new tasks, if none has finished before


# A protocol, so that stages import no engine: Ray stays an optional package.
class Engine(Protocol):
    """Runs tasks somewhere, in any order."""

    # An iterator, so that the caller may add tasks to its source between two results.
    def run(self, source: TaskSource) -> Iterator[tuple[Task, list[PartRecord]]]:
        """Yield each task and its records as it finishes.

        The source is called at the start, after results were yielded and every ``POLL`` seconds.
        The run is over when it returns nothing and nothing is running.
        """
        ...


class Progress(Protocol):
    """Receives what happens, to show it. Stages may overlap."""

    # Called in the driver's process and thread only, so an implementation needs no locks.
    def begin(self, stage: str, after: str | None = None) -> None:
        """A stage starts; ``after`` names the one whose parts it works on as they appear."""
        ...

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """More unfinished parts of a stage have become known, with their rows (0: unknown)."""
        ...

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """A task whose parts are not known in advance; ``weight`` as in ``Stage``."""
        ...

    def headway(self, stage: str, task: int, share: float) -> None:
        """The share of such a task that is done, 0 to 1."""
        ...

    def part_done(self, stage: str, record: PartRecord) -> None:
        """One part of a stage is finished."""
        ...

    def part_kept(self, stage: str, record: PartRecord) -> None:
        """An earlier run finished this part, and it is intact: it is not made again."""
        ...

    def part_damaged(self, stage: str) -> None:
        """An earlier run finished a part whose files are damaged or gone: it is made again."""
        ...

    def note(self, text: str) -> None:
        """Something that people want to know if there is work to do."""
        ...

    def end(self, stage: str) -> None:
        """The stage is over."""
        ...


# For tests and for callers of the library that print nothing.
class NoProgress:
    """Shows nothing."""

    def begin(self, stage: str, after: str | None = None) -> None:
        """Nothing."""

    def expect(self, stage: str, parts: int, rows: int) -> None:
        """Nothing."""

    def expect_task(self, stage: str, task: int, weight: float | None) -> None:
        """Nothing."""

    def headway(self, stage: str, task: int, share: float) -> None:
        """Nothing."""

    def part_done(self, stage: str, record: PartRecord) -> None:
        """Nothing."""

    def end(self, stage: str) -> None:
        """Nothing."""

    def part_kept(self, stage: str, record: PartRecord) -> None:
        """Nothing."""

    def part_damaged(self, stage: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


NO_PROGRESS = NoProgress()  # it has no state, so that one serves as a default
