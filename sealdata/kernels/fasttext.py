"""fastText's inference: a text's words and character n-grams, their mean vector, its labels.

Every float32 sum runs in the order of fastText's own code, so probabilities are its own to the last
bit (where its compiler fuses no products and sums, as on x86-64). What is faster: no strings are
built for n-grams, and the scores of all labels are summed side by side.

Source: Joulin et al. 2016, Bojanowski et al. 2016; the conventions (separators, hash, ``<`` and
``>``, sums) are those of fastText 0.9.2.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint32]

HIERARCHICAL, SOFTMAX = 1, 3  # losses that give a distribution; all others score label by label
_HASH, _PRIME = np.uint64(2_166_136_261), np.uint64(16_777_619)  # FNV-1a
_WORD_HASH = np.uint64(116_049_371)
_LOW = np.uint64(0xFFFFFFFF)
_SIGNED = np.uint64(0xFFFFFF00)  # fastText hashes bytes as signed numbers
_LESS, _SLASH, _S, _MORE = 60, 47, 115, 62  # </s>, the word that ends a line
_MIX, _SHIFT = np.uint64(0x9E3779B1), np.uint64(12)  # spread buckets over a table
_EPSILON = 1e-5  # fastText's guard against the logarithm of zero
_SIGMOID_BOUND, _SIGMOID_STEPS = 8, 512


class Network(NamedTuple):
    """A classifier as the kernel reads it; nothing is written to."""

    file: Bytes  # the model file, where the words of its dictionary are looked up
    begins: Starts  # int64 [entries]: of the words, then of the labels, in the file
    ends: Starts
    slots: Ints  # [power of two]: entry + 1 by hash of its word, 0 where there is none
    num_words: int
    rows: Floats  # [words + buckets, dim]
    pruned: bool  # buckets that were not kept have no row
    kept: Ints  # [power of two, 2]: bucket (-1: none) and its place, by hash of the bucket
    outputs: Floats  # [dim, labels, or inner nodes of their tree]
    scales: Floats  # [labels or nodes], 1 but for a quantised matrix
    left: Ints  # [nodes] of the Huffman tree: children; -1 for a leaf, which is a label
    right: Ints
    min_chars: int  # of the n-grams
    max_chars: int
    word_ngrams: int
    buckets: int
    loss: int


@compiled
def index_entries(
    file: Bytes, at: Int, count: Int
) -> tuple[Starts, Starts, Starts, npt.NDArray[np.int8], Int]:
    """Where the entries of a dictionary begin and end, their counts and types (1: a label), and
    where the dictionary ends in the file; -1 if the file ends before."""
    begins, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    counts, kinds = np.empty(count, np.int64), np.empty(count, np.int8)
    for entry in range(count):
        begins[entry] = at
        while at < len(file) and file[at] != 0:
            at += 1
        if at + 10 > len(file):
            return begins, ends, counts, kinds, -1
        ends[entry] = at
        value = np.uint64(0)
        for byte in range(8):
            value |= np.uint64(file[at + 1 + byte]) << np.uint64(8 * byte)
        counts[entry], kinds[entry] = np.int64(value), file[at + 9]
        at += 10
    return begins, ends, counts, kinds, at


@compiled
def index_words(file: Bytes, begins: Starts, ends: Starts, slots: Ints) -> None:
    """Fill ``slots`` of a ``Network``: zeros before, more than there are entries."""
    mask = np.uint64(len(slots) - 1)
    for entry in range(len(begins)):
        slot = _hash(file, begins[entry], ends[entry]) & mask
        while slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = entry + 1


@compiled
def index_buckets(buckets: Ints, places: Ints, kept: Ints) -> None:
    """Fill ``kept`` of a ``Network``: -1 before, more than there are buckets."""
    mask = np.uint64(len(kept) - 1)
    for number in range(len(buckets)):
        slot = (np.uint64(buckets[number]) * _MIX >> _SHIFT) & mask
        while kept[slot, 0] >= 0 and kept[slot, 0] != buckets[number]:
            slot = (slot + np.uint64(1)) & mask
        kept[slot, 0], kept[slot, 1] = buckets[number], places[number]


@compiled
def likeliest(
    starts: Starts, data: Bytes, net: Network, most: int, least: float
) -> tuple[npt.NDArray[np.int16], Floats]:
    """The labels of each text, best first: int16 and float32 [texts, most].

    At most ``most``, each at least ``least`` likely; unused places hold label 0 with probability 0.
    A text is read as one line, whatever is in it. Of equally likely labels the first comes first.
    """
    num_texts, dim = len(starts) - 1, net.rows.shape[1]
    labels = np.zeros((num_texts, most), np.int16)
    probs = np.zeros((num_texts, most), np.float32)
    longest = 0
    for text in range(num_texts):
        longest = max(longest, starts[text + 1] - starts[text])
    wide, hashes = np.empty(longest + 6, np.uint32), np.empty(longest // 2 + 2, np.uint32)
    rows = np.empty((2 * longest + 8) * (net.max_chars + net.word_ngrams + 1), np.int32)
    hidden, matrix = np.empty(dim, np.float32), net.rows
    scores = np.empty(len(net.scales), np.float32)
    best = np.empty(most + 1, np.float32)
    stack_node = np.empty(len(net.left) + 1, np.int32)
    stack_score = np.empty(len(net.left) + 1, np.float32)
    limit = np.float32(least)
    for text in range(num_texts):
        count = _rows_of(data, starts[text], starts[text + 1], net, wide, hashes, rows)
        if count:
            _mean(matrix, rows, count, hidden)
            _scores(net, hidden, scores)
            if net.loss == HIERARCHICAL:
                found = _descend(net, scores, limit, labels[text], best, stack_node, stack_score)
            else:
                found = _highest(net, scores, limit, labels[text], best)
            for place in range(found):
                probs[text, place] = np.float32(math.exp(best[place]))
    return labels, probs


@compiled
def _rows_of(
    data: Bytes, at: Int, end: Int, net: Network, wide: Words, hashes: Words, rows: Ints
) -> Int:
    """The numbers of a text's rows into ``rows``, and how many there are."""
    file, begins, ends, slots, num_words = net.file, net.begins, net.ends, net.slots, net.num_words
    kept, pruned, buckets = net.kept, net.pruned, np.uint64(net.buckets)
    min_chars, max_chars = net.min_chars, net.max_chars
    num_hashes, ended = 0, False
    count: Int = 0
    while not ended:
        while at < end and _separates(data[at]):
            at += 1
        size = 0  # of the word in ``wide``, between < and >
        wide[0] = _LESS
        while at < end and not _separates(data[at]):
            size += 1
            wide[size] = data[at] if data[at] < 128 else np.uint32(0xFFFFFF00) | data[at]
            at += 1
        if size == 0:  # the line is over: its end is a word too
            for char in (_LESS, _SLASH, _S, _MORE):
                size += 1
                wide[size] = char
        wide[size + 1] = _MORE
        ended = _ends_line(wide, size)  # a text that has this word ends there
        value = _HASH
        for place in range(1, size + 1):
            value = (value ^ np.uint64(wide[place])) * _PRIME & _LOW
        entry = _find(file, begins, ends, slots, wide, size, value)
        if entry >= num_words or (entry < 0 and _is_label(wide, size)):
            continue
        hashes[num_hashes] = value
        num_hashes += 1
        if entry >= 0:
            rows[count] = entry
            count += 1
        if not ended:
            count = _ngrams(
                wide, size + 2, min_chars, max_chars, buckets, pruned, kept, num_words, rows, count
            )
    if net.word_ngrams > 1:
        count = _word_ngrams(
            hashes, num_hashes, net.word_ngrams, buckets, pruned, kept, num_words, rows, count
        )
    return count


