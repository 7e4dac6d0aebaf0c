"""Prints the result of `sealdata init`."""

from sealdata.recipe.draft.init import Drafted
from sealdata.recipe.draft.sample import FILL

from .tables import table
from .terminal import echo


def show_draft(drafted: Drafted) -> None:
    """The sources, what was left out, and what a person must look at."""
    rows = [
        [draft.name, draft.reader, draft.src_lang, draft.tgt_lang, draft.records]
        for draft in drafted.sources
    ]
    echo(table(["source", "reader", "first side", "second side", "records"], rows))
    echo()
    for file in drafted.left_out:
        echo(f"left out  {file.path}: {file.reason}")
    for text in drafted.checks:
        echo(f"CHECK     {text}")
    for text in drafted.fills:
        echo(f"{FILL}      {text}")
    for cleaner, text in drafted.filters.cleaners.items():
        echo(f"cleaner   {text}: {cleaner}")
    # A filter may become several rules.
    for note in dict.fromkeys(filter(None, drafted.filters.notes)):
        echo(f"rule      {note}")
    for text in drafted.filters.without:
        echo(f"no rule   {text}")
    echo(f"recipe    {drafted.path}")
    if not drafted.fills:
        echo(f"next      sealdata build {drafted.path} --dry-run")
