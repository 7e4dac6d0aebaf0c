"""Reads fastText's model files: a classifier's labels and its weights, mapped into memory."""

import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.errors import DataError
from sealdata.kernels import frozen
from sealdata.kernels.fasttext import (
    Network,
    index_buckets,
    index_entries,
    index_words,
)

LABEL = "__label__"
_MAGIC, _VERSION, _SUPERVISED, _IS_LABEL = 793_712_314, 12, 3, 1
_MOST = 100  # characters or words of an n-gram
_ENTRY = 10  # bytes of an entry of the dictionary at least
_HEAVY = 10**15  # fastText's weight of a node of the tree that is not made yet
_NO_BUCKETS = np.full((1, 2), -1, np.int32)
_CENTROIDS = 256  # of a sub-vector of a quantised matrix
_HEAD = struct.Struct("<14id")
_SIZES = struct.Struct("<3i2q")


class _DamagedError(Exception):
    """Why a file is no fastText classifier."""


@dataclass
class _Cursor:
    """Reads one value after another from a file in memory."""

    file: npt.NDArray[np.uint8]
    at: int = 0

    def take(self, dtype: str, count: int = 1) -> npt.NDArray[Any]:
        """The next ``count`` numbers, where they are: nothing is copied."""
        size = np.dtype(dtype).itemsize * count
        if count < 0 or self.at + size > len(self.file):
            raise _DamagedError("it ends within its weights")
        found = self.file[self.at : self.at + size].view(dtype)
        self.at += size
        return found

    def number(self, dtype: str) -> int:
        """The next number."""
        return int(self.take(dtype)[0])


class Matrix(NamedTuple):
    """A matrix whose row i is ``rows[i] * scales[i]``."""

    rows: npt.NDArray[np.float32]  # [rows, columns]
    scales: npt.NDArray[np.float32]  # [rows]


def read_weights(path: Path) -> tuple[tuple[str, ...], Network]:
    """The labels of a classifier in the order of its file, without their prefix, and its network.

    The file is mapped: processes that read one file share its pages, and nothing is copied but what
    is small. A quantised matrix is written out, in each process.

    Raises:
        DataError: the file is missing, damaged or no fastText classifier.
    """
    try:
        with path.open("rb") as opened:
            if os.fstat(opened.fileno()).st_size < _HEAD.size + _SIZES.size:
                raise _DamagedError("it is too short")
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_WILLNEED)  # its pages are asked for in no order
        return _read(_Cursor(np.frombuffer(mapped, np.uint8)))
    except FileNotFoundError:
        raise DataError(f"no language-ID model at {path}") from None
    except (OSError, ValueError, _DamagedError) as error:
        raise DataError(f"{path} is no fastText classifier: {error}") from None


def _read(cursor: _Cursor) -> tuple[tuple[str, ...], Network]:
    magic, version, *args, _ = _HEAD.unpack(cursor.take("u1", _HEAD.size).tobytes())
    dim, _, _, _, _, word_ngrams, loss, kind, buckets, min_chars, max_chars, _ = args
    if magic != _MAGIC:
        raise _DamagedError("it does not begin as fastText's files do")
    if kind != _SUPERVISED:
        raise _DamagedError("it holds word vectors only")
    if version != _VERSION:
        raise _DamagedError(f"its format has version {version}, not {_VERSION}")
    words = _words(cursor)
    if not (0 <= max_chars <= _MOST and 0 <= word_ngrams <= _MOST):
        raise _DamagedError(f"its n-grams have up to {max_chars} characters, {word_ngrams} words")
    if max_chars == 0 and word_ngrams <= 1:
        buckets = 0
    kept, num_places = _kept(cursor, words.num_kept) if words.pruned else (_NO_BUCKETS, buckets)
    rows, outputs = _weights(cursor)
    num_labels = len(words.labels)
    if rows.shape[1] != dim or outputs.rows.shape != (num_labels, dim):
        raise _DamagedError("its matrices do not have the sizes it states")
    if len(rows) < words.num_words + num_places or (max_chars + word_ngrams > 1 and buckets < 1):
        raise _DamagedError("it has fewer vectors than words and n-grams")
    left, right = _tree(words.counts[words.num_words :])
    network = Network(
        file=cursor.file,
        begins=frozen(words.begins),
        ends=frozen(words.ends),
        slots=frozen(words.slots),
        num_words=words.num_words,
        rows=frozen(rows),
        pruned=words.pruned,
        kept=frozen(kept),
        outputs=frozen(np.ascontiguousarray(outputs.rows.T)),
        scales=frozen(outputs.scales),
        left=frozen(left),
        right=frozen(right),
        min_chars=min_chars,
        max_chars=max_chars,
        word_ngrams=word_ngrams,
        buckets=buckets,
        loss=loss,
    )
    return words.labels, network


class _Words(NamedTuple):
    """A dictionary: its words, then its labels."""

    begins: npt.NDArray[np.int64]  # [entries], in the file
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]  # how often each occurred in training
    slots: npt.NDArray[np.int32]  # see Network
    num_words: int
    labels: tuple[str, ...]
    pruned: bool
    num_kept: int  # buckets that are left, if pruned


