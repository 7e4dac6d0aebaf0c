"""The facts of an audit, as ``audit.json`` holds them; see docs/explanation/audit.md."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from sealdata.build_manifest import BuildManifest, MarginRow
from sealdata.errors import DataError

FORMAT = 6  # raised with every change of this schema; tests/sealdata/report/test_audit_schema.py


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Basis(_Facts):
    """The rows behind the figures: all (``exact``), or a sample that represents ``rows``."""

    exact: bool
    confidence: float  # of the errors; 1 if everything was counted
    rows: dict[str, int]  # readable pairs, by language (of a ledger: rows kept in it)
    sampled: dict[str, int]  # rows that were scored, by language
    left_out: list[str] = []  # filter stages of the recipe that this audit did not run


class TokenEstimate(_Facts):
    """Training tokens of one direction, estimated from bytes, with half their 99 % interval.

    The error is that of the sample; it is 0 if all rows were counted.
    """

    tokens: int
    error: int


class SourceFacts(_Facts):
    """A row of the funnel with its errors, as shares of its records, and its tokens."""

    source: str
    lang: str
    rows: int  # readable pairs
    sampled: int  # pairs that were scored
    kept_error: float
    lost_errors: dict[str, float]  # by stage; empty if all were counted
    read: TokenEstimate | None  # of all readable pairs; None if no tokenizer was measured
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
    """Rows (or tokens) by score, in 2E + 1 cells for E edges.

    Cell 2i + 1 is ``edges[i]`` itself, cell 2i the range between two edges; the cells 0 and 2E are
    open.
    """

    cells: list[int]
    missing: int  # rows without the score, as language ID of a line of digits

    @property
    def num_scored(self) -> int:
        """Rows that have the score."""
        return sum(self.cells)


class Histogram(_Facts):
    """One score in one language."""

    every: Counts  # all rows that were scored
    kept: Counts
    others: Counts  # rows that only a rule on this score can drop
    every_tokens: Counts | None  # estimated tokens; None if no tokenizer was measured
    kept_tokens: Counts | None
    others_tokens: Counts | None
    unscored: int  # rows that an earlier filter stage dropped, or that are not readable
    limits: list[Limit]


class ScoreFacts(_Facts):
    """One score column over all languages."""

    name: str  # "length.ratio"
    meaning: str  # unit, range and direction, as the scorer describes them
    edges: list[float]  # of the cells: those of the bars, and every limit that a rule sets
    bars: list[float]  # edges of bars: evenly spaced, but wider up to a limit far above the bulk
    languages: dict[str, Histogram]


class RuleFacts(_Facts):
    """A rule of the recipe; rules are in the order of the filter stages."""

    reason: str
    score: str
    stage: str
    min: float | None
    max: float | None
    missing: str
    languages: dict[str, dict[str, float | bool]]  # as the recipe writes them
    # All limits of each source that has limits of its own, by the name of the source.
    sources: dict[str, dict[str, float | bool]] = {}


class ReasonFacts(_Facts):
    """Pairs lost for one reason in one language, with errors as shares of the language's pairs.

    ``first`` counts pairs that this reason dropped, ``any`` all pairs that have the reason,
    ``only`` those that have no other. The last two rest on the scores that each pair has. An audit
    of a recipe has all scores; in a build, later scorers do not see what an earlier stage dropped.
    The errors of the three are ``first_error``, ``error`` and ``only_error``.
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
    """One row of the corpus; texts beyond MAX_TEXT characters are cut and end in an ellipsis."""

    source: str
    row: int
    stratum: str  # the stratum that it was drawn from
    outcome: str  # split of a kept pair, stage of a dropped one
    reasons: list[str]
    src: str | None
    tgt: str | None
    raw: str | None  # an unreadable record as it stands in the file
    scores: dict[str, int | float | str | None]


class LanguageSamples(_Facts):
    """Pairs drawn by hash from strata, and how many pairs there were."""

    kept: list[Sample]
    dropped: list[Sample]
    num_kept: int
    num_dropped: int


class SimilarityFacts(_Facts):
    """A similarity score in one language, on ``rows`` of the ``of`` pairs that have it.

    The last number of each mean is its error; None for a single row.
    """

    score: str
    lang: str
    rows: int
    of: int
    percentiles: dict[str, float]  # "1" to "99.9"
    rank_error: float  # largest error of the rank of a percentile, as a share of pairs
    by_length: list[tuple[int, int, int, float, float | None]]  # English characters from, to; rows
    by_domain: list[tuple[str, int, float, float | None]]  # domain, rows; those with most rows
    against: list[tuple[float, float, int, float, float | None]]  # stored margin from, to; rows
    correlation: float | None  # rank correlation with the stored margin, where there is one
    interval: tuple[float, float] | None  # of the correlation, 95 %
    top: list[Sample]  # of the highest 1 %, which often holds boilerplate and copies


