"""Sentence marks of a text: how many sentences they end, and whether one ends the text."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode

# What a code point is to the end of a sentence. A mark ends one wherever it stands; a point (. ! ?)
# only before white space, a closing quote or bracket, or the end: 3.5 and seal.example have none.
# Where one language begins a new sentence another goes on, behind a semicolon or colon (PAUSE).
OTHER, MARK, POINT, CLOSER, SPACE, PAUSE = 0, 1, 2, 3, 4, 5


@compiled
def sentence_ends(
    starts: Starts, data: Bytes, kinds: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint32]:
    """Sentences ended by marks, 1 if the text ends in one (else 0), pauses: uint32 [3, texts].

    Marks in a row (``?!``, ``...``) end one sentence. Closing quotes and brackets and white space
    may follow the last.
    """
    num_texts = len(starts) - 1
    ends = np.zeros((3, num_texts), np.uint32)
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        sure = unsure = closed = False  # the run of marks before this character; nothing since one
        count = pauses = 0
        while offset < end:
            char, offset = decode(data, offset)
            kind = kinds[np.uint64(char)]
            if kind == MARK:
                sure = closed = True
            elif kind == POINT:
                unsure = closed = True
            else:
                if kind == PAUSE:
                    pauses += 1
                follows = kind in (SPACE, CLOSER)
                if sure or (unsure and follows):
                    count += 1
                sure = unsure = False
                closed = closed and follows
        if sure or unsure:
            count += 1
        ends[0, text] = count
        ends[1, text] = closed
        ends[2, text] = pauses
    return ends
