"""A fastText classifier: its labels, and the likeliest of them for texts."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import texts_of
from sealdata.kernels.fasttext import likeliest
from sealdata.lid.weights import read_weights

MOST = 8  # labels told of a text
LEAST = 0.005  # probability below which a label is not told


class Likeliest(NamedTuple):
    """The likeliest labels of texts, best first; at most MOST of them, each at least LEAST likely.

    Unused places hold label 0 with probability 0. A probability may exceed 1 by rounding.
    """

    labels: npt.NDArray[np.int16]  # [texts, MOST], index into the model's labels
    probs: npt.NDArray[np.float32]  # [texts, MOST]


class FastText:
    """A classifier in memory, of which the machine holds one copy: see ``read_weights``.

    Raises:
        DataError: the file is missing or no fastText classifier.
    """

    def __init__(self, path: Path) -> None:
        self.labels, self._network = read_weights(path)

    def likeliest(self, texts: pl.Series) -> Likeliest:
        """The likeliest labels of each text, which is read as one line whatever is in it."""
        return Likeliest(*likeliest(*texts_of(texts), self._network, MOST, LEAST))
