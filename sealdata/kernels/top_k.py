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
    last = rows.shape[1] - 1
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            value = block[i, j]
            if value > rows[i, 0]:
                place = 0
                while place < last and rows[i, place + 1] < value:
                    rows[i, place] = rows[i, place + 1]
                    place += 1
                rows[i, place] = value
            if value > columns[j, 0]:
                place = 0
                while place < last and columns[j, place + 1] < value:
                    columns[j, place] = columns[j, place + 1]
                    place += 1
                columns[j, place] = value
