"""Prints the result of `sealdata init`."""

import click

from sealdata.recipe.draft.init import Drafted
from sealdata.recipe.draft.sample import FILL

from .tables import table


def show_draft(drafted: Drafted) -> None:
    """The sources, what was left out, and what a person must look at."""
    rows = [
        [draft.name, draft.reader, draft.src_lang, draft.tgt_lang, draft.records]
        for draft in drafted.sources
    ]
    click.echo(table(["source", "reader", "first side", "second side", "records"], rows))
    click.echo()
    for file in drafted.left_out:
        click.echo(f"left out  {file.path}: {file.reason}")
    for text in drafted.checks:
        click.echo(f"CHECK     {text}")
    for text in drafted.fills:
        click.echo(f"{FILL}      {text}")
    for cleaner, text in drafted.filters.cleaners.items():
        click.echo(f"cleaner   {text}: {cleaner}")
    # A filter may become several rules.
    for note in dict.fromkeys(filter(None, drafted.filters.notes)):
        click.echo(f"rule      {note}")
    for text in drafted.filters.without:
        click.echo(f"no rule   {text}")
    click.echo(f"recipe    {drafted.path}")
    if not drafted.fills:
        click.echo(f"next      sealdata build {drafted.path} --dry-run")
