"""Sentence embeddings by LASER: the public interface of this package."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sealdata.encoders import Device, Precision
from sealdata.encoders.arithmetic import choose_device, convert_network
from sealdata.encoders.batches import plan_batches
from sealdata.encoders.checkpoint import read_checkpoint
from sealdata.encoders.encoded import Encoded
from sealdata.encoders.threads import one_thread_per_operation
from sealdata.encoders.vocabulary import Ids, Vocabulary
from sealdata.errors import ConfigError

# Matrix products of fewer rows are summed in another order. Small batches are filled up to this
# number of ids, so that a text has the same vector in every batch.
_MIN_IDS = 16


class Numbers(Protocol):
    """Turns texts into ids."""

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Ids int32 of each text, at least one."""


class _Read(NamedTuple):
    """Texts as ids, each distinct text once."""

    ids: list[Ids]  # within the bound
    truncated: np.ndarray  # bool [distinct]
    index_of: np.ndarray  # int64 [texts]: which of ``ids`` is a text's


def load_encoder(
    checkpoint: Path,
    spm: Path,
    cvocab: Path | None = None,
    *,
    precision: Precision = "fp32",
    device: Device = "cpu",
    max_tokens: int = 2048,
    batch_tokens: int = 8192,
    threads: int = 1,
) -> "Encoder":
    """The encoder in the files that LASER publishes.

    LASER2 is ``laser2.pt`` and ``laser2.spm``; LASER3 is ``laser3-tha_Thai.v1.pt``, say, with
    ``laser2.spm`` and the vocabulary ``laser2.cvocab``, or its own of both where it has them.

    ``max_tokens`` bounds what is read of one text, ``batch_tokens`` the memory of one batch. Both
    count pieces, with the closing ``</s>``. A change of either may change the last bits of
    results; a change of ``precision`` or ``device`` changes more. ``threads`` is how many batches
    are computed at once on the CPU; it never changes a result.

    Raises:
        DataError: a file is missing, damaged or something else; pickled code is not run.
        ConfigError: the files do not belong together, a bound makes no sense, or there is no such
            device or precision here.
    """
    # Two: a piece and the closing </s>. A text must fit a batch, or no batch could take it.
    if not 2 <= max_tokens <= batch_tokens:
        raise ConfigError(
            f"max_tokens = {max_tokens}: must be at least 2 and at most "
            f"batch_tokens = {batch_tokens}"
        )
    if threads < 1:
        raise ConfigError(f"threads = {threads}: must be at least 1")
    # A missing GPU is reported before the checkpoint is read.
    chosen = choose_device(device)
    loaded = read_checkpoint(checkpoint, cvocab)
    vocabulary = Vocabulary(spm, loaded.dictionary, prepend_bos=loaded.prepend_bos)
    network = convert_network(loaded.network, chosen, precision)
    # Learned positions end somewhere; sinusoids and the LSTM have no limit of their own.
    bound = min(max_tokens, loaded.network.max_pieces or max_tokens)
    return Encoder(network, loaded.network.dim, vocabulary, chosen, bound, batch_tokens, threads)


