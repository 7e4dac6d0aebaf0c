"""How many characters of each class a text has, and whether two given classes ever meet."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode


@compiled
def count_classes(
    starts: Starts, data: Bytes, table: npt.NDArray[np.uint8], num_classes: int
) -> npt.NDArray[np.uint32]:
    """Code points of each text by their class in ``table`` (uint8 [0x110000], all below
    ``num_classes``): uint32 [num_classes, texts], a class after another as a frame's columns are.
    """
    num_texts = len(starts) - 1
    counts = np.zeros((num_classes, num_texts), np.uint32)
    row = np.zeros(num_classes, np.uint32)
    for text in range(num_texts):
        at, end = starts[text], starts[text + 1]
        while at < end:
            char, at = decode(data, at)
            row[table[char]] += np.uint32(1)
        for index in range(num_classes):
            counts[index, text] = row[index]
            row[index] = 0
    return counts
