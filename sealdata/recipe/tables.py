"""The tables of a recipe: where pairs come from, what they must pass, how they are packed."""

import math
import re
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sealdata.errors import ConfigError
from sealdata.fetch.licences import check_licence
from sealdata.formats.documents import Directions, DocumentLayout
from sealdata.formats.templates import Names, Template
from sealdata.languages import by_script, confusable_sets, resolve
from sealdata.recipe.languages import LanguageTable, declare_languages
from sealdata.recipe.limits import check_patterns, language_set
from sealdata.shards.interop_sidecars import Reader as SidecarReader
from sealdata.shards.manifest import Dtype

# Names become names of files and folders, so separators and blanks are not allowed.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
Options = dict[str, Any]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _language(code: str) -> str:
    try:
        return resolve(code).code
    except ConfigError as error:  # pydantic reports a ValueError with its place in the recipe
        raise ValueError(str(error)) from None


class SourceTable(_Table):
    """One corpus file. Languages are in the order of the file; any known code is accepted."""

    name: str  # of the source, in every table and file: letters, digits, `.`, `_`, `-`
    reader: str  # name of the reader of this file format
    path: str  # from the folder of the recipe; `sample:` begins a path in the bundled sample
    src_lang: str  # language of the first side in the file: a FLORES-200 code or a known alias
    tgt_lang: str  # language of the second side; one of the two must be English
    options: Options = {}  # options of the reader
    card: str | None = None  # stem of the data card of the corpus this file belongs to
    # who translated, where the file does not say it pair by pair; absent: not known
    translation: Literal["human", "machine", "unknown"] | None = None

    _codes = field_validator("src_lang", "tgt_lang")(_language)

    @property
    def other_lang(self) -> str:
        """The side that is not English."""
        return self.tgt_lang if self.src_lang == "eng_Latn" else self.src_lang


class TokenFileTable(_Table):
    """Whole sequences of one token file, or of all that a pattern names."""

    path: str  # file of token ids; `*` and `?` match several files, in order of name
    byte_start: int = Field(0, ge=0)  # bytes to skip at the beginning of the file
    num_sequences: int | None = Field(None, ge=1)  # absent: all to the end of the file


class StreamTable(_Table):
    """Documents packed besides the pairs: replay of the base model's data, or monolingual text.

    With ``from_pairs`` the text is that of the kept pairs themselves, one side of each: a
    comparison of strategies is fair only where all of them read the same sentences. ``tokens``
    are files of ids made by the recipe's tokenizer elsewhere: they are read where they lie.
    """

    name: str  # of the stream, unlike that of any source or other stream
    # replay: text of the base model; monolingual: text of one language
    kind: Literal["replay", "monolingual"]
    reader: str = "text"  # name of a reader that yields documents
    path: str = ""  # file of documents; a stream has one of `path`, `from_pairs` and `tokens`
    from_pairs: bool = False  # take the sides of the kept pairs that are in `lang`
    tokens: list[str | TokenFileTable] = []  # paths of token files, or tables
    dtype: Dtype | None = None  # of tokens; absent: uint32
    lang: str = "eng_Latn"  # language of the text
    # absent: concat for replay, else as in the table `pack`
    mode: Literal["whole", "concat"] | None = None
    options: Options = {}  # options of the reader
    card: str | None = None  # stem of the data card of the corpus the text belongs to

    _codes = field_validator("lang")(_language)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if [bool(self.path), self.from_pairs, bool(self.tokens)].count(True) != 1:
            raise ValueError(f"stream {self.name!r} needs either path, from_pairs or tokens")
        # Ids are taken as they are: nothing reads, cuts or packs them.
        read = self.reader != "text" or self.options or self.mode is not None
        if self.tokens and read:
            raise ValueError(f"stream {self.name!r}: tokens take no reader, options or mode")
        if self.dtype is not None and not self.tokens:
            raise ValueError(f"stream {self.name!r}: dtype is for tokens")
        # Replay is text that the base model was trained on, which pairs are not.
        if self.from_pairs and self.kind != "monolingual":
            raise ValueError(f"stream {self.name!r}: only monolingual text comes from_pairs")
        return self


class Bounds(_Table):
    """Limits on one score, both inclusive; ``off`` switches the rule off for a language or a
    source. A limit that is absent stays as it would be without the entry."""

    min: float | None = None  # absent: the lower limit stays
    max: float | None = None  # absent: the upper limit stays
    off: bool = False  # switch the rule off for this language or source


