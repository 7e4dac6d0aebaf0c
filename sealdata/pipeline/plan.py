"""A plan: a recipe whose components are made, whose paths are found and whose rules are bound."""

import copy
import math
from collections.abc import Collection, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from sealdata.cleaners import Cleaner
from sealdata.component import TEXT_OPTIONS, load, load_table
from sealdata.contamination.sets import evaluation_files, set_name
from sealdata.errors import ConfigError
from sealdata.extras import require
from sealdata.files.places import locate
from sealdata.filter_stages import RULE_STAGES, RuleStage
from sealdata.pipeline.score_checks import check_limits, check_score
from sealdata.plugins.loading import find_plugins
from sealdata.plugins.metric import Metric
from sealdata.readers import Reader, Source
from sealdata.recipe.limits import best_patterns
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import Bounds as BoundsTable
from sealdata.recipe.tables import (
    Options,
    Recipe,
    RuleTable,
    SourceTable,
    StreamTable,
    TokenFileTable,
)
from sealdata.scorers import Scorer
from sealdata.shards.token_files import TokenRange
from sealdata.stages.decontaminate import EvaluationFile
from sealdata.stages.rules import Bounds, Rule


def load_plan(name_or_path: str) -> "Plan":
    """The plan of a built-in recipe or a recipe file.

    Raises:
        ConfigError: see ``read_recipe`` and ``Plan``.
    """
    return Plan(*read_recipe(name_or_path))


