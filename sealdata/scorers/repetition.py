"""Share of each side that only repeats what stands right before it."""

from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from sealdata.kernels import texts_of
from sealdata.kernels.repeats import repeated_chars
from sealdata.scorers import SHARE, Range, Scorer

_MAX_CHARS = (1 << 16) - 1  # what follows is not looked at
_WHOLE = 0.6  # of a unit's n-grams that must recur one unit later for it to count as repeated


class Repetition(Scorer):
    """Characters in the second and later copies of text that is repeated at once, over all.

    ``A B A B A B C`` repeats the unit ``A B`` twice. An n-gram of ``ngram`` characters that last
    occurred d characters before supports a unit of d characters. A unit counts when most of its
    n-grams support it. It needs no words, so it works for scripts without spaces. N-grams
    are looked up in a table, so the time is linear in the length of a text. Reduplication
    (``anak-anak``) is shorter than the n-gram and does not count. A sentence said twice has 0.5.
    """

    ngram: int = Field(8, ge=2, le=64)  # characters of the n-grams that are looked up

    columns: ClassVar[dict[str, str]] = {
        "src_share": "share of the English side that repeats what stands before it, 0 to 1",
        "tgt_share": "share of the other side that repeats what stands before it, 0 to 1",
    }
    ranges: ClassVar[dict[str, Range | None]] = dict.fromkeys(columns, SHARE)

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Float64 columns; null never: an empty side has 0."""
        return pl.DataFrame({f"{side}_share": self._share(pairs[side]) for side in ("src", "tgt")})

    def _share(self, text: pl.Series) -> pl.Series:
        repeated, chars = repeated_chars(*texts_of(text), self.ngram, _WHOLE, _MAX_CHARS)
        return pl.Series(np.minimum(repeated / np.maximum(chars, 1), 1.0))


COMPONENT = Repetition
