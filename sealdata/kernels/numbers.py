"""The numbers written in two texts, and how far they agree."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled, decode
from sealdata.kernels.hash_table import FIRST_HASH, Keys, Owners, extend, find, longest, table_size

# What a code point is to a number: its value if a digit, else one of these.
SEPARATOR, COLON, SPACE, OTHER = 10, 11, 12, 13
_ZERO, _NINE = 0x30, 0x39


@compiled
def _read(
    data: Bytes,
    offset: Int,
    end: Int,
    kinds: npt.NDArray[np.uint8],
    spaces_join: bool,
    keys: Keys,
) -> tuple[Int, bool]:
    """Fill ``keys`` with hashes of the numbers of a text: how many there are, and whether a plain
    space stands between two digits anywhere.

    Digits with single separators between them are one writing. Where these part thousands
    (1,234,567 and India's 12,34,567) it is one number, else each run of digits is. A plain space is
    a separator only if ``spaces_join``.
    """
    count, spaced = 0, False
    first = 0  # in found: of the writing that is being read
    groups = 0  # runs of digits of that writing so far, 0: none is being read
    grouped = True  # they may be thousands
    joined = FIRST_HASH  # all its digits
    while offset < end:
        lead = data[np.uint64(offset)]
        if lead < _ZERO or _NINE < lead < 0x80:  # most of ASCII
            offset += 1
            continue
        char, offset = decode(data, offset)
        kind = kinds[np.uint64(char)]
        if kind > 9:
            continue
        number, length = FIRST_HASH, 0
        while True:  # a run of digits
            length += 1
            # Leading zeros do not count; a number that is only zeros keeps the first hash.
            if kind or number != FIRST_HASH:
                number = extend(number, kind)
            if kind or joined != FIRST_HASH:
                joined = extend(joined, kind)
            if offset >= end:
                break
            char, after = decode(data, offset)
            kind = kinds[char]
            if kind > 9:
                break
            offset = after
        keys[count] = number
        count += 1
        groups += 1
        whole = groups > 1 and grouped and length == 3
        grouped = grouped and (length <= 3 if groups == 1 else 2 <= length <= 3)
        if offset < end:
            char, after = decode(data, offset)
            between = kinds[char]
            if SEPARATOR <= between <= SPACE and after < end:
                char, _ = decode(data, after)
                if kinds[char] <= 9:
                    offset = after
                    spaced = spaced or between == SPACE
                    grouped = grouped and between != COLON
                    if between != SPACE or spaces_join:
                        continue
        if whole:
            keys[first] = joined
            count = first + 1
        first, groups, grouped, joined = count, 0, True, FIRST_HASH
    return count, spaced


@compiled
def _shared(
    src: Keys,
    num_src: Int,
    tgt: Keys,
    num_tgt: Int,
    keys: Keys,
    owners: Owners,
    left: Owners,
    owner: Int,
) -> Int:
    """Numbers that both sides have; repeats count: ``left`` says how often each key is there."""
    times = 0
    size = table_size(num_src)
    for index in range(num_src):
        slot = find(keys, owners, size, owner, src[index])
        if owners[slot] != owner:
            keys[slot], owners[slot], left[slot] = src[index], owner, 0
        left[slot] += 1
    for index in range(num_tgt):
        slot = find(keys, owners, size, owner, tgt[index])
        if owners[slot] == owner and left[slot] > 0:
            left[slot] -= 1
            times += 1
    return times


@compiled
def compare_numbers(
    src_starts: Starts,
    src: Bytes,
    tgt_starts: Starts,
    tgt: Bytes,
    kinds: npt.NDArray[np.uint8],
) -> npt.NDArray[np.float64]:
    """Agreement and conflict of each pair's numbers, float64 [2, pairs], NaN where there is none.

    Agreement is shared numbers over those of the side with more, conflict the share of the side
    with fewer that the other lacks. A plain space between digits may part thousands or two numbers:
    for either figure the reading of both sides counts that agrees better.
    """
    num_pairs = len(src_starts) - 1
    figures = np.full((2, num_pairs), np.nan)
    in_src = np.zeros(longest(src_starts) + 1, np.uint64)
    in_tgt = np.zeros(longest(tgt_starts) + 1, np.uint64)
    slots = table_size(len(in_src))
    keys, owners = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    left = np.zeros(slots, np.int64)
    for pair in range(num_pairs):
        src_first, src_last = src_starts[pair], src_starts[pair + 1]
        tgt_first, tgt_last = tgt_starts[pair], tgt_starts[pair + 1]
        for reading in range(2):
            loose = reading == 1
            num_src, src_spaced = _read(src, src_first, src_last, kinds, loose, in_src)
            num_tgt, tgt_spaced = _read(tgt, tgt_first, tgt_last, kinds, loose, in_tgt)
            more, fewer = max(num_src, num_tgt), min(num_src, num_tgt)
            if more:
                shared: Int = 0
                if fewer:
                    owner = 2 * pair + reading + 1
                    shared = _shared(in_src, num_src, in_tgt, num_tgt, keys, owners, left, owner)
                    conflict = 1 - shared / fewer
                    if not figures[1, pair] <= conflict:
                        figures[1, pair] = conflict
                if not figures[0, pair] >= shared / more:
                    figures[0, pair] = shared / more
            if not (src_spaced or tgt_spaced):
                break
    return figures
