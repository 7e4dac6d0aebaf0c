"""The audit as one HTML page that needs nothing else: no network and no server."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sealdata.build_manifest import STAGES, BuildManifest, FunnelRow
from sealdata.manifest import write_atomic
from sealdata.report import figures, markup
from sealdata.report.schema import AuditFacts, Limit, ReasonFacts, ScoreFacts


def render_report(facts: AuditFacts) -> str:
    """The whole page; equal facts give equal text."""
    environment = Environment(
        loader=PackageLoader("sealdata.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(num=markup.number, visible=markup.visible, embedded=markup.embedded)
    environment.globals.update(
        percent=markup.percent,
        bounds=markup.bounds,
        changed=markup.changed,
        funnel_bar=figures.funnel_bar,
        histogram=figures.histogram,
        legend=figures.legend,
        failing=markup.failing,
    )
    return environment.get_template("report.html.j2").render(_context(facts))


def write_report(facts: AuditFacts, path: Path) -> None:
    """Write the page, atomically.

    Raises:
        DataError: the disk is full or refuses.
    """
    page = render_report(facts)
    write_atomic(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def _context(facts: AuditFacts) -> dict[str, Any]:
    build = facts.build
    script = _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {
        "facts": facts,
        "build": build,
        "names": {code: language.name for code, language in facts.languages.items()},
        "stages": [stage for stage in STAGES if any(row.lost(stage) for row in build.funnel)],
        "by_lang": {lang: _of(build.funnel, lang) for lang in build.languages},
        "tokens": _parallel_tokens(build),
        "reasons": _by_reason(facts.reasons),
        "limits": {lang: _limits_of(facts, lang) for lang in build.languages},
        "ruled": [s for s in facts.scores if any(h.limits for h in s.languages.values())],
        "unruled": [s for s in facts.scores if not any(h.limits for h in s.languages.values())],
        "chart_data": [_charted(score) for score in facts.scores],
        "style": Markup(_asset("report.css")),
        "script": Markup(script),
        "script_digest": digest,
    }


def _charted(score: ScoreFacts) -> dict[str, Any]:
    """What the page's script needs to read a histogram out."""
    counts = {
        lang: {"kept": found.kept, "dropped": found.dropped}
        for lang, found in score.languages.items()
    }
    return {"name": score.name, "edges": score.edges, "languages": counts}


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


def _parallel_tokens(build: BuildManifest) -> dict[str, int]:
    """Tokens packed from the pairs of each language, in both splits and all directions."""
    return {
        lang: sum(
            stream.num_tokens
            for stream in build.streams
            if stream.kind == "parallel" and lang in stream.languages
        )
        for lang in build.languages
    }


def _by_reason(facts: Sequence[ReasonFacts]) -> dict[tuple[str, str], dict[str, ReasonFacts]]:
    """(stage, reason) -> language -> counts, in the order of the facts."""
    table: dict[tuple[str, str], dict[str, ReasonFacts]] = {}
    for fact in facts:
        table.setdefault((fact.stage, fact.reason), {})[fact.lang] = fact
    return table
