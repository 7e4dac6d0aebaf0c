"""Counts the bytes of input that a reader has consumed; the time left is told from them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Meter:
    """Bytes of all files that were opened since the counting began, as they lie on disk."""

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
def counting() -> Iterator[Meter]:
    """A meter for what is opened within."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


@contextmanager
def watched(tell: Callable[[], int]) -> Iterator[None]:
    """``tell`` says how many bytes of a file were consumed, at any time within."""
    meter = _meter.get()
    if meter is None:
        yield
        return
    with meter._watch(tell):
        yield
