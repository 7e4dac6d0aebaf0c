"""The facts of an audit, from a manifest's counts and the rows behind them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.files.records import write_json
from sealdata.filter_stages import COMPARING_STAGES, stages_before
from sealdata.languages import resolve
from sealdata.report.audit_rows import Evidence, ledger_evidence
from sealdata.report.bound_rules import bind, manifest_rules, scorer_class
from sealdata.report.duplicate_examples import ledger_twins
from sealdata.report.histograms import score_facts
from sealdata.report.ledger import score_columns
from sealdata.report.lid_agreement import agreement_facts
from sealdata.report.margin_agreement import margin_facts
from sealdata.report.metrics import metrics_of
from sealdata.report.other_views import confusion_facts, domain_facts, match_facts
from sealdata.report.reasons import overlap_facts, reason_facts
from sealdata.report.samples import MOST_DROPPED, MOST_KEPT, MOST_ROWS, Sampler, fitting
from sealdata.report.schema import (
    AuditFacts,
    Basis,
    DuplicateFacts,
    LanguageFacts,
    MatchFacts,
    RuleFacts,
    ScoreFacts,
    TwinFacts,
)
from sealdata.report.similarity import similarity_facts
from sealdata.report.sources import source_facts
from sealdata.report.tally import overlap_errors, tally
from sealdata.stages.decontaminate import MATCHES
from sealdata.stages.rules import Rule


@dataclass(frozen=True)
class Compared:
    """What an audit of a recipe found by comparing all pairs, and which gates it did not run."""

    duplicates: list[DuplicateFacts]
    twins: list[TwinFacts]
    matches: list[MatchFacts]
    left_out: list[str]


def audit_facts(
    out: Path,
    manifest: BuildManifest,
    evidence: Evidence | None = None,
    compared: Compared | None = None,
) -> AuditFacts:
    """Read the rows behind ``manifest``: equal builds give equal facts.

    ``evidence`` and ``compared`` are by default those of the whole build in ``out``.

    Raises:
        DataError: a file of pairs or drops is damaged.
    """
    evidence = evidence or ledger_evidence(out, manifest.languages)
    languages = manifest.languages
    columns = score_columns(evidence.files)
    compared = compared or _compared(out, manifest, evidence)
    rules = bind(manifest_rules(manifest))
    names = list(columns)
    tokens = token_estimates(manifest)
    scores = score_facts(evidence, columns, rules, _meanings(columns), tokens)
    counts = {lang: tally(evidence, lang) for lang in languages}
    reasons = reason_facts(manifest, evidence, counts)
    overlaps = overlap_facts(evidence, counts, reasons)
    share = min(1.0, MOST_ROWS / ((MOST_KEPT + MOST_DROPPED) * max(1, len(languages))))
    sampler = Sampler(evidence, names, ranking_score(scores, rules))
    facts = AuditFacts(
        metrics={},
        errors={},
        basis=Basis(
            exact=evidence.exact,
            confidence=1.0 if evidence.exact else 0.99,
            rows={lang: evidence.population(lang) for lang in languages},
            sampled=evidence.heights,
            left_out=compared.left_out,
        ),
        build=manifest.model_copy(update={"files": {}}),
        languages={lang: _language(lang) for lang in ("eng_Latn", *languages)},
        sources=[
            fact
            for lang in languages
            for fact in source_facts(evidence, lang, manifest.funnel, tokens.get(lang))
        ],
        rules=[_rule_facts(rule) for rule in rules],
        reasons=reasons,
        overlap=overlaps,
        overlap_errors=overlap_errors(evidence, overlaps),
        scores=scores,
        similarity=[
            fact
            for lang in languages
            for fact in similarity_facts(evidence, lang, names, [s.name for s in scores])
        ],
        confusion=[f for lang in languages for f in confusion_facts(evidence, lang, names)],
        agreement=[f for lang in languages for f in agreement_facts(evidence, lang, names)],
        margins=[f for lang in languages for f in margin_facts(evidence, lang)],
        domains=[domain_facts(evidence, lang) for lang in languages],
        duplicates=compared.duplicates,
        twins=compared.twins,
        matches=compared.matches,
        samples=fitting({lang: sampler.draw(lang, share) for lang in languages}),
    )
    metrics, errors = metrics_of(facts)
    return facts.model_copy(update={"metrics": metrics, "errors": errors})


def write_facts(facts: AuditFacts, path: Path) -> None:
    """Write ``audit.json``, atomically."""
    write_json(path, facts.model_dump(mode="json"))


def ranking_score(scores: Sequence[ScoreFacts], rules: Sequence[Rule]) -> ScoreFacts | None:
    """The score that the last rule judges: where the last decision about a pair fell."""
    by_name = {score.name: score for score in scores}
    judged = [by_name[rule.score] for rule in rules if rule.score in by_name]
    return judged[-1] if judged else None


def token_estimates(manifest: BuildManifest) -> dict[str, pl.Expr]:
    """By language, the training tokens of a pair: its bytes over the bytes per token that the
    recipe's tokenizer has in either language. Empty for languages it was not measured on."""
    first = manifest.fertility[0].tokenizer if manifest.fertility else None
    per_token = {
        row.lang: row.bytes_per_token
        for row in manifest.fertility
        if row.tokenizer == first and row.bytes_per_token
    }
    english = per_token.get("eng_Latn")
    if not english:
        return {}
    return {
        lang: pl.col("src").str.len_bytes() / english + pl.col("tgt").str.len_bytes() / size
        for lang, size in per_token.items()
        if lang != "eng_Latn"
    }


