"""Prints the catalogue of corpora, a card, and the progress of a download."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from sealdata.fetch.corpus_cards import CorpusCard
from sealdata.fetch.files import Report
from sealdata.files.printable import printable
from sealdata.workflow.progress import ProgressOptions, running
from sealdata.workflow.progress_records import Records
from sealdata.workflow.progress_views import PLAIN_INTERVAL

from .tables import table
from .terminal import echo


def show_sources(cards: dict[str, CorpusCard]) -> None:
    """A row per corpus."""
    head = ["name", "corpus", "licence", "languages", "pairs with English", "to fetch"]
    rows = []
    for name, card in cards.items():
        pairs = f"{sum(card.counts.values()):,}" if card.counts else "–"
        numbers = [str(len(card.languages)), pairs, str(len(card.downloads) or "–")]
        rows.append([name, card.title, card.licence, *numbers])
    echo(table(head, rows, text=["corpus", "licence"]))


def show_source(name: str, card: CorpusCard) -> None:
    """All facts of a card, one a line; addresses are not broken."""
    echo(f"{card.title} ({name})\n\n{card.origin}\n")
    echo(f"licence    {card.licence}{'  ' + card.licence_url if card.licence_url else ''}")
    if card.licence_note:
        echo(f"           {card.licence_note}")
    echo(f"languages  {' '.join(card.languages)}")
    for what, counts in (("pairs", card.counts), ("unique", card.unique_counts)):
        for lang, count in counts.items():
            echo(f"{what:<11}{lang:<20}{count:>13,}")
        if len(counts) > 1:
            echo(f"{what:<11}{'all':<20}{sum(counts.values()):>13,}")
    for part, count in card.parts.items():
        echo(f"{'part':<11}{part:<29}{count:>13,}")
    for title, lines in (("defect", card.defects), ("personal", [card.personal_data])):
        for line in lines:
            echo(f"{title:<11}{line}")
    for what, url in card.urls.items():
        echo(f"{'address':<11}{what}: {url}")
    for key, item in card.downloads.items():
        echo(f"{'fetch':<11}{key}: {item.url}")


@contextmanager
def fetch_progress(shown: ProgressOptions) -> Iterator[Report]:
    """Reports bytes on stderr: a live bar on a terminal, otherwise a line every few seconds.

    ``shown`` chooses another form, or none, and may name a file for records.
    """
    console = Console(stderr=True)
    reports: list[Report] = []
    records: list[Records] = []
    with ExitStack() as stack:
        mode = shown.mode
        if mode == "auto":
            mode = "bars" if console.is_terminal else "lines"
        if mode == "bars":
            reports.append(_bar_reporter(stack, console))
        elif mode == "lines":
            reports.append(_regular(_print_line))
        elif mode == "json":
            records.append(Records(sys.stderr))
        if shown.file is not None:
            records.append(Records(stack.enter_context(shown.file.open("a", encoding="utf-8"))))
        reports += [_regular(view.fetched) for view in records]

        def report_all(file: str, done: int, total: int | None) -> None:
            for report in reports:
                report(file, done, total)

        with running(records, "fetch"):
            yield report_all


def _bar_reporter(stack: ExitStack, console: Console) -> Report:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bars = stack.enter_context(Progress("{task.description}", *columns, console=console))
    task = bars.add_task("", total=None)
    return lambda file, done, total: bars.update(
        task, description=escape(printable(file)), completed=done, total=total
    )


def _regular(tell: Callable[[str, int, int | None, float], None]) -> Report:
    """Calls ``tell`` with the rate in bytes a second, every few seconds and at the end."""
    began = last = monotonic()
    first: int | None = None

    def report(file: str, done: int, total: int | None) -> None:
        nonlocal last, first
        first = done if first is None else first
        now = monotonic()
        if now - last < PLAIN_INTERVAL and done != total:
            return
        last = now
        tell(file, done, total, max(done - first, 0) / max(now - began, 1e-3))

    return report


def _print_line(file: str, done: int, total: int | None, rate: float) -> None:
    left = f" of {total / 1e6:,.1f}" if total is not None else ""
    eta = f", ETA {(total - done) / rate:,.0f} s" if total is not None and rate else ""
    echo(f"{file}: {done / 1e6:,.1f}{left} MB, {rate / 1e6:,.1f} MB/s{eta}", err=True)
