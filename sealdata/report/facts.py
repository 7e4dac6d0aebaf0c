"""The facts of an audit: the manifest's counts, and the scores of the rows on disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sealdata.build_manifest import STAGES, BuildManifest
from sealdata.component import available, component_class
from sealdata.languages import resolve
from sealdata.manifest import write_json
from sealdata.recipe import RuleTable
from sealdata.report.histograms import score_facts
from sealdata.report.ledger import score_columns
from sealdata.report.samples import MOST_DROPPED, MOST_KEPT, MOST_ROWS, Sampler
from sealdata.report.schema import AuditFacts, LanguageFacts, ReasonFacts, ScoreFacts
from sealdata.rules import STAGE_OF_PHASE
from sealdata.scorers import Scorer


def audit_facts(out: Path, manifest: BuildManifest) -> AuditFacts:
    """Read the pairs and the ledger of the build in ``out``: equal builds give equal facts.

    Raises:
        DataError: a file of pairs or drops is damaged.
    """
    languages = manifest.languages
    columns = score_columns(out, languages)
    rules = manifest_rules(manifest)
    scores = score_facts(out, languages, columns, rules, _meanings(columns))
    share = min(1.0, MOST_ROWS / ((MOST_KEPT + MOST_DROPPED) * max(1, len(languages))))
    sampler = Sampler(out, list(columns), ranking_score(scores, rules))
    return AuditFacts(
        build=manifest.model_copy(update={"files": {}}),
        languages={lang: _language(lang) for lang in ("eng_Latn", *languages)},
        reasons=_reasons(manifest),
        scores=scores,
        samples={lang: sampler.draw(lang, share) for lang in languages},
    )


def write_facts(facts: AuditFacts, path: Path) -> None:
    """Write ``audit.json``, atomically."""
    write_json(path, facts.model_dump(mode="json"))


def manifest_rules(manifest: BuildManifest) -> list[RuleTable]:
    """The rules of the build's recipe, in order."""
    return [RuleTable.model_validate(rule) for rule in manifest.recipe.get("rule", [])]


def ranking_score(scores: Sequence[ScoreFacts], rules: Sequence[RuleTable]) -> ScoreFacts | None:
    """The score that the recipe's last rule judges: where the last decision about a pair fell."""
    by_name = {score.name: score for score in scores}
    judged = [by_name[rule.score] for rule in rules if rule.score in by_name]
    return judged[-1] if judged else None


def _language(code: str) -> LanguageFacts:
    language = resolve(code)
    return LanguageFacts(name=language.name, bcp47=language.bcp47, script=language.script)


def _meanings(columns: Iterable[str]) -> dict[str, str]:
    """What each score column is, as its scorer says it; a scorer since removed says nothing."""
    meanings = {}
    for column in columns:
        scorer, _, name = column.partition(".")
        if scorer in available("scorers"):
            meanings[column] = _scorer_class(scorer).columns.get(name, "")
    return meanings


def _reasons(manifest: BuildManifest) -> list[ReasonFacts]:
    """First failures from the funnel, joined with all and sole failures; in gate and rule order.

    A record that could not be read fails for that one reason.
    """
    first: dict[tuple[str, str, str], int] = {}
    for row in manifest.funnel:
        for stage, reasons in row.dropped.items():
            for reason, count in reasons.items():
                key = (row.lang, stage, reason)
                first[key] = first.get(key, 0) + count
    stages = _stages_of_rules(manifest) | {reason: stage for _, stage, reason in first}
    for failure in manifest.failures:  # never the first reason in its language
        first.setdefault((failure.lang, stages[failure.reason], failure.reason), 0)
    judged = {(row.lang, row.reason): row for row in manifest.failures}
    facts = []
    for (lang, stage, reason), count in first.items():
        known = judged.get((lang, reason))
        every, only = (known.any, known.only) if known else (count, count)
        facts.append(
            ReasonFacts(lang=lang, stage=stage, reason=reason, first=count, any=every, only=only)
        )
    order = {rule.reason: number for number, rule in enumerate(manifest_rules(manifest))}
    languages = manifest.languages
    return sorted(
        facts,
        key=lambda fact: (
            STAGES.index(fact.stage),
            order.get(fact.reason, len(order)),
            fact.reason,
            languages.index(fact.lang),
        ),
    )


def _stages_of_rules(manifest: BuildManifest) -> dict[str, str]:
    """The stage at which each rule is weighed: that of its scorer's phase."""
    stages = {}
    for rule in manifest_rules(manifest):
        scorer = rule.score.partition(".")[0]
        known = scorer in available("scorers")
        stages[rule.reason] = STAGE_OF_PHASE[_scorer_class(scorer).phase] if known else "rules"
    return stages


def _scorer_class(name: str) -> type[Scorer]:
    """The class of a scorer that is installed."""
    cls = component_class("scorers", name)
    assert issubclass(cls, Scorer), name
    return cls