def _language(code: str) -> LanguageFacts:
    language = resolve(code)
    return LanguageFacts(name=language.name, bcp47=language.bcp47, script=language.script)


def _meanings(columns: Iterable[str]) -> dict[str, str]:
    """What each score column is, as its scorer says it; a scorer since removed says nothing."""
    found = {}
    for column in columns:
        scorer, _, name = column.partition(".")
        cls = scorer_class(scorer)
        if cls:
            found[column] = {**cls.columns, **cls.corpus_columns}.get(name, "")
    return found


def _rule_facts(rule: Rule) -> RuleFacts:
    languages: dict[str, dict[str, float | bool]] = {}
    for lang, bounds in rule.languages.items():
        if bounds is None:
            languages[lang] = {"off": True}
            continue
        sides = zip(("min", "max"), bounds, rule.bounds, strict=True)
        languages[lang] = {
            side: own for side, own, general in sides if own is not None and own != general
        }
    return RuleFacts(
        reason=rule.reason,
        score=rule.score,
        stage=rule.stage,
        min=rule.bounds[0],
        max=rule.bounds[1],
        missing="drop" if rule.missing_drops else "pass",
        languages=languages,
    )


def _compared(out: Path, manifest: BuildManifest, evidence: Evidence) -> Compared:
    """Of a finished build, which left no gate out.

    Its report is published with it, so that what matched is named but not repeated: FLORES+ asks
    not to be put on the web again. The text stays at home, in ``matches/``.
    """
    languages = manifest.languages
    matches = {
        lang: sorted((out / MATCHES / pair_name(lang)).glob("*.parquet")) for lang in languages
    }
    return Compared(
        duplicates=_flagged(manifest),
        twins=[twin for lang in languages for twin in ledger_twins(evidence, lang)],
        matches=[
            match
            for lang, own in matches.items()
            for match in match_facts(own, lang, with_text=False)
        ],
        left_out=[],
    )


def _flagged(manifest: BuildManifest) -> list[DuplicateFacts]:
    """What the stages that compare pairs flagged, as the funnel counts it."""
    found = []
    for lang in manifest.languages:
        rows = [row for row in manifest.funnel if row.lang == lang]
        compared = sum(
            row.records - sum(row.lost(stage) for stage in stages_before("dedup")) for row in rows
        )
        totals: Counter[tuple[str, str]] = Counter()
        for row in rows:
            for stage in COMPARING_STAGES:
                for reason, count in row.dropped.get(stage, {}).items():
                    totals[stage, reason] += count
        found += [
            DuplicateFacts(lang=lang, stage=stage, reason=reason, flagged=count, of=compared)
            for (stage, reason), count in totals.items()
        ]
    return found
