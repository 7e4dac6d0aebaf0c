"""What the rules of a recipe do to a sample of each source."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from sealdata.build_manifest import Finding
from sealdata.filter_stages import RULE_STAGES
from sealdata.pipeline.plan import Plan
from sealdata.pipeline.score_pairs import evaluate_pairs
from sealdata.recipe.tables import SourceTable
from sealdata.sanity.findings import error, warning
from sealdata.sanity.inputs import named
from sealdata.sanity.samples import Samples, spread
from sealdata.scorers import ANY_NUMBER
from sealdata.stages.rules import Evaluation

PAIRS = 1_000  # of each source
MIN_PAIRS = 20  # of fewer, a null or a drop says nothing about the rest
FEW_KEPT = 0.05  # share of kept pairs below which it is worth a warning


@dataclass
class _Judged:
    """What the rules say of the samples of all sources."""

    without: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # score: names
    with_score: set[str] = field(default_factory=set)  # scores that some source has
    dropped: list[Finding] = field(default_factory=list)
    num_sources: int = 0
    num_empty: int = 0  # of these, sources of whose sample nothing is kept


def outcome(plan: Plan, samples: Samples) -> Iterator[Finding]:
    """Rules that judge no pair of a source, and sources of which nothing or little is kept.

    The rules of text and of language ID are tried. Those on the similarity of the sides are not,
    because an encoder takes too long for a check. Stages that compare pairs with others are left to
    the build.
    """
    tried = _without_similarity(plan)
    judged = _Judged()
    for table, sample in samples.tables(plan):
        if isinstance(table, SourceTable) and sample.good.height:
            _judge(tried, table, sample.good, judged)
    yield from _unscored(tried, judged)
    nothing = judged.num_sources > 0 and judged.num_empty == judged.num_sources
    for finding in judged.dropped:
        yield finding.model_copy(update={"level": "error"}) if nothing else finding


def without_effect(plan: Plan) -> Iterator[Finding]:
    """Rules whose limits no score can be outside of, in any language and source."""
    for rule in plan.recipe.rule:
        scorer, _, column = rule.score.partition(".")
        low, high = plan.scorers[scorer].ranges.get(column) or ANY_NUMBER
        bounds = (*rule.languages.values(), *rule.sources.values())
        limits = [(rule.min, rule.max), *((b.min, b.max) for b in bounds)]
        if all((a is None or a <= low) and (b is None or b >= high) for a, b in limits):
            yield warning(
                "no-effect",
                f"rule {rule.reason!r}",
                f"{rule.score} lies between {low:g} and {high:g}, so the rule drops no pair. Set a "
                "limit inside, or remove the rule",
            )


def _without_similarity(plan: Plan) -> Plan:
    """The plan with the scorers and rules that the check can afford."""
    cheap = plan.pairwise_only()
    names = {name for name, scorer in cheap.scorers.items() if scorer.stage != "similarity"}
    return cheap.with_scorers(names)


def _judge(plan: Plan, table: SourceTable, good: pl.DataFrame, judged: _Judged) -> None:
    pairs, lang = spread(good, PAIRS), table.other_lang
    _, evaluation = evaluate_pairs(plan, pairs, lang, table.name)
    for rule in plan.bound_rules():
        reached = evaluation.scores.filter(_reached(evaluation, rule.stage))
        is_off = rule.bounds_in(lang, table.name) is None
        if is_off or reached.height < MIN_PAIRS or _is_seldom(plan, rule.score):
            continue
        if reached[rule.score].null_count() == reached.height:
            if table.name not in judged.without[rule.score]:
                judged.without[rule.score].append(table.name)
        else:
            judged.with_score.add(rule.score)
    judged.num_sources += 1
    kept = evaluation.surviving.sum()
    judged.num_empty += kept == 0
    if kept == 0 or (kept < FEW_KEPT * pairs.height and pairs.height >= MIN_PAIRS):
        reason, count = (
            evaluation.drop_reasons()["reason"].drop_nulls().value_counts(sort=True).row(0)
        )
        message = (
            f"{kept:,} of {pairs.height:,} sampled pairs pass the rules; {count:,} are dropped as "
            f"{reason!r}. Look at its limits, or at the languages and columns of the source"
        )
        judged.dropped.append(warning("nothing-kept", named(table), message))


def _reached(evaluation: Evaluation, stage: str) -> pl.Series:
    """The pairs that scorers of a stage have seen: those that no earlier stage drops."""
    earlier = RULE_STAGES[: RULE_STAGES.index(stage)]  # type: ignore[arg-type]
    reached = pl.repeat(True, evaluation.surviving.len(), eager=True)
    for of, _, failed in evaluation.flags:
        if of in earlier:
            reached = reached & ~failed
    return reached


def _is_seldom(plan: Plan, score: str) -> bool:
    scorer, _, column = score.partition(".")
    return column in plan.scorers[scorer].seldom


def _unscored(plan: Plan, judged: _Judged) -> Iterator[Finding]:
    for rule in plan.recipe.rule:
        names = judged.without.get(rule.score)
        if not names:
            continue
        drops = rule.missing == "drop"
        everywhere = rule.score not in judged.with_score
        sources = "any source" if everywhere else ", ".join(names)
        what = "drops all of them" if drops else "drops none of them"
        say = error if everywhere and drops else warning
        yield say(
            "no-score",
            f"rule {rule.reason!r}",
            f"no sampled pair of {sources} has {rule.score}, so the rule {what}. Remove the rule"
            + (", or read the score with the source" if rule.score.startswith("stored.") else ""),
        )
