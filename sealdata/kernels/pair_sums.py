"""Sums over the neighbouring characters of texts, as a Markov chain of two models needs them."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode


@compiled
def sum_pairs(
    starts: Starts,
    data: Bytes,
    states: npt.NDArray[np.uint8],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """The sum of ``weights[state, next state]`` over each text, float64 [texts].

    ``states`` (uint8 [0x110000]) is the state of every code point. State 0 is that before and
    behind a text too; ``weights[0, 0]`` is not added, so that a text without any other state has 0.
    """
    num_texts = len(starts) - 1
    sums = np.zeros(num_texts, np.float64)
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        total, before = 0.0, np.uint8(0)
        while offset < end:
            lead = data[np.uint64(offset)]
            if lead < 0x80:
                offset += 1
                state = states[np.uint64(lead)]
            else:
                char, offset = decode(data, offset)
                state = states[np.uint64(char)]
            if before or state:
                total += weights[before, state]
            before = state
        if before:
            total += weights[before, 0]
        sums[text] = total
    return sums
