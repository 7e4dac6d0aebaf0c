"""Best-fit packing: which documents fill which sequence, by their lengths."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Int, compiled

Numbers = npt.NDArray[np.int64]


@compiled
def best_fit(
    lengths: Numbers, capacity: Int, hold: Int, reserve: Int
) -> tuple[Numbers, Numbers, Numbers]:
    """Fill bins of ``capacity`` with the oldest documents first and close each with those that fit
    best, while more than ``hold`` are left.

    ``lengths`` int64 [n], each >= 1. A bin takes the oldest document as long as at least
    ``reserve`` tokens stay free after it. Then it takes a longest document that fits, the oldest of
    its length. Returns order [m] (indices of documents), padding [m] after each, and the indices
    that are left [n - m], oldest first. Each document costs a few steps, whatever their number.
    """
    num = len(lengths)
    # In the order of packing. Only the first ``done`` entries are returned.
    order, padding = np.empty(num, np.int64), np.zeros(num, np.int64)
    taken = np.zeros(num, np.bool_)
    # Documents of one length stand in a queue; bit n of ``present`` is set while queue n has one.
    head, last = np.full(capacity + 1, -1, np.int64), np.full(capacity + 1, -1, np.int64)
    after = np.full(num, -1, np.int64)
    present = np.zeros(capacity // 64 + 1, np.uint64)
    # Documents enter by age, so the head of a queue is the oldest of its length.
    for document in range(num):
        length = lengths[document]
        # A longer document is in no queue: it opens bins of its own and never fills a rest.
        if length <= capacity:
            if head[length] < 0:
                head[length] = document
                present[length >> 6] |= np.uint64(1) << np.uint64(length & 63)
            else:
                after[last[length]] = document
            last[length] = document
    # ``oldest`` only moves forward, so its steps together are at most ``num``.
    oldest = done = 0
    # The rest waits for the next call: more documents to choose from leave less padding.
    while done < num and num - done >= hold:
        space = np.int64(0)  # in the bin that is open; none is
        while True:
            while oldest < num and taken[oldest]:
                oldest += 1
            if oldest == num:
                break
            # A bin opens with the oldest document, so none waits forever. Best fit only closes a
            # bin: used throughout, it would put all long documents first.
            if space == 0 or lengths[oldest] + reserve <= space:
                document = oldest
            else:
                # ``space`` is below the capacity here: the first document took at least one token.
                fitting = longest(present, space)
                # Nothing fits, so what is free becomes padding.
                if fitting < 0:
                    break
                document = head[fitting]
            length = lengths[document]
            taken[document] = True
            order[done] = document
            done += 1
            # The document is the head of its queue: the oldest of all is the oldest of its length.
            if length <= capacity:
                head[length] = after[document]
                if head[length] < 0:
                    present[length >> 6] ^= np.uint64(1) << np.uint64(length & 63)
            # A long document takes whole sequences; what it leaves free in the last is filled as
            # usual.
            space = (space or -(-length // capacity) * capacity) - length
            if space == 0:
                break
        padding[done - 1] = space
    return order[:done], padding[:done], np.flatnonzero(~taken)


@compiled
def longest(present: npt.NDArray[np.uint64], space: Int) -> Int:
    """The highest bit set in ``present`` at or below ``space``; -1 if there is none."""
    # Bit ``space & 63`` of this word is the highest that counts; lower words count entirely.
    word = space >> 6
    bits = present[word] & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(63 - (space & 63)))
    # A sequence of 4,096 tokens has 65 words, so this loop is short.
    while bits == 0:
        word -= 1
        if word < 0:
            return -1
        bits = present[word]
    # Binary search for the highest bit: six steps for 64 bits.
    node = np.int64(0)
    for step in (32, 16, 8, 4, 2, 1):
        if bits >> np.uint64(step):
            bits >>= np.uint64(step)
            node += step
    return (word << 6) + node
