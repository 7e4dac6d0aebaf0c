"""What `sealdata audit` prints."""

import json

import click

from sealdata.dataset.audit import Audited
from sealdata.dataset.compare import Comparison, changelog
from sealdata.languages import resolve
from sealdata.report.funnel import funnel_text


def show_audit(audited: Audited, as_json: bool) -> None:
    """The funnel, what it rests on, and where the report lies; or the figures as JSON."""
    facts = audited.facts
    if as_json:
        figures = {"metrics": facts.metrics, "errors": facts.errors}
        click.echo(json.dumps(figures, ensure_ascii=False, indent=1))
        return
    click.echo(funnel_text(facts.build))
    click.echo()
    if not facts.basis.exact:
        sampled, pairs = sum(facts.basis.sampled.values()), sum(facts.basis.rows.values())
        kept, error = facts.metrics["kept_share"], facts.errors.get("kept_share", 0.0)
        known = f" ± {100 * error:.2f} points at 99 %" if error else ""
        how = "estimated from" if error else "counted on"
        click.echo(f"{how} {sampled:,} of {pairs:,} pairs; kept {kept:.2%}{known}")
    if facts.build.limit is not None:
        click.echo(f"PARTIAL: only the first {facts.build.limit:,} records of each source")
    click.echo(f"report  {audited.page}")
    click.echo(f"facts   {audited.page.with_name('audit.json')}")


def show_comparison(found: Comparison, as_json: bool) -> None:
    """What changed from one build to another, and an entry for the changelog."""
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    click.echo(f"{'language':<14}{'before':>12}{'after':>12}{'gone':>12}{'new':>12}{'changed':>12}")
    for own in found.languages:
        counts = (own.before, own.after, own.gone, own.new, own.changed)
        click.echo(f"{resolve(own.lang).name:<14}" + "".join(f"{count:>12,}" for count in counts))
    click.echo()
    for place, (before, after) in found.dropped.items():
        if before != after:
            click.echo(f"dropped, {place}: {before:,} -> {after:,}")
    for own in found.languages:
        for sign, pairs in (("-", own.gone_pairs), ("+", own.new_pairs)):
            for pair in pairs:
                why = pair.reason or "not in the other's sources"
                click.echo(f"{sign} {pair.source} #{pair.row} ({why}): {pair.src} | {pair.tgt}")
    click.echo()
    click.echo("Entry for the changelog of the card:")
    click.echo()
    click.echo(changelog(found))
