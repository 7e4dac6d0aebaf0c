"""Runs of token ids: copied in any order with something between them, and measured in bytes."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Int, compiled

Ids = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


@compiled
def copy_runs(ids: Ids, ends: Numbers, lengths: Numbers, fill: Int, fills: Numbers) -> Ids:
    """The runs ``ids[end - length : end]`` end to end, ``fills[i]`` times ``fill`` after run i.

    Every way of numpy writes an index of 8 bytes for each id of 4 bytes, and reads it again.
    """
    # The exact size is known beforehand, so memory is that of the result and no more.
    copied = np.empty(lengths.sum() + fills.sum(), np.uint32)
    to = 0
    # Runs may come in any order, overlap or repeat: the input is only read.
    for run in range(len(ends)):
        for position in range(ends[run] - lengths[run], ends[run]):
            copied[to] = ids[position]
            to += 1
        # The filler is EOS in practice: the end of a document, or padding after it.
        for _ in range(fills[run]):
            copied[to] = fill
            to += 1
    return copied


@compiled
def whole_within(
    ids: Ids, ends: Numbers, sizes: Numbers, limits: Numbers
) -> tuple[Numbers, Numbers]:
    """How many ids from the start of each run fit ``limits[i]`` bytes, and the bytes of the run.

    Run i is ``ids[ends[i - 1] : ends[i]]``, and id t stands for ``sizes[t]`` bytes.
    """
    # A run whose first id exceeds the limit keeps 0.
    whole, totals = np.zeros(len(ends), np.int64), np.empty(len(ends), np.int64)
    start = 0
    for run in range(len(ends)):
        # The loop continues beyond the limit: callers compare the total with the bytes of the text.
        total = 0
        for position in range(ends[run] - start):
            total += sizes[ids[start + position]]
            if total <= limits[run]:
                whole[run] = position + 1
        totals[run] = total
        start = ends[run]
    return whole, totals