class RuleTable(_Table):
    """A pair whose ``score`` lies outside the bounds is dropped for ``reason``.

    ``key`` names the rule for recipes that extend this one. If absent, it is REASON/SCORE.

    The more specific entry goes first: a name of a source, a pattern of names, a language, a listed
    set of languages (``"tha_Thai, lao_Laoo"``), a confusable set, a script, the rule itself. The
    pattern with more characters outside wildcards goes before other patterns.
    """

    # by which a recipe that extends this one addresses the rule; absent: REASON/SCORE
    key: str = ""
    reason: str  # recorded with each pair that is dropped; several rules may share it
    score: str  # a score column, `SCORER.COLUMN`
    min: float | None = None  # inclusive; absent: no lower limit
    max: float | None = None  # inclusive; absent: no upper limit
    missing: Literal["pass", "drop"] = "pass"  # what happens to a pair without the score
    # other limits, by the language that is not English, by several of them with commas between, by
    # a confusable set or by a script (`Hani`)
    languages: dict[str, Bounds] = {}
    # other limits, by the name of a source or by a pattern of names (`opus-*`)
    sources: dict[str, Bounds] = {}

    @field_validator("languages")
    @classmethod
    def _by_code(cls, table: dict[str, Bounds]) -> dict[str, Bounds]:
        """Replace scripts and sets by their languages. The bounds of a language override those of
        a listed set, these those of a confusable set, and these those of a script."""
        groups = (by_script(), confusable_sets(), _listed_sets(table))
        limits: dict[str, Bounds] = {}
        for group in groups:
            for name, bounds in table.items():
                limits |= dict.fromkeys(group.get(name, ()), bounds)
        named = {
            _language(name): bounds
            for name, bounds in table.items()
            if not any(name in group for group in groups)
        }
        return limits | named

    @property
    def address(self) -> str:
        """The key by which another recipe changes or removes the rule."""
        return rule_key(self.key, self.reason, self.score)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        # A rule may have bounds for single languages only.
        others = (*self.languages.values(), *self.sources.values())
        limits = [(self.min, self.max), *((b.min, b.max) for b in others)]
        if all(low is None and high is None for low, high in limits):
            raise ValueError(f"rule {self.reason!r} sets neither min nor max")
        for low, high in limits:
            low, high = self.min if low is None else low, self.max if high is None else high
            # NaN is equal, above and below nothing, so such a rule would drop every pair.
            for limit in (low, high):
                if limit is not None and math.isnan(limit):
                    raise ValueError(f"rule {self.reason!r}: nan is not a limit")
            if low is not None and high is not None and low > high:
                raise ValueError(
                    f"rule {self.reason!r}: min {low:g} is above max {high:g}, so no pair passes"
                )
        return self


