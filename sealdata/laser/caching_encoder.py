"""Texts that are encoded once though they come more than once."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sealdata.laser.cache import EmbeddingCache
from sealdata.laser.encoder import Encoded, Encoder


class _Asked(NamedTuple):
    """A list of texts, and what is known of them before the rest is encoded."""

    number: int
    place_of: np.ndarray  # int64 [texts]: which distinct text each is
    distinct: list[str]
    vectors: np.ndarray  # float32 [distinct, dim]
    cut: np.ndarray  # bool [distinct]
    known: np.ndarray  # bool [distinct]


class Recall:
    """An encoder of lists that remembers.

    ``again`` has the texts that are in more than one list, with the number of the last; the vectors
    of as many as ``max_bytes`` hold stay in memory from the first list to the last. All else is
    looked for in ``cache``, if there is one, before it is encoded.
    """

    def __init__(
        self,
        encoder: Encoder,
        again: Mapping[str, int],
        max_bytes: int,
        cache: EmbeddingCache | None = None,
    ) -> None:
        self.encoder = encoder
        self.again = again
        self.most = max_bytes // (4 * encoder.dim)
        self.cache = cache
        self._memory: dict[str, tuple[np.ndarray, bool]] = {}

    def encode_lists(self, lists: Iterable[Sequence[str]]) -> Iterator[Encoded]:
        """As ``Encoder.encode_lists``."""
        asked: deque[_Asked] = deque()  # beside a GPU the next list is asked for ahead of time

        def missing() -> Iterator[list[str]]:
            for number, texts in enumerate(lists):
                asked.append(one := self._ask(number, texts))
                yield [one.distinct[place] for place in np.flatnonzero(~one.known)]

        for encoded in self.encoder.encode_lists(missing()):
            yield self._answer(asked.popleft(), encoded)

    def _ask(self, number: int, texts: Sequence[str]) -> _Asked:
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        distinct = list(places)
        place_of = np.array([places[text] for text in texts], dtype=np.int64)
        vectors = np.zeros((len(distinct), self.encoder.dim), np.float32)
        cut, known = np.zeros(len(distinct), bool), np.zeros(len(distinct), bool)
        for place, text in enumerate(distinct):
            if text in self._memory:
                vectors[place], cut[place] = self._memory[text]
                known[place] = True
        if self.cache:
            rest = np.flatnonzero(~known)
            vectors[rest], cut[rest], known[rest] = self.cache.look_up([distinct[i] for i in rest])
        return _Asked(number, place_of, distinct, vectors, cut, known)

    def _answer(self, asked: _Asked, encoded: Encoded) -> Encoded:
        new = np.flatnonzero(~asked.known)
        asked.vectors[new], asked.cut[new] = encoded
        if self.cache:
            self.cache.keep([asked.distinct[place] for place in new], *encoded)
        for place, text in enumerate(asked.distinct):
            last = self.again.get(text, -1)
            if last <= asked.number:
                self._memory.pop(text, None)
            elif text not in self._memory and len(self._memory) < self.most:
                self._memory[text] = asked.vectors[place].copy(), bool(asked.cut[place])
        return Encoded(asked.vectors[asked.place_of], asked.cut[asked.place_of])
