"""The audit as one HTML page that needs nothing else: no network and no server."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sealdata.build_manifest import STAGES, FertilityRow, FunnelRow
from sealdata.errors import SealError
from sealdata.manifest import write_atomic
from sealdata.report import figures, markup
from sealdata.report.evidence import Evidence, ledger_evidence
from sealdata.report.explorer import embed
from sealdata.report.facts import manifest_rules, token_estimates
from sealdata.report.fertility_chart import fertility_svg
from sealdata.report.hexbins import margin_chart
from sealdata.report.rulebook import bind
from sealdata.report.schema import AuditFacts, Limit, ReasonFacts, ScoreFacts

SCRIPTS = ("page.js", "tables.js", "samples.js", "charts.js", "outcome.js", "explorer.js")


def render_report(facts: AuditFacts, rows: dict[str, Any]) -> str:
    """The whole page, ``rows`` as ``explorer.embed`` gives them; equal facts give equal text."""
    environment = Environment(
        loader=PackageLoader("sealdata.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        num=markup.number,
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
    )
    return environment.get_template("report.html.j2").render(_context(facts, rows))


def write_report(
    facts: AuditFacts, path: Path, out: Path, evidence: Evidence | None = None
) -> None:
    """Write the page of the build in ``out`` (or of a sample), atomically.

    Raises:
        DataError: the disk is full or refuses.
    """
    evidence = evidence or ledger_evidence(out, facts.build.languages)
    rules = bind(manifest_rules(facts.build))
    rows = embed(evidence, facts, rules, token_estimates(facts.build))
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
        "stages": [stage for stage in STAGES if any(row.lost(stage) for row in build.funnel)],
        "by_lang": {lang: _of(build.funnel, lang) for lang in build.languages},
        "tokens": _tokens(facts),
        "token_basis": build.fertility[0].tokenizer if build.fertility else "",
        "reasons": _by_reason(facts.reasons),
        "limits": {lang: _limits_of(facts, lang) for lang in build.languages},
        "ruled": [score for score in facts.scores if score.name in ruled],
        "unruled": [score for score in facts.scores if score.name not in ruled],
        "embedded_rows": sum(own["rows"] for own in rows.values()),
        "page_data": _page_data(facts, rows),
        "fertility_chart": _fertility_chart(build.fertility),
        "style": Markup(_asset("report.css")),
        "script": Markup(script),
        "script_digest": digest,
    }


def _fertility_chart(rows: list[FertilityRow]) -> Markup:
    """The chart of parity; empty where there is nothing to draw."""
    table = pl.DataFrame([row.model_dump() for row in rows], infer_schema_length=None)
    try:
        return Markup(fertility_svg(table) if rows else "")
    except SealError:  # only English, or more tokenizers than a chart can tell apart
        return Markup("")


def _page_data(facts: AuditFacts, rows: dict[str, Any]) -> dict[str, Any]:
    """What the page's scripts need; field names as in ``audit.json``."""
    return {
        "exact": facts.basis.exact,
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
                one: {other: float(f"{error:.3g}") for other, error in row.items()}
                for one, row in table.items()
            }
            for lang, table in facts.overlap_errors.items()
        },
        "rows": rows,
    }


def _charted(score: ScoreFacts) -> dict[str, Any]:
    found = score.model_dump(mode="json", exclude={"meaning", "languages"})
    found["languages"] = {
        lang: own.model_dump(mode="json", exclude={"kept", "kept_tokens", "unscored"})
        for lang, own in score.languages.items()
    }
    return found


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


def _tokens(facts: AuditFacts) -> dict[str, int]:
    """Tokens packed from the pairs of each language, in both splits and all directions; without
    streams, what the bytes of the kept pairs are estimated to make; empty if nothing is known."""
    build = facts.build
    if build.streams:
        return {
            lang: sum(
                stream.num_tokens
                for stream in build.streams
                if stream.kind == "parallel" and lang in stream.languages
            )
            for lang in build.languages
        }
    kept = facts.scores[0].languages if facts.scores else {}
    return {
        lang: sum(found.kept_tokens.cells) + found.kept_tokens.missing
        for lang, found in kept.items()
        if found.kept_tokens is not None
    }


def _by_reason(facts: Sequence[ReasonFacts]) -> dict[tuple[str, str], dict[str, ReasonFacts]]:
    """(stage, reason) -> language -> counts, in the order of the facts."""
    table: dict[tuple[str, str], dict[str, ReasonFacts]] = {}
    for fact in facts:
        table.setdefault((fact.stage, fact.reason), {})[fact.lang] = fact
    return table
