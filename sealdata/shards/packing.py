"""Packing: the order of documents in sequences of fixed length, and the padding where none fits.

Packers see lengths only (tokens of each document, its EOS included). A *bin* is one sequence, or
as many as one long document needs; documents lie end to end in it, padding after the last.
"""

from collections import deque
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Mode = Literal["whole", "concat"]
Numbers = npt.NDArray[np.int64]

# The last eighth of a sequence is filled by best fit; before it, documents go in as they come.
# Measured with 16,384 to choose from and 4,096 tokens: pairs fill 99.98 %, web pages 99.97 %;
# best fit throughout gains 0.01 % and puts all long documents first.
_TAIL = 8


class Packing(NamedTuple):
    """What to write, in order, and what to offer again with the documents that come next."""

    order: Numbers  # [m] places of documents in the lengths given
    padding: Numbers  # [m] tokens of padding after each
    left: Numbers  # [n - m] places of documents held back, in the order they came


def pack(mode: Mode, lengths: Numbers, sequence_length: int, hold: int) -> Packing:
    """Pack documents by ``lengths`` int64 [n] (each >= 1), the oldest first, holding back ``hold``.

    ``concat`` puts documents end to end and holds none back. ``whole`` lets no document of at most
    ``sequence_length`` tokens straddle two sequences; it goes on while at least ``hold`` documents
    are left to choose from.
    """
    if mode == "concat":
        places = np.arange(len(lengths))
        return Packing(places, np.zeros_like(places), places[:0])
    return _best_fit(lengths, sequence_length, hold)


def _best_fit(lengths: Numbers, capacity: int, hold: int) -> Packing:
    """Fill bins with the oldest documents first and close each with those that fit best."""
    pool = _Pool(lengths.tolist(), capacity)
    order: list[int] = []
    padding: list[int] = []
    while pool.count and pool.count >= hold:
        place = pool.take_oldest()
        order.append(place)
        padding.append(0)
        space = -int(lengths[place]) % capacity
        while space:
            place = pool.take_fitting(space, reserve=capacity // _TAIL)
            if place < 0:
                break
            order.append(place)
            padding.append(0)
            space -= int(lengths[place])
        padding[-1] = space
    return Packing(
        np.array(order, np.int64), np.array(padding, np.int64), np.array(pool.rest(), np.int64)
    )


class _Pool:
    """Documents to choose from: the oldest, or the oldest of the longest that fit a gap.

    Each step costs a few operations on an integer of ``capacity`` bits, whatever the number of
    documents.
    """

    def __init__(self, lengths: list[int], capacity: int) -> None:
        self._lengths = lengths
        self._taken = bytearray(len(lengths))
        self._next = 0  # every earlier place is taken
        self._queues: list[deque[int]] = [deque() for _ in range(capacity + 1)]
        self._present = 0  # bit n is set while the queue of length n holds a document
        self.count = len(lengths)
        for place, length in enumerate(lengths):
            if length <= capacity:
                self._queues[length].append(place)
                self._present |= 1 << length

    def take_oldest(self) -> int:
        """Place of the oldest document."""
        return self._take(self._oldest())

    def take_fitting(self, space: int, reserve: int) -> int:
        """Place of the oldest document, if at least ``reserve`` tokens are free after it, else of a
        longest that fits; -1 if none fits."""
        if self.count and self._lengths[self._oldest()] + reserve <= space:
            return self.take_oldest()
        fitting = self._present & ((2 << space) - 1)
        if not fitting:
            return -1
        return self._take(self._queues[fitting.bit_length() - 1][0])

    def rest(self) -> list[int]:
        """Places of the documents not taken, oldest first."""
        return [place for place in range(self._next, len(self._taken)) if not self._taken[place]]

    def _oldest(self) -> int:
        while self._taken[self._next]:
            self._next += 1
        return self._next

    def _take(self, place: int) -> int:
        length = self._lengths[place]
        self._taken[place] = 1
        self.count -= 1
        if length < len(self._queues):
            queue = self._queues[length]
            assert queue[0] == place, "of equal lengths the oldest goes first"
            queue.popleft()
            if not queue:
                self._present ^= 1 << length
        return place
