"""What `sealdata gold` prints: references rejected, examples, and the share of defects caught."""

from collections import Counter
from collections.abc import Sequence

import click
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sealdata.gold.trial_facts import DefectFacts, Example, GoldFacts, Rejections


def show_gold(facts: GoldFacts) -> None:
    """References rejected by language and reason, examples, and the share of defects caught."""
    console = Console(highlight=False, width=None if Console().is_terminal else 160)
    reasons = sorted({reason for row in facts.languages for reason in row.any})
    table = Table(
        "language", "pairs", "rejected", "%", *reasons, title=f"{facts.recipe} on references"
    )
    for row in facts.languages:
        above = row.percent > facts.max_percent
        cells = [_first_and_any(row, reason) for reason in reasons]
        table.add_row(
            row.lang,
            f"{row.pairs:,}",
            f"{row.rejected:,}",
            f"{row.percent:.2f}{' above' if above else ''}",
            *cells,
        )
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_section()
    table.add_row("all", *_total(facts.languages, reasons))
    console.print(table)
    click.echo("By the first rule that a pair fails; in brackets all that fail it, where more do.")
    for line in _notes(facts):
        click.echo(line)
    if facts.skipped:
        click.echo(f"Skipped, with their rules: {', '.join(facts.skipped)}")
    if facts.without_references:
        click.echo(f"No references in: {', '.join(facts.without_references)}")
    for row in facts.languages:
        for example in row.examples:
            _show_example(console, row.lang, example)
    if facts.defects:
        _show_defects(console, facts)


def _first_and_any(row: Rejections, reason: str) -> str:
    first, every = row.first.get(reason, 0), row.any.get(reason, 0)
    return f"{first:,}" + (f" ({every:,})" if every > first else "") if every else ""


def _total(rows: Sequence[Rejections], reasons: list[str]) -> list[str]:
    pairs, rejected = sum(row.pairs for row in rows), sum(row.rejected for row in rows)
    first = [sum(row.first.get(reason, 0) for row in rows) for reason in reasons]
    share = f"{100 * rejected / pairs:.2f}"
    return [f"{pairs:,}", f"{rejected:,}", share, *(f"{count:,}" for count in first)]


def _show_example(console: Console, lang: str, example: Example) -> None:
    scores = ", ".join(
        f"{name} {'null' if value is None else f'{value:.3g}'}"
        for name, value in example.scores.items()
    )
    where = f"{example.set}:{example.line}".removeprefix(":")
    console.print(f"\n[bold]{example.reason}[/bold] {lang} {escape(where)}  {scores}")
    console.print(f"  {escape(example.src)}\n  {escape(example.tgt)}", soft_wrap=True)


def _show_defects(console: Console, facts: GoldFacts) -> None:
    """The share of each kind that is rejected or repaired, and the reasons of those rejected."""
    kinds = list(dict.fromkeys(row.kind for row in facts.defects))
    found = {(row.kind, row.lang): row for row in facts.defects}
    langs = [row.lang for row in facts.languages]
    table = Table(
        "% caught of", *(lang[:3] for lang in langs), "all", "reasons", title="planted defects"
    )
    for kind in kinds:
        rows = [row for row in facts.defects if row.kind == kind]
        cells = [
            f"{found[kind, lang].recall:.0f}" if (kind, lang) in found else "" for lang in langs
        ]
        caught = sum(row.rejected + row.repaired for row in rows)
        share = f"{100 * caught / sum(row.pairs for row in rows):.0f}"
        table.add_row(kind, *cells, share, _reasons(rows))
    console.print(table)
    click.echo("Caught: rejected, or repaired by a cleaner. Blank: no such defect can be made.")


def _reasons(rows: Sequence[DefectFacts]) -> str:
    """Reasons of the rejected, most frequent first."""
    counts = Counter[str]()
    for row in rows:
        counts.update(row.first)
        counts["(repaired)"] += row.repaired
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common() if count)


def markdown_table(facts: GoldFacts) -> str:
    """Percent of each language's references that each rule rejects, alone or with others."""
    reasons = sorted({reason for row in facts.languages for reason in row.any})
    head = ["language", "pairs", "rejected", *reasons]
    rows = [head, ["---"] + ["--:"] * (len(head) - 1)]
    for row in facts.languages:
        shares = [100 * row.any.get(reason, 0) / row.pairs for reason in reasons]
        cells = [f"{share:.2f}" if share else "" for share in shares]
        rows.append([row.lang, f"{row.pairs:,}", f"{row.percent:.2f}", *cells])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([table, *_notes(facts)])


def _notes(facts: GoldFacts) -> list[str]:
    """One line for each language whose references are in part no translations."""
    notes = ((row.lang, row.untranslated_note()) for row in facts.languages)
    lines = [
        f"{lang}: not all references are translations: {note}." for lang, note in notes if note
    ]
    return ["", *lines] if lines else []


def show_lengths(rows: pl.DataFrame) -> None:
    """Length factors of languages, measured and shipped."""
    table = Table("language", "pairs", "factor", "spread", "shipped", title="length factors")
    for lang, pairs, factor, spread, shipped in rows.rows():
        deviation = "" if spread is None else f"{spread:.3f}"
        table.add_row(lang, f"{pairs:,}", f"{factor:.3f}", deviation, f"{shipped:.3f}")
    for column in table.columns[1:]:
        column.justify = "right"
    Console(highlight=False).print(table)
