"""The audit's facts as they stand in ``audit.json``; docs/audit.md explains every field."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from sealdata.build_manifest import BuildManifest, MarginRow

FORMAT = 4  # raised with every change of this schema; tests/sealdata/report/test_audit_schema.py


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Basis(_Facts):
    """What the figures rest on: every row (``exact``), or a sample that stands for ``rows``."""

    exact: bool
    confidence: float  # of the errors stated; 1 where everything was counted
    rows: dict[str, int]  # readable pairs, by language (of a ledger: rows kept in it)
    sampled: dict[str, int]  # rows looked at, by language
    left_out: list[str] = []  # gates of the recipe that this audit did not run


class TokenEstimate(_Facts):
    """Training tokens of one direction, by bytes, and half the width of their 99 % interval over
    the sample; 0 where all rows were looked at."""

    tokens: int
    error: int


class SourceRest(_Facts):
    """A row of the funnel beside its errors, as shares of its records, and its tokens."""

    source: str
    lang: str
    rows: int  # readable pairs
    sampled: int  # looked at
    kept_error: float
    lost_errors: dict[str, float]  # by stage; empty where all were counted
    read: TokenEstimate | None  # of all readable pairs; None where no tokenizer was measured
    kept: TokenEstimate | None


class LanguageFacts(_Facts):
    """What a page needs to show a language's text."""

    name: str
    bcp47: str
    script: str  # ISO 15924


class Limit(_Facts):
    """A rule's bounds on a score for one language, and how many scored rows lie outside."""

    rule: int  # index into ``AuditFacts.rules``
    reason: str
    min: float | None
    max: float | None
    missing_drops: bool
    outside: int
    outside_error: float = 0.0  # as a share of the language's pairs


class Counts(_Facts):
    """Rows (or tokens) by score. With E edges there are 2E + 1 cells: cell 2i + 1 is ``edges[i]``
    itself, cell 2i what lies between the edges before and after, cell 0 and 2E the open ends."""

    cells: list[int]
    missing: int  # the score has no meaning for the row, say language ID of a line of digits

    @property
    def num_scored(self) -> int:
        """Rows that have the score."""
        return sum(self.cells)


class Histogram(_Facts):
    """One score in one language."""

    every: Counts  # all rows that were scored
    kept: Counts
    others: Counts  # rows that nothing but a rule on this score can drop
    every_tokens: Counts | None  # tokens by their estimate; None where no tokenizer was measured
    kept_tokens: Counts | None
    others_tokens: Counts | None
    unscored: int  # rows dropped at an earlier gate, or not readable
    limits: list[Limit]


class ScoreFacts(_Facts):
    """One score column over all languages."""

    name: str  # "length.ratio"
    meaning: str  # unit, range and direction, in the scorer's own words
    edges: list[float]  # of the cells: those of the bars, and every limit that a rule sets
    bars: list[float]  # evenly spaced, wider ones up to a limit far above the bulk
    languages: dict[str, Histogram]


class RuleFacts(_Facts):
    """A rule of the recipe, in the order of the gates."""

    reason: str
    score: str
    stage: str
    min: float | None
    max: float | None
    missing: str
    languages: dict[str, dict[str, float | bool]]  # as the recipe writes them


class ReasonFacts(_Facts):
    """Pairs lost for one reason in one language, and the errors as shares of its pairs:
    ``first_error`` of ``first``, ``error`` of ``any``, ``only_error`` of ``only``.

    ``first``: the first reason that failed them. ``any`` and ``only``: among the scores each pair
    has; complete in an audit of a recipe, while a build's gates spare later scorers the work.
    """

    lang: str
    stage: str
    reason: str
    first: int
    any: int
    only: int
    first_error: float = 0.0
    error: float = 0.0
    only_error: float = 0.0


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


class SimilarityFacts(_Facts):
    """A similarity score of one language from both ends, on ``rows`` of the ``of`` pairs that have
    it. The last number of each mean is its error; None where one row cannot tell."""

    score: str
    lang: str
    rows: int
    of: int
    percentiles: dict[str, float]  # "1" to "99.9"
    rank_error: float  # share of pairs by which the rank of a percentile may be off, at most
    by_length: list[tuple[int, int, int, float, float | None]]  # English characters from, to; rows
    by_domain: list[tuple[str, int, float, float | None]]  # domain, rows; those with most rows
    against: list[tuple[float, float, int, float, float | None]]  # stored margin from, to; rows
    correlation: float | None  # rank correlation with the stored margin, where there is one
    interval: tuple[float, float] | None  # of the correlation, 95 %
    top: list[Sample]  # of the highest 1 %: where misaligned boilerplate hides