def _words(cursor: _Cursor) -> _Words:
    size, num_words, num_labels, _, num_kept = _SIZES.unpack(
        cursor.take("u1", _SIZES.size).tobytes()
    )
    if num_words < 0 or num_labels < 0 or size != num_words + num_labels:
        raise _DamagedError("its dictionary does not have the size it states")
    if size > len(cursor.file) // _ENTRY:
        raise _DamagedError("it ends within its dictionary")
    begins, ends, counts, kinds, end = index_entries(cursor.file, cursor.at, size)
    if end < 0:
        raise _DamagedError("it ends within its dictionary")
    if not num_labels or (kinds == _IS_LABEL).tolist() != [n >= num_words for n in range(size)]:
        raise _DamagedError("it has no labels")
    cursor.at = int(end)
    labels = tuple(
        cursor.file[begin:end].tobytes().decode("utf-8").removeprefix(LABEL)
        for begin, end in zip(begins[num_words:], ends[num_words:], strict=True)
    )
    slots = np.zeros(_room(size), np.int32)
    index_words(cursor.file, begins, ends, slots)
    return _Words(begins, ends, counts, slots, num_words, labels, num_kept >= 0, max(0, num_kept))


def _kept(cursor: _Cursor, count: int) -> tuple[npt.NDArray[np.int32], int]:
    """The buckets that are left, see ``Network``, and how many vectors they have together."""
    pairs = cursor.take("<i4", 2 * count).reshape(count, 2)
    if count and pairs.min() < 0:
        raise _DamagedError("its n-grams have numbers below 0")
    kept = np.full((_room(count), 2), -1, np.int32)
    index_buckets(pairs[:, 0].copy(), pairs[:, 1].copy(), kept)
    return kept, int(pairs[:, 1].max(initial=-1)) + 1


def _weights(cursor: _Cursor) -> tuple[npt.NDArray[np.float32], Matrix]:
    """The vectors of words and n-grams, and the matrix of the labels."""
    quantised = bool(cursor.number("u1"))
    given = _quantised(cursor) if quantised else _dense(cursor)
    with np.errstate(all="ignore"):  # damaged numbers are no reason to say more
        rows = given.rows * given.scales[:, None] if quantised else given.rows
    told = bool(cursor.number("u1"))  # only a quantised model can have quantised outputs
    return rows, _quantised(cursor) if quantised and told else _dense(cursor)


def _dense(cursor: _Cursor) -> Matrix:
    height, width = cursor.number("<i8"), cursor.number("<i8")
    rows = cursor.take("<f4", _area(height, width)).reshape(height, width)
    return Matrix(rows, np.ones(height, np.float32))


def _quantised(cursor: _Cursor) -> Matrix:
    """A matrix by product quantisation: each row a sequence of numbers of centroids.

    Source: Jégou et al. 2011; Joulin et al. 2016 (FastText.zip).
    """
    normed = bool(cursor.number("u1"))
    height, width, num_codes = (cursor.number(dtype) for dtype in ("<i8", "<i8", "<i4"))
    codes = cursor.take("u1", num_codes)
    dim, parts, step, last = (cursor.number("<i4") for _ in range(4))
    if dim != width or min(dim, parts, step, last) < 1 or step * (parts - 1) + last != dim:
        raise _DamagedError("its quantised matrix does not have the sizes it states")
    if num_codes != _area(height, parts):
        raise _DamagedError("its quantised matrix does not have the sizes it states")
    centroids = cursor.take("<f4", dim * _CENTROIDS)
    codes = codes.reshape(height, parts)
    rows = np.empty((height, width), np.float32)
    for part in range(parts):
        own = slice(part * step, part * step + (last if part == parts - 1 else step))
        size = (own.stop - own.start) * _CENTROIDS
        table = centroids[part * step * _CENTROIDS :][:size].reshape(_CENTROIDS, -1)
        rows[:, own] = table[codes[:, part]]
    if not normed:
        return Matrix(rows, np.ones(height, np.float32))
    norm_codes = cursor.take("u1", height)
    cursor.take("<i4", 4)  # the quantiser of one number
    return Matrix(rows, cursor.take("<f4", _CENTROIDS)[norm_codes])


def _area(height: int, width: int) -> int:
    if height < 0 or width < 1:
        raise _DamagedError("its matrices have no sizes")
    return height * width


def _tree(counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Children of each node of fastText's Huffman tree over the labels, the root last; -1: a leaf.

    Labels come with the most frequent first.
    """
    leaves = len(counts)
    if counts.min() < 0 or counts.astype(float).sum() >= _HEAVY:
        raise _DamagedError("its labels are counted wrong")
    weights = [*counts.tolist(), *[_HEAVY] * (leaves - 1)]
    left, right = np.full((2, 2 * leaves - 1), -1, np.int32)
    leaf, node = leaves - 1, leaves
    for parent in range(leaves, 2 * leaves - 1):
        children = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children.append(leaf)
                leaf -= 1
            else:
                children.append(node)
                node += 1
        left[parent], right[parent] = children
        weights[parent] = weights[children[0]] + weights[children[1]]
    return left, right


def _room(count: int) -> int:
    """A power of two at least twice ``count``, so that hashing finds a free place soon."""
    return 1 << (2 * count).bit_length()