class ConfusionFacts(_Facts):
    """The likeliest languages of one side of a language's pairs."""

    lang: str
    side: str  # "src" or "tgt"
    rows: int
    taken_for: list[
        tuple[str, int, float]
    ]  # label, rows, error of their share; most frequent first


class AgreementFacts(_Facts):
    """Language-ID probabilities that the corpus was published with, against those of this audit."""

    lang: str
    side: str  # "src" or "tgt"
    rows: int  # that have both
    correlation: float | None  # Pearson's; None if one of them does not vary
    # limit -> shares of rows: the two agree; only the stored, only the new one is above the limit
    at_limits: dict[str, dict[str, float]]
    error: float  # the largest of these shares


class MarginFacts(MarginRow):
    """A row of the manifest with its chart: ranges, and pairs by hexagon (see ``hexagons``)."""

    stored_range: tuple[float, float]
    again_range: tuple[float, float]
    cells: list[tuple[int, int, int]]  # column, row, pairs


class PartFacts(_Facts):
    """Some of the rows, with the errors of their share and of the share of them that was kept.

    Errors are 0 if all rows were counted.
    """

    rows: int
    kept: int
    error: float
    kept_error: float


class DomainFacts(_Facts):
    """The hosts that pairs come from, by the other side's URL or else the English side's."""

    lang: str
    rows: int  # that have an address
    of: int  # all rows
    error: float  # of the share that has one
    top: dict[str, PartFacts]  # by host, of the rows with an address; most frequent first
    scripture: PartFacts  # of hosts known for scripture, of the rows with an address
    religious: PartFacts  # whose English side has a word of scripture, of all rows


class DuplicateFacts(_Facts):
    """Pairs that a stage which compares all pairs flagged; these are always counted.

    The stages find duplicates and evaluation text; in an audit of a recipe, exclude lists too.
    """

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
    reference: str | None  # None if only hashes of the set are known, or if it is withheld
    text: str | None  # None if withheld: a published report does not repeat evaluation text


class DuplicateExample(_Facts):
    """A pair that dedup dropped, and the first pair with the same keys, which was kept instead."""

    lang: str
    source: str
    row: int
    src: str
    tgt: str
    first_source: str
    first_row: int
    first_src: str
    first_tgt: str
    first_outcome: (
        str | None
    )  # split, or the later stage that dropped it; None in an audit of a recipe


class AnnotationPrecisionFacts(_Facts):
    """The share of pairs that annotators labelled correct, in one range of a score.

    ``interval`` is the 95 % interval of the share.
    """

    lang: str
    score: str  # "all" for the whole language
    low: float | None  # None at an open end
    high: float | None  # of the next range
    rows: int
    correct: int
    interval: tuple[float, float]


class AuditFacts(_Facts):
    """All facts of the report.

    ``build`` is the manifest without its list of result files. In an audit of a recipe its funnel
    is estimated from the sample, except for the numbers of records.
    """

    format: int = FORMAT
    metrics: dict[str, float]  # flat names for CI: kept_share, kept_share.jav_Latn, any.REASON …
    errors: dict[str, float]  # of those metrics that are estimated
    basis: Basis
    build: BuildManifest
    languages: dict[str, LanguageFacts]
    sources: list[SourceFacts]  # as in the funnel
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
    duplicate_examples: list[DuplicateExample] = []  # a few of each language
    matches: list[MatchFacts] = []  # a few of each language
    gold: dict[str, Any] = {}  # the output of ``sealdata gold --json`` in audit/gold.json
    precision: list[AnnotationPrecisionFacts] = []
    labels: dict[str, int] = {}  # annotated pairs by label
    samples: dict[str, LanguageSamples]

    @model_validator(mode="before")
    @classmethod
    def _of_this_format(cls, table: Any) -> Any:
        written = table.get("format", FORMAT) if isinstance(table, dict) else FORMAT
        if written != FORMAT:
            raise DataError(
                f"audit.json is of format {written}, this version reads {FORMAT}: run sealdata "
                "audit again"
            )
        return table
