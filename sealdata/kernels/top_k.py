"""The largest numbers of every row and of every column of a matrix that comes block by block."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import compiled

Floats = npt.NDArray[np.float32]


@compiled
def keep_best(block: Floats, rows: Floats, columns: Floats) -> None:
    """Bring ``rows`` and ``columns`` to hold the largest numbers that they and ``block`` have.

    ``block`` is float32 [r, c]. ``rows`` is [r, k] and ``columns`` [c, k], each line of them in
    rising order, of -inf where there is nothing yet. Changed in place.
    """
    # The smallest kept number is at index 0, so one comparison rejects most values. k is small, so
    # an insertion costs less than a heap.
    last = rows.shape[1] - 1
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            value = block[i, j]
            if value > rows[i, 0]:
                # The smallest drops out, and those below ``value`` move down by one.
                index = 0
                while index < last and rows[i, index + 1] < value:
                    rows[i, index] = rows[i, index + 1]
                    index += 1
                rows[i, index] = value
            if value > columns[j, 0]:
                # The same cosine counts for the other side too: one product serves both directions.
                index = 0
                while index < last and columns[j, index + 1] < value:
                    columns[j, index] = columns[j, index + 1]
                    index += 1
                columns[j, index] = value
