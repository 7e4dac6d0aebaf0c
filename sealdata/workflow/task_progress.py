"""How much of a running task is done: a file in its folder, which any machine can read.

It is not a result: the file is removed when the task is done, and no record names it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

# A file, because a worker on another machine shares nothing else with the driver.
_NAME = "headway.txt"
# A context variable: runs in two threads do not call each other's callback.
_listener: ContextVar[Callable[[], None]] = ContextVar("_listener", default=lambda: None)


def report(folder: Path, share: float) -> None:
    """Write that ``share`` of the task is done, 0 to 1."""
    folder.mkdir(parents=True, exist_ok=True)
    # A fixed name suffices: one task writes to this folder at a time.
    temporary = folder / f"{_NAME}.tmp"
    temporary.write_text(f"{share:.6f}\n")
    # Renamed without fsync: readers never see half a number, and after a crash it is not needed.
    temporary.replace(folder / _NAME)


def read(folder: Path) -> float | None:
    """The share that was reported, 0 to 1; None where none was."""
    try:
        return float((folder / _NAME).read_text())
    except (OSError, ValueError):
        # Missing or unreadable means "no report". Progress must never end a build.
        return None


def remove(folder: Path) -> None:
    """Remove the report: the task is done."""
    (folder / _NAME).unlink(missing_ok=True)


def poll() -> None:
    """Call what ``on_poll`` registered in this process, from within a long task."""
    _listener.get()()


@contextmanager
def on_poll(callback: Callable[[], None]) -> Iterator[None]:
    """Call ``callback`` at every ``poll`` of a task that runs within, in this process.

    An engine without workers runs tasks in its own process, and could not show progress otherwise.
    """
    # The token restores an outer listener, so contexts may be nested.
    token = _listener.set(callback)
    try:
        yield
    finally:
        _listener.reset(token)