@compiled
def _mean(matrix: Floats, rows: Ints, count: Int, mean: Floats) -> None:
    mean[:] = 0
    for number in range(count):
        row = rows[number]
        for place in range(len(mean)):
            mean[place] += matrix[row, place]
    share = np.float32(1.0 / count)
    for place in range(len(mean)):
        mean[place] *= share


@compiled
def _separates(byte: np.uint8) -> bool:
    return bool(byte == 32 or byte == 0 or 9 <= byte <= 13)


@compiled
def _ends_line(wide: Words, size: Int) -> bool:
    if size != 4 or wide[1] != _LESS or wide[2] != _SLASH:
        return False
    return bool(wide[3] == _S and wide[4] == _MORE)


@compiled
def _is_label(wide: Words, size: Int) -> bool:
    """Whether a word begins with ``__label__``."""
    if size < 9:
        return False
    for place in (1, 2, 8, 9):
        if wide[place] != 95:
            return False
    return bool(
        wide[3] == 108 and wide[4] == 97 and wide[5] == 98 and wide[6] == 101 and wide[7] == 108
    )


@compiled
def _hash(data: Bytes, begin: Int, end: Int) -> np.uint64:
    value = _HASH
    for at in range(begin, end):
        byte = np.uint64(data[at])
        value = (value ^ (byte if byte < 128 else _SIGNED | byte)) * _PRIME & _LOW
    return value