def _listed_sets(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The sets of languages that keys list: key -> codes.

    Raises:
        ValueError: an unknown language, or a language in two of the sets.
    """
    try:
        sets = {key: codes for key in keys if (codes := language_set(key))}
    except ConfigError as error:
        raise ValueError(str(error)) from None
    first: dict[str, str] = {}  # code -> the set that lists it
    for key, codes in sets.items():
        for code in codes:
            if other := first.get(code):
                raise ValueError(f"{code} is in two sets, {other!r} and {key!r}")
            first[code] = key
    return sets


def rule_key(key: str, reason: str, score: str) -> str:
    """``key`` if it is given, else REASON/SCORE."""
    return key or f"{reason}/{score}"


class DedupTable(_Table):
    """Exact duplicates by normalised text; the source named first in the recipe keeps its pair."""

    off: bool = False  # keep exact duplicates


class CapsTable(_Table):
    """How many pairs of one language may share a side, in its normal form; the best scored stay."""

    # pairs that may share an English side; absent: any number
    max_per_src: int | None = Field(None, ge=1)
    # pairs that may share the other side; absent: any number
    max_per_tgt: int | None = Field(None, ge=1)
    score: str | None = None  # highest first, as in a rule; absent: the order of the recipe

    @model_validator(mode="after")
    def _ranked(self) -> Self:
        if self.score is not None and self.max_per_src is None and self.max_per_tgt is None:
            raise ValueError("score ranks nothing without max_per_src or max_per_tgt")
        return self


class NearDedupTable(_Table):
    """Near-duplicates by MinHash: of pairs of one language that are alike the first one stays."""

    # Jaccard similarity of the 5-grams of both sides from which two pairs are alike; absent: off.
    jaccard: float | None = Field(None, ge=0.7, le=1)


class EvaluationTable(_Table):
    """An evaluation set under another name, or a table whose columns are not recognised."""

    path: str  # file or folder of the set
    name: str | None = None  # in the match report; absent: the last two parts of the path
    columns: list[str] = []  # columns that hold sentences; absent: those of known sets


class PluginsTable(_Table):
    """Python files with scorers, cleaners and readers of your own. A build runs them."""

    paths: list[str] = []  # paths of the files


class ExcludeTable(_Table):
    """Takedowns: files that list rows of sources, web addresses and domains to be left out."""

    lists: list[str] = []  # paths of takedown lists


class DecontaminateTable(_Table):
    """Evaluation sets: a pair is dropped whose side is, or contains, one of their sentences."""

    refs: list[str | EvaluationTable] = []  # folders, files of text, tables, or files of hashes
    # A side contains a sentence if it has this share of the sentence's n-grams.
    containment: float = Field(0.8, ge=0.5, le=1)
    # Letters; a whole side that is shorter is not a leak: "Yes." A Han character counts as three.
    min_chars: int = Field(15, ge=1)

    @property
    def tables(self) -> list[EvaluationTable]:
        """All references in their long form."""
        return [EvaluationTable(path=ref) if isinstance(ref, str) else ref for ref in self.refs]


class ValidationTable(_Table):
    """Held-out pairs, chosen by a hash of the English side: no sentence is in both splits."""

    share: float = Field(0.0005, ge=0, lt=1)  # of the distinct English sides, by hash
    # per language pair; further pairs are dropped with the reason `held_out`
    max_pairs: int = Field(1000, ge=0)


class TokenizerTable(_Table):
    """A tokenizer: its file or folder; ``kind`` is chosen by the file if absent."""

    path: str  # file or folder of the tokenizer
    kind: str | None = None  # name of a tokenizer component; absent: chosen by the file
    options: Options = {}  # options of the component


class FormatTable(_Table):
    """How a pair becomes a training document."""

    # texts with {first_name}, {first}, {second_name} and {second}
    templates: list[str] = ["{first_name}: {first}\n{second_name}: {second}"]
    # how often each template is used, relative to the others; absent: equally often
    weights: list[float] | None = None
    directions: Directions = "both"  # both: each pair twice; random: once, either way by hash
    # how a template names languages: in English, or each in the language itself
    names: Names = "english"
    # how many neighbouring pairs of a page, chapter or film make one document; 1: each its own
    document_pairs: int = Field(1, ge=1, le=1000)
    # sides: all first sides, then all second sides; pairs: the template once for each pair
    document_layout: DocumentLayout = "sides"

    @field_validator("directions", mode="before")
    @classmethod
    def _renamed(cls, directions: Any) -> Any:
        # The name of "random" in recipes until 0.1.0.
        return "random" if directions == "alternate" else directions

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for template in self.templates:
            # Parsed for its errors only. Packing parses it again.
            Template.parse(template)
        weights = [1.0] * len(self.templates) if self.weights is None else self.weights
        if len(weights) != len(self.templates) or not self.templates:
            raise ValueError("templates and weights must be lists of one length, not empty")
        # A weight of 0 would be a template that is never used.
        if min(weights) <= 0:
            raise ValueError("every weight must be above 0")
        return self


class PackTable(_Table):
    """Sequences of ``sequence_length`` tokens, files of whole blocks of ``block_length`` tokens."""

    # whole: no document straddles two sequences; concat: end to end
    mode: Literal["whole", "concat"] = "whole"
    sequence_length: int = Field(4096, ge=16)  # tokens of a sequence
    # tokens by which files grow; a multiple of sequence_length
    block_length: int = Field(262_144, ge=16)
    lookahead: int = Field(16_384, ge=1)  # documents held back to find the best fit
    sidecars: list[SidecarReader] = []  # trainers to write document boundaries for

    @model_validator(mode="after")
    def _whole_sequences(self) -> Self:
        # A sequence must not lie in two files.
        if self.block_length % self.sequence_length:
            raise ValueError("block_length must be a multiple of sequence_length")
        return self


class CardTable(_Table):
    """What only a person can say about the dataset."""

    pretty_name: str = ""  # title of the card
    license: str = ""  # identifier of the Hugging Face Hub, for example `cc-by-4.0`
    summary: str = ""  # one paragraph
    authors: list[str] = []  # names
    # MAJOR.MINOR.PATCH by Semantic Versioning: raise MAJOR where pairs change or go, MINOR where
    # pairs are added, PATCH where only the files differ
    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$")

    @field_validator("license")
    @classmethod
    def _known_licence(cls, licence: str) -> str:
        try:
            if licence:
                check_licence(licence, "license")
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return licence


class Recipe(_Table):
    """The whole recipe; every field that can change a result is here and nowhere else."""

    name: str  # name of the build and of its default folder: letters, digits, `.`, `_`, `-`
    seed: int = 1  # of the order of documents and of their templates
    # records in a part, the unit of work; memory grows with it
    part_rows: int = Field(500_000, ge=1)
    source: list[SourceTable]  # the corpora; of equal pairs the source named first keeps its own
    stream: list[StreamTable] = []  # further text that is packed, without pairs
    plugins: PluginsTable = PluginsTable()  # components of your own
    # languages that are not known, or facts that differ, by FLORES-200 code
    languages: dict[str, LanguageTable] = {}
    # cleaners by name, in the order in which they run; `cleaner = "regex"` makes one under a name
    # of your own
    clean: dict[str, Options] = {}
    # scorers by name, and their options; `scorer = "regex"` makes one under a name of your own
    score: dict[str, Options] = {}
    # further figures of the audit by name, and their options; a plugin brings them
    metric: dict[str, Options] = {}
    rule: list[RuleTable] = []  # limits on scores, in the order in which their reasons are reported
    dedup: DedupTable = DedupTable()  # exact duplicates
    decontaminate: DecontaminateTable = DecontaminateTable()  # evaluation sets to keep out
    exclude: ExcludeTable = ExcludeTable()  # lists of pairs to leave out
    caps: CapsTable = CapsTable()  # how often a side may be repeated
    near_dedup: NearDedupTable = NearDedupTable()  # near-duplicates
    validation: ValidationTable = ValidationTable()  # the held-out pairs
    tokenizer: TokenizerTable  # the tokenizer of the shards
    fertility: list[TokenizerTable] = []  # further tokenizers to compare in the report
    format: FormatTable = FormatTable()  # how a pair is written as text
    pack: PackTable = PackTable()  # how documents become sequences and files
    card: CardTable = CardTable()  # what the dataset card says that no figure can say

    @model_validator(mode="before")
    @classmethod
    def _declared(cls, table: Any) -> Any:
        # Before anything else: all other tables name languages.
        if isinstance(table, dict):
            declare_languages(table.get("languages", {}))
        return table

    @field_validator("languages")
    @classmethod
    def _languages_by_code(cls, tables: dict[str, LanguageTable]) -> dict[str, LanguageTable]:
        # A manifest has them too, and whatever reads it goes by codes.
        return {_language(key): table for key, table in tables.items()}

    def asks_for(self, stage: str) -> bool:
        """Whether the recipe uses a filter stage that is decided by a mask."""
        switches = {
            "exclude": bool(self.exclude.lists),
            "dedup": not self.dedup.off,
            "decontaminate": bool(self.decontaminate.refs),
            "caps": self.caps.max_per_src is not None or self.caps.max_per_tgt is not None,
            "near-dedup": self.near_dedup.jaccard is not None,
        }
        return switches[stage]

    @property
    def document_streams(self) -> list[StreamTable]:
        """The streams that are read from files of text."""
        return [table for table in self.stream if table.path]

    @property
    def token_streams(self) -> list[StreamTable]:
        """The streams whose ids are there already."""
        return [table for table in self.stream if table.tokens]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # One name space: a token's origin is a name that may be of a source or of a stream.
        names = [*(table.name for table in self.source), *(table.name for table in self.stream)]
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"the name {name!r} must be letters, digits, '.', '_' or '-'")
            if names.count(name) > 1:
                raise ValueError(f"two sources or streams are named {name!r}")
        if not self.source:
            raise ValueError("a recipe needs at least one [[source]]")
        for table in self.source:
            if "eng_Latn" not in (table.src_lang, table.tgt_lang):
                raise ValueError(f"source {table.name!r}: one side must be English (eng_Latn)")
            if table.src_lang == table.tgt_lang:
                raise ValueError(f"source {table.name!r}: both sides are {table.src_lang}")
        for rule in self.rule:
            names_of_sources = [table.name for table in self.source]
            check_patterns(f"rule {rule.reason!r}", list(rule.sources), names_of_sources)
        # A stream of one side needs pairs that have this side.
        paired = {lang for table in self.source for lang in (table.src_lang, table.tgt_lang)}
        for stream in self.stream:
            if stream.from_pairs and stream.lang not in paired:
                raise ValueError(f"stream {stream.name!r}: no source has {stream.lang}")
        return self


def use_languages(recipe: Recipe) -> None:
    """Make the languages of a recipe known again, after others were read in this process."""
    tables = {
        code: table.model_dump(exclude_unset=True) for code, table in recipe.languages.items()
    }
    declare_languages(tables)
