"""A fastText classifier: its labels, and the likeliest of them for each text.

The inference is fastText's own, from the package fasttext-predict. The library reads a model file
into private memory and cannot map it, so every worker process holds a copy. lid.176.ftz (0.9 MB)
takes 3.5 MiB of each process, measured. Models that are not quantised take about the size of their
file: an estimated 0.13 GB for lid.176.bin and 1.2 GB for lid218e, times the number of workers.
"""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import DataError

# Labels that are left out count as probability 0. With these limits the median of the bundled
# sentences loses 0.012 of its probability mass, and no sentence loses its likeliest labels.
TOP_K = 8  # labels of a text
MIN_PROB = 0.005  # of a label
_PREFIX = "__label__"  # of every label in a model file
_ROWS = 20_000  # texts whose predictions are Python objects at one time: at most 30 MB


class Likeliest(NamedTuple):
    """The likeliest labels of texts, best first: at most TOP_K, each with MIN_PROB or more.

    Unused cells hold label 0 with probability 0. A probability may exceed 1 by rounding.
    """

    labels: npt.NDArray[np.int16]  # [texts, TOP_K], index into the model's labels
    probs: npt.NDArray[np.float32]  # [texts, TOP_K]


class FastText:
    """A classifier in the memory of this process.

    ``labels`` are those of the model without their prefix, in alphabetical order.

    Raises:
        DataError: fastText cannot load the file, or it is not a classifier.
    """

    def __init__(self, path: Path) -> None:
        import fasttext

        try:
            # The library's batch form returns labels without probabilities, and `predict` of the
            # Python class fails on lists. The method of the C++ class takes one text a call.
            self._predict = fasttext.load_model(str(path)).f.predict
            # fastText skips labels whose log probability is below the log of the minimum. That of
            # a negative number is NaN, with which no label compares as lower: all are returned.
            every_label = self._predict("\n", -1, -1.0, "strict")
        except (ValueError, MemoryError) as error:
            raise DataError(f"{path} cannot be read as a fastText classifier: {error}") from None
        if not every_label:
            raise DataError(f"{path} is a fastText model without labels")
        names = sorted(label for _, label in every_label)
        self.labels = tuple(name.removeprefix(_PREFIX) for name in names)
        self._index = {name: index for index, name in enumerate(names)}

    def likeliest(self, texts: pl.Series) -> Likeliest:
        """The likeliest labels of each text, in order; null counts as empty.

        A text is one line whatever is in it: fastText ignores what follows a line feed, so line
        feeds are read as spaces.
        """
        labels = np.zeros((len(texts), TOP_K), np.int16)
        probs = np.zeros((len(texts), TOP_K), np.float32)
        for start in range(0, len(texts), _ROWS):
            rows = slice(start, start + _ROWS)
            lines = texts[rows].fill_null("").str.replace_all("\n", " ", literal=True) + "\n"
            predicted = [self._predict(line, TOP_K, MIN_PROB, "strict") for line in lines.to_list()]
            lengths = np.fromiter(map(len, predicted), np.int64, len(predicted))
            used = np.arange(TOP_K) < lengths[:, None]  # row by row, as the flat lists below
            probs[rows][used] = [prob for row in predicted for prob, _ in row]
            labels[rows][used] = [self._index[label] for row in predicted for _, label in row]
        return Likeliest(labels, probs)


@cache
def open_model(path: Path) -> FastText:
    """The model at ``path``, loaded once per process.

    Raises:
        DataError: see ``FastText``.
    """
    return FastText(path)


@cache
def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of the model at ``path``. The model itself does not stay in memory.

    Raises:
        DataError: see ``FastText``.
    """
    return FastText(path).labels


# Loads the model and identifies one text, in a process that may die of it. A truncated file states
# sizes at random: without a limit, one of 2 kB was seen to take 16 GB before it failed.
_TRIAL = """
import os, resource, sys
import fasttext
if os.path.exists("/proc/self/statm"):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limit = used + 4 * os.path.getsize(sys.argv[1]) + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
fasttext.load_model(sys.argv[1]).f.predict("a\\n", 1, 0.0, "strict")
"""


@cache
def check_model(path: Path) -> None:
    """Refuse a file that fastText cannot load, before any work begins.

    A truncated file may end fastText by a memory fault, and the process with it, or fill the
    memory. So another process tries it first, with limited memory.

    Raises:
        DataError: the process that tried it failed, or was killed by a signal.
    """
    trial = subprocess.run(
        [sys.executable, "-c", _TRIAL, str(path)], capture_output=True, text=True, check=False
    )
    if trial.returncode < 0:
        raise DataError(
            f"{path} ends fastText with signal {-trial.returncode}: the file is damaged or cut "
            "short; fetch it again"
        )
    if trial.returncode > 0:
        reason = (trial.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(f"{path} cannot be read as a fastText classifier: {reason}")
