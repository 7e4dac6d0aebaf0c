"""The audit as one HTML page, which needs neither network nor server."""

import base64
import hashlib
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sealdata.build_manifest import FertilityRow, FunnelRow
from sealdata.errors import SealError
from sealdata.files.records import write_atomic
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report import figures, markup
from sealdata.report.audit_rows import AuditRows, ledger_rows
from sealdata.report.bound_rules import bind, manifest_rules, source_limits
from sealdata.report.explorer import embed
from sealdata.report.facts import token_estimates
from sealdata.report.fertility_chart import fertility_svg
from sealdata.report.hexbins import margin_chart
from sealdata.report.label_figures import share_text, summary
from sealdata.report.metrics import facts_error
from sealdata.report.schema import AuditFacts, Limit, ReasonFacts, ScoreFacts

# Up to so many languages the histograms of all rules are shown at once: one row of them a score.
OPEN_LANGUAGES = 2
SCRIPTS = ("page.js", "tables.js", "samples.js", "charts.js", "outcome.js", "explorer.js")


def render_report(facts: AuditFacts, rows: dict[str, Any]) -> str:
    """The whole page, with ``rows`` of ``explorer.embed``; equal facts have equal text."""
    return _environment().get_template("report.html.j2").render(_context(facts, rows))


@cache  # compiling the templates takes longer than filling them for a small build
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sealdata.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        num=markup.number,
        points=markup.points,
        hundredths=markup.hundredths,
        visible=markup.visible,
        embedded=markup.embedded,
    )
    environment.globals.update(
        percent=markup.percent,
        bounds=markup.bounds,
        changed=markup.changed,
        funnel_bar=figures.funnel_bar,
        histogram=figures.histogram,
        legend=figures.legend,
        key=figures.key,
        textures=figures.textures,
        margin_chart=margin_chart,
        failing=markup.failing,
        share_text=share_text,
        label_summary=summary,
    )
    return environment


