"""A hash table that kernels empty at no cost: each text owns the slots it has filled."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Int, compiled

Keys = npt.NDArray[np.uint64]
Owners = npt.NDArray[np.int64]

# Offset basis and prime of the 64-bit FNV-1a hash.
FIRST_HASH = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


@compiled
def extend(value: np.uint64, part: Int) -> np.uint64:
    """The hash of a sequence with one more part: FNV-1a by whole code points."""
    return (value ^ np.uint64(part)) * _PRIME  # type: ignore[no-any-return]


@compiled
def table_size(max_keys: Int) -> Int:
    """Slots (a power of two) for ``max_keys`` keys of one owner, at most half full."""
    # At most half full, so that a search takes few steps. A power of two makes the mask of
    # ``find``.
    size = 16
    while size < 2 * max_keys:
        size *= 2
    return size


@compiled
def find(keys: Keys, owners: Owners, size: Int, owner: Int, key: np.uint64) -> Int:
    """The slot of ``key`` among the ``size`` first; free unless ``owners[slot] == owner``."""
    # Fibonacci hashing: the multiplier is 2**64 over the golden ratio. It spreads code points,
    # which differ in their low bits, over the upper half of the product.
    mask = size - 1
    slot = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)) & mask
    # A slot of another owner is free: old texts need no clearing, but owners must not repeat. No
    # key is ever removed, so linear probing needs no marks of deletion.
    while owners[slot] == owner and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@compiled
def longest(starts: npt.NDArray[np.int64]) -> Int:
    """Bytes of the longest text."""
    # A text has at most as many characters as bytes, so this sizes buffers for any of the texts.
    length = np.int64(0)
    for text in range(len(starts) - 1):
        length = max(length, starts[text + 1] - starts[text])
    return length
