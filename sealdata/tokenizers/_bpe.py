"""Byte-level BPE through tiktoken's core, many texts a call.

Most of what a short text costs is the call. So texts are joined by a special token of our own and
encoded in one call: tiktoken cuts at a special token before it looks at anything else, hence each
text by itself, and the token's id marks where each ends.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from tiktoken import Encoding

from sealdata.tokenizers import Encoded

SEPARATOR = "\uffff"  # a noncharacter; texts that hold it all the same go one by one
SEPARATOR_ID = 2**32 - 1  # no vocabulary is that large
TEXTS_PER_CALL = 4096  # measured: from 100 on it makes no difference

# How the patterns of GPT-2, GPT-4, Llama 3, Qwen and OLMo end: white space is one word, but for its
# last character where a word follows. Where no two characters of white space stand side by side,
# that last character is all there is, and the second way of ending says the same; without looking
# ahead tiktoken takes a fifth less time.
_LOOKS_AHEAD, _STRAIGHT_ON = r"|\s+(?!\S)|\s+", r"|\s+"
_SPACES = r"\s\s"


class BytePairs:
    """Pieces ``ranks`` (bytes -> id, in order of their merging) of the words that ``pattern`` cuts.

    Raises (on construction):
        ValueError: tiktoken cannot use the pattern.
    """

    def __init__(self, name: str, pattern: str, ranks: dict[bytes, int]) -> None:
        special = {SEPARATOR: SEPARATOR_ID}
        self._exact = Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
        self._quick: Encoding | None = None  # for texts without _SPACES
        if pattern.endswith(_LOOKS_AHEAD):
            quick = pattern.removesuffix(_LOOKS_AHEAD) + _STRAIGHT_ON
            self._quick = Encoding(
                name, pat_str=quick, mergeable_ranks=ranks, special_tokens=special
            )

    def encode(self, column: pl.Series) -> Encoded:
        """Ids of each text of a column without nulls; an empty text has none."""
        assert not column.null_count()  # joining would leave them out
        alone = column.str.contains(SEPARATOR, literal=True)
        encoded = self._encode_marked(blanked(column, alone))
        places = alone.arg_true().to_numpy()
        return with_ids(encoded, places, [self.encode_alone(column[int(at)]) for at in places])

    def encode_alone(self, text: str) -> npt.NDArray[np.uint32]:
        """Ids of one text by the pattern as it is given: the slow and plain way."""
        return np.array(self._exact.encode_ordinary(text), np.uint32)

    def _encode_marked(self, column: pl.Series) -> Encoded:
        """Ids of texts without SEPARATOR."""
        if self._quick is None:
            return _joined(self._exact, column)
        spaced = column.str.contains(_SPACES)
        if spaced.all():
            return _joined(self._exact, column)
        encoded = _joined(self._quick, blanked(column, spaced))
        exact = _joined(self._exact, column.filter(spaced))
        return with_ids(encoded, spaced.arg_true().to_numpy(), np.split(exact.ids, exact.ends[:-1]))


def _joined(encoding: Encoding, column: pl.Series) -> Encoded:
    runs = [
        _run(encoding, column.slice(at, TEXTS_PER_CALL))
        for at in range(0, len(column), TEXTS_PER_CALL)
    ]
    marked = np.concatenate([np.empty(0, np.uint32), *runs])
    closed = np.flatnonzero(marked == SEPARATOR_ID)
    return Encoded(np.delete(marked, closed), closed - np.arange(len(closed)))


def _run(encoding: Encoding, texts: pl.Series) -> npt.NDArray[np.uint32]:
    """Ids of the texts, ``SEPARATOR_ID`` after each."""
    joined = texts.str.join(SEPARATOR).item() + SEPARATOR
    # Private, and a third of the time of its public kin, which make a list of Python integers.
    # The proofs of equal ids at loading, and the tests, run through this very call.
    encode = encoding._core_bpe.encode_to_tiktoken_buffer
    return np.frombuffer(encode(joined, {SEPARATOR}), np.uint32)


def blanked(column: pl.Series, places: pl.Series) -> pl.Series:
    """The texts, those at ``places`` (bool) empty."""
    if not places.any():
        return column
    return pl.select(pl.when(places).then(pl.lit("")).otherwise(column)).to_series()


def with_ids(
    encoded: Encoded, places: npt.NDArray[np.unsignedinteger], ids: Sequence[npt.NDArray[np.uint32]]
) -> Encoded:
    """The texts at ``places``, encoded as empty so far, with their ids."""
    if not len(places):
        return encoded
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    at = np.repeat(encoded.ends[places], lengths)
    added = np.zeros(len(encoded.ends), np.int64)
    added[places] = lengths
    return Encoded(np.insert(encoded.ids, at, np.concatenate(ids)), encoded.ends + np.cumsum(added))