class Plan:
    """A recipe with its components made and its rules bound to score columns.

    Scorers are made for ``languages`` (FLORES codes) where they are given, else for those of the
    recipe's sources.

    Raises (on construction):
        ConfigError: a component, parameter or score column that does not exist.
    """

    def __init__(self, recipe: Recipe, base: Path, languages: Sequence[str] | None = None) -> None:
        # Errors in components, parameters and scores must appear here, before hours of work, and
        # not when a stage first needs them.
        self.recipe = recipe
        self.base = base.absolute()  # workers on other machines have folders of their own
        self.plugins = find_plugins([locate(path, self.base) for path in recipe.plugins.paths])
        classes = self.plugins.classes
        # Cleaners run in the order of the recipe: dictionaries keep it, and the key of ``clean``
        # includes it.
        self.cleaners: dict[str, Cleaner] = {
            name: load_table("cleaners", name, params, classes, self.base)
            for name, params in recipe.clean.items()
        }
        self.scorers: dict[str, Scorer] = {
            # A scorer is bound to the languages of the recipe, so its fingerprint leaves out the
            # models of others.
            name: load_table(
                "scorers", name, self._located(params), classes, self.base
            ).for_languages(self._languages() if languages is None else languages)
            for name, params in recipe.score.items()
        }
        self.metrics: dict[str, Metric] = {
            name: load_table("metrics", name, params, classes, self.base)
            for name, params in recipe.metric.items()
        }
        for scorer in self.scorers.values():
            scorer.check_sources([table.name for table in recipe.source])
        outside = classes.get("scorers", {})
        for rule in recipe.rule:
            check_score(f"rule {rule.reason!r}", rule.score, self.scorers, outside)
            check_limits(rule, self.scorers)
        if recipe.caps.score is not None:
            # Caps rank pairs by any score, but need no limit on it, so only its existence is
            # checked.
            check_score("[caps]", recipe.caps.score, self.scorers, outside)

    def check_extras(self) -> None:
        """Find out before any work which libraries of extras the recipe needs and are missing.

        Only running needs them: identities, lists and dry prints of a plan do without.

        Raises:
            MissingExtraError: one is not installed.
        """
        for kind, components in (("clean", self.cleaners), ("score", self.scorers)):
            for name, component in components.items():
                require(f"[{kind}.{name}]", *component.needed_modules())
        tables: list[SourceTable | StreamTable] = [
            *self.recipe.source,
            *self.recipe.document_streams,
        ]
        for table in tables:
            require(
                f"{table.name!r}: reader {table.reader}", *self.reader(table)[0].needed_modules()
            )
        if self.recipe.near_dedup.jaccard is not None:
            require("[near_dedup]", "rensa")

    def _languages(self) -> list[str]:
        # Languages in the order of the recipe, each once: the order must not vary between
        # processes.
        sides = [code for table in self.recipe.source for code in (table.src_lang, table.tgt_lang)]
        return list(dict.fromkeys(sides))

    def _located(self, params: Options) -> Options:
        """Parameters with ``sample:`` and relative paths made absolute, in tables too; other
        values untouched."""
        located: Options = {}
        for key, value in params.items():
            # Parameters may be tables, such as ``encoders`` by language or the ``cache`` of
            # embeddings.
            if key in TEXT_OPTIONS:
                located[key] = value
            elif isinstance(value, dict):
                located[key] = self._located(value)
            else:
                located[key] = str(locate(value, self.base)) if _is_path(value) else value
        return located

    def fingerprints(self) -> dict[str, Any]:
        """What identifies every cleaner and scorer: version, parameters, model digests."""
        # The key of a build includes these: another version of a component or another model makes
        # another build. A plugin file counts whole, whatever the recipe uses of it.
        files = {"plugins": [origin.identity() for origin in self.plugins.files]}
        return (files if self.plugins.files else {}) | {
            kind: {name: component.identity() for name, component in components.items()}
            for kind, components in (
                ("clean", self.cleaners),
                ("score", self.scorers),
                ("metric", self.metrics),
            )
            if components or kind != "metric"
        }

    def rules(self, stage: RuleStage) -> list[RuleTable]:
        """The rules whose score is computed in ``stage``, in the order of the recipe."""
        assert stage in RULE_STAGES
        return [
            rule
            for rule in self.recipe.rule
            if self.scorers[rule.score.partition(".")[0]].stage == stage
        ]

    def bound_rules(self, sources: Sequence[SourceTable] = ()) -> tuple[Rule, ...]:
        """All rules, in the order of the recipe, with the limits that ``sources`` have of their
        own; see ``bind_rule``. Without ``sources``, no source has any."""
        langs = {table.name: table.other_lang for table in sources}
        return tuple(
            # A rule is evaluated in the stage of its scorer. The recipe cannot move it to another
            # stage.
            bind_rule(rule, self.scorers[rule.score.partition(".")[0]].stage, langs)
            for rule in self.recipe.rule
        )

    def pairwise_only(self, keep_learning: bool = False) -> "Plan":
        """The plan without scores that depend on all pairs of a source, and without their rules.

        For samples and references: the neighbours of their pairs are not those in the corpus.
        ``keep_learning`` keeps scorers that learn, for references that there are enough of.
        """
        # A shallow copy is enough: the attributes that differ are replaced, and nothing is changed
        # in place.
        plan = copy.copy(self)
        kept = [name for name, scorer in self.scorers.items() if keep_learning and scorer.learns]
        plan.scorers = {
            name: scorer if name in kept else scorer.pairwise_only()
            for name, scorer in self.scorers.items()
        }
        # Their rules go too. With no score they would pass or drop every pair, which says nothing.
        gone = [name for name in self.corpus_scores() if name.partition(".")[0] not in kept]
        left = [rule for rule in self.recipe.rule if rule.score not in gone]
        plan.recipe = self.recipe.model_copy(update={"rule": left})
        return plan

    def with_scorers(self, names: Collection[str]) -> "Plan":
        """The plan with these of its scorers only, and the rules on their scores."""
        plan = copy.copy(self)
        plan.scorers = {name: self.scorers[name] for name in self.scorers if name in names}
        left = [rule for rule in self.recipe.rule if rule.score.partition(".")[0] in names]
        plan.recipe = self.recipe.model_copy(update={"rule": left})
        return plan

    def corpus_scores(self) -> list[str]:
        """The scores of the recipe that depend on all pairs of a source."""
        return [
            f"{name}.{column}"
            for name, scorer in self.scorers.items()
            if scorer.over_corpus
            for column in scorer.corpus_columns
        ]

    def stage_scorers(self, stage: RuleStage) -> dict[str, Scorer]:
        """The scorers of one filter stage, in the order of the recipe."""
        return {name: scorer for name, scorer in self.scorers.items() if scorer.stage == stage}

    def paths(self) -> list[Path]:
        """What the stages read, as far as the recipe names it by path: corpora, evaluation sets,
        models, tokenizers."""
        # The list serves the check that all machines of a cluster see the same files.
        tables: list[SourceTable | StreamTable] = [
            *self.recipe.source,
            *self.recipe.document_streams,
        ]
        files = [path for r, source in map(self.reader, tables) for path in r.files(source.path)]
        # Only values at the top of a table are looked at, and only those that look like paths.
        values = [
            value
            for params in self.recipe.score.values()
            for key, value in params.items()
            if key not in TEXT_OPTIONS
        ]
        components = [*self.cleaners.values(), *self.scorers.values()]
        models = [locate(value, self.base) for value in values if _is_path(value)]
        tokenizers = [self.recipe.tokenizer, *self.recipe.fertility]
        ranges = [r for table in self.recipe.token_streams for r in self.token_ranges(table)]
        return [
            *files,
            *(token_range.path for token_range in ranges),
            *(file.path for file in self.evaluation_files()),
            *models,
            *(path for component in components for path in component.outside_files()),
            *(origin.path for origin in self.plugins.files),
            *(locate(table.path, self.base) for table in tokenizers),
        ]

    def evaluation_files(self) -> list[EvaluationFile]:
        """All files of the evaluation sets that the recipe keeps out.

        Raises:
            ConfigError: one is not there.
        """
        return [
            # A set may be a folder of many files. Its name comes from the path in the recipe, not
            # from the file.
            EvaluationFile(set_name(path, table.name), file, tuple(table.columns))
            for table in self.recipe.decontaminate.tables
            for path in [locate(table.path, self.base)]
            for file in evaluation_files(path, tuple(table.columns))
        ]

    def token_ranges(self, table: StreamTable) -> list[TokenRange]:
        """What a stream takes of token files, patterns expanded to the files in order of name.

        Raises:
            ConfigError: an address in place of a path, or a pattern that no file matches.
        """
        ranges = []
        for entry in table.tokens:
            tokens = TokenFileTable(path=entry) if isinstance(entry, str) else entry
            # Ids are memory-mapped, so they must be files. An address would fail only after long
            # work.
            if "://" in tokens.path:
                raise ConfigError(
                    f"stream {table.name!r}: {tokens.path} is an address; token files are read "
                    "from disk: download it and name the file"
                )
            # A file whose name has ``*`` or ``[`` in it is taken as it is, if it exists.
            path = str(locate(tokens.path, self.base))
            matches = [path] if Path(path).exists() else sorted(glob(path, recursive=True))
            # A pattern without a match would silently leave text out of the stream.
            if not matches:
                raise ConfigError(f"stream {table.name!r}: no file matches {path}")
            ranges += [
                TokenRange(Path(p), tokens.byte_start, tokens.num_sequences) for p in matches
            ]
        return ranges

    def reader(self, table: SourceTable | StreamTable) -> tuple[Reader, Source]:
        """The reader of a source or stream, and what it is to read.

        Raises:
            ConfigError: no such reader or option, or a reader of documents for pairs, or the
                reverse.
        """
        # A reader of documents has no target side. The error must come before a stage reads the
        # file.
        expected = "pairs" if isinstance(table, SourceTable) else "documents"
        try:
            reader: Reader = load("readers", table.reader, table.options, self.plugins.classes)
        except ConfigError as error:
            # The component's message does not know which source it is for.
            raise ConfigError(f"{table.name!r}: {error}") from None
        if reader.yields != expected:
            raise ConfigError(
                f"{table.name!r}: reader {table.reader!r} yields {reader.yields}, not {expected}"
            )
        path = locate(table.path, self.base)
        if isinstance(table, SourceTable):
            return reader, Source(table.name, path, table.src_lang, table.tgt_lang)
        return reader, Source(table.name, path, table.lang)


