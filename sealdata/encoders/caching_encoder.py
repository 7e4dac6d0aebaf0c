"""An encoder that encodes a text once, even if the text comes several times."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sealdata.encoders import TextEncoder
from sealdata.encoders.cache import EmbeddingCache
from sealdata.encoders.encoded import Encoded


class _Lookup(NamedTuple):
    """A list of texts with the embeddings that are at hand before the rest is encoded."""

    number: int  # of the list, from 0
    index_of: np.ndarray  # int64 [texts]: index of each text in ``distinct``
    distinct: list[str]
    vectors: np.ndarray  # float32 [distinct, dim]
    truncated: np.ndarray  # bool [distinct]
    is_known: np.ndarray  # bool [distinct]: the row of ``vectors`` is filled


class CachingEncoder:
    """An encoder of lists of texts that keeps embeddings in memory and on disk.

    ``repeated`` has the texts that are in more than one list, with the number of the last list.
    Their vectors stay in memory from the first list to the last, up to ``max_bytes``. All other
    texts are looked up in ``cache``, if there is one, before they are encoded.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        repeated: Mapping[str, int],
        max_bytes: int,
        cache: EmbeddingCache | None = None,
    ) -> None:
        self.encoder = encoder
        self.repeated = repeated
        # Bytes of float32 vectors. Once it is full, later texts are encoded again: nothing is
        # evicted.
        self.max_texts = max_bytes // (4 * encoder.dim)
        self.cache = cache
        self._memory: dict[str, tuple[np.ndarray, bool]] = {}

    def encode_lists(self, lists: Iterable[Sequence[str]]) -> Iterator[Encoded]:
        """As ``Encoder.encode_lists``."""
        # On a GPU the encoder requests the next list before it returns this one.
        # A text of two neighbouring lists is then encoded twice, since the first is not filled yet.
        lookups: deque[_Lookup] = deque()

        def missing() -> Iterator[list[str]]:
            for number, texts in enumerate(lists):
                lookups.append(lookup := self._lookup(number, texts))
                yield [lookup.distinct[index] for index in np.flatnonzero(~lookup.is_known)]

        for encoded in self.encoder.encode_lists(missing()):
            yield self._fill(lookups.popleft(), encoded)

    def _lookup(self, number: int, texts: Sequence[str]) -> _Lookup:
        # In order of first occurrence, so that the batches depend on the texts only.
        indices = {text: index for index, text in enumerate(dict.fromkeys(texts))}
        distinct = list(indices)
        index_of = np.array([indices[text] for text in texts], dtype=np.int64)
        vectors = np.zeros((len(distinct), self.encoder.dim), np.float32)
        truncated, is_known = np.zeros(len(distinct), bool), np.zeros(len(distinct), bool)
        for index, text in enumerate(distinct):
            # Memory is allowed in every precision: it depends on the lists of this part and nothing
            # else.
            if text in self._memory:
                vectors[index], truncated[index] = self._memory[text]
                is_known[index] = True
        # What is on disk depends on earlier builds, so it needs an encoder that ``is_steady``.
        if self.cache:
            rest = np.flatnonzero(~is_known)
            vectors[rest], truncated[rest], is_known[rest] = self.cache.look_up(
                [distinct[index] for index in rest]
            )
        return _Lookup(number, index_of, distinct, vectors, truncated, is_known)

    def _fill(self, lookup: _Lookup, encoded: Encoded) -> Encoded:
        """All embeddings of a list; keeps the new ones, forgets what no later list has."""
        new = np.flatnonzero(~lookup.is_known)
        lookup.vectors[new], lookup.truncated[new] = encoded
        if self.cache:
            self.cache.keep([lookup.distinct[index] for index in new], *encoded)
        for index, text in enumerate(lookup.distinct):
            # A text of a single list is not in ``repeated`` and is never kept.
            last_list = self.repeated.get(text, -1)
            if last_list <= lookup.number:
                self._memory.pop(text, None)
            elif text not in self._memory and len(self._memory) < self.max_texts:
                # A copy: a view would keep the vectors of the whole list in memory.
                self._memory[text] = lookup.vectors[index].copy(), bool(lookup.truncated[index])
        # Back to one row per text, repeats included.
        return Encoded(lookup.vectors[lookup.index_of], lookup.truncated[lookup.index_of])
