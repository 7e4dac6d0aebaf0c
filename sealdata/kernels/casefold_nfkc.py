"""Normal forms by a table of code points, for the texts whose characters do not affect each other.

NFKC maps a text character by character, unless marks are out of order or a character may compose
with one before it. Every capital has one small letter, except the capital sigma. Texts where that
is not certain are left to a Unicode library.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled, decode

# Bits of a table entry: the code point that a character becomes (0: it is removed), and flags.
CODE_POINT = np.uint32(0x1FFFFF)
SEVERAL = np.uint32(1 << 31)  # it becomes more than one: the code point is an index into the pool
UNSURE = np.uint32(1 << 30)  # only a library can say what it becomes
MARK = np.uint32(1 << 29)  # it begins or ends with a mark of a combining class: see ``classes``
SECOND = np.uint32(1 << 28)  # it composes with some FIRST right before it
FIRST = np.uint32(1 << 27)
TONED = np.uint32(1 << 26)  # before a, e or y its tone may stand on the wrong vowel

GROWTH = 2  # bytes of a normal form per byte of text, at most; characters that grow more are UNSURE


class FoldTable(NamedTuple):
    """How every code point is folded."""

    entries: npt.NDArray[np.uint32]  # uint32 [0x110000]
    pool: npt.NDArray[np.uint32]  # at an index: the number of code points that follow, then these
    classes: npt.NDArray[np.uint8]  # uint8 [2, 0x110000]: combining class that it begins, ends with


@compiled
def _encode(char: Int, data: Bytes, offset: Int) -> Int:
    """Write a code point as UTF-8 at ``data[offset]``: where the next one goes."""
    # The bounds of UTF-8: 7 bits fit one byte, 11 bits two, 16 bits three, 21 bits four.
    if char < 0x80:
        data[np.uint64(offset)] = char
        return offset + 1
    if char < 0x800:
        data[np.uint64(offset)] = 0xC0 | char >> 6
        data[np.uint64(offset + 1)] = 0x80 | char & 0x3F
        return offset + 2
    if char < 0x10000:
        data[np.uint64(offset)] = 0xE0 | char >> 12
        data[np.uint64(offset + 1)] = 0x80 | char >> 6 & 0x3F
        data[np.uint64(offset + 2)] = 0x80 | char & 0x3F
        return offset + 3
    data[offset] = 0xF0 | char >> 18
    data[offset + 1] = 0x80 | char >> 12 & 0x3F
    data[offset + 2] = 0x80 | char >> 6 & 0x3F
    data[offset + 3] = 0x80 | char & 0x3F
    return offset + 4


@compiled
def _is_aey(byte: Int) -> bool:
    """In small or capital letters."""
    small = byte | 0x20
    return small == 0x61 or small == 0x65 or small == 0x79


@compiled
def fold_texts(
    starts: Starts,
    data: Bytes,
    entries: npt.NDArray[np.uint32],
    pool: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], Bytes, npt.NDArray[np.bool_]]:
    """The folded texts, as ``Texts``, and bool [texts]: those left empty because the table is not
    sure of them or nothing of them remains.
    """
    # The worst case is allocated (see GROWTH), so no write needs a check of the bounds.
    num_texts = len(starts) - 1
    folded_starts = np.zeros(num_texts + 1, np.int64)
    folded = np.empty(GROWTH * (starts[num_texts] - starts[0]) + 1, np.uint8)
    unsure = np.zeros(num_texts, np.bool_)
    # ``to`` is the next byte to write; ``begin`` is where the form of the current text begins.
    to: Int = 0
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        begin, mark, first = to, 0, False  # mark: the combining class of the character before
        while offset < end:
            # ``first``: the character before may compose with the next one.
            lead = data[np.uint64(offset)]
            if lead < 0x80:  # becomes another of these, or goes, and nothing before it matters
                entry = entries[np.uint64(lead)]
                folded[np.uint64(to)] = np.uint8(entry & CODE_POINT)
                # The byte is written in any case, and kept only if the character is: no branch.
                to += np.int64(entry & CODE_POINT != 0)
                mark, first = 0, entry & FIRST != 0
                offset += 1
                continue
            start = offset
            char, offset = decode(data, offset)
            entry = entries[np.uint64(char)]
            # Most characters have none of these flags and skip all the tests below.
            if entry & (UNSURE | SECOND | MARK | SEVERAL | TONED):
                # The text is given up: ``to`` goes back, and the next text overwrites what is
                # there.
                if entry & UNSURE or (first and entry & SECOND):
                    to, offset = begin, end
                    break
                # The caller unifies both places of a Vietnamese tone before it tries again.
                if entry & TONED and offset < end and _is_aey(data[np.uint64(offset)]):
                    to, offset = begin, end
                    break
                opens, closes = classes[0, np.uint64(char)], classes[1, np.uint64(char)]
                # Canonical order sorts the marks after a letter by class. These are not in order.
                if opens and opens < mark:
                    to, offset = begin, end
                    break
                mark = closes
            else:
                # A character of class 0 begins a new run of marks.
                mark = 0
            first = entry & FIRST != 0
            code = np.int64(entry & CODE_POINT)
            # The pool holds the number of code points at ``code``, then the code points.
            if entry & SEVERAL:
                for index in range(code + 1, code + 1 + np.int64(pool[code])):
                    to = _encode(np.int64(pool[index]), folded, to)
            elif code == char:
                # Unchanged characters are copied byte by byte, without encoding them again.
                folded[np.uint64(to)] = data[np.uint64(start)]
                folded[np.uint64(to + 1)] = data[np.uint64(start + 1)]
                if offset - start > 2:
                    folded[np.uint64(to + 2)] = data[np.uint64(start + 2)]
                    if offset - start > 3:
                        folded[np.uint64(to + 3)] = data[np.uint64(start + 3)]
                to += offset - start
            elif code:
                to = _encode(code, folded, to)
        # The form of a text of only punctuation is the text itself, so that case is the caller's
        # too.
        unsure[text] = to == begin
        folded_starts[text + 1] = to
    return folded_starts, folded[:to], unsure
