"""Steps: the stages of a run under names that a curator knows, and the time that is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Work:
    """Stages that go over the pairs together, and what that costs.

    ``cost`` is in seconds of one core for a million pairs. Only its ratio to other costs matters:
    the speed of the machine is measured while the run goes on.
    """

    stages: tuple[str, ...]  # in the order in which a pair passes them
    cost: float


@dataclass(frozen=True)
class Step:
    """A step of a run: ``name`` in records, ``title`` for people; its work in order."""

    name: str
    title: str
    works: tuple[Work, ...]
    unit: str = "pairs"  # what ``rows_in`` of its stages counts; "" if that says nothing to people
    # Stages whose drops are the losses of this step. Others repeat drops of earlier stages.
    losses: tuple[str, ...] = ()
    # The stage that states how many pairs are kept in the end.
    keeps: str | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages of the step."""
        return tuple(stage for work in self.works for stage in work.stages)


def single(name: str, title: str) -> Step:
    """The step of a command that has only one, of parts without pairs."""
    return Step(name, title, (Work((name,), 1.0),), unit="")


class WorkState(NamedTuple):
    """How far a run is with a ``Work``."""

    cost: float  # as in ``Work``
    begun: bool
    share: float | None  # that is done, 0 to 1; None: not known
    seconds: float = 0.0  # spent on it in this run
    left: float | None = None  # seconds left at its own speed; None: not known


def time_left(works: Sequence[WorkState]) -> float | None:
    """Seconds until all of ``works`` is done; None while that is not known.

    Work that has begun takes the time left at its own speed; the slowest counts, because begun
    work runs side by side. Work that has not begun takes its cost at the speed so far: seconds
    spent over the cost of what they did. Work of an earlier run is not in the list.
    """
    running = [work for work in works if work.begun and work.share != 1]
    # A stream without an end, or no report yet.
    if any(work.left is None for work in running):
        return None
    left = max((work.left or 0.0 for work in running), default=0.0)
    waiting = sum(work.cost for work in works if not work.begun)
    if not waiting:
        return left
    # Work without a cost would count its seconds and nothing that they did.
    measured = [work for work in works if work.begun and work.share and work.cost]
    done = sum(work.cost * (work.share or 0.0) for work in measured)
    if not done:
        return None
    return left + waiting * sum(work.seconds for work in measured) / done


def share_done(works: Sequence[WorkState]) -> float | None:
    """The share of all cost that is done, 0 to 1; None while it is not known."""
    if any(work.begun and work.share is None for work in works):
        return None
    whole = sum(work.cost for work in works)
    return sum(work.cost * (work.share or 0.0) for work in works) / whole if whole else None