@compiled
def _find(
    file: Bytes, begins: Starts, ends: Starts, slots: Ints, wide: Words, size: Int, value: np.uint64
) -> Int:
    """The entry of a word, or -1."""
    mask = np.uint64(len(slots) - 1)
    slot = value & mask
    while slots[slot] != 0:
        entry = np.int64(slots[slot]) - 1
        begin = begins[entry]
        if ends[entry] - begin == size:
            same = True
            for offset in range(size):
                if file[begin + offset] != wide[offset + 1] & np.uint32(0xFF):
                    same = False
                    break
            if same:
                return entry
        slot = (slot + np.uint64(1)) & mask
    return -1


@compiled
def _ngrams(
    wide: Words,
    size: Int,
    min_chars: Int,
    max_chars: Int,
    buckets: np.uint64,
    pruned: bool,
    kept: Ints,
    num_words: Int,
    rows: Ints,
    count: Int,
) -> Int:
    """The rows of a word's character n-grams, ``<`` and ``>`` among its ``size`` bytes, behind
    the first ``count`` of ``rows``; how many there are then."""
    for first in range(size):
        if wide[first] & 0xC0 == 0x80:
            continue
        value, at, chars = _HASH, first, 1
        while at < size and chars <= max_chars:
            value = (value ^ np.uint64(wide[at])) * _PRIME & _LOW
            at += 1
            while at < size and wide[at] & 0xC0 == 0x80:
                value = (value ^ np.uint64(wide[at])) * _PRIME & _LOW
                at += 1
            if chars >= min_chars and not (chars == 1 and (first == 0 or at == size)):
                place = _place(value % buckets, pruned, kept)
                if place >= 0:
                    rows[count] = num_words + place
                    count += 1
            chars += 1
    return count


@compiled
def _word_ngrams(
    hashes: Words,
    num_hashes: Int,
    most: Int,
    buckets: np.uint64,
    pruned: bool,
    kept: Ints,
    num_words: Int,
    rows: Ints,
    count: Int,
) -> Int:
    """As ``_ngrams``, of words."""
    for first in range(num_hashes):
        value = np.uint64(np.int64(np.int32(hashes[first])))
        for last in range(first + 1, min(num_hashes, first + most)):
            value = value * _WORD_HASH + np.uint64(np.int64(np.int32(hashes[last])))
            place = _place(value % buckets, pruned, kept)
            if place >= 0:
                rows[count] = num_words + place
                count += 1
    return count


