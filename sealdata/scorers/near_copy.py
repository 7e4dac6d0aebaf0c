"""Edit distance of the two sides: text that was copied and then changed a little."""

from typing import ClassVar

import polars as pl

from sealdata.kernels import texts_of
from sealdata.kernels.edit_distance import similarities
from sealdata.scorers import SHARE, Range, Scorer
from sealdata.text.characters import lower_table, without_special_case

_FLOOR = 0.5  # below it two languages are as alike as this by chance: Malay and English have 0.3
_MAX_CHARS = 2048  # a copy is one in its first characters; bounds the time of long texts


class NearCopy(Scorer):
    """Characters of the longer side that need no edit to become the other side, over all of them.

    Catches what ``copy.overlap`` cannot see: copies with a letter changed in every other word, with
    words joined or split, and of text without spaces. Case and white space do not count. Where the
    characters of the sides rule out a similarity of 0.5, as those of two scripts do, no edit is
    looked for.

    A rule: at most 0.9, which no pair of TICO-19 exceeds in six languages; of Filipino 1.3 % do,
    lines that were left in English. Source: the SimilarityFilter of OpusFilter, which drops pairs
    from 0.9 on.
    """

    columns: ClassVar[dict[str, str]] = {
        "similarity": "1 - edit distance / characters of the longer side, 0 to 1; 1 is a copy, "
        "0 all below 0.5",
    }
    ranges: ClassVar[dict[str, Range | None]] = {"similarity": SHARE}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column; null never: two empty sides have 0."""
        src, tgt = (texts_of(without_special_case(pairs[side])) for side in ("src", "tgt"))
        values = similarities(*src, *tgt, lower_table(), _FLOOR, _MAX_CHARS)
        return pl.DataFrame({"similarity": values})


COMPONENT = NearCopy
