"""The manifest of a finished build: what went in, what was lost where, and what came out."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sealdata.errors import DataError
from sealdata.files.records import read_json
from sealdata.filter_stages import STAGE_NAMES, RuleStage
from sealdata.languages import remember, resolve

MANIFEST = "manifest.json"
FORMAT = 2  # raised when a field or a score column is renamed; 1 had no field of this name


class _Facts(BaseModel):
    # An unknown field is an error, so a manifest of a later format is not read by half.
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFacts(_Facts):
    """Size in bytes and SHA-256 (hex) of one file."""

    size: int  # bytes
    sha256: str  # hex


class SourceFile(FileFacts):
    """One input file; ``name`` is its file name without folders."""

    name: str  # file name without folders


class SourceFacts(_Facts):
    """One source as the recipe wrote it, languages in the order of the file, and what was read."""

    name: str  # of the source in the recipe
    reader: str  # reader of the file
    path: str  # as the recipe has it
    src_lang: str  # language of the first side in the file
    tgt_lang: str  # language of the second side in the file
    card: str | None = None  # stem of the data card of the corpus it belongs to
    files: list[SourceFile]  # the files that were read

    @property
    def lang(self) -> str:
        """The side that is not English."""
        return self.tgt_lang if self.src_lang == "eng_Latn" else self.src_lang


class FunnelRow(_Facts):
    """What became of one source's records.

    ``dropped`` counts pairs by stage (see STAGE_NAMES) and by their first reason. Invariant:
    ``records == sum(dropped) + train + validation``.
    """

    source: str  # name of the source
    lang: str  # the side that is not English
    records: int  # records in its files
    dropped: dict[str, dict[str, int]]  # records by filter stage and first reason
    train: int  # pairs kept for training
    validation: int  # pairs kept for validation
    # kept pairs by translator, "human", "machine" or "unknown", where the corpus states it
    translations: dict[str, int] = {}

    @model_validator(mode="after")
    def _ties(self) -> Self:
        # A stage outside the table would be missing from every sum over STAGE_NAMES.
        if unknown := sorted(set(self.dropped) - set(STAGE_NAMES)):
            raise ValueError(f"{self.source}: no stage is called {unknown[0]!r}")
        # Nothing is lost silently: a build whose counts do not tie writes no manifest.
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


class SilentRow(_Facts):
    """A source or stream that yields nothing, or of which half the records or more are rejected."""

    name: str  # of the source or stream
    kind: Literal["source", "stream"]  # stream: of documents
    records: int  # read
    kept: int  # pairs or documents
    stage: str  # that lost most of the records
    reason: str  # for which it lost them
    count: int  # records lost for it
    row: int | None = None  # first record that a reader rejected for it
    raw: str = ""  # what that record holds

    @property
    def sentence(self) -> str:
        """For people: what is kept, and why not more."""
        return (
            f"{self.kind} {self.name!r}: {self.kept:,} of {self.records:,} records kept; "
            f"{self.stage} dropped {self.count:,} as {self.reason}"
        )

    @property
    def with_example(self) -> str:
        """``sentence`` and the first record that shows it."""
        return self.sentence + ("" if self.row is None else f"; first row {self.row:,}: {self.raw}")


class Finding(_Facts):
    """What the sanity check found before the work began."""

    name: str  # of the kind of finding, see ``sealdata.sanity.findings``
    level: Literal["error", "warning", "note"]  # a build has no errors; a note is not on the card
    where: str  # source, stream, rule or folder, as a person names it: "source 'a'"
    message: str  # what was found, and the cure
    allowed: bool = False  # ``--allow`` said that it is meant
    example: str = ""  # text of a record that shows it; not for the card, which is published

    @property
    def sentence(self) -> str:
        """For people: name, place, what, cure."""
        meant = " (allowed)" if self.allowed else ""
        return f"[{self.name}]{meant} {self.where}: {self.message}"

    @property
    def with_example(self) -> str:
        """``sentence`` and the record that shows it."""
        return self.sentence + (f"; for example: {self.example}" if self.example else "")


class FailureRow(_Facts):
    """Pairs of one language with ``reason`` as first failure, as one of all, or as the only one.

    Only the scores that a pair has are counted: a pair that was dropped has no later scores.
    """

    lang: str  # the side that is not English
    reason: str  # of a rule or a filter stage
    first: int  # pairs with it as first failure
    any: int  # pairs with it among their failures
    only: int  # pairs with no other failure

    @model_validator(mode="after")
    def _nested(self) -> Self:
        # A pair with one reason has it as first reason, and a first reason is one of all.
        if not self.only <= self.first <= self.any:
            raise ValueError(f"{self.lang} {self.reason}: only <= first <= any does not hold")
        return self


class LeakRow(_Facts):
    """Sides of a source's pairs that matched sentences of one evaluation set.

    A side counts once, for its best match; a pair whose both sides match counts twice here and once
    in the funnel. Which pairs and sentences they are is in ``matches/``.
    """

    source: str  # name of the source
    lang: str  # the side that is not English
    set: str  # evaluation set
    side: str  # "src" or "tgt"
    kind: str  # "exact" or "containment"
    matches: int  # sides that matched


class CleaningRow(_Facts):
    """Pairs of a source that a cleaning step changed, with a few [before, after] texts."""

    source: str  # name of the source
    step: str  # cleaner
    changed: int  # pairs
    examples: list[tuple[str, str]] = []  # texts before and after


class StreamFacts(_Facts):
    """One packed stream of shards; tokens include each document's EOS, but no padding."""

    path: str  # relative to the build
    split: str  # train or validation
    kind: str  # "parallel", "monolingual" or "replay"
    name: str  # FIRST-SECOND, language, or name of a replay stream
    languages: list[str]  # FLORES-200 codes, in the order on the page
    num_documents: int | None  # None: not counted, the token files are from elsewhere
    num_tokens: int  # without padding
    num_padding: int  # EOS that fill sequences
    num_split_documents: int | None = 0  # longer than a sequence; None: not counted
    num_sequences: int  # of sequence_length tokens
    left_out_tokens: int = 0  # of files from elsewhere, behind their last whole sequence
    cut_documents: int = 0  # of files from elsewhere: ranges that begin inside a document
    sidecar_bytes: dict[str, int] = {}  # of the sidecars for other trainers, by trainer