@compiled
def _place(bucket: np.uint64, pruned: bool, kept: Ints) -> Int:
    """The number of a bucket's row behind those of the words, or -1 where it was not kept."""
    if not pruned:
        return np.int64(bucket)
    mask = np.uint64(len(kept) - 1)
    slot = (bucket * _MIX >> _SHIFT) & mask
    while kept[slot, 0] >= 0:
        if kept[slot, 0] == np.int64(bucket):
            return np.int64(kept[slot, 1])
        slot = (slot + np.uint64(1)) & mask
    return -1


@compiled
def _scores(net: Network, hidden: Floats, scores: Floats) -> None:
    """Products of ``hidden`` with every output, summed over the dimensions in their order."""
    scores[:] = 0
    for place in range(len(hidden)):
        value = hidden[place]
        for output in range(len(scores)):
            scores[output] += net.outputs[place, output] * value
    for output in range(len(scores)):
        scores[output] *= net.scales[output]


@compiled
def _log(value: np.float32) -> np.float32:
    return np.float32(math.log(value + _EPSILON))


@compiled
def _insert(
    score: np.float32, label: Int, labels: npt.NDArray[np.int16], best: Floats, found: Int
) -> Int:
    """Put a label among the ``found`` best, of which there are as many as there is room."""
    place = found
    while place > 0 and best[place - 1] < score:
        if place < len(labels):
            best[place], labels[place] = best[place - 1], labels[place - 1]
        place -= 1
    if place < len(labels):
        best[place], labels[place] = score, label
    return min(found + 1, len(labels))


@compiled
def _descend(
    net: Network,
    scores: Floats,
    least: np.float32,
    labels: npt.NDArray[np.int16],
    best: Floats,
    nodes: Ints,
    sums: Floats,
) -> Int:
    """The best leaves of the Huffman tree, down from its root; ``nodes`` and ``sums`` is room."""
    num_leaves, most = len(scores), len(labels)
    limit = _log(least)
    found: Int = 0
    depth = 1
    nodes[0], sums[0] = len(net.left) - 1, 0
    while depth > 0:
        depth -= 1
        node, score = nodes[depth], sums[depth]
        if score < limit or (found == most and score < best[most - 1]):
            continue
        if net.left[node] < 0:
            found = _insert(score, node, labels, best, found)
            continue
        share = np.float32(
            1.0 / np.float64(np.float32(1) + np.float32(math.exp(-scores[node - num_leaves])))
        )
        nodes[depth] = net.right[node]
        sums[depth] = score + _log(share)
        nodes[depth + 1] = net.left[node]
        sums[depth + 1] = score + _log(np.float32(1.0 - np.float64(share)))
        depth += 2
    return found


@compiled
def _highest(
    net: Network,
    scores: Floats,
    least: np.float32,
    labels: npt.NDArray[np.int16],
    best: Floats,
) -> Int:
    """The best labels by softmax, or each by its own sigmoid."""
    if net.loss == SOFTMAX:
        highest = scores.max()
        total = np.float32(0)
        for label in range(len(scores)):
            scores[label] = np.float32(math.exp(np.float64(scores[label] - highest)))
            total += scores[label]
        for label in range(len(scores)):
            scores[label] /= total
    else:
        for label in range(len(scores)):
            scores[label] = _sigmoid(scores[label])
    found: Int = 0
    most = len(labels)
    for label in range(len(scores)):
        if scores[label] < least:
            continue
        score = _log(scores[label])
        if found < most or score > best[most - 1]:
            found = _insert(score, label, labels, best, found)
    return found


@compiled
def _sigmoid(score: np.float32) -> np.float32:
    """fastText's table of 512 steps between -8 and 8."""
    if score < -_SIGMOID_BOUND:
        return np.float32(0)
    if score > _SIGMOID_BOUND:
        return np.float32(1)
    step = np.int64((score + np.float32(_SIGMOID_BOUND)) * _SIGMOID_STEPS / _SIGMOID_BOUND / 2)
    x = np.float32(np.float32(step * 2 * _SIGMOID_BOUND) / _SIGMOID_STEPS - _SIGMOID_BOUND)
    return np.float32(1.0 / (1.0 + math.exp(-x)))
