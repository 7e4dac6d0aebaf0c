"""Which texts are in Zawgyi, the other encoding of Burmese: Google's detector, compiled."""

from functools import cache
from math import log

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.pair_sums import sum_pairs
from sealdata.text.characters import NUM_CODE_POINTS

SURE = 0.95  # probability from which the detector's authors take a text for Zawgyi


def is_zawgyi(text: pl.Series) -> pl.Series:
    """Bool per text, false for null: the detector's probability of Zawgyi is at least SURE. A text
    without Burmese letters is not.

    Source: myanmar-tools (Google, Apache-2.0), a Markov chain over pairs of characters. The package
    myanmartools reads its model. It sums in Python, which takes 200 times as long, and a pattern
    that spared most texts the sum missed a tenth of short phrases.
    """
    states, weights = _model()
    # P is 1 / (1 + exp(sum)), so a low sum means Zawgyi.
    return pl.Series(text.name, sum_pairs(*texts_of(text), states, weights) <= log(1 / SURE - 1))


@cache
def _model() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """States of code points, uint8 [0x110000], and log odds of two in a row, float64 [n, n]."""
    from myanmartools import ZawgyiDetector

    detector = ZawgyiDetector()
    # Not public, but the package has no call for many texts; a test compares with its own sums.
    chars, params = detector._chars, detector._params
    states = np.zeros(NUM_CODE_POINTS, np.uint8)
    for char in chars:  # the package does not find all that its model has, such as U+200B
        states[ord(char)] = detector._state(char)
    size = len(chars) + 1
    weights = np.array(params, np.float64).reshape(size, size)
    return frozen(states), frozen(np.nan_to_num(weights, nan=0.0))
