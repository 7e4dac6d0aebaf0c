"""What `sealdata` prints: the funnel of a build, the plan of a recipe, a sequence taken apart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import click
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from sealdata.build_manifest import BuildManifest
from sealdata.gold.facts import DefectFacts, Example, GoldFacts, Rejections
from sealdata.languages import resolve
from sealdata.plan import Plan
from sealdata.progress import PLAIN_INTERVAL
from sealdata.report.cards import SourceCard
from sealdata.report.funnel import funnel_text
from sealdata.shards.reader import SequenceView
from sealdata.sources import Report

_COLOURS = ("cyan", "green", "yellow", "magenta")  # neighbouring documents differ


def show_build(manifest: BuildManifest, out: Path) -> None:
    """The funnel, the tokens, and where everything lies."""
    click.echo(funnel_text(manifest))
    click.echo()
    train = [stream for stream in manifest.streams if stream.split == "train"]
    for kind in dict.fromkeys(stream.kind for stream in train):
        streams = [stream for stream in train if stream.kind == kind]
        tokens = sum(stream.num_tokens for stream in streams)
        sequences = sum(stream.num_sequences for stream in streams)
        click.echo(f"{kind + ':':<13}{tokens:,} training tokens in {sequences:,} sequences")
    if manifest.limit is not None:
        click.echo(f"PARTIAL: only the first {manifest.limit:,} records of each source")
    for model in manifest.demonstrations:
        click.echo(f"DEMONSTRATION ONLY: {model.use} by the {model.name}. {model.note}")
    click.echo()
    places = {"report": "report/index.html", "card": "README.md", "pairs": "pairs"}
    for name, place in (places | {"shards": "shards"}).items():
        click.echo(f"{name:<8}{out / place}")


def show_plan(plan: Plan, out: Path) -> None:
    """What a build would read and do; every input file is looked for."""
    recipe = plan.recipe
    table = Table("source", "reader", "languages", "MB", title=f"{recipe.name} → {out}")
    for source in recipe.source:
        reader, where = plan.reader(source)
        files = reader.files(where.path)
        missing = [str(path) for path in files if not path.is_file()]
        size = f"{sum(path.stat().st_size for path in files) / 1e6:,.1f}" if not missing else ""
        pair = f"{resolve(source.src_lang).name} – {resolve(source.tgt_lang).name}"
        table.add_row(source.name, source.reader, pair, size or f"missing: {missing[0]}")
    Console(highlight=False).print(table)
    click.echo(f"clean   {', '.join(plan.cleaners) or 'nothing'}")
    for rule in recipe.rule:
        limits = [f">= {rule.min:g}"] if rule.min is not None else []
        limits += [f"<= {rule.max:g}"] if rule.max is not None else []
        own = f" ({len(rule.languages)} languages differ)" if rule.languages else ""
        click.echo(f"rule    {rule.reason}: {rule.score} {' and '.join(limits)}{own}")
    click.echo(
        f"pack    {recipe.pack.mode}, {recipe.pack.sequence_length:,} tokens a sequence, "
        f"{recipe.format.directions} directions"
    )


def show_sequence(view: SequenceView) -> None:
    """A sequence as text, its documents in alternating colours, with where each comes from."""
    console = Console(highlight=False, soft_wrap=True)
    length = view.manifest.sequence_length
    console.print(
        f"{view.stream}, sequence {view.number}: {length} tokens, {view.num_padding} padding"
    )
    for number, document in enumerate(view.documents):
        colour = _COLOURS[number % len(_COLOURS)]
        where = f"{document.source} row {document.row}" if document.source is not None else ""
        before = "" if document.begins else "… "
        after = " ■" if document.ends else " …"
        console.print(f"[dim]{document.start:>5}–{document.stop:<5} {escape(where)}[/dim]")
        console.print(f"[{colour}]{before}{escape(document.text)}{after}[/{colour}]")


def show_fertility(rows: pl.DataFrame) -> None:
    """A row per tokenizer and language."""
    table = Table(*(name.replace("_", " ") for name in rows.columns))
    for row in rows.iter_rows():
        table.add_row(
            *("–" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in row)
        )
    Console(width=140 if not Console().is_terminal else None).print(table)


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


def show_sources(cards: dict[str, SourceCard]) -> None:
    """A row per corpus."""
    table = Table("name", "corpus", "licence", "languages", "pairs with English", "to fetch")
    for column in table.columns[3:]:
        column.justify = "right"
    for name, card in cards.items():
        pairs = f"{sum(card.counts.values()):,}" if card.counts else "–"
        numbers = (str(len(card.languages)), pairs, str(len(card.downloads) or "–"))
        table.add_row(name, card.title, card.licence, *numbers)
    Console(width=None if Console().is_terminal else 120).print(table)


def show_source(name: str, card: SourceCard) -> None:
    """What the card says, one fact a line, addresses whole."""
    click.echo(f"{card.title} ({name})\n\n{card.origin}\n")
    click.echo(f"licence    {card.licence}{'  ' + card.licence_url if card.licence_url else ''}")
    if card.licence_note:
        click.echo(f"           {card.licence_note}")
    click.echo(f"languages  {' '.join(card.languages)}")
    for what, counts in (("pairs", card.counts), ("unique", card.unique_counts)):
        for lang, count in counts.items():
            click.echo(f"{what:<11}{lang:<20}{count:>13,}")
        if len(counts) > 1:
            click.echo(f"{what:<11}{'all':<20}{sum(counts.values()):>13,}")
    for part, count in card.parts.items():
        click.echo(f"{'part':<11}{part:<29}{count:>13,}")
    for title, lines in (("defect", card.defects), ("personal", [card.personal_data])):
        for line in lines:
            click.echo(f"{title:<11}{line}")
    for what, url in card.urls.items():
        click.echo(f"{'address':<11}{what}: {url}")
    for key, item in card.downloads.items():
        click.echo(f"{'fetch':<11}{key}: {item.url}")


@contextmanager
def fetch_progress() -> Iterator[Report]:
    """Reports bytes on stderr: a live bar on a terminal, a line every few seconds elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_reporter()
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns, console=console) as bars:
        task = bars.add_task("", total=None)
        yield lambda file, done, total: bars.update(
            task, description=file, completed=done, total=total
        )


def _plain_reporter() -> Report:
    began = last = monotonic()
    first: int | None = None

    def report(file: str, done: int, total: int | None) -> None:
        nonlocal last, first
        first = done if first is None else first
        now = monotonic()
        if now - last < PLAIN_INTERVAL and done != total:
            return
        last = now
        rate = max(done - first, 0) / max(now - began, 1e-3)
        left = f" of {total / 1e6:,.1f}" if total is not None else ""
        eta = f", ETA {(total - done) / rate:,.0f} s" if total is not None and rate else ""
        click.echo(f"{file}: {done / 1e6:,.1f}{left} MB, {rate / 1e6:,.1f} MB/s{eta}", err=True)

    return report