def write_report(
    facts: AuditFacts, path: Path, out: Path, audit_rows: AuditRows | None = None
) -> None:
    """Write the page of the build in ``out`` (or of a sample), atomically.

    Raises:
        DataError: the page cannot be written.
    """
    audit_rows = audit_rows or ledger_rows(out, facts.build.languages)
    rules = bind(manifest_rules(facts.build), facts.build)
    rows = embed(audit_rows, facts, rules, token_estimates(facts.build))
    page = render_report(facts, rows)
    write_atomic(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def _context(facts: AuditFacts, rows: dict[str, Any]) -> dict[str, Any]:
    build = facts.build
    script = "\n".join(_asset(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    ruled = {rule.score for rule in facts.rules}
    return {
        "facts": facts,
        "build": build,
        "names": {code: language.name for code, language in facts.languages.items()},
        "stages": [stage for stage in STAGE_NAMES if any(row.lost(stage) for row in build.funnel)],
        "by_lang": {lang: _of(build.funnel, lang) for lang in build.languages},
        "sources": {(row.source, row.lang): row for row in facts.sources},
        "packed": _packed(facts),
        "unseen": _unseen(facts),
        "lost_errors": {lang: _lost_errors(facts, lang) for lang in ("", *build.languages)},
        "token_basis": build.fertility[0].tokenizer if build.fertility else "",
        "reasons": _by_reason(facts.reasons),
        "reason_errors": _reason_errors(facts),
        "source_limits": source_limits(build),
        "limits": {lang: _limits_of(facts, lang) for lang in build.languages},
        "ruled": [score for score in facts.scores if score.name in ruled],
        "unruled": [score for score in facts.scores if score.name not in ruled],
        "rejected": {score.name: _rejected(score) for score in facts.scores},
        "open_scores": _open_scores(facts),
        "ngram_pairs": max((fact.pairs for fact in facts.ngrams), default=0),
        "embedded_rows": sum(lang_rows["rows"] for lang_rows in rows.values()),
        "page_data": _page_data(facts, rows),
        "fertility_chart": _fertility_chart(build.fertility),
        "style": Markup(_asset("report.css")),
        "script": Markup(script),
        "script_digest": digest,
    }


def _fertility_chart(rows: list[FertilityRow]) -> Markup:
    """The chart of parity; empty if there is nothing to draw."""
    table = pl.DataFrame([row.model_dump() for row in rows], infer_schema_length=None)
    try:
        return Markup(fertility_svg(table) if rows else "")
    except SealError:  # English only, or more tokenizers than marks
        return Markup("")


def _page_data(facts: AuditFacts, rows: dict[str, Any]) -> dict[str, Any]:
    """The data of the page's scripts; field names as in ``audit.json``."""
    return {
        "exact": facts.basis.exact,
        "pairs": facts.basis.rows,
        "sampled": facts.basis.sampled,
        "rules": [rule.model_dump(mode="json") for rule in facts.rules],
        "kept": {
            lang: sum(row.kept for row in _of(facts.build.funnel, lang))
            for lang in facts.build.languages
        },
        "errors": {
            lang: facts.errors.get(f"kept_share.{lang}", 0.0)
            * sum(row.records for row in _of(facts.build.funnel, lang))
            for lang in facts.build.languages
        },
        "scores": [_charted(score) for score in facts.scores],
        "overlap": facts.overlap,
        "overlap_errors": {
            lang: {
                reason: {other: float(f"{error:.3g}") for other, error in row.items()}
                for reason, row in table.items()
            }
            for lang, table in facts.overlap_errors.items()
        },
        "rows": rows,
    }


def _charted(score: ScoreFacts) -> dict[str, Any]:
    dumped = score.model_dump(mode="json", exclude={"meaning", "languages"})
    dumped["languages"] = {
        lang: histogram.model_dump(mode="json", exclude={"kept", "kept_tokens", "unscored"})
        for lang, histogram in score.languages.items()
    }
    return dumped


def _asset(name: str) -> str:
    return files("sealdata.report").joinpath("templates", name).read_text("utf-8")


def _of(rows: Sequence[FunnelRow], lang: str) -> list[FunnelRow]:
    return [row for row in rows if row.lang == lang]


def _limits_of(facts: AuditFacts, lang: str) -> dict[str, tuple[str, Limit]]:
    """Reason -> (score, limit) as they hold in one language."""
    return {
        limit.reason: (score.name, limit)
        for score in facts.scores
        for limit in score.languages[lang].limits
    }


def _rejected(score: ScoreFacts) -> list[dict[str, Any]]:
    """By reason, the pairs of all languages outside its limits, and those that have the score."""
    sums: dict[str, list[int]] = {}
    for histogram in score.languages.values():
        for limit in histogram.limits:
            outside, scored = sums.setdefault(limit.reason, [0, 0])
            sums[limit.reason] = [outside + limit.outside, scored + histogram.every.num_scored]
    return [
        {"reason": reason, "outside": outside, "scored": scored}
        for reason, (outside, scored) in sums.items()
    ]


def _open_scores(facts: AuditFacts) -> set[str]:
    """The scores whose histograms are not folded: all on a page of few, else the costliest."""
    ruled = [score for score in facts.scores if _rejected(score)]
    if len(facts.build.languages) <= OPEN_LANGUAGES or not ruled:
        return {score.name for score in ruled}
    # The first of equal scores, so that equal facts have equal pages.
    return {max(ruled, key=lambda score: max(row["outside"] for row in _rejected(score))).name}


def _packed(facts: AuditFacts) -> dict[str, int]:
    """Tokens packed from the pairs of each language, over splits and directions; {} if none."""
    streams = [stream for stream in facts.build.streams if stream.kind == "parallel"]
    return {
        lang: sum(stream.num_tokens for stream in streams if lang in stream.languages)
        for lang in (facts.build.languages if streams else ())
    }


def _lost_errors(facts: AuditFacts, lang: str) -> dict[str, float]:
    """By stage, the error of the share that a language (``""``: all) lost there."""
    ends = f".{lang}" if lang else ""
    errors = {stage: facts.errors.get(f"lost_share.{stage}{ends}") for stage in STAGE_NAMES}
    return {stage: error for stage, error in errors.items() if error}


def _unseen(facts: AuditFacts) -> float:
    """The largest share of a language's pairs that may have what no sampled pair has."""
    return max((facts_error(facts, lang, 0.0) for lang in facts.basis.rows), default=0.0)


def _reason_errors(facts: AuditFacts) -> dict[tuple[str, str], dict[str, float]]:
    """(stage, reason) -> first, any, only -> the error of all languages' sum, in pairs."""
    rows = facts.basis.rows
    names = {"first": "first_error", "any": "error", "only": "only_error"}
    errors = {}
    for stage_and_reason, lang_facts in _by_reason(facts.reasons).items():
        unseen = {lang: facts_error(facts, lang, 0.0) for lang in rows if lang not in lang_facts}
        if stage_and_reason[0] == "ingest":
            unseen = {}
        errors[stage_and_reason] = {
            kind: math.hypot(
                *(getattr(fact, name) * rows[lang] for lang, fact in lang_facts.items()),
                *(error * rows[lang] for lang, error in unseen.items()),
            )
            for kind, name in names.items()
        }
    return errors


def _by_reason(facts: Sequence[ReasonFacts]) -> dict[tuple[str, str], dict[str, ReasonFacts]]:
    """(stage, reason) -> language -> counts, in the order of the facts."""
    table: dict[tuple[str, str], dict[str, ReasonFacts]] = {}
    for fact in facts:
        table.setdefault((fact.stage, fact.reason), {})[fact.lang] = fact
    return table
