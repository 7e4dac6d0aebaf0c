"""Which texts are encoded together."""

from collections.abc import Sequence

import numpy as np

from sealdata.encoders.vocabulary import Ids


def plan_batches(rows: Sequence[Ids], batch_tokens: int) -> list[np.ndarray]:
    """Places of rows, int64 arrays: each batch of one length and at most ``batch_tokens`` ids.

    Longest first, so that threads end together; rows of one length keep their order.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    # Stable, so that batches are a function of the texts and not of the sorting algorithm.
    order = np.argsort(-lengths, kind="stable")
    bounds = np.flatnonzero(np.diff(lengths[order])) + 1
    batches = []
    for same_length in np.split(order, bounds):
        # No rows at all make one empty group.
        if len(same_length):
            # At least one row, however long: a text must be encoded by some batch.
            size = max(1, batch_tokens // int(lengths[same_length[0]]))
            batches += [same_length[i : i + size] for i in range(0, len(same_length), size)]
    return batches
