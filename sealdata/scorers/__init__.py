"""Scorers: one file per kind of score; thresholds on scores are rules of the recipe."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.component import Component
from sealdata.filter_stages import RuleStage


class ModelUse(NamedTuple):
    """A model that a scorer judges by, for the report and the card."""

    use: str  # "language ID", "similarity"
    name: str
    sha256: str
    licence: str
    demonstration: bool = False  # a toy: results must say so
    note: str = ""


class Thresholds(NamedTuple):
    """Between what a threshold of a score can lie, and what is wrong with one outside."""

    kind: str  # "a cosine"
    low: float
    high: float
    why: str
    borrowed: Mapping[float, str] = {}  # a limit of another score -> what is wrong with it


class Range(NamedTuple):
    """The least and the largest value that a score can have, both inclusive."""

    low: float
    high: float


SHARE = Range(0, 1)  # of probabilities, too
SIGNED = Range(-1, 1)
COUNT = Range(0, math.inf)
ANY_NUMBER = Range(-math.inf, math.inf)


class MarginParams(NamedTuple):
    """How the margin of a pair over the nearest neighbours of its sides is computed."""

    kind: Literal["ratio", "distance"]
    k: int  # neighbours of each side
    exact_up_to: int  # pairs; for more, neighbours are searched through an approximate index


class PrecisionCheck(NamedTuple):
    """How the error of a scorer with reduced precision is measured."""

    precision: str  # of the scorer: "bf16" or "int8"
    device: str
    column: str  # the score column that is compared
    reference: "Scorer"  # computes the same column in full precision


class Embedded(NamedTuple):
    """The embeddings of some pairs of a frame."""

    rows: npt.NDArray[np.int64]  # [n]: the rows of these pairs in the frame
    src: npt.NDArray[np.float32]  # [n, dim]
    tgt: npt.NDArray[np.float32]  # [n, dim]
    not_truncated: npt.NDArray[np.bool_]  # [n]: the encoder read both sides to their end


class Scorer(Component):
    """Computes scores of pairs. Thresholds on them are rules of the recipe."""

    stage: ClassVar[RuleStage] = "rules"  # later stages score only pairs that earlier ones keep
    columns: ClassVar[dict[str, str]] = {}  # score column -> what it is: unit, range, direction
    # Score column, of the corpus too -> its range; None for a column of text. A rule whose limit
    # lies outside would drop every pair or none.
    ranges: ClassVar[dict[str, Range | None]] = {}
    # Columns that are null for many pairs by their nature: of short texts only, of numbers only.
    seldom: ClassVar[frozenset[str]] = frozenset()
    renamed: ClassVar[dict[str, str]] = {}  # former name of a score column -> its name today

    # Columns computed from all surviving pairs of a source, by stages instead of ``score``: always
    # where the scorer learns from them, and where ``margin_params`` says so.
    corpus_columns: ClassVar[dict[str, str]] = {}
    thresholds: ClassVar[dict[str, Thresholds]] = {}  # of columns that people confuse

    learns: ClassVar[bool] = False
    # What rules on it drop is personal data, so that its text is in no report and no ledger.
    personal: ClassVar[bool] = False

    @property
    def over_corpus(self) -> bool:
        """Whether ``corpus_columns`` are computed."""
        return self.learns or self.margin_params() is not None

    def limits(self, column: str) -> Thresholds | None:
        """The range that a threshold of ``column`` must lie in; None: any number is allowed.

        Where people confuse the score with another, the range is narrower than that of the score.
        """
        if column in self.thresholds:
            return self.thresholds[column]
        allowed = self.ranges.get(column)
        if allowed is None or allowed == ANY_NUMBER:
            return None
        top = "up" if allowed.high == math.inf else f"to {allowed.high:g}"
        kind = f"a score from {allowed.low:g} {top}"
        return Thresholds(kind, *allowed, "the rule would drop every pair or none")

    def for_languages(self, langs: Sequence[str]) -> Self:
        """The scorer for pairs of these languages (FLORES-200 codes). Its fingerprint leaves out
        what other languages need, such as their encoders."""
        return self

    def check_sources(self, sources: Sequence[str]) -> None:
        """Refuse parameters that name a source that the recipe lacks. Default: there are none.

        Raises:
            ConfigError: see above.
        """

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """One row per pair, in order, with exactly ``columns``; null where a score is undefined."""
        raise NotImplementedError

    def models(self) -> list[ModelUse]:
        """The models behind the scores. Default: none."""
        return []

    def num_gpus(self) -> int:
        """GPUs that a scoring process needs for itself. Default: 0."""
        return 0

    def reference_precision(self) -> PrecisionCheck | None:
        """How to measure the error of reduced precision. Default: None, the scores are exact."""
        return None

    def release(self) -> None:
        """Free the models that this process holds. The next ``score`` loads them again."""

    def margin_params(self) -> MarginParams | None:
        """How to compute ``corpus_columns``. Default: None, they are not computed."""
        return None

    def pairwise_only(self) -> Self:
        """The scorer without columns that depend on all pairs of a source."""
        return self

    def score_embedded(self, pairs: pl.DataFrame, keep: Callable[[Embedded], None]) -> pl.DataFrame:
        """``score``, which also passes ``keep`` the embeddings of all pairs whose sides have text,
        chunk by chunk and in order. Only scorers with ``margin_params`` need it."""
        raise NotImplementedError

    def text_keys(self, texts: pl.Series) -> pl.Series:
        """A hash (u64) of each text as the encoder reads it: equal keys mean equal embeddings.
        Null where the encoder has nothing to read."""
        raise NotImplementedError


def number_columns(columns: Mapping[str, npt.NDArray[np.float64]]) -> pl.DataFrame:
    """Float64 columns; NaN becomes null.

    The columns are made one by one: a frame made of all arrays at once starts threads, which cost
    more than everything else for a few thousand rows.
    """
    return pl.DataFrame(
        [pl.Series(name, values, nan_to_null=True) for name, values in columns.items()]
    )
