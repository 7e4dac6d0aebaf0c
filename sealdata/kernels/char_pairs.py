"""Which texts hold two given characters side by side."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode

# One bit for each of the 16 couples that the caller may ask for.
ALL = 0xFFFF


@compiled
def hold_neighbours(
    starts: Starts,
    data: Bytes,
    first: npt.NDArray[np.uint16],
    second: npt.NDArray[np.uint16],
) -> npt.NDArray[np.bool_]:
    """Bool [texts]: two neighbours share a bit, the left one in ``first`` and the right one in
    ``second`` (uint16 [0x110000] each). The start of a text has all bits of ``first``."""
    num_texts = len(starts) - 1
    has_pair = np.zeros(num_texts, np.bool_)
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        # ``before`` has the couples whose first class contains the character on the left.
        before = np.uint16(ALL)
        while offset < end:
            char, offset = decode(data, offset)
            # A common bit is a couple of which both classes match here.
            if before & second[np.uint64(char)]:
                # One match settles the text. Clean text, the common case, is read to its end.
                has_pair[text] = True
                break
            before = first[np.uint64(char)]
    return has_pair