class ModelFacts(_Facts):
    """A model that judged the pairs; a demonstration model is named as such wherever shown."""

    use: str  # "language ID", "similarity", "tokenizer"
    name: str  # file or catalogue name
    sha256: str  # of its file, hex
    licence: str  # of the model
    demonstration: bool = False  # true for a toy model
    note: str = ""  # what to know about it


class ComponentFacts(_Facts):
    """A scorer, cleaner, reader or metric that is a plugin, runs a program, or has a name of the
    recipe.

    It says what later reports cannot ask the component for, because they do not run plugins.
    """

    kind: Literal["reader", "cleaner", "scorer", "metric"]  # of component
    name: str  # in the recipe
    component: str  # what is behind the name: a built-in component or one of a plugin
    origin: str = ""  # plugin file with its SHA-256, or distribution with its version
    stage: RuleStage = "rules"  # filter stage of a scorer
    columns: dict[str, str] = {}  # of a scorer or metric: column or figure -> what it is
    command: list[str] = []  # of a program
    files: dict[str, str] = {}  # programs and files that it reads, by name: SHA-256 (hex)


class LexiconRow(_Facts):
    """The lexicon of one language, by which the scorer ``lexicon`` judged its pairs."""

    lang: str  # the side that is not English
    pairs: int  # drawn to learn from
    learnt: bool  # false: too few pairs, or sides that have nothing in common
    scored: int  # pairs that have its scores
    of: int  # pairs that it was asked about

    @property
    def sentence(self) -> str:
        """For people: what was learnt, and who was not judged."""
        name = resolve(self.lang).name
        if not self.learnt:
            return (
                f"{name}: no lexicon could be learnt from {self.pairs:,} pairs, so all "
                f"{self.of:,} pairs have no lexicon scores"
            )
        left = self.of - self.scored
        rest = f"; {left:,} are not judged (few known words, or a small source)" if left else ""
        return f"{name}: a lexicon of {self.pairs:,} pairs scored {self.scored:,} pairs{rest}"


