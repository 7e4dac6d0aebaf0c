"""Scorers: one file per kind of number a pair can be judged by; thresholds live in recipes."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
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
    borrowed: Mapping[float, str] = {}  # a limit of another score -> what is wrong with it


class Neighbourhood(NamedTuple):
    """How the margin of a pair over its neighbours in the whole source is taken."""

    kind: Literal["ratio", "distance"]
    k: int  # neighbours of each side
    exact_up_to: int  # pairs; beyond, neighbours are sought through an index


class Rough(NamedTuple):
    """What a scorer with inexact arithmetic is to be compared with."""

    precision: str  # "bf16"
    device: str
    column: str  # that it changes
    exact: "Scorer"  # gives the same column in full precision


class Embedded(NamedTuple):
    """Some pairs of a frame, embedded: their rows in it (int64 [n]), float32 [n, dim] of each side,
    and whether both sides were read to their end (bool [n])."""

    rows: npt.NDArray[np.int64]
    src: npt.NDArray[np.float32]
    tgt: npt.NDArray[np.float32]
    whole: npt.NDArray[np.bool_]


class Scorer(Component):
    """Gives numbers to pairs and knows no threshold."""

    phase: ClassVar[Phase] = "text"  # later phases see only pairs that all earlier rules let pass
    columns: ClassVar[dict[str, str]] = {}  # score column -> what it is: unit, range, direction

    # Columns that rest on all living pairs of a source: stages give them, not ``score``.
    corpus_columns: ClassVar[dict[str, str]] = {}
    thresholds: ClassVar[dict[str, Thresholds]] = {}  # of columns that are taken for one another

    def limits(self, column: str) -> Thresholds | None:
        """What a threshold of ``column`` must keep to, if anything."""
        return self.thresholds.get(column)

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

    def num_gpus(self) -> int:
        """GPUs that a process which scores wants for itself: none by default."""
        return 0

    def rough(self) -> Rough | None:
        """What its arithmetic is to be compared with; None, the default: it is exact."""
        return None

    def release(self) -> None:
        """Forget the models that this process holds; the next score reads them again."""

    def neighbourhood(self) -> Neighbourhood | None:
        """How ``corpus_columns`` are to be computed; None, the default: they are not wanted."""
        return None

    def alone(self) -> Self:
        """The scorer without what rests on all pairs of a source."""
        return self

    def score_embedded(self, pairs: pl.DataFrame, keep: Callable[[Embedded], None]) -> pl.DataFrame:
        """``score``, which shows ``keep`` the embeddings of all pairs whose sides have text, chunk
        by chunk and in order; of scorers that may have a neighbourhood."""
        raise NotImplementedError

    def text_keys(self, texts: pl.Series) -> pl.Series:
        """A hash (u64) of what the encoder reads of each text: equal keys have equal vectors. Null
        where it has nothing to read."""
        raise NotImplementedError


def number_columns(columns: Mapping[str, npt.NDArray[np.float64]]) -> pl.DataFrame:
    """Float64 columns, null for NaN. A frame made of arrays at once starts threads for them, which
    for a few thousand rows cost more than all else."""
    return pl.DataFrame([pl.Series(name, own, nan_to_null=True) for name, own in columns.items()])
