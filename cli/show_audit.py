"""Prints the result of `sealdata audit`."""

import json

from sealdata.build_manifest import BuildManifest
from sealdata.dataset.audit import Audited
from sealdata.dataset.audit_sheet import are_outdated
from sealdata.dataset.compare import Comparison, changelog
from sealdata.languages import resolve
from sealdata.report.funnel import funnel_lines
from sealdata.report.label_figures import summary

from .tables import table
from .terminal import echo


def funnel_table(manifest: BuildManifest) -> str:
    """The pairs read, lost at each stage and kept, by language."""
    head, *rows = funnel_lines(manifest)
    return table(head, rows, underline=False)


def show_audit(audited: Audited, as_json: bool) -> None:
    """The funnel, the rows behind it, and the path of the report; or the figures as JSON."""
    facts = audited.facts
    if as_json:
        figures = {"metrics": facts.metrics, "errors": facts.errors}
        echo(json.dumps(figures, ensure_ascii=False, indent=1))
        return
    echo(funnel_table(facts.build))
    for finding in facts.build.findings:
        echo(finding.with_example)
    for row in facts.build.silent:
        echo(row.with_example)
    echo()
    if not facts.basis.exact:
        sampled, pairs = sum(facts.basis.sampled.values()), sum(facts.basis.rows.values())
        kept, error = facts.metrics["kept_share"], facts.errors.get("kept_share", 0.0)
        interval = f" ± {100 * error:.2f} points at 99 %" if error else ""
        how = "estimated from" if error else "counted on"
        echo(f"{how} {sampled:,} of {pairs:,} pairs; kept {kept:.2%}{interval}")
    if facts.annotation:
        for line in summary(facts.annotation):
            echo(line)
    elif are_outdated(audited.page.parent.parent, facts.build.funnel):
        echo("labels are of an earlier state of the build, and left out")
    if facts.build.limit is not None:
        echo(f"PARTIAL: only the first {facts.build.limit:,} records of each source")
    echo(f"report  {audited.page}")
    echo(f"facts   {audited.page.with_name('audit.json')}")


def show_comparison(comparison: Comparison, as_json: bool) -> None:
    """The changes from one build to another, and an entry for the changelog."""
    if as_json:
        echo(comparison.model_dump_json(indent=1))
        return
    rows = []
    for lang in comparison.languages:
        counts = (lang.before, lang.after, lang.gone, lang.new, lang.changed)
        rows.append([resolve(lang.lang).name, *(f"{count:,}" for count in counts)])
    echo(table(["language", "before", "after", "gone", "new", "changed"], rows))
    echo()
    for stage_and_reason, (before, after) in comparison.dropped.items():
        if before != after:
            echo(f"dropped, {stage_and_reason}: {before:,} -> {after:,}")
    for lang in comparison.languages:
        for sign, pairs in (("-", lang.gone_pairs), ("+", lang.new_pairs)):
            for pair in pairs:
                why = pair.reason or "not in the other's sources"
                echo(f"{sign} {pair.source} #{pair.row} ({why}): {pair.src} | {pair.tgt}")
    echo()
    echo("Entry for the changelog of the card:")
    echo()
    echo(changelog(comparison))
