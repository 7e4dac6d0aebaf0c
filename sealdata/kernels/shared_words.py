"""The distinct words of two texts and those that both have."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled, decode
from sealdata.kernels.hash_table import FIRST_HASH, extend, find, longest, table_size

# No code point is negative, so white space cannot be mistaken for a letter.
SPACE = -1


@compiled
def _next_word(
    data: Bytes, offset: Int, end: Int, lower: npt.NDArray[np.int32]
) -> tuple[Int, np.uint64, Int]:
    """Characters of the next word (0: there is none), its hash, and where it ends."""
    # Words are compared by their 64-bit hashes; no word is ever a string.
    length, value = 0, FIRST_HASH
    while offset < end:
        char, after = decode(data, offset)
        folded = lower[char]
        if folded != SPACE:
            value = extend(value, folded)
            length += 1
        elif length:
            # White space ends a word. Before the first character it is skipped.
            break
        offset = after
    return length, value, offset


@compiled
def count_words(
    src_starts: Starts,
    src: Bytes,
    tgt_starts: Starts,
    tgt: Bytes,
    lower: npt.NDArray[np.int32],
) -> npt.NDArray[np.uint32]:
    """Distinct words of src, of tgt, and of both: uint32 [3, pairs].

    ``lower`` (int32 [0x110000]) is the lower case of each code point, ``SPACE`` for white space,
    between which words stand.
    """
    num_pairs = len(src_starts) - 1
    counts = np.zeros((3, num_pairs), np.uint32)
    # A word takes two bytes with the space after it, so half of the bytes bound the words of a
    # side. The last words need no space: one more for both sides together.
    slots = table_size((longest(src_starts) + longest(tgt_starts)) // 2 + 1)
    keys, owners = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    sides = np.zeros(slots, np.uint8)  # bit 0: a word of src, bit 1: of tgt
    for pair in range(num_pairs):
        owner = pair + 1
        first, last = src_starts[pair], src_starts[pair + 1]
        tgt_first, tgt_last = tgt_starts[pair], tgt_starts[pair + 1]
        size = table_size((last - first + tgt_last - tgt_first) // 2 + 1)
        # Both sides fill one table, so that a word has one slot wherever it stands.
        for side in range(2):
            bit = np.uint8(1 + side)
            data, offset, end = (src, first, last) if side == 0 else (tgt, tgt_first, tgt_last)
            while True:
                length, word, offset = _next_word(data, offset, end, lower)
                if length == 0:
                    break
                slot = find(keys, owners, size, owner, word)
                if owners[slot] != owner:
                    keys[slot], owners[slot], sides[slot] = word, owner, 0
                # Only the first occurrence on a side counts. Any other bit is then that of the
                # other side.
                if sides[slot] & bit == 0:
                    counts[side, pair] += np.uint32(1)
                    if sides[slot]:
                        counts[2, pair] += np.uint32(1)
                    sides[slot] |= bit
    return counts