def bind_rule(rule: RuleTable, stage: RuleStage, sources: Mapping[str, str] | None = None) -> Rule:
    """A recipe's rule with the bounds of each language and source resolved: a limit of a language
    replaces the general one, that of a source the language's, and limits not set there stay.

    ``sources`` are those that the rule is for: name -> the language that is not English.
    """
    general = (_finite(rule.min), _finite(rule.max))
    # None as a value switches the rule off for the language; a language that is not a key has the
    # general bounds.
    languages = {code: _narrowed(bounds, general) for code, bounds in rule.languages.items()}
    by_source: dict[str, Bounds | None] = {}
    for name, lang in (sources or {}).items():
        for pattern in best_patterns(name, rule.sources)[:1]:
            # Where the rule is off for the language, a source starts at the general bounds.
            by_source[name] = _narrowed(
                rule.sources[pattern], languages.get(lang, general) or general
            )
    return Rule(
        reason=rule.reason,
        score=rule.score,
        stage=stage,
        bounds=general,
        # The default passes a pair that lacks the score.
        missing_drops=rule.missing == "drop",
        languages=languages,
        sources=by_source,
    )


def _narrowed(table: BoundsTable, inherited: Bounds) -> Bounds | None:
    """The bounds of an entry. One limit may be absent; the inherited one then stays."""
    low = inherited[0] if table.min is None else _finite(table.min)
    high = inherited[1] if table.max is None else _finite(table.max)
    return None if table.off else (low, high)


def _finite(limit: float | None) -> float | None:
    """None for a limit of infinity, which takes the general one away in a language."""
    return None if limit is None or math.isinf(limit) else limit


def _is_path(value: Any) -> bool:
    # Names of models have no slash, so a string with one is a path. A file next to the recipe is
    # ``./NAME``.
    return isinstance(value, str) and (value.startswith("sample:") or "/" in value)
