"""The manifest of a finished build: what went in, what was lost where, and what came out."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sealdata.errors import DataError
from sealdata.files.records import read_json
from sealdata.filter_stages import STAGE_NAMES

MANIFEST = "manifest.json"
FORMAT = 2  # raised when a field or a score column is renamed; 1 had no field of this name


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFacts(_Facts):
    """Size in bytes and SHA-256 (hex) of one file."""

    size: int
    sha256: str


class SourceFile(FileFacts):
    """One input file; ``name`` is its file name without folders."""

    name: str


class SourceFacts(_Facts):
    """One source as the recipe wrote it, languages in the order of the file, and what was read."""

    name: str
    reader: str
    path: str
    src_lang: str
    tgt_lang: str
    card: str | None = None  # stem of the data card of the corpus it belongs to
    files: list[SourceFile]

    @property
    def lang(self) -> str:
        """The side that is not English."""
        return self.tgt_lang if self.src_lang == "eng_Latn" else self.src_lang


class FunnelRow(_Facts):
    """What became of one source's records.

    ``dropped`` counts pairs by stage (see STAGE_NAMES) and by their first reason. Invariant:
    ``records == sum(dropped) + train + validation``.
    """

    source: str
    lang: str  # the side that is not English
    records: int
    dropped: dict[str, dict[str, int]]
    train: int
    validation: int

    @model_validator(mode="after")
    def _ties(self) -> Self:
        if unknown := sorted(set(self.dropped) - set(STAGE_NAMES)):
            raise ValueError(f"{self.source}: no stage is called {unknown[0]!r}")
        if self.records != self.num_dropped + self.kept:
            raise ValueError(
                f"{self.source}: {self.records} records, but {self.num_dropped} dropped "
                f"and {self.kept} kept"
            )
        return self

    @property
    def kept(self) -> int:
        """Pairs in either split."""
        return self.train + self.validation

    @property
    def num_dropped(self) -> int:
        """Records lost at any stage."""
        return sum(self.lost(stage) for stage in STAGE_NAMES)

    def lost(self, stage: str) -> int:
        """Records lost at one stage."""
        return sum(self.dropped.get(stage, {}).values())


class FailureRow(_Facts):
    """Pairs of one language with ``reason`` as first failure, as one of all, or as the only one.

    Only the scores that a pair has are counted: a pair that was dropped has no later scores.
    """

    lang: str
    reason: str
    first: int
    any: int
    only: int

    @model_validator(mode="after")
    def _nested(self) -> Self:
        if not self.only <= self.first <= self.any:
            raise ValueError(f"{self.lang} {self.reason}: only <= first <= any does not hold")
        return self


class LeakRow(_Facts):
    """Sides of a source's pairs that matched sentences of one evaluation set.

    A side counts once, for its best match; a pair whose both sides match counts twice here and once
    in the funnel. Which pairs and sentences they are is in ``matches/``.
    """

    source: str
    lang: str
    set: str
    side: str  # "src" or "tgt"
    kind: str  # "exact" or "containment"
    matches: int


class CleaningRow(_Facts):
    """Pairs of a source that a cleaning step changed, with a few [before, after] texts."""

    source: str
    step: str
    changed: int
    examples: list[tuple[str, str]] = []


class StreamFacts(_Facts):
    """One packed stream of shards; tokens include each document's EOS, but no padding."""

    path: str  # relative to the build
    split: str
    kind: str  # "parallel", "monolingual" or "replay"
    name: str
    languages: list[str]
    num_documents: int | None  # None: not counted, the token files are from elsewhere
    num_tokens: int
    num_padding: int
    num_split_documents: int | None = 0  # longer than a sequence; None: not counted
    num_sequences: int
    left_out_tokens: int = 0  # of files from elsewhere, behind their last whole sequence
    cut_documents: int = 0  # of files from elsewhere: ranges that begin inside a document
    sidecar_bytes: dict[str, int] = {}  # of the sidecars for other trainers, by trainer


class ModelFacts(_Facts):
    """A model that judged the pairs; a demonstration model is named as such wherever shown."""

    use: str  # "language ID", "similarity", "tokenizer"
    name: str
    sha256: str
    licence: str
    demonstration: bool = False
    note: str = ""


