"""How alike two texts are by their edit distance, where it is small enough to matter."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled, decode
from sealdata.kernels.hash_table import Keys, Owners, find, table_size

SPACE = -1
# Constants are unsigned: numba makes int64 of uint64 and a plain integer, and signs would spread.
_WORD = 64  # bits
_ONE = np.uint64(1)
_NONE, _ALL = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)

Chars = npt.NDArray[np.int32]


@compiled
def _letters(data: Bytes, offset: Int, end: Int, lower: Chars, into: Chars) -> Int:
    """Fill ``into`` with the characters of a text but white space, in lower case, as far as they
    fit; how many there are."""
    # The capacity of ``into`` is the number of characters that are compared at most.
    count = 0
    while offset < end and count < len(into):
        char, offset = decode(data, offset)
        if lower[char] != SPACE:
            into[count] = lower[char]
            count += 1
    return count


@compiled
def _common(src: Chars, tgt: Chars, bag: npt.NDArray[np.int32]) -> Int:
    """An upper bound of the characters that both have, from their bags by the lowest byte; ``bag``
    holds 256 zeros before and after."""
    # 256 counters instead of one per code point: characters that share the lowest byte count as
    # equal, so the bound can only be too high.
    for char in src:
        bag[char & 255] += 1
    common = 0
    for char in tgt:
        if bag[char & 255] > 0:
            bag[char & 255] -= 1
            common += 1
    # Only counters of ``src`` can be above zero now, so no full clearing is needed.
    for char in src:
        bag[char & 255] = 0
    return common


@compiled
def _bytes_by_kind(data: Bytes, first: Int, last: Int) -> tuple[Int, Int, Int]:
    """Bytes of a text beyond ASCII, those of them that begin a character, and ASCII's white space
    and controls. In 32 bits, so that the processor counts many at once."""
    # Bytes 0x80 to 0xBF continue a character, 0xC0 and above begin one. 32 bits suffice: the caller
    # passes at most ``max_chars`` bytes.
    high = leads = blank = np.int32(0)
    for index in range(first, last):
        byte = data[np.uint64(index)]
        high += np.int32(byte >= 0x80)
        leads += np.int32(byte >= 0xC0)
        blank += np.int32(byte <= 0x20)
    return np.int64(high), np.int64(leads), np.int64(blank)


@compiled
def _may_be_alike(
    src: Bytes, first: Int, last: Int, tgt: Bytes, tgt_first: Int, tgt_last: Int, floor: float
) -> bool:
    """False if counts of bytes show that less than ``floor`` is common.

    ASCII can match ASCII only, and other characters can match others only. Between English and a
    language of another script that settles most pairs.
    """
    src_high, src_other, src_blank = _bytes_by_kind(src, first, last)
    tgt_high, tgt_other, tgt_blank = _bytes_by_kind(tgt, tgt_first, tgt_last)
    # The caller has replaced the Kelvin sign, whose lower case is ASCII.
    src_ascii, tgt_ascii = last - first - src_high, tgt_last - tgt_first - tgt_high
    common = min(src_ascii, tgt_ascii) + min(src_other, tgt_other)
    # White space is never compared. Controls are subtracted as well, and all white space stays in
    # ``common``: both errors only let a pair pass to the next test.
    return bool(common >= floor * max(src_ascii - src_blank, tgt_ascii - tgt_blank))


@compiled
def _distance(
    src: Chars, tgt: Chars, limit: Int, keys: Keys, owners: Owners, owner: Int, masks: Keys
) -> Int:
    """Insertions, deletions and substitutions from ``src`` to ``tgt``; any number above ``limit``
    where there are more. ``masks`` has a row of words for each slot of the table.

    Source: Myers 1999, "A fast bit-vector algorithm for approximate string matching", in the block
    form of Hyyrö 2003.
    """
    if len(src) == 0:
        return len(tgt)
    # ``masks`` has a bit for each position of ``src``, set where the slot's character stands.
    num_words = (len(src) + _WORD - 1) // _WORD
    size = table_size(len(src))
    for index in range(len(src)):
        slot = find(keys, owners, size, owner, np.uint64(src[index]))
        row = slot * num_words
        # The words of a slot are cleared when a pair claims it, not all of them for each pair.
        if owners[slot] != owner:
            keys[slot], owners[slot] = np.uint64(src[index]), owner
            masks[row : row + num_words] = _NONE
        masks[row + index // _WORD] |= _ONE << np.uint64(index % _WORD)
    # Steps from one row to the next in the current column: +1 in ``up``, -1 in ``down``. The column
    # before the first character of ``tgt`` rises by one in every row.
    up, down = np.full(num_words, _ALL), np.zeros(num_words, np.uint64)
    # ``distance`` follows the last row, whose bit may be anywhere in the last word.
    last = np.uint64((len(src) - 1) % _WORD)
    distance = np.int64(len(src))
    for column in range(len(tgt)):
        slot = find(keys, owners, size, owner, np.uint64(tgt[column]))
        # A character that ``src`` lacks has no slot of this owner, and no equal position.
        is_own = owners[slot] == owner
        carry_up, carry_down = _ONE, _NONE  # the row above all grows by one in each column
        for word in range(num_words):
            # One column for 64 rows. The addition carries a run of matches down the rows of the
            # word.
            equal = masks[slot * num_words + word] if is_own else _NONE
            vertical = equal | down[word]
            equal |= carry_down
            across = (((equal & up[word]) + up[word]) ^ up[word]) | equal
            # Steps from the previous column to this one: ``grows`` +1, ``shrinks`` -1.
            grows = down[word] | ~(across | up[word])
            shrinks = up[word] & across
            # What leaves the last row of a word enters the first row of the next.
            top = last if word == num_words - 1 else np.uint64(_WORD - 1)
            out_up, out_down = (grows >> top) & _ONE, (shrinks >> top) & _ONE
            grows = grows << _ONE | carry_up
            shrinks = shrinks << _ONE | carry_down
            up[word] = shrinks | ~(vertical | grows)
            down[word] = grows & vertical
            carry_up, carry_down = out_up, out_down
        distance += np.int64(carry_up) - np.int64(carry_down)
        # Each remaining column lowers the distance by one at most, so it can no longer reach the
        # limit.
        if distance - (len(tgt) - column - 1) > limit:
            break
    return distance


@compiled
def similarities(
    src_starts: Starts,
    src: Bytes,
    tgt_starts: Starts,
    tgt: Bytes,
    lower: Chars,
    floor: float,
    max_chars: int,
) -> npt.NDArray[np.float64]:
    """1 - edits / characters of the longer side, float64 [pairs]; 0 where it is below ``floor``.

    The bytes or characters of most pairs show that without computing edits. White space and case
    do not count (``lower``: int32 [0x110000], ``SPACE`` for white space). Only the first
    ``max_chars`` of a side are read. Two empty sides have 0: nothing was copied.
    """
    num_pairs = len(src_starts) - 1
    values = np.zeros(num_pairs)
    # All buffers serve all pairs: nothing is allocated per pair except the words of ``_distance``.
    chars, others = np.zeros(max_chars, np.int32), np.zeros(max_chars, np.int32)
    bag = np.zeros(256, np.int32)
    slots = table_size(max_chars)
    keys, owners = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
    masks = np.zeros(slots * (max_chars // _WORD + 1), np.uint64)
    for pair in range(num_pairs):
        first, last = src_starts[pair], src_starts[pair + 1]
        tgt_first, tgt_last = tgt_starts[pair], tgt_starts[pair + 1]
        # A longer side is cut below. Counts of all its bytes would not bound what is compared then.
        whole = last - first <= max_chars and tgt_last - tgt_first <= max_chars
        if whole and not _may_be_alike(src, first, last, tgt, tgt_first, tgt_last, floor):
            continue
        # The tests run from the cheapest to the dearest: bytes, lengths, bags of characters, edits.
        num_src = _letters(src, first, last, lower, chars)
        num_tgt = _letters(tgt, tgt_first, tgt_last, lower, others)
        longer, shorter = max(num_src, num_tgt), min(num_src, num_tgt)
        # At least ``longer - shorter`` characters must be inserted.
        if longer == 0 or shorter < floor * longer:
            continue
        if _common(chars[:num_src], others[:num_tgt], bag) < floor * longer:
            continue
        start = 0  # what both begin with and end in is alike
        # Removing it leaves the distance as it is, and fewer columns to compute.
        while start < shorter and chars[start] == others[start]:
            start += 1
        while num_src > start and num_tgt > start and chars[num_src - 1] == others[num_tgt - 1]:
            num_src -= 1
            num_tgt -= 1
        # Owner 0 means a free slot, so pairs count from 1.
        limit = np.int64((1 - floor) * longer)
        edits = _distance(
            chars[start:num_src], others[start:num_tgt], limit, keys, owners, pair + 1, masks
        )
        similarity = 1 - edits / longer
        if similarity >= floor:
            values[pair] = similarity
    return values
