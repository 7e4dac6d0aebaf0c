"""Prints the catalogue of components, and one of them in full."""

import json
from collections.abc import Sequence

from sealdata.plugins.catalogue import Entry, Option

from .tables import table
from .terminal import echo


def as_json_text(entries: Sequence[Entry]) -> str:
    """All facts of the entries, for programs."""
    rows = [
        entry._asdict() | {"options": [option._asdict() for option in entry.options]}
        for entry in entries
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)


def show_catalogue(entries: Sequence[Entry]) -> None:
    """A line for each component, and one for each of its options."""
    for kind in dict.fromkeys(entry.kind for entry in entries):
        echo(f"{kind}s")
        for entry in entries:
            if entry.kind == kind:
                origin = "" if entry.origin == "built in" else f"  ({entry.origin})"
                echo(f"  {entry.name:<14}{entry.summary}{origin}")
                for option in entry.options:
                    echo(f"    {_line(option)}")
        echo()
    echo("In full: sealdata components NAME")


def _line(option: Option) -> str:
    """``name: type, default`` of an option."""
    default = "required" if option.default == "required" else f"default {option.default or 'table'}"
    limits = f", {option.range}" if option.range else ""
    return f"{option.name}: {option.type}{limits}, {default}"


def show_entry(entry: Entry) -> None:
    """One component: how a recipe asks for it, what it does, its options and columns."""
    echo(f"{entry.kind} {entry.name}, {entry.origin}: {entry.recipe}")
    echo(f"\n{entry.documentation}\n")
    if entry.options:
        head = ["option", "type", "default", "range", "meaning"]
        echo(table(head, [list(option) for option in entry.options], text=head))
        echo()
    if entry.columns:
        head = ["score", f"meaning (stage {entry.stage})"] if entry.stage else ["figure", "meaning"]
        rows = [[f"{entry.name}.{column}", said] for column, said in entry.columns.items()]
        echo(table(head, rows, text=head))
        echo()
