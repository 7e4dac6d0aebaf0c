"""Share of each side that only repeats what stands right before it."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from sealdata.characters import chunks, code_points
from sealdata.scorers import Scorer

_CHUNK = 1 << 18  # characters sorted at a time
_MAX_CHARS = (1 << 16) - 1  # a position has 16 bits of the sort key: what follows is not looked at
_WHOLE = 0.6  # of a unit's n-grams that must recur one unit later for it to count as repeated


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
    repeated = np.zeros(len(text))
    keys = _keys(text, ngram)
    keys.sort()
    again = keys[1:] >> np.uint64(16) == keys[:-1] >> np.uint64(16)  # the same n-gram, same text
    later, earlier = keys[1:][again], keys[:-1][again]
    units = pl.DataFrame({"row": later >> np.uint64(48), "distance": later - earlier})
    units = units.group_by("row", "distance").agg(chars=pl.len() + (ngram - 1))
    units = units.filter(pl.col("chars") >= _WHOLE * pl.col("distance"))
    found = units.group_by("row").agg(pl.col("chars").sum())
    repeated[found["row"].to_numpy()] = found["chars"].to_numpy()
    return repeated


def _keys(text: pl.Series, ngram: int) -> npt.NDArray[np.uint64]:
    """One key per n-gram, from the highest bit: 16 of text number, 32 of hash, 16 of position."""
    lengths = text.str.len_chars().to_numpy().astype(np.int64)
    hashes = code_points(text).astype(np.uint64)
    width = 1
    while width < ngram:  # the hash of 2w characters is made of two hashes of w
        step = min(width, ngram - width)
        left, right = hashes[: max(len(hashes) - step, 0)], hashes[step:]
        hashes = left * np.uint64(0x5851F42D4C957F2D) + right
        hashes ^= hashes >> np.uint64(29)
        width += step
    hashes *= np.uint64(0x9E3779B97F4A7C15)
    starts = np.cumsum(lengths) - lengths
    row = np.repeat(np.arange(len(text)), lengths)[: len(hashes)]
    position = np.arange(len(hashes)) - starts[row]
    keys: npt.NDArray[np.uint64] = (row.astype(np.uint64) << np.uint64(48)) | position.astype(
        np.uint64
    )
    keys |= hashes >> np.uint64(32) << np.uint64(16)
    fits: npt.NDArray[np.uint64] = keys[position <= lengths[row] - ngram]
    return fits


COMPONENT = Repetition
