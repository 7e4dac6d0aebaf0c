"""Whether the words of a pair translate each other, by a lexicon learnt from the corpus itself."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
import polars as pl
from pydantic import Field

from sealdata.errors import ConfigError
from sealdata.filter_stages import RuleStage
from sealdata.lexicon.units import units_of
from sealdata.scorers import ANY_NUMBER, COUNT, Range, Scorer


class Lexicon(Scorer):
    """Evidence that two sides translate each other, by a lexicon of the corpus itself.

    No model is needed. A build draws pairs of each language by hash and learns from them which
    words go together (IBM model 1, in both directions). Then it asks for every pair how much
    likelier the words of each side are with the other side than without. Where a script writes no
    spaces, characters (Chinese, Japanese) or runs of four (Thai, Lao, Khmer, Burmese) stand for
    words.

    The scores need all pairs of a language: a build has them, an audit does not. They are null for
    a language or source with fewer than ``min_pairs`` pairs, and for a pair with fewer than six
    known words. docs/explanation/misalignment.md has what they catch.

    Source: Brown et al. 1993; Moore & Lewis 2010 for the comparison with random partners.
    """

    version: ClassVar[int] = 1
    stage: ClassVar[RuleStage] = "similarity"
    learns: ClassVar[bool] = True

    learn_from: list[str] = []  # sources whose pairs the lexicon is learnt from; empty: all
    max_pairs: int = Field(100_000, ge=1000)  # of a language, to learn from
    # of a language, and of a source unless `learn_from` is given; with fewer there are no scores
    min_pairs: int = Field(1000, ge=100)

    columns: ClassVar[dict[str, str]] = {
        "units": "words (or runs of characters) of the shorter side, 0 or more: how much there is "
        "to judge a pair by",
    }
    ranges: ClassVar[dict[str, Range | None]] = {
        "units": COUNT,
        **dict.fromkeys(("evidence", "slip", "gap"), ANY_NUMBER),
    }
    corpus_columns: ClassVar[dict[str, str]] = {
        "evidence": "log likelihood ratio of a word with and without the other side, mean over "
        "both sides. Scaled to 0 for a typical random pairing and 1 for a typical pair of the "
        "corpus, to 4 decimals. Higher is more likely a translation",
        "slip": "how much more evidence there is with the other side of a neighbouring pair in "
        "the file, mean of three rows, to 4 decimals. Higher is more likely a run that slipped "
        "by a line or two",
        "gap": "largest share of a side in one stretch without a translation, about 0 to 1, to 4 "
        "decimals. Higher is more likely a translation of a part only",
    }

    def check_sources(self, sources: Sequence[str]) -> None:
        """Each of ``learn_from`` must be one of ``sources``."""
        for name in self.learn_from:
            if name not in sources:
                raise ConfigError(
                    f"[score.lexicon] learn_from: no source is named {name!r}; the recipe has "
                    f"{', '.join(sources)}"
                )

    def pairwise_only(self) -> Self:
        """Without what concerns the lexicon."""
        fields = type(self).model_fields
        plain = {name: fields[name].get_default() for name in ("max_pairs", "min_pairs")}
        return self.model_copy(update={**plain, "learn_from": []})

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A UInt32 column."""
        counts = [np.diff(units_of(pairs[side])[1]) for side in ("src", "tgt")]
        return pl.DataFrame({"units": np.minimum(*counts).astype(np.uint32)})


COMPONENT = Lexicon
