"""Scorers: one file per kind of number a pair can be judged by; thresholds live in recipes."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, Self

import polars as pl

from sealdata.component import Component

Phase = Literal["text", "language", "similarity"]
PHASES: tuple[Phase, ...] = ("text", "language", "similarity")


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


class Scorer(Component):
    """Gives numbers to pairs and knows no threshold."""

    phase: ClassVar[Phase] = "text"  # later phases see only pairs that all earlier rules let pass
    columns: ClassVar[dict[str, str]] = {}  # score column -> what it is: unit, range, direction

    thresholds: ClassVar[dict[str, Thresholds]] = {}  # of columns that are taken for one another

    def for_languages(self, langs: Sequence[str]) -> Self:
        """The scorer for pairs of these languages alone (FLORES-200): less may go into its
        fingerprint."""
        return self

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """One row per pair, in order, with exactly ``columns``; null where one has no meaning."""
        raise NotImplementedError

    def models(self) -> list[ModelUse]:
        """The models behind the scores; none by default."""
        return []
