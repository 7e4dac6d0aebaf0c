"""The audit's facts as they stand in ``audit.json``; the report shows these and nothing else."""

from pydantic import BaseModel, ConfigDict

from sealdata.build_manifest import BuildManifest

FORMAT = 1  # raised when a field changes its meaning


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LanguageFacts(_Facts):
    """What a page needs to show a language's text."""

    name: str
    bcp47: str
    script: str  # ISO 15924


class Limit(_Facts):
    """A rule's bounds on a score for one language, and how many scored rows lie outside."""

    reason: str
    min: float | None
    max: float | None
    outside: int


class Histogram(_Facts):
    """Counts of one score in one language, exact, over every row of the ledger.

    With E edges both lists have E + 1 counts: ``[0]`` is below ``edges[0]``, ``[i]`` is
    ``edges[i-1] <= score < edges[i]``, ``[E]`` is at or above the last edge.
    """

    kept: list[int]
    dropped: list[int]
    missing_kept: int  # rows without this score: not computed at that gate, or no meaning
    missing_dropped: int
    limits: list[Limit]

    @property
    def num_scored(self) -> int:
        """Rows that have the score."""
        return sum(self.kept) + sum(self.dropped)


class ScoreFacts(_Facts):
    """One score column over all languages."""

    name: str  # "length.ratio"
    meaning: str  # unit, range and direction, in the scorer's own words
    edges: list[float]
    languages: dict[str, Histogram]


class ReasonFacts(_Facts):
    """Pairs lost for one reason in one language.

    ``first``: the first reason that failed them, counted in full. ``any`` and ``only``: among the
    scores each pair has, since a gate spares later ones the work.
    """

    lang: str
    stage: str
    reason: str
    first: int
    any: int
    only: int


class Sample(_Facts):
    """One row shown as it is; texts beyond MAX_TEXT characters are cut and end in an ellipsis."""

    source: str
    row: int
    stratum: str  # what it was drawn to represent
    outcome: str  # split of a kept pair, stage of a dropped one
    reasons: list[str]
    src: str | None
    tgt: str | None
    raw: str | None  # a record that could not be read, as it was
    scores: dict[str, int | float | str | None]


class LanguageSamples(_Facts):
    """Pairs drawn by hash from strata, and how many there were to draw from."""

    kept: list[Sample]
    dropped: list[Sample]
    num_kept: int
    num_dropped: int


class AuditFacts(_Facts):
    """Everything the report says. ``build`` is the manifest without its list of result files."""

    format: int = FORMAT
    build: BuildManifest
    languages: dict[str, LanguageFacts]
    reasons: list[ReasonFacts]
    scores: list[ScoreFacts]
    samples: dict[str, LanguageSamples]
