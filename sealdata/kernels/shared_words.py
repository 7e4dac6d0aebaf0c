"""The distinct words of two texts and those that both have."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled, decode
from sealdata.kernels.hash_table import FIRST_HASH, extend, find, longest, table_size

# No code point is negative, so white space cannot be mistaken for a letter.
SPACE = -1
_IN_SRC, _IN_TGT, _PLAIN = 1, 2, 4  # bits of a word: where it stands, and whether it is plain
_SLASH, _NINE = 0x2F, 0x39  # the slash of addresses and the digits behind it


@compiled
def _next_word(
    data: Bytes, offset: Int, end: Int, lower: npt.NDArray[np.int32]
) -> tuple[Int, np.uint64, Int, Int]:
    """Characters of the next word (0: there is none), its hash, ``_PLAIN`` or 0, and where it ends.

    A word with a capital, a digit or a slash is not plain: it may be a name, number or address.
    """
    # Words are compared by their 64-bit hashes; no word is ever a string.
    length, value, plain = 0, FIRST_HASH, _PLAIN
    while offset < end:
        char, after = decode(data, offset)
        folded = lower[char]
        if folded != SPACE:
            value = extend(value, folded)
            length += 1
            if folded != char or _SLASH <= char <= _NINE:
                plain = 0
        elif length:
            # White space ends a word. Before the first character it is skipped.
            break
        offset = after
    return length, value, plain, offset


@compiled
def count_words(
    src_starts: Starts,
    src: Bytes,
    tgt_starts: Starts,
    tgt: Bytes,
    lower: npt.NDArray[np.int32],
) -> npt.NDArray[np.uint32]:
    """Distinct words of src, of tgt, and of both, then the plain ones of each: uint32 [6, pairs].

    ``lower`` (int32 [0x110000]) is the lower case of each code point, ``SPACE`` for white space,
    between which words stand. A word is plain if it is so anywhere in the pair: a name has its
    capital on both sides.
    """
    num_pairs = len(src_starts) - 1
    counts = np.zeros((6, num_pairs), np.uint32)
    # A word takes two bytes with the space after it, so half of the bytes bound the words of a
    # side. The last words need no space: one more for both sides together.
    slots = table_size((longest(src_starts) + longest(tgt_starts)) // 2 + 1)
    keys, owners = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    seen = np.zeros(slots, np.uint8)  # bits of each word
    by_bits = np.zeros(8, np.int64)  # words of the pair with these bits
    for pair in range(num_pairs):
        owner = pair + 1
        first, last = src_starts[pair], src_starts[pair + 1]
        tgt_first, tgt_last = tgt_starts[pair], tgt_starts[pair + 1]
        size = table_size((last - first + tgt_last - tgt_first) // 2 + 1)
        by_bits[:] = 0
        # Both sides fill one table, so that a word has one slot wherever it stands.
        for side in (_IN_SRC, _IN_TGT):
            data, offset, end = src, first, last
            if side == _IN_TGT:
                data, offset, end = tgt, tgt_first, tgt_last
            while True:
                length, word, plain, offset = _next_word(data, offset, end, lower)
                if length == 0:
                    break
                slot = find(keys, owners, size, owner, word)
                if owners[slot] != owner:
                    keys[slot], owners[slot], seen[slot] = word, owner, 0
                # Only a first occurrence on a side, or as a plain word, changes the bits.
                before = int(seen[slot])
                now = before | side | plain
                if now != before:
                    by_bits[before] -= 1
                    by_bits[now] += 1
                    seen[slot] = now
        for row in range(3):
            bits = row + 1  # in src, in tgt, in both
            for bits_of_word in range(1, 8):
                if bits_of_word & bits == bits:
                    counts[row, pair] += by_bits[bits_of_word]
                    if bits_of_word & _PLAIN:
                        counts[3 + row, pair] += by_bits[bits_of_word]
    return counts
