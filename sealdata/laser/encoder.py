"""Sentence embeddings by LASER: the public face of this package."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from sealdata.errors import ConfigError
from sealdata.laser.checkpoint import read_checkpoint
from sealdata.laser.lstm import LaserLstm
from sealdata.laser.vocabulary import Ids, Vocabulary


class Encoded(NamedTuple):
    """Embeddings of texts, and which of the texts were too long to be read to their end."""

    vectors: np.ndarray  # float32 [n, dim]
    cut: np.ndarray  # bool [n]


def load_encoder(
    checkpoint: Path,
    spm: Path,
    *,
    max_tokens: int = 2048,
    batch_tokens: int = 8192,
    threads: int = 1,
) -> "Encoder":
    """The LASER2 encoder in two files, as LASER publishes them (``laser2.pt``, ``laser2.spm``).

    ``max_tokens`` bounds what is read of one text, ``batch_tokens`` the memory of one batch, both
    in pieces with the closing ``</s>``; a change of either may change results (in the last bits).
    ``threads`` is how many batches are computed at once and never changes a result.

    Raises:
        DataError: a file is missing, damaged or something else; pickled code is not run.
        ConfigError: the files do not belong together, the checkpoint is LASER3's, or a bound makes
            no sense.
    """
    if not 2 <= max_tokens <= batch_tokens:
        raise ConfigError(
            f"max_tokens = {max_tokens}: must be at least 2 and at most "
            f"batch_tokens = {batch_tokens}"
        )
    if threads < 1:
        raise ConfigError(f"threads = {threads}: must be at least 1")
    loaded = read_checkpoint(checkpoint)
    vocabulary = Vocabulary(spm, loaded.dictionary)
    return Encoder(loaded.network, vocabulary, max_tokens, batch_tokens, threads)


class Encoder:
    """Turns texts of any language it was trained on into vectors that can be compared.

    Batches hold texts of one length, so nothing is padded, and depend only on the list of texts
    given: the same list gives the same bytes on one kind of machine, whatever the threads.
    """

    def __init__(
        self,
        network: LaserLstm,
        vocabulary: Vocabulary,
        max_tokens: int,
        batch_tokens: int,
        threads: int,
    ) -> None:
        self.dim = network.dim
        self.vocabulary = vocabulary
        self._network = network
        self._max_tokens = max_tokens
        self._batch_tokens = batch_tokens
        self._threads = threads

    def encode(self, texts: Sequence[str], *, normalise: bool = False) -> np.ndarray:
        """Embeddings, float32 [len(texts), dim], in input order; see ``encode_counted``."""
        return self.encode_counted(texts, normalise=normalise).vectors

    def encode_counted(self, texts: Sequence[str], *, normalise: bool = False) -> Encoded:
        """Embeddings in input order, of Euclidean length 1 if ``normalise``, and which were cut.

        A text of more than ``max_tokens`` pieces is read up to there and marked in ``cut``. An
        empty text gets the embedding of ``</s>`` alone, as in LASER's library. Repeated texts are
        encoded once.
        """
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        ids = self.vocabulary.ids(list(places))
        cut = np.array([len(row) > self._max_tokens for row in ids], dtype=bool)
        vectors = self._embed([self._shorten(row) for row in ids])
        if normalise:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        if len(places) == len(texts):
            return Encoded(vectors, cut)
        order = np.array([places[text] for text in texts], dtype=np.int64)
        return Encoded(vectors[order], cut[order])

    def _shorten(self, row: Ids) -> Ids:
        if len(row) <= self._max_tokens:
            return row
        return np.append(row[: self._max_tokens - 1], row[-1])

    def _embed(self, rows: list[Ids]) -> np.ndarray:
        vectors = np.empty((len(rows), self.dim), dtype=np.float32)

        def embed_batch(batch: np.ndarray) -> None:
            ids = torch.from_numpy(np.stack([rows[i] for i in batch]).astype(np.int64))
            with torch.inference_mode():
                vectors[batch] = self._network(ids).numpy()

        with _one_thread_per_operation(), ThreadPoolExecutor(self._threads) as pool:
            for _ in pool.map(embed_batch, plan_batches(rows, self._batch_tokens)):
                pass
        return vectors


def plan_batches(rows: Sequence[Ids], batch_tokens: int) -> list[np.ndarray]:
    """Places of rows, int64 arrays: each batch of one length and at most ``batch_tokens`` ids.

    Longest first, so that threads end together; rows of one length keep their order.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    bounds = np.flatnonzero(np.diff(lengths[order])) + 1
    batches = []
    for same_length in np.split(order, bounds):
        if len(same_length):
            size = max(1, batch_tokens // int(lengths[same_length[0]]))
            batches += [same_length[i : i + size] for i in range(0, len(same_length), size)]
    return batches


@contextmanager
def _one_thread_per_operation() -> Iterator[None]:
    """Split no operation over threads: the number of threads would show in the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
