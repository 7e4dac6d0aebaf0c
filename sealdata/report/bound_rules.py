"""The rules of a recipe, bound to score columns without loading a model."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from sealdata.build_manifest import BuildManifest
from sealdata.component import available, component_class
from sealdata.filter_stages import RULE_STAGES, STAGE_NAMES, RuleStage, num_scored_stages
from sealdata.pipeline.plan import bind_rule
from sealdata.recipe.tables import RuleTable
from sealdata.scorers import Scorer
from sealdata.stages.rules import Bounds, Rule


def scorer_class(name: str) -> type[Scorer] | None:
    """The class of a scorer; None for one that has since been removed."""
    if name not in available("scorers"):
        return None
    cls = component_class("scorers", name)
    assert issubclass(cls, Scorer), name
    return cls


def stage_of(score: str, manifest: BuildManifest) -> RuleStage:
    """The filter stage of a score column; ``rules`` for a scorer that has since been removed."""
    name = score.partition(".")[0]
    # Plugins are not run for a report: the build has recorded what they are.
    if row := manifest.scorer(name):
        return row.stage
    cls = scorer_class(name)
    return cls.stage if cls else "rules"


def meaning_of(score: str, manifest: BuildManifest) -> str:
    """What a score column is; empty for a scorer that has since been removed."""
    name, _, column = score.partition(".")
    if row := manifest.scorer(name):
        return row.columns.get(column, "")
    cls = scorer_class(name)
    return {**cls.columns, **cls.corpus_columns}.get(column, "") if cls else ""


def bind(rules: Sequence[RuleTable], manifest: BuildManifest) -> list[Rule]:
    """The rules as the pipeline evaluates them in the sources of a build, in the order of the
    filter stages."""
    sources = {source.name: source.lang for source in manifest.sources}
    bound = [bind_rule(rule, stage_of(rule.score, manifest), sources) for rule in rules]
    return sorted(bound, key=lambda rule: RULE_STAGES.index(rule.stage))


def manifest_rules(manifest: BuildManifest) -> list[RuleTable]:
    """The rules of the build's recipe, in order."""
    return [RuleTable.model_validate(rule) for rule in manifest.recipe.get("rule", [])]


class SourceLimit(NamedTuple):
    """The limits of a rule for one source, where they are its own; None: the rule is off."""

    reason: str
    score: str
    source: str
    lang: str  # the side that is not English
    bounds: Bounds | None
    others: Bounds | None  # of sources of this language without limits of their own


def source_limits(manifest: BuildManifest) -> list[SourceLimit]:
    """All limits that single sources have, by rule and then by source."""
    langs = {source.name: source.lang for source in manifest.sources}
    return [
        SourceLimit(rule.reason, rule.score, name, langs[name], limit, rule.bounds_in(langs[name]))
        for rule in bind(manifest_rules(manifest), manifest)
        for name, limit in rule.sources.items()
    ]


def failures(frame: pl.DataFrame, rules: Sequence[Rule], lang: str) -> list[pl.Series]:
    """For each rule, whether each row fails it (bool).

    A score that was not computed, because the pair had been dropped before, fails no rule.
    """
    scored = num_scored_stages_of(frame)
    flags = []
    for rule in rules:
        if rule.score not in frame.columns:
            flags.append(pl.repeat(False, frame.height, eager=True))
            continue
        reached = scored > RULE_STAGES.index(rule.stage)
        flags.append(rule.failed(frame.select(rule.columns), lang) & reached)
    return flags


def num_scored_stages_of(frame: pl.DataFrame) -> pl.Series:
    """How many of RULE_STAGES each row was scored for (u8).

    A dropped pair was scored up to the stage that dropped it. A kept pair was scored for all
    stages, and so were all rows of an audit's sample, whatever they failed.
    """
    if "complete" in frame.columns:
        return pl.repeat(len(RULE_STAGES), frame.height, dtype=pl.UInt8, eager=True)
    return frame.select(num_scored_expr()).to_series()


def num_scored_expr() -> pl.Expr:
    """The same for rows of a finished build, from their column ``stage``."""
    counts = {name: num_scored_stages(name) for name in STAGE_NAMES}
    kept = pl.lit(len(RULE_STAGES), pl.UInt8)
    return (
        pl.when(pl.col("stage").is_null())
        .then(kept)
        .otherwise(pl.col("stage").replace_strict(counts, default=None, return_dtype=pl.UInt8))
    )


def dropped_by_non_rule(frame: pl.DataFrame, rules: Sequence[Rule]) -> pl.Series:
    """Whether something other than a rule drops a row: dedup, decontamination, ingest, a cap."""
    return frame.select(non_rule_expr(rules)).to_series()


def non_rule_expr(rules: Sequence[Rule]) -> pl.Expr:
    """The same as an expression on the column ``reasons``."""
    rule_reasons = pl.lit([rule.reason for rule in rules], pl.List(pl.String))
    return pl.col("reasons").list.set_difference(rule_reasons).list.len() > 0
