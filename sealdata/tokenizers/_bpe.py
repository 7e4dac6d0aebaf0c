"""Byte-level BPE through tiktoken's core, many texts a call.

For short texts the call costs more than the encoding. So texts are joined by a special token of our
own and encoded in one call. tiktoken cuts at special tokens before anything else, so each text is
encoded by itself. The id of the special token marks the end of each text.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from tiktoken import Encoding

from sealdata.tokenizers import Encoded

SEPARATOR = "\uffff"  # a noncharacter; texts that hold it anyway are encoded one by one
SEPARATOR_ID = 2**32 - 1  # no vocabulary is that large
TEXTS_PER_CALL = 4096  # measured: from 100 on it makes no difference

# The patterns of GPT-2, GPT-4, Llama 3, Qwen and OLMo end in _LOOKS_AHEAD. It makes a run of white
# space one word, without the run's last character if a word follows. In a text without _SPACES
# every run is one character long, and _STRAIGHT_ON matches the same. tiktoken then takes a fifth
# less time, as it does not look ahead.
_LOOKS_AHEAD, _STRAIGHT_ON = r"|\s+(?!\S)|\s+", r"|\s+"
_SPACES = r"\s\s"


class BytePairs:
    """Encodes by ``ranks`` (piece -> id; lower ids merge first) the words that ``pattern`` matches.

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
        """Ids of each text of a column without nulls; an empty text has no ids."""
        assert not column.null_count()  # joining would leave them out
        with_separator = column.str.contains(SEPARATOR, literal=True)
        encoded = self._encode_marked(blanked(column, with_separator))
        rows = with_separator.arg_true().to_numpy()
        return with_ids(encoded, rows, [self.encode_alone(column[int(row)]) for row in rows])

    def encode_alone(self, text: str) -> npt.NDArray[np.uint32]:
        """Ids of one text by the pattern as it is, in a call of its own: the slow reference."""
        return _alone(self._exact, text)

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
        _run(encoding, column.slice(start, TEXTS_PER_CALL))
        for start in range(0, len(column), TEXTS_PER_CALL)
    ]
    marked = np.concatenate([np.empty(0, np.uint32), *runs])  # also of no runs an array
    separators = np.flatnonzero(marked == SEPARATOR_ID)
    # Text i ends where its separator stood, less the i separators before that one.
    return Encoded(np.delete(marked, separators), separators - np.arange(len(separators)))


def _run(encoding: Encoding, texts: pl.Series) -> npt.NDArray[np.uint32]:
    """Ids of the texts, ``SEPARATOR_ID`` after each."""
    joined = texts.str.join(SEPARATOR).item() + SEPARATOR
    # A private method: it takes a third of the time of the public ones, which make a list of Python
    # integers. The checks of equal ids at loading, and the tests, run through this call.
    encode = encoding._core_bpe.encode_to_tiktoken_buffer
    try:
        return np.frombuffer(encode(joined, {SEPARATOR}), np.uint32)
    except ValueError:  # one of the texts; the others are encoded as ever
        end = np.array([SEPARATOR_ID], np.uint32)
        return np.concatenate([ids for text in texts for ids in (_alone(encoding, text), end)])


def _alone(encoding: Encoding, text: str) -> npt.NDArray[np.uint32]:
    """Ids of one text.

    tiktoken's matcher stops where a word is too long, such as a run of a million blanks. The
    words are then cut by another matcher, which takes ten times as long.
    """
    try:
        buffer = encoding._core_bpe.encode_to_tiktoken_buffer(text, set())
        return np.frombuffer(buffer, np.uint32)
    except ValueError:
        from tokenizers import Regex
        from tokenizers.pre_tokenizers import Split

        words = Split(Regex(encoding._pat_str), "isolated").pre_tokenize_str(text)
        ids = [encoding._core_bpe.encode_single_piece(word.encode()) for word, _ in words]
        return np.array([number for of_word in ids for number in of_word], np.uint32)


def blanked(column: pl.Series, mask: pl.Series) -> pl.Series:
    """The texts, with an empty text in each row of ``mask`` (bool)."""
    if not mask.any():
        return column
    return pl.select(pl.when(mask).then(pl.lit("")).otherwise(column)).to_series()


def with_ids(
    encoded: Encoded, rows: npt.NDArray[np.unsignedinteger], ids: Sequence[npt.NDArray[np.uint32]]
) -> Encoded:
    """Insert the ids of the texts in ``rows``, which were encoded as empty texts (``blanked``)."""
    if not len(rows):
        return encoded
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    offsets = np.repeat(encoded.ends[rows], lengths)  # in the array before any insertion
    added = np.zeros(len(encoded.ends), np.int64)
    added[rows] = lengths
    joined = np.insert(encoded.ids, offsets, np.concatenate(ids))
    return Encoded(joined, encoded.ends + np.cumsum(added))