class FertilityRow(BaseModel):
    """How one tokenizer cuts one language's kept pairs; further numeric columns are shown too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    tokenizer: str  # name
    lang: str  # FLORES-200 code
    num_pairs: int  # pairs measured
    bytes_per_token: float  # UTF-8 bytes over tokens
    tokens_per_char: float  # tokens over code points
    parity: float  # tokens of this side per token of the English side of the same pairs
    parity_low: float | None = None  # 95 % bootstrap interval
    parity_high: float | None = None  # upper end of the same interval
    words_by: str = ""  # what finds words: white space, ICU and its version, or why nothing does
    tokens_per_word: float | None = None  # tokens over words
    continued_share: float | None = None  # words cut in two or more, 0 to 1
    tokens_per_grapheme: float | None = None  # tokens over extended grapheme clusters
    single_byte_share: float | None = None  # tokens that stand for one byte, 0 to 1
    unknown_share: float | None = None  # tokens that stand for what the vocabulary lacks, 0 to 1
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

    source: str  # name of the source
    lang: str  # the side that is not English
    of: int  # pairs with both margins
    rows: int  # of these, pairs looked at
    correlation: float | None  # Spearman's, -1 to 1
    low: float | None  # lower end of its 95 % interval
    high: float | None  # upper end


class PrecisionErrorRow(_Facts):
    """Scores of one language computed in ``precision`` against fp32, on some ``pairs`` by hash.

    ``mean``, ``p99`` and ``largest`` are of the absolute error, ``spread`` is the standard
    deviation of the score in fp32. They are None where pairs are too few. ``flips`` counts pairs
    that fp32 would have decided otherwise by the rules on the score, None without such rules.
    """

    lang: str  # the side that is not English
    score: str  # score column
    precision: str  # of the build: bf16, fp16 or int8
    device: str  # cpu or cuda
    pairs: int  # pairs compared
    mean: float | None  # mean absolute error
    p99: float | None  # error that 99 % of the pairs stay below
    largest: float | None  # largest absolute error
    spread: float | None  # standard deviation of the score in fp32
    flips: int | None  # pairs that fp32 would have decided otherwise


class BuildManifest(_Facts):
    """``OUT/manifest.json``, written last: its presence means that the build is complete."""

    format: int = FORMAT  # of this file
    name: str  # name of the recipe
    sealdata: str  # version that built it
    build_key: str  # hash of everything that can change the result
    limit: int | None = None  # not None: only the first records of each source were read (PARTIAL)
    recipe: dict[str, Any]  # the resolved recipe
    versions: dict[str, str]  # versions of the libraries that can change the result, by name
    models: list[ModelFacts] = []  # models that judged the pairs, and tokenizers
    components: list[ComponentFacts] = []  # from outside, or under a name of the recipe
    lexicons: list[LexiconRow] = []  # learnt from the corpus, where the recipe has that scorer
    sources: list[SourceFacts]  # what was read
    funnel: list[FunnelRow]  # what became of the records of each source
    findings: list[Finding] = []  # of the sanity check: warnings, and errors that were allowed
    silent: list[SilentRow] = []  # sources and streams that yield nothing, or little
    failures: list[FailureRow] = []  # pairs by reason and language
    leaks: list[LeakRow] = []  # matches with evaluation sets
    cleaning: list[CleaningRow] = []  # what cleaners changed
    streams: list[StreamFacts] = []  # the packed streams
    fertility: list[FertilityRow] = []  # how tokenizers cut the languages
    margins: list[MarginRow] = []  # stored and new margins compared
    precision_errors: list[PrecisionErrorRow] = []  # empty where all was computed in fp32
    files: dict[str, FileFacts] = {}  # by path relative to the build

    @model_validator(mode="after")
    def _same_sources(self) -> Self:
        # Facts and counts are in two lists that later readers join by name and language.
        named = {(source.name, source.lang) for source in self.sources}
        if named != {(row.source, row.lang) for row in self.funnel}:
            raise ValueError("funnel and sources do not name the same sources and languages")
        return self

    @property
    def languages(self) -> list[str]:
        """FLORES-200 codes of the sides that are not English, in the order of the sources."""
        return list(dict.fromkeys(row.lang for row in self.funnel))

    def scorer(self, name: str) -> ComponentFacts | None:
        """The row of a scorer that is from outside or has a name of the recipe."""
        rows = (row for row in self.components if row.kind == "scorer" and row.name == name)
        return next(rows, None)

    @property
    def demonstrations(self) -> list[ModelFacts]:
        """The models that no real dataset should be judged by."""
        return [model for model in self.models if model.demonstration]


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _no_build(out: Path) -> str:
    """Why a folder is not that of a finished build, and what to do."""
    if not out.exists():
        return f"no folder {out}; give the folder that `sealdata build` made"
    if (out / "work").is_dir():
        return (
            f"the build in {out} is not finished (no {MANIFEST}); run `sealdata build` again with "
            "its recipe"
        )
    return (
        f"{out} is not the folder of a build (no {MANIFEST}); give one that `sealdata build` made, "
        "such as builds/quickstart"
    )


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
    if not path.is_file():
        raise DataError(_no_build(out))
    # The format is checked before the fields: otherwise the first renamed field would be the
    # message.
    content = read_json(path)
    if isinstance(content, dict) and "build_key" in content:
        written = content.get("format", 1)
        if written != FORMAT:
            raise DataError(
                f"{path} has format {written}, written by SealData {content.get('sealdata')}; this "
                f"version reads format {FORMAT}: run the build again with the same --out"
            )
    try:
        manifest = BuildManifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(f"{path} is not a build manifest ({where}: {first['msg']})") from None
    # The names of its languages, for whatever shows the build.
    remember(manifest.recipe.get("languages", {}))
    return manifest