class ConfusionFacts(_Facts):
    """What language ID took the sides of one language's pairs for."""

    lang: str
    side: str  # "src" or "tgt"
    rows: int
    taken_for: list[tuple[str, int, float]]  # label, rows, error of their share; most first


class AgreementFacts(_Facts):
    """Language-ID probabilities that the corpus came with, against those asked again."""

    lang: str
    side: str  # "src" or "tgt"
    rows: int  # that have both
    correlation: float | None  # Pearson's; none where one of them does not vary
    at: dict[str, dict[str, float]]  # limit -> shares: agree; above by the stored, by the new alone
    error: float  # of these shares, at most


class MarginFacts(MarginRow):
    """The same with a chart: a range of either margin, and pairs by hexagon (see ``hexagons``)."""

    stored_range: tuple[float, float]
    again_range: tuple[float, float]
    cells: list[tuple[int, int, int]]  # column, row, pairs


class PartFacts(_Facts):
    """Some of a number of rows: ``error`` of their share, ``kept_error`` of the share kept of them;
    0 if counted."""

    rows: int
    kept: int
    error: float
    kept_error: float


class DomainFacts(_Facts):
    """Where pairs come from, by the other side's URL (else the English one's)."""

    lang: str
    rows: int  # that have an address
    of: int  # rows in all
    error: float  # of the share that has one
    top: dict[str, PartFacts]  # by host, of the rows with an address; most first
    scripture: PartFacts  # of hosts known for scripture, of the rows with an address
    religious: PartFacts  # whose English side has a word of scripture, of all rows


class DuplicateFacts(_Facts):
    """Pairs flagged over the whole corpus, never by a sample: as duplicates, as evaluation text or,
    in an audit of a recipe, by an exclude list."""

    lang: str
    stage: str
    reason: str
    flagged: int
    of: int  # pairs that were compared


class MatchFacts(_Facts):
    """A side of a dropped pair, and the sentence of an evaluation set that it matched."""

    lang: str
    source: str
    row: int
    set: str
    side: str  # "src" or "tgt"
    kind: str  # "exact" or "containment"
    score: float  # share of the sentence's n-grams, 0 to 1
    file: str
    line: int
    reference: str | None  # None where only hashes of the set are known, or it is withheld
    text: str | None  # None where it is withheld: a published report repeats no evaluation text


class TwinFacts(_Facts):
    """A pair that dedup dropped, and the first pair with the same keys, that displaced it."""

    lang: str
    source: str
    row: int
    src: str
    tgt: str
    first_source: str
    first_row: int
    first_src: str
    first_tgt: str
    first_outcome: str | None  # split, or a later gate's stage; None in an audit of a recipe


class PrecisionFacts(_Facts):
    """Share of pairs a person called correct, in one range of a score, with its 95 % interval."""

    lang: str
    score: str  # "all" for the whole language
    low: float | None  # None at an open end
    high: float | None  # of the next range
    rows: int
    correct: int
    interval: tuple[float, float]


class AuditFacts(_Facts):
    """Everything the report says. ``build`` is the manifest without its list of result files; in an
    audit of a recipe its funnel is estimated from the sample, record counts aside."""

    format: int = FORMAT
    metrics: dict[str, float]  # flat names for CI: kept_share, kept_share.jav_Latn, any.REASON …
    errors: dict[str, float]  # of those metrics that are estimated
    basis: Basis
    build: BuildManifest
    languages: dict[str, LanguageFacts]
    sources: list[SourceRest]  # as in the funnel
    rules: list[RuleFacts]
    reasons: list[ReasonFacts]
    overlap: dict[str, dict[str, dict[str, int]]]  # language ("all" too) -> reason -> reason
    overlap_errors: dict[str, dict[str, dict[str, float]]] = {}  # of cells that hold pairs
    scores: list[ScoreFacts]
    similarity: list[SimilarityFacts]
    confusion: list[ConfusionFacts]
    agreement: list[AgreementFacts] = []
    margins: list[MarginFacts] = []
    domains: list[DomainFacts]
    duplicates: list[DuplicateFacts]
    twins: list[TwinFacts] = []  # a few of each language
    matches: list[MatchFacts] = []  # a few of each language
    gold: dict[str, Any] = {}  # what ``sealdata gold --json`` printed into audit/gold.json
    precision: list[PrecisionFacts] = []
    labels: dict[str, int] = {}  # what people called the annotated pairs
    samples: dict[str, LanguageSamples]
