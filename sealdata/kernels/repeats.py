"""How much of a text repeats at once what stands before it."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode
from sealdata.kernels.hash_table import find, longest, table_size

_BASE = np.uint64(0x5851F42D4C957F2D)


@compiled
def repeated_chars(
    starts: Starts, data: Bytes, ngram: int, whole: float, max_chars: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Repeated characters of each text and the characters looked at, int64 [texts] each.

    An n-gram that last began d characters before supports a unit of d characters. A unit supported
    by k n-grams stands for k + ngram - 1 repeated characters where these are at least ``whole`` of
    it. Linear in the length of a text; what follows its first ``max_chars`` is not looked at.
    """
    num_texts = len(starts) - 1
    repeated, looked_at = np.zeros(num_texts, np.int64), np.zeros(num_texts, np.int64)
    # One more than the longest text: a unit may be as long as the text.
    max_length = min(longest(starts), max_chars) + 1
    chars = np.zeros(max_length, np.uint64)
    # ``support[d]`` counts n-grams that support a unit of d characters; ``units`` lists these d.
    support, units = np.zeros(max_length, np.int64), np.zeros(max_length, np.int64)
    slots = table_size(max_length)
    keys, owners = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    begins = np.zeros(slots, np.int64)
    gone = np.uint64(1)  # weight of the character that leaves an n-gram
    for _ in range(ngram):
        gone *= _BASE
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        length, num_units, value = 0, 0, np.uint64(0)
        # A short text uses the front of the table only, which stays in the processor's cache.
        size = table_size(min(end - offset, max_chars))
        while offset < end and length < max_chars:
            char, offset = decode(data, offset)
            chars[length] = np.uint64(char + 1)
            # A rolling polynomial modulo 2**64, as in ``ngrams``. Equal hashes count as equal
            # n-grams.
            value = value * _BASE + chars[length]
            length += 1
            if length > ngram:
                value -= chars[length - 1 - ngram] * gone
            if length < ngram:
                continue
            slot = find(keys, owners, size, text + 1, value)
            # Both ends are stored and compared, so their distance is that of the beginnings.
            if owners[slot] == text + 1:
                unit = length - begins[slot]
                if support[unit] == 0:
                    units[num_units] = unit
                    num_units += 1
                support[unit] += 1
            # The last occurrence replaces older ones: only the copy right before counts. Owner 0 is
            # free.
            keys[slot], owners[slot], begins[slot] = value, text + 1, length
        for index in range(num_units):
            unit = units[index]
            # n-grams overlap: k of them in a row cover k + ngram - 1 characters.
            covered = support[unit] + ngram - 1
            if covered >= whole * unit:
                # Units may overlap, so this may exceed the length. The caller limits the share to
                # 1.
                repeated[text] += covered
            support[unit] = 0
        looked_at[text] = length
    return repeated, looked_at
