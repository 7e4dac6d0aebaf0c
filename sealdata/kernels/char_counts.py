"""How many characters of each class a text has, and whether two given classes ever meet."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode

_LANES, _MOST = 4, 64  # classes of a lane, at most


@compiled
def count_classes(
    starts: Starts, data: Bytes, table: npt.NDArray[np.uint8], num_classes: int
) -> npt.NDArray[np.uint32]:
    """Code points of each text by their class in ``table`` (uint8 [0x110000], all below
    ``num_classes``, at most 64): uint32 [num_classes, texts], a class after another as a frame's
    columns are.

    Characters count in four lanes in turn: letters come after letters, and to raise one number
    again it must first have been written.
    """
    # 4 lanes of 64 counters of 4 bytes are 1 KiB, which stays in the processor's first cache.
    num_texts = len(starts) - 1
    counts = np.zeros((num_classes, num_texts), np.uint32)
    lanes = np.zeros(_LANES * _MOST, np.uint32)
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        lane = np.int64(0)
        while offset < end:
            char, offset = decode(data, offset)
            lanes[np.uint64(lane + np.int64(table[np.uint64(char)]))] += np.uint32(1)
            # Both sizes are powers of two, so a mask leads from the last lane to the first.
            lane = (lane + _MOST) & (_LANES * _MOST - 1)
        # Only the classes in use are summed. The lanes are cleared for the next text.
        for index in range(num_classes):
            for begin in range(0, _LANES * _MOST, _MOST):
                counts[index, text] += lanes[begin + index]
        lanes[:] = 0
    return counts
