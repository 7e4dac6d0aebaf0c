"""A plugin file of a user: a scorer with a class of its own inside, a cleaner and a reader."""

from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl
from pydantic import BaseModel

from sealdata.cleaners import Cleaner
from sealdata.filter_stages import RuleStage
from sealdata.plugins.metric import Metric
from sealdata.readers import Source
from sealdata.readers._line_reader import LineReader
from sealdata.readers._lines import decoded
from sealdata.scorers import Scorer


class Weights(BaseModel):
    """A class that is not a component."""

    src: float = 1.0


class VowelCount(Scorer):
    """Vowels of the English side."""

    stage: ClassVar[RuleStage] = "lid"
    columns: ClassVar[dict[str, str]] = {"src": "vowels of the English side, 0 or more"}

    weights: Weights = Weights()  # of the sides

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """A Float64 column."""
        vowels = pl.col("src").fill_null("").str.count_matches("[aeiou]")
        return pairs.select(src=vowels.cast(pl.Float64) * self.weights.src)


class NoStars(Cleaner):
    """Takes out asterisks."""

    def clean(self, text: pl.Series) -> pl.Series:
        """Texts without asterisks."""
        return text.fill_null("").str.replace_all("*", "", literal=True)


class Bars(LineReader):
    """Two fields with a bar between."""

    def records(self, source: Source, lines: pl.Series) -> pl.DataFrame:
        """A record for each line."""
        text = decoded(lines).fill_null("").str.strip_chars("\n")  # null: not UTF-8
        parts = text.str.split_exact("|", 1).struct.unnest()
        reason = pl.when(pl.col("field_1").is_null()).then(pl.lit("no_bar"))
        return parts.select(src="field_0", tgt="field_1", reason=reason)


class KeptHundreds(Metric):
    """Kept pairs in hundreds."""

    figures: ClassVar[dict[str, str]] = {"hundreds": "kept pairs in hundreds, 0 or more"}

    def values(self, facts: Mapping[str, Any]) -> dict[str, float]:
        """The figure, and the same for each language."""
        kept = {row["lang"]: row["train"] + row["validation"] for row in facts["build"]["funnel"]}
        by_lang = {f"hundreds.{lang}": pairs / 100 for lang, pairs in kept.items()}
        return {"hundreds": sum(kept.values()) / 100, **by_lang}


class _Base(Scorer):
    """Not a component, by its name."""