class Encoder:
    """Turns texts of any language it was trained on into vectors that can be compared.

    Batches hold texts of one length, so nothing is padded, and depend only on the list of
    texts: the same list has the same embeddings, to the last bit, with any number of threads on one
    kind of machine.
    """

    def __init__(
        self,
        network: nn.Module,
        dim: int,
        vocabulary: Numbers,
        device: torch.device,
        max_tokens: int,
        batch_tokens: int,
        threads: int,
    ) -> None:
        self.dim = dim
        self.vocabulary = vocabulary
        self._network = network
        self._device = device
        self._max_tokens = max_tokens
        self._batch_tokens = batch_tokens
        self._threads = threads
        self._is_steady: bool | None = None  # not measured yet

    def encode(self, texts: Sequence[str], *, normalise: bool = False) -> np.ndarray:
        """Embeddings, float32 [len(texts), dim], in input order; see ``encode_counted``."""
        return self.encode_counted(texts, normalise=normalise).vectors

    def encode_counted(self, texts: Sequence[str], *, normalise: bool = False) -> Encoded:
        """Embeddings in input order, of Euclidean length 1 if ``normalise``, and a truncation flag.

        A text of more than ``max_tokens`` pieces is read up to there and its flag is set. An empty
        text gets the embedding of a lone ``</s>``, as in LASER's library. Repeated texts are
        encoded once.
        """
        return self._encode(self._read(texts), normalise)

    def encode_lists(self, lists: Iterable[Sequence[str]]) -> Iterator[Encoded]:
        """``encode_counted`` of one list after another.

        On a GPU, the next list is split into pieces while this one is computed.
        """
        if self._device.type == "cpu":
            yield from map(self.encode_counted, lists)
            return
        # One list ahead and no more: memory holds the ids of two lists.
        with ThreadPoolExecutor(1) as reader:
            pending = None
            for texts in lists:
                # The CPU cuts the next texts into pieces while the GPU computes.
                following = reader.submit(self._read, texts)
                if pending is not None:
                    yield self._encode(pending.result(), normalise=False)
                pending = following
            if pending is not None:
                yield self._encode(pending.result(), normalise=False)

    def is_steady(self) -> bool:
        """Whether a text has the same embedding, to the last bit, whatever else is in its batch.

        It has in fp32 and bf16 on the CPUs that were tried. No library promises it, so a few
        texts are encoded in several ways. In int8 the answer may be wrong: the range of a whole
        batch is divided into 256 steps, and these texts may not show the difference.
        """
        if self._is_steady is None:
            self._is_steady = self._measure_steadiness()
        return self._is_steady

    def _measure_steadiness(self) -> bool:
        # A fixed seed, so that a machine always gets the same answer. Ids below 4 are special.
        noise = np.random.default_rng(1).integers(4, 100, size=(67, 40)).astype(np.int32)
        # Short texts make small batches, where libraries change the order of their sums.
        for length in (size for size in (1, 2, 3, 9, 40) if size <= self._max_tokens):
            rows = list(noise[:, :length])
            # The same rows in a large batch, each as its own batch, and in a middle-sized one.
            whole = self._embed(rows)
            single = np.concatenate([self._embed([rows[i]]) for i in (0, 33, 66)])
            few = self._embed(rows[30:37])
            if not (
                np.array_equal(whole[[0, 33, 66]], single) and np.array_equal(whole[30:37], few)
            ):
                return False
        return True

    def _read(self, texts: Sequence[str]) -> _Read:
        # Distinct texts in order of first occurrence: batches then depend on the list only.
        indices = {text: index for index, text in enumerate(dict.fromkeys(texts))}
        ids = self.vocabulary.ids(list(indices))
        # Before shortening: the length that the text would have had.
        truncated = np.array([len(row) > self._max_tokens for row in ids], dtype=bool)
        index_of = np.array([indices[text] for text in texts], dtype=np.int64)
        return _Read([self._shorten(row) for row in ids], truncated, index_of)

    def _encode(self, read: _Read, normalise: bool) -> Encoded:
        vectors = self._embed(read.ids)
        if normalise:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        # Without repeats the rows are in input order already, and a copy is saved.
        if len(read.ids) == len(read.index_of):
            return Encoded(vectors, read.truncated)
        return Encoded(vectors[read.index_of], read.truncated[read.index_of])

    def _shorten(self, row: Ids) -> Ids:
        if len(row) <= self._max_tokens:
            return row
        # The last id stays: networks were trained with ``</s>`` at the end of every text.
        return np.append(row[: self._max_tokens - 1], row[-1])

    def _embed(self, rows: list[Ids]) -> np.ndarray:
        batches = plan_batches(rows, self._batch_tokens)
        if self._device.type == "cpu":
            return self._embed_on_cpu(rows, batches)
        return self._embed_on_gpu(rows, batches)

    def _embed_on_cpu(self, rows: list[Ids], batches: list[np.ndarray]) -> np.ndarray:
        vectors = np.empty((len(rows), self.dim), dtype=np.float32)

        def embed_batch(batch: np.ndarray) -> None:
            # Set in the thread that computes: inference mode belongs to a thread.
            with torch.inference_mode():
                # numpy has no bfloat16, so vectors become float32 before they leave torch.
                embedded = self._network(_stacked(rows, batch)).float().numpy()
                # Filler rows go. Batches are disjoint, so threads never write to one row.
                vectors[batch] = embedded[: len(batch)]

        with one_thread_per_operation(), ThreadPoolExecutor(self._threads) as pool:
            # Results are fetched, so that an error in a thread is raised here.
            for _ in pool.map(embed_batch, batches):
                pass
        return vectors

    def _embed_on_gpu(self, rows: list[Ids], batches: list[np.ndarray]) -> np.ndarray:
        """Copies go through pinned memory and wait for nothing: one wait at the very end."""
        # In the order of the batches; the copy at the end restores that of the rows.
        ordered = torch.empty((len(rows), self.dim), dtype=torch.float32, pin_memory=True)
        # TF32 would round the inputs of float32 products to 10 bits of mantissa.
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        kept: list[Tensor] = []  # pinned memory must outlive the copy out of it
        start = 0
        with torch.inference_mode(), exact:
            for batch in batches:
                kept.append(_stacked(rows, batch).pin_memory())
                # The copy, the network and the copy back are queued: the CPU runs ahead of the GPU.
                ids = kept[-1].to(self._device, non_blocking=True)
                ordered[start : start + len(batch)].copy_(
                    self._network(ids)[: len(batch)].float(), non_blocking=True
                )
                start += len(batch)
            torch.cuda.synchronize(self._device)
        vectors = np.empty((len(rows), self.dim), dtype=np.float32)
        if batches:
            vectors[np.concatenate(batches)] = ordered.numpy()
        return vectors


def _stacked(rows: list[Ids], batch: np.ndarray) -> Tensor:
    """Int64 ids [texts, pieces] of one batch; the last text again until there are _MIN_IDS."""
    texts = [rows[i] for i in batch]
    # A count below 1 repeats nothing. All rows of a batch have one length.
    texts += texts[-1:] * (-(-_MIN_IDS // len(texts[0])) - len(texts))
    return torch.from_numpy(np.stack(texts).astype(np.int64))
