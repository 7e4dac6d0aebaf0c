"""Counts the bytes of input that a reader has consumed, to estimate the time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Meter:
    """Bytes of all files opened since the count began, as they are on disk: compressed."""

    def __init__(self) -> None:
        self._closed = 0
        self._open: list[Callable[[], int]] = []

    def consumed(self) -> int:
        """Bytes so far; a decompressor reads a little ahead."""
        return self._closed + sum(tell() for tell in self._open)

    @contextmanager
    def _watch(self, tell: Callable[[], int]) -> Iterator[None]:
        self._open.append(tell)
        try:
            yield
        finally:
            self._open.remove(tell)
            self._closed += tell()


_meter: ContextVar[Meter | None] = ContextVar("_meter", default=None)


@contextmanager
def track() -> Iterator[Meter]:
    """A meter for the files opened inside this context."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


@contextmanager
def watch(tell: Callable[[], int]) -> Iterator[None]:
    """Count a file whose consumed bytes ``tell`` returns, inside this context."""
    meter = _meter.get()
    if meter is None:
        yield
        return
    with meter._watch(tell):
        yield
