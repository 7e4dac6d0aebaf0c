"""CPU seconds of several ways to do one thing, run in turns so that all meet the same machine."""

import re
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Race:
    """What the ways of doing one thing took; the last way is what the others are held against."""

    title: str
    amount: float  # units of work done in one run of any way
    unit: str
    seconds: dict[str, list[float]]  # way -> CPU seconds of each run

    def rows(self) -> list[tuple[str, ...]]:
        """Title, way, rate, seconds and ratio of each way, as text."""
        reference = statistics.median(list(self.seconds.values())[-1])
        alone = len(self.seconds) == 1
        rows: list[tuple[str, ...]] = []
        for way, runs in self.seconds.items():
            median = statistics.median(runs)
            rows.append(
                (
                    self.title,
                    way,
                    f"{_rounded(self.amount / median)} {self.unit}/s",
                    f"{median:.3f} ({min(runs):.3f} to {max(runs):.3f})",
                    "" if alone else f"{reference / median:.2f}",
                )
            )
        return rows


def race(
    title: str,
    amount: float,
    unit: str,
    ways: Mapping[str, Callable[[], object]],
    repeats: int,
) -> Race:
    """Run every way ``repeats`` times in turns, after a first run that nobody counts.

    A single repeat has no such run before it: it is for what takes minutes.
    """
    for way in ways.values() if repeats > 1 else ():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            seconds[name].append(cpu_seconds(way))
    return Race(title, amount, unit, seconds)


def cpu_seconds(work: Callable[[], object]) -> float:
    """User and system time of this process and of the children that ``work`` waits for."""
    before = time.process_time() + _of_children()
    work()
    return time.process_time() + _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _rounded(rate: float) -> str:
    """Three significant digits, thousands grouped."""
    return f"{float(f'{rate:.3g}'):,.0f}"


def peak_memory() -> float:
    """The most MiB that this process has held at one time.

    Not ru_maxrss, which begins at what the parent held when it started this process.
    """
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