class FertilityRow(BaseModel):
    """How one tokenizer cuts one language's kept pairs; further numeric columns are shown too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    tokenizer: str
    lang: str
    num_pairs: int
    bytes_per_token: float
    tokens_per_char: float
    parity: float  # tokens of this side per token of the English side of the same pairs
    parity_low: float | None = None  # 95 % bootstrap interval
    parity_high: float | None = None
    words_by: str = ""  # what finds words: white space, ICU and its version, or why nothing does
    tokens_per_word: float | None = None
    continued_share: float | None = None  # words cut in two or more, 0 to 1
    tokens_per_grapheme: float | None = None
    single_byte_share: float | None = None
    unknown_share: float | None = None
    cost_percent: float | None = None  # what the same content takes more than in English
    context_words: float | None = None  # words that fit 4,096 tokens
    tokens_per_pair: float | None = None  # both directions, template and EOS included
    pairs_in_budget: int | None = None  # that 34.7 billion tokens hold

    @property
    def continued_share_percent(self) -> float | None:
        """For people: 0 to 100."""
        return _times(100, self.continued_share)

    @property
    def single_byte_percent(self) -> float | None:
        """For people: 0 to 100."""
        return _times(100, self.single_byte_share)

    @property
    def unknown_percent(self) -> float | None:
        """For people: 0 to 100."""
        return _times(100, self.unknown_share)

    @property
    def million_pairs_in_budget(self) -> float | None:
        """For people: pairs in millions."""
        return _times(1e-6, self.pairs_in_budget)


class MarginRow(_Facts):
    """Spearman's rank correlation of a source's own margin with ``laser.margin``.

    It is computed from ``rows`` pairs, drawn from the ``of`` pairs that have both, and comes with
    its 95 % interval. None if the pairs are too few, or if one of the two does not vary.
    """

    source: str
    lang: str
    of: int
    rows: int
    correlation: float | None
    low: float | None
    high: float | None


class PrecisionErrorRow(_Facts):
    """Scores of one language computed in ``precision`` against fp32, on some ``pairs`` by hash.

    ``mean``, ``p99`` and ``most`` are of the absolute error, ``spread`` is the standard deviation
    of the score in fp32; None where pairs are too few. ``flips`` counts pairs that fp32 would have
    judged otherwise by the rules on the score; None where there are no such rules.
    """

    lang: str
    score: str
    precision: str
    device: str
    pairs: int
    mean: float | None
    p99: float | None
    most: float | None
    spread: float | None
    flips: int | None


class BuildManifest(_Facts):
    """``OUT/manifest.json``, written last: its presence means that the build is complete."""

    format: int = FORMAT
    name: str
    sealdata: str
    build_key: str
    limit: int | None = None  # not None: only the first records of each source were read (PARTIAL)
    recipe: dict[str, Any]
    versions: dict[str, str]
    models: list[ModelFacts] = []
    sources: list[SourceFacts]
    funnel: list[FunnelRow]
    failures: list[FailureRow] = []
    leaks: list[LeakRow] = []
    cleaning: list[CleaningRow] = []
    streams: list[StreamFacts] = []
    fertility: list[FertilityRow] = []
    margins: list[MarginRow] = []
    precision_errors: list[PrecisionErrorRow] = []  # empty where all was computed in fp32
    files: dict[str, FileFacts] = {}  # by path relative to the build

    @model_validator(mode="after")
    def _same_sources(self) -> Self:
        named = {(source.name, source.lang) for source in self.sources}
        if named != {(row.source, row.lang) for row in self.funnel}:
            raise ValueError("funnel and sources do not name the same sources and languages")
        return self

    @property
    def languages(self) -> list[str]:
        """FLORES-200 codes of the sides that are not English, in the order of the sources."""
        return list(dict.fromkeys(row.lang for row in self.funnel))

    @property
    def demonstrations(self) -> list[ModelFacts]:
        """The models that no real dataset should be judged by."""
        return [model for model in self.models if model.demonstration]


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def pair_name(lang: str) -> str:
    """Folder and configuration name of a language pair: ``eng_Latn-jav_Latn``."""
    return f"eng_Latn-{lang}"


def read_build_manifest(out: Path) -> BuildManifest:
    """The manifest of the finished build in ``out``.

    Raises:
        DataError: there is none (the build is not finished), it has another format, or it is not a
            manifest of a build.
    """
    path = out / MANIFEST
    content = read_json(path)
    if isinstance(content, dict) and "build_key" in content:
        written = content.get("format", 1)
        if written != FORMAT:
            raise DataError(
                f"{path} has format {written}, written by SealData {content.get('sealdata')}; this "
                f"version reads format {FORMAT}: run the build again with the same --out"
            )
    try:
        return BuildManifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(f"{path} is not a build manifest ({where}: {first['msg']})") from None
