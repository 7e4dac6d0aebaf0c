"""The rules of a recipe, bound to score columns without loading a model."""

from collections.abc import Sequence

import polars as pl

from sealdata.build_manifest import BuildManifest
from sealdata.component import available, component_class
from sealdata.pipeline.plan import bind_rule
from sealdata.recipe import RuleTable
from sealdata.scorers import PHASES, Phase, Scorer
from sealdata.stages.rules import STAGE_OF_PHASE, Rule

GATES = tuple(STAGE_OF_PHASE.values())  # the stages at which rules are weighed


def scorer_class(name: str) -> type[Scorer] | None:
    """The class of a scorer; None for one that has since been removed."""
    if name not in available("scorers"):
        return None
    cls = component_class("scorers", name)
    assert issubclass(cls, Scorer), name
    return cls


def phase_of(score: str) -> Phase:
    """The phase of a score column; text for a scorer that is no more."""
    cls = scorer_class(score.partition(".")[0])
    return cls.phase if cls else "text"


def bind(rules: Sequence[RuleTable]) -> list[Rule]:
    """The rules as the pipeline weighs them, in the order of its gates."""
    bound = [bind_rule(rule, phase_of(rule.score)) for rule in rules]
    return sorted(bound, key=lambda rule: PHASES.index(rule.phase))


def manifest_rules(manifest: BuildManifest) -> list[RuleTable]:
    """The rules of the build's recipe, in order."""
    return [RuleTable.model_validate(rule) for rule in manifest.recipe.get("rule", [])]


def failures(frame: pl.DataFrame, rules: Sequence[Rule], lang: str) -> list[pl.Series]:
    """Bool per row and rule. A score that a gate kept from being computed fails nothing."""
    at = gate_of(frame)
    found = []
    for rule in rules:
        if rule.score not in frame.columns:
            found.append(pl.repeat(False, frame.height, eager=True))
            continue
        reached = at >= GATES.index(STAGE_OF_PHASE[rule.phase])
        found.append(rule.failed(frame.select(rule.score), lang) & reached)
    return found


def gate_of(frame: pl.DataFrame) -> pl.Series:
    """The last gate that each row was scored for: an index into GATES.

    Rows of an audit's sample were scored at all of them; a pair of the ledger up to where it fell.
    """
    if "complete" in frame.columns:
        return pl.repeat(len(GATES), frame.height, eager=True)
    places = {"ingest": -1, "dedup": 0, "decontaminate": 0}
    places |= {stage: number for number, stage in enumerate(GATES)}
    return frame.select(
        pl.col("stage").replace_strict(places, default=len(GATES), return_dtype=pl.Int32)
    ).to_series()


def held_by_others(frame: pl.DataFrame, rules: Sequence[Rule]) -> pl.Series:
    """Whether something that is no rule keeps a row out: a duplicate, a leak, unreadable, a cap."""
    known = [rule.reason for rule in rules]
    return frame.select(
        pl.col("reasons").list.set_difference(pl.lit(known, pl.List(pl.String))).list.len() > 0
    ).to_series()
