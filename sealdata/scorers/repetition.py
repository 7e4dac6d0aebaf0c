"""Share of each side that only repeats what stands right before it."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from sealdata.characters import chunks, code_points
from sealdata.scorers import Scorer

_CHUNK = 1 << 16  # characters looked at a time: what the processor's cache holds
_SLOT_BITS = 19  # eight slots per character of a chunk: few n-grams share one by chance
_MAX_CHARS = (1 << 16) - 1  # a position has 16 bits of the sort key: what follows is not looked at
_WHOLE = 0.6  # of a unit's n-grams that must recur one unit later for it to count as repeated
_ROW_SHIFT, _HASH_SHIFT, _POSITION = np.uint64(48), np.uint64(16), np.uint64(0xFFFF)

_Keys = npt.NDArray[np.uint64]


class Repetition(Scorer):
    """Characters in the second and later copies of text that is repeated at once, over all.

    ``A B A B A B C`` repeats the unit ``A B`` twice. An n-gram of ``ngram`` characters that last
    occurred d characters before supports a unit of d characters; a unit counts when most of its
    n-grams support it. Needs no words, so it works for scripts without spaces, and sorts n-grams
    instead of comparing substrings: the time is linear in the length of a text. Reduplication
    (``anak-anak``) is shorter than the n-gram and does not count; a sentence said twice has 0.5.
    """

    ngram: int = Field(8, ge=2, le=64)

    columns: ClassVar[dict[str, str]] = {
        "src_share": "share of the English side that repeats what stands before it, 0 to 1",
        "tgt_share": "share of the other side that repeats what stands before it, 0 to 1",
    }

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns; null never: an empty side has 0."""
        return pl.DataFrame({f"{side}_share": self._share(pairs[side]) for side in ("src", "tgt")})

    def _share(self, text: pl.Series) -> pl.Series:
        text = text.fill_null("").str.slice(0, _MAX_CHARS)
        parts = [_repeated(part, self.ngram) for part in chunks(text, _CHUNK)]
        repeated = np.concatenate([np.zeros(0), *parts])
        lengths = text.str.len_chars().to_numpy()
        return pl.Series(np.minimum(repeated / np.maximum(lengths, 1), 1.0))


def _repeated(text: pl.Series, ngram: int) -> npt.NDArray[np.float64]:
    """Repeated characters of each text, float64 [len(text)]."""
    lengths = text.str.len_chars().to_numpy().astype(np.int64)
    keys = _recurring(_keys(text, lengths, ngram))
    # Only now, when few are left, those go that reach into the next text.
    keys = keys[(keys & _POSITION).astype(np.int64) <= lengths[keys >> _ROW_SHIFT] - ngram]
    keys.sort()
    again = keys[1:] >> _HASH_SHIFT == keys[:-1] >> _HASH_SHIFT  # the same n-gram, same text
    later, earlier = keys[1:][again], keys[:-1][again]
    units, support = np.unique(
        later >> _ROW_SHIFT << _ROW_SHIFT | later - earlier, return_counts=True
    )
    chars = support + (ngram - 1)
    counts = chars >= _WHOLE * (units & _POSITION)
    rows = (units[counts] >> _ROW_SHIFT).astype(np.intp)
    return np.bincount(rows, chars[counts], len(text)).astype(np.float64)


def _keys(text: pl.Series, lengths: npt.NDArray[np.int64], ngram: int) -> _Keys:
    """One key per character and the n-gram that it begins, whatever text this one ends in.

    From the highest bit: 16 of text number, 32 of hash, 16 of position in the text.
    """
    hashes = code_points(text).astype(np.uint64)
    width = 1
    while width < ngram:  # the hash of 2w characters is made of two hashes of w
        step = min(width, ngram - width)
        left, right = hashes[: max(len(hashes) - step, 0)], hashes[step:]
        hashes = left * np.uint64(0x5851F42D4C957F2D) + right
        hashes ^= hashes >> np.uint64(29)
        width += step
    hashes *= np.uint64(0x9E3779B97F4A7C15)
    starts = (np.cumsum(lengths) - lengths).astype(np.uint64)
    firsts = (np.arange(len(text), dtype=np.uint64) << _ROW_SHIFT) - starts
    keys: _Keys = np.repeat(firsts, lengths)[: len(hashes)]
    keys += np.arange(len(hashes), dtype=np.uint64)
    keys |= hashes >> np.uint64(32) << _HASH_SHIFT
    return keys


def _recurring(keys: _Keys) -> _Keys:
    """``keys`` without most of those whose n-gram occurs once in its text: they need no sorting.

    N-grams share slots by chance, but equal ones always: what is alone in its slot occurs once.
    """
    slots = (keys >> _HASH_SHIFT) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - _SLOT_BITS)
    slots = slots.astype(np.intp)
    numbers = np.arange(len(keys), dtype=np.uint32)
    last = np.empty(1 << _SLOT_BITS, np.uint32)
    last[slots] = numbers
    shared = np.zeros(1 << _SLOT_BITS, bool)
    shared[slots[last[slots] != numbers]] = True
    recurring: _Keys = keys[shared[slots]]
    return recurring


COMPONENT = Repetition
