"""The facts of an audit, from a manifest's counts and the rows behind them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import polars as pl

from sealdata.build_manifest import BuildManifest, pair_name
from sealdata.files.records import write_json
from sealdata.filter_stages import COMPARING_STAGES, stages_before
from sealdata.languages import resolve
from sealdata.plugins.metric import Metric
from sealdata.report.audit_rows import AuditRows, ledger_rows
from sealdata.report.bound_rules import bind, manifest_rules
from sealdata.report.duplicate_examples import ledger_duplicate_examples
from sealdata.report.histograms import score_facts
from sealdata.report.ledger import score_columns
from sealdata.report.lid_agreement import agreement_facts
from sealdata.report.margin_agreement import margin_facts
from sealdata.report.metrics import metrics_of, plugin_metrics
from sealdata.report.ngrams import ngram_facts
from sealdata.report.other_views import confusion_facts, domain_facts, match_facts
from sealdata.report.pair_lengths import pair_length_facts
from sealdata.report.reason_counts import overlap_errors, tally
from sealdata.report.reasons import overlap_facts, reason_facts
from sealdata.report.samples import MAX_DROPPED, MAX_KEPT, MAX_ROWS, Sampler, fitting
from sealdata.report.schema import (
    AuditFacts,
    Basis,
    DuplicateExample,
    DuplicateFacts,
    LanguageFacts,
    MatchFacts,
    RuleFacts,
    ScoreFacts,
)
from sealdata.report.similarity import similarity_facts
from sealdata.report.source_facts import source_facts
from sealdata.stages.decontaminate import MATCHES
from sealdata.stages.rules import Rule

NO_METRICS: Mapping[str, Metric] = MappingProxyType({})


@dataclass(frozen=True)
class Compared:
    """What the stages that compare all pairs found, and the filter stages that did not run."""

    # Counted over all pairs, in a sample too, because the stages that compare pairs run on
    # everything.
    duplicates: list[DuplicateFacts]
    duplicate_examples: list[DuplicateExample]
    matches: list[MatchFacts]
    left_out: list[str]


def audit_facts(
    out: Path,
    manifest: BuildManifest,
    audit_rows: AuditRows | None = None,
    compared: Compared | None = None,
    metrics: Mapping[str, Metric] = NO_METRICS,
) -> AuditFacts:
    """Read the rows behind ``manifest``; equal builds have equal facts.

    ``audit_rows`` and ``compared`` default to those of the whole build in ``out``. ``metrics`` are
    those of plugins, by their names in the recipe.

    Raises:
        DataError: a file of pairs or drops is damaged.
    """
    # A build's own rows are complete, so its figures are counts and not estimates.
    audit_rows = audit_rows or ledger_rows(out, manifest.languages)
    languages = manifest.languages
    # Columns come from the files, not from the recipe: a scorer may have been removed since.
    columns = score_columns(audit_rows.files)
    # An audit passes what it found among all pairs. A build has it in its manifest and ledger.
    compared = compared or _compared(out, manifest, audit_rows)
    rules = bind(manifest_rules(manifest), manifest)
    names = list(columns)
    # Expressions, not numbers: they are evaluated batch by batch, wherever rows are read.
    tokens = token_estimates(manifest)
    scores = score_facts(audit_rows, columns, rules, manifest, tokens)
    # One pass over the rows counts all combinations of reasons. Two tables are made of them.
    counts = {lang: tally(audit_rows, lang) for lang in languages}
    reasons = reason_facts(manifest, audit_rows, counts)
    overlaps = overlap_facts(audit_rows, counts, reasons)
    # With many languages each gets fewer sample pairs, so that the page keeps its size.
    share = min(1.0, MAX_ROWS / ((MAX_KEPT + MAX_DROPPED) * max(1, len(languages))))
    # Kept pairs of the page are spread over the score that decided last, where a limit is most in
    # doubt.
    sampler = Sampler(audit_rows, names, ranking_score(scores, rules))
    # Metrics are filled in below, because they are computed from all the other facts.
    facts = AuditFacts(
        metrics={},
        errors={},
        basis=Basis(
            exact=audit_rows.exact,
            # Counts need no interval. Estimates have one of 99 %.
            confidence=1.0 if audit_rows.exact else 0.99,
            rows={lang: audit_rows.population(lang) for lang in languages},
            sampled=audit_rows.heights,
            left_out=compared.left_out,
        ),
        # Digests of files are left out. They include that of this very file, once it is written.
        build=manifest.model_copy(update={"files": {}}),
        # English is always a side, though the manifest lists only the other languages.
        languages={lang: _language(lang) for lang in ("eng_Latn", *languages)},
        sources=[
            fact
            for lang in languages
            # Per source, because sources of one language may differ more than languages do.
            for fact in source_facts(audit_rows, lang, manifest.funnel, tokens.get(lang))
        ],
        rules=[_rule_facts(rule) for rule in rules],
        reasons=reasons,
        overlap=overlaps,
        overlap_errors=overlap_errors(audit_rows, overlaps),
        scores=scores,
        similarity=[
            fact
            for lang in languages
            for fact in similarity_facts(audit_rows, lang, names, [s.name for s in scores])
        ],
        confusion=[f for lang in languages for f in confusion_facts(audit_rows, lang, names)],
        agreement=[f for lang in languages for f in agreement_facts(audit_rows, lang, names)],
        margins=[f for lang in languages for f in margin_facts(audit_rows, lang)],
        domains=[domain_facts(audit_rows, lang) for lang in languages],
        ngrams=[f for lang in languages for f in ngram_facts(audit_rows, lang)],
        duplicates=compared.duplicates,
        pair_lengths=[f for lang in languages for f in pair_length_facts(audit_rows, lang)],
        duplicate_examples=compared.duplicate_examples,
        matches=compared.matches,
        samples=fitting({lang: sampler.draw(lang, share) for lang in languages}),
    )
    values, errors = metrics_of(facts)
    facts = facts.model_copy(update={"metrics": values, "errors": errors})
    return facts.model_copy(update={"metrics": values | plugin_metrics(facts, metrics)})


def write_facts(facts: AuditFacts, path: Path) -> None:
    """Write ``audit.json``, atomically."""
    # Sorted keys and no timestamps: equal builds have equal bytes.
    write_json(path, facts.model_dump(mode="json"))


def ranking_score(scores: Sequence[ScoreFacts], rules: Sequence[Rule]) -> ScoreFacts | None:
    """The score of the last rule, which made the last decision about a pair."""
    # Rules are in the order of filter stages, so the last one decided about pairs that all others
    # kept.
    by_name = {score.name: score for score in scores}
    with_rule = [by_name[rule.score] for rule in rules if rule.score in by_name]
    return with_rule[-1] if with_rule else None


def token_estimates(manifest: BuildManifest) -> dict[str, pl.Expr]:
    """By language, an estimate of the training tokens of a pair.

    It is the bytes of each side over the bytes per token of the recipe's first tokenizer in that
    language. Languages on which it was not measured are left out.
    """
    # The first tokenizer is that of the shards; the others are for comparison.
    first = manifest.fertility[0].tokenizer if manifest.fertility else None
    # Bytes of a text are known at once, where counting its tokens would mean tokenising every row
    # again.
    per_token = {
        row.lang: row.bytes_per_token
        for row in manifest.fertility
        if row.tokenizer == first and row.bytes_per_token
    }
    # Every pair has an English side, so without its figure no pair can be estimated.
    english = per_token.get("eng_Latn")
    if not english:
        return {}
    return {
        # The estimate leaves out template, names and EOS.
        lang: pl.col("src").str.len_bytes() / english + pl.col("tgt").str.len_bytes() / size
        for lang, size in per_token.items()
        if lang != "eng_Latn"
    }


def _language(code: str) -> LanguageFacts:
    language = resolve(code)
    return LanguageFacts(name=language.name, bcp47=language.bcp47, script=language.script)


def _rule_facts(rule: Rule) -> RuleFacts:
    sources: dict[str, dict[str, float | bool]] = {}
    for name, source_bounds in rule.sources.items():
        named = zip(("min", "max"), source_bounds or (), strict=False)
        limits = {side: bound for side, bound in named if bound is not None}
        sources[name] = {"off": True} if source_bounds is None else {**limits}
    # Only what differs from the general bounds, as a recipe would write it.
    languages: dict[str, dict[str, float | bool]] = {}
    for lang, bounds in rule.languages.items():
        if bounds is None:
            languages[lang] = {"off": True}
            continue
        sides = zip(("min", "max"), bounds, rule.bounds, strict=True)
        languages[lang] = {
            side: bound for side, bound, general in sides if bound is not None and bound != general
        }
    return RuleFacts(
        reason=rule.reason,
        score=rule.score,
        stage=rule.stage,
        min=rule.bounds[0],
        max=rule.bounds[1],
        missing="drop" if rule.missing_drops else "pass",
        languages=languages,
        sources=sources,
    )


def _compared(out: Path, manifest: BuildManifest, audit_rows: AuditRows) -> Compared:
    """The results of a finished build, which runs all filter stages.

    The report is published with the build. It therefore names the sentences that matched but does
    not repeat them: FLORES+ asks not to be put on the web again. Their text stays in ``matches/``.
    """
    languages = manifest.languages
    # The files in ``out`` are read, not the stages' folders, which may be deleted.
    matches = {
        lang: sorted((out / MATCHES / pair_name(lang)).glob("*.parquet")) for lang in languages
    }
    return Compared(
        duplicates=_flagged(manifest),
        duplicate_examples=[
            example for lang in languages for example in ledger_duplicate_examples(audit_rows, lang)
        ],
        matches=[
            match
            for lang, lang_files in matches.items()
            for match in match_facts(lang_files, lang, with_text=False)
        ],
        # A build runs all stages, so nothing is left out.
        left_out=[],
    )


def _flagged(manifest: BuildManifest) -> list[DuplicateFacts]:
    """Pairs that the comparing stages flagged, as the funnel counts them."""
    flagged = []
    for lang in manifest.languages:
        # A language may have several sources. Duplicates are compared across them, so they are
        # counted together.
        rows = [row for row in manifest.funnel if row.lang == lang]
        # Pairs that earlier stages dropped were not compared, so they are not in the denominator.
        compared = sum(
            row.records - sum(row.lost(stage) for stage in stages_before("dedup")) for row in rows
        )
        # A pair counts by its first reason here. A duplicate that a rule had dropped before is not
        # among them.
        totals: Counter[tuple[str, str]] = Counter()
        for row in rows:
            for stage in COMPARING_STAGES:
                for reason, count in row.dropped.get(stage, {}).items():
                    totals[stage, reason] += count
        flagged += [
            DuplicateFacts(lang=lang, stage=stage, reason=reason, flagged=count, of=compared)
            for (stage, reason), count in totals.items()
        ]
    return flagged
