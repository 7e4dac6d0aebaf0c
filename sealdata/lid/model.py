"""A fastText classifier: its labels, and the likeliest of them for texts."""

import struct
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.errors import DataError

MOST = 8  # labels told of a text
LEAST = 0.005  # probability below which a label is not told: at 0.001 it takes a third longer
_CHUNK = 256  # texts; more of the binding's tuples at a time are slower to take apart
_PROB, _NAME = itemgetter(0), itemgetter(1)  # of what the binding tells: (probability, label)
_LABEL = "__label__"
_MAGIC, _SUPERVISED, _IS_LABEL = 793_712_314, 3, 1
_BLOCK = 1 << 20


class Likeliest(NamedTuple):
    """The likeliest labels of texts, best first; at most MOST of them, each at least LEAST likely.

    Unused places hold label 0 with probability 0. A probability may exceed 1 by rounding.
    """

    labels: npt.NDArray[np.int16]  # [texts, MOST], index into the model's labels
    probs: npt.NDArray[np.float32]  # [texts, MOST]


class FastText:
    """A classifier in memory.

    The binding is called below the Python layer of its package: ``predict`` there is broken in one
    way or another in every build that has wheels (docs/lid.md), while the method of the compiled
    class is right in all of them.

    Raises:
        DataError: the file is missing or no fastText classifier, or another package has taken the
            place of fasttext-predict.
    """

    def __init__(self, path: Path) -> None:
        self.labels = read_labels(path)
        self._index = {_LABEL + label: number for number, label in enumerate(self.labels)}
        self._model = _load_model(path)
        self._predict = self._model.f.predict  # the method dies with the model, so both are kept

    def likeliest(self, texts: Sequence[str]) -> Likeliest:
        """The likeliest labels of each text, which is read as one line whatever is in it."""
        labels = np.zeros((len(texts), MOST), np.int16)
        probs = np.zeros((len(texts), MOST), np.float32)
        for start in range(0, len(texts), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._tell(texts[part], labels[part], probs[part])
        return Likeliest(labels, probs)

    def _tell(
        self,
        texts: Sequence[str],
        labels: npt.NDArray[np.int16],
        probs: npt.NDArray[np.float32],
    ) -> None:
        predict = self._predict
        told = [predict(text.replace("\n", " ") + "\n", MOST, LEAST, "strict") for text in texts]
        flat = [*chain.from_iterable(told)]
        if flat:
            used = np.arange(MOST) < np.fromiter(map(len, told), np.intp, len(told))[:, None]
            probs[used] = np.fromiter(map(_PROB, flat), np.float32, len(flat))
            number = map(self._index.__getitem__, map(_NAME, flat))
            labels[used] = np.fromiter(number, np.int16, len(flat))


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels of a fastText classifier, in the order of its file, without their prefix.

    Raises:
        DataError: the file is missing, damaged or no fastText classifier.
    """
    try:
        with path.open("rb") as file:
            return tuple(_labels(file))
    except FileNotFoundError:
        raise DataError(f"no language-ID model at {path}") from None
    except struct.error:
        raise DataError(f"{path} is no fastText classifier: it is too short") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no fastText classifier: {error}") from None


def _labels(file: BinaryIO) -> list[str]:
    """fastText's dictionary: words and labels, each ended by a zero, a count and a type."""
    magic, _version, *args = struct.unpack("<14i8x", file.read(64))
    if magic != _MAGIC:
        raise ValueError("it does not begin as fastText's files do")
    if args[7] != _SUPERVISED:
        raise ValueError("it holds word vectors only")
    _size, num_words, num_labels = struct.unpack("<3i16x", file.read(28))
    found = []
    rest, at = b"", 0
    for _ in range(num_words + num_labels):
        while (end := rest.find(b"\0", at)) < 0 or end + 10 > len(rest):
            block = file.read(_BLOCK)
            if not block:
                raise ValueError("it ends within its dictionary")
            rest, at = rest[at:] + block, 0
        if rest[end + 9] == _IS_LABEL:
            found.append(rest[at:end].decode("utf-8").removeprefix(_LABEL))
        at = end + 10
    if not found:
        raise ValueError("it has no labels")
    return found


def _load_model(path: Path) -> Any:
    try:
        import fasttext
    except ImportError:
        raise DataError(
            "language ID needs fasttext-predict: pip install fasttext-predict"
        ) from None
    try:
        model = fasttext.load_model(str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise DataError(f"{path} is no fastText classifier: {error}") from None
    try:
        [(prob, label)] = model.f.predict("Hello\n", 1, 0.0, "strict")
        right = isinstance(prob, float) and label.startswith(_LABEL)
    except (AttributeError, TypeError, ValueError):
        right = False
    if not right:
        raise DataError(
            f"the module fasttext at {getattr(fasttext, '__file__', '?')} does not answer as that "
            "of fasttext-predict; another package has taken its place: uninstall that one, then "
            "pip install --force-reinstall fasttext-predict"
        )
    return model
