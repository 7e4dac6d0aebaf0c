"""The units of a text: words, and runs of characters where a script writes no spaces."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode
from sealdata.kernels.hash_table import FIRST_HASH, extend

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

SPACED, HAN, RUNS = 0, 1, 2  # classes of a character
STEM = 6  # characters of a word that count: endings differ more than meanings
RUN = 4  # characters of a run of Thai, Lao, Khmer and Burmese, about a syllable and a half
MAX_UNITS = 192  # of one side; what stands behind them is not judged


@compiled
def unit_hashes(
    starts: Starts,
    data: Bytes,
    folded: npt.NDArray[np.int32],
    classes: npt.NDArray[np.uint8],
) -> tuple[Hashes, Ints]:
    """Hashes of the units of all texts in order, and where each text's begin (int64 [texts + 1]).

    ``folded`` (int32 [0x110000]) is what each code point counts as, 0 if it belongs to no unit.
    ``classes`` (uint8) says how the units of a letter are made:

    - ``SPACED``: a word is one unit, of which the first ``STEM`` characters count.
    - ``HAN``: each character, and each two neighbours.
    - ``RUNS``: each ``RUN`` neighbours, and a shorter stretch between two separators as a whole.
    """
    num_texts = len(starts) - 1
    hashes = np.empty(2 * (starts[num_texts] - starts[0]) + num_texts, np.uint64)
    begins = np.zeros(num_texts + 1, np.int64)
    window = np.zeros(RUN, np.int64)
    count = 0
    for text in range(num_texts):
        offset, end, first = starts[text], starts[text + 1], count
        word, length, before = FIRST_HASH, 0, np.uint8(SPACED)
        while offset <= end and count - first < MAX_UNITS:
            char, kind = np.int64(0), np.uint8(SPACED)
            if offset < end:
                code, offset = decode(data, offset)
                char = np.int64(folded[np.uint64(code)])
                kind = classes[np.uint64(code)]
            else:
                offset = end + 1  # an end closes the last word
            if length and (char == 0 or kind != before):
                if before == SPACED or (before == RUNS and length < RUN):
                    hashes[count] = word
                    count += 1
                word, length = FIRST_HASH, 0
            before = kind
            if char == 0:
                continue
            window[length % RUN] = char
            length += 1
            if kind == SPACED:
                if length <= STEM:
                    word = extend(word, char)
            elif kind == HAN:
                hashes[count] = extend(FIRST_HASH, char)
                count += 1
                if length > 1:
                    pair = extend(FIRST_HASH, window[(length - 2) % RUN])
                    hashes[count] = extend(pair, char)
                    count += 1
            else:
                word = extend(word, char)
                if length >= RUN:
                    run = FIRST_HASH
                    for position in range(length - RUN, length):
                        run = extend(run, window[position % RUN])
                    hashes[count] = run
                    count += 1
        count = min(count, first + MAX_UNITS)
        begins[text + 1] = count
    return hashes[:count].copy(), begins


@compiled
def distinct(hashes: Hashes, begins: Ints) -> tuple[Hashes, Ints]:
    """The units of each text once, in ascending order, in the form of ``unit_hashes``."""
    once, starts = np.empty_like(hashes), np.zeros_like(begins)
    count = 0
    for text in range(len(begins) - 1):
        sorted_hashes = np.sort(hashes[begins[text] : begins[text + 1]])
        for index in range(len(sorted_hashes)):
            if index == 0 or sorted_hashes[index] != sorted_hashes[index - 1]:
                once[count] = sorted_hashes[index]
                count += 1
        starts[text + 1] = count
    return once[:count].copy(), starts


@compiled
def unit_ids(hashes: Hashes, known_hashes: Hashes) -> npt.NDArray[np.int32]:
    """The index of each hash in ``known`` (ascending), -1 for one that is not there."""
    ids = np.full(len(hashes), -1, np.int32)
    for index in range(len(hashes)):
        position = np.searchsorted(known_hashes, hashes[index])
        if position < len(known_hashes) and known_hashes[position] == hashes[index]:
            ids[index] = position
    return ids
