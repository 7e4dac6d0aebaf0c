"""What `sealdata lid eval` prints: accuracy and cost by language, and the confusion matrix."""

from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table

from sealdata.gold.curves import LOSSES, Curve
from sealdata.gold.lid_eval import LidFacts, Swap

_OTHERS = "others"


def show_lid(facts: LidFacts) -> None:
    """One row a language: texts, accuracy, dropped; then what each language is taken for."""
    console = Console(highlight=False, width=None if Console().is_terminal else 160)
    reasons = sorted({reason for row in facts.languages for reason in row.reasons})
    table = Table(
        *("language", "texts", "right %", "in its set %", "dropped %", *reasons),
        *("strangers caught %", "relatives caught %"),
        title=f"{facts.model} at the limits of {facts.recipe}",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for row in facts.languages:
        swaps = [swap for swap in facts.swaps if swap.declared == row.lang]
        table.add_row(
            row.lang,
            f"{row.texts:,}",
            *(_percent(part, row.texts) for part in (row.right, row.in_set, row.dropped)),
            *(f"{row.reasons.get(reason, 0):,}" for reason in reasons),
            _caught(swap for swap in swaps if not swap.confusable),
            _caught(swap for swap in swaps if swap.confusable),
        )
    console.print(table)
    click.echo(
        "Strangers and relatives: references of languages outside and inside the confusable set, "
        "declared to be in this one; caught by any rule on language ID."
    )
    console.print(_matrix(facts))


def _matrix(facts: LidFacts) -> Table:
    """Texts of each language by what they are taken for."""
    langs = [row.lang for row in facts.languages]
    heads = [lang[:3] if lang != "zho_Hant" else "Hant" for lang in langs]
    table = Table("texts in", *heads, _OTHERS, title="taken for")
    for row in facts.languages:
        cells = [row.taken_for.get(lang, 0) for lang in langs]
        others = {code: n for code, n in row.taken_for.items() if code not in langs}
        most = f" ({next(iter(others))})" if others else ""
        shown = [f"{n:,}" if n else "" for n in (*cells, sum(others.values()))]
        table.add_row(row.lang, *shown[:-1], f"{shown[-1]}{most}")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _caught(swaps: Iterable[Swap]) -> str:
    rows = list(swaps)
    return _percent(sum(row.caught for row in rows), sum(row.texts for row in rows))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def show_curves(found: Sequence[Curve]) -> None:
    """Relatives caught where so many references are lost, and the limit that does it."""
    heads = [f"{loss:g} % lost" for loss in LOSSES]
    table = Table("model", "language", "texts", "relatives", *heads, title="% of relatives caught")
    for curve in found:
        points = [curve.at(loss) for loss in LOSSES]
        table.add_row(
            curve.model,
            curve.lang,
            f"{curve.texts:,}",
            f"{sum(curve.relatives.values()):,}",
            *("–" if p is None else f"{p.caught:.1f} ({p.limit:g})" for p in points),
        )
    for column in table.columns[2:]:
        column.justify = "right"
    Console(highlight=False, width=None if Console().is_terminal else 160).print(table)
    click.echo("In brackets the limit on lid.tgt_within_set_margin; –: any limit loses more.")
