"""What `sealdata audit` prints."""

import json

import click

from sealdata.audit import Audited
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
        click.echo(
            f"estimated from {sampled:,} of {pairs:,} pairs; "
            f"kept {kept:.2%} ± {100 * error:.2f} points at 99 %"
        )
    if facts.build.limit is not None:
        click.echo(f"PARTIAL: only the first {facts.build.limit:,} records of each source")
    click.echo(f"report  {audited.page}")
    click.echo(f"facts   {audited.page.with_name('audit.json')}")
