"""How far a task is within itself: left in its folder for whoever waits, on whatever machine.

It is no result: the file goes when the task is done, and no record names it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_NAME = "headway.txt"
_listener: ContextVar[Callable[[], None]] = ContextVar("_listener", default=lambda: None)


def leave(folder: Path, share: float) -> None:
    """Say that ``share`` of the task is done, 0 to 1."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{_NAME}.tmp"
    temporary.write_text(f"{share:.6f}\n")
    temporary.replace(folder / _NAME)  # whole or not at all; after a crash nobody asks


def found(folder: Path) -> float | None:
    """The share that was left; None where none was."""
    try:
        return float((folder / _NAME).read_text())
    except (OSError, ValueError):
        return None


def remove(folder: Path) -> None:
    """Take it away: the task is done."""
    (folder / _NAME).unlink(missing_ok=True)


def nudge() -> None:
    """Give whoever waits in this process the occasion to look."""
    _listener.get()()


@contextmanager
def listening(look: Callable[[], None]) -> Iterator[None]:
    """``look`` is called at every ``nudge`` of a task that runs within, in this process."""
    token = _listener.set(look)
    try:
        yield
    finally:
        _listener.reset(token)
