"""What `sealdata fertility` and `sealdata budget` print."""

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from sealdata.budget import Budget
from sealdata.languages import resolve

_HEADS = {  # column of the fertility table -> what stands above it, how it is written
    "num_pairs": ("pairs", ",.0f"),
    "tokens_per_word": ("tokens/word", ".2f"),
    "continued_share": ("words cut %", "%"),
    "tokens_per_char": ("tokens/char", ".3f"),
    "tokens_per_grapheme": ("tokens/cluster", ".3f"),
    "bytes_per_token": ("bytes/token", ".2f"),
    "single_byte_share": ("single bytes %", "%"),
    "unknown_share": ("unknown %", "%"),
    "parity": ("parity", ".2f"),
    "interval": ("95 %", ""),
    "context_words": ("words in 4,096", ",.0f"),
    "cost_percent": ("cost %", "+.0f"),
    "tokens_per_pair": ("tokens/pair", ".1f"),
    "pairs_in_budget": ("M pairs in 34.7B", "M"),
}


def show_fertility(rows: pl.DataFrame) -> None:
    """A table per tokenizer, the costliest language first, and who told the words."""
    for (name,), own in rows.partition_by("tokenizer", as_dict=True, maintain_order=True).items():
        table = Table("language", title=str(name), title_justify="left", box=None, pad_edge=False)
        for head, _ in _HEADS.values():
            table.add_column(head, justify="right")
        for row in own.sort("parity", descending=True, nulls_last=True).iter_rows(named=True):
            low, high = row["parity_low"], row["parity_high"]
            row["interval"] = None if low is None else f"{low:.2f}–{high:.2f}"
            cells = [_written(row[column], how) for column, (_, how) in _HEADS.items()]
            table.add_row(resolve(row["lang"]).name, *cells)
        Console(width=190 if not Console().is_terminal else None).print(table)
        click.echo()
    by: dict[str, list[str]] = {}
    for lang, who in rows.select("lang", "words_by").unique(maintain_order=True).iter_rows():
        by.setdefault(who, []).append(resolve(lang).name)
    for who, names in by.items():
        click.echo(f"words by {who}: {', '.join(names)}")


def _written(value: object, how: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, int | float):
        if how == "%":
            return f"{100 * value:.1f}"
        return f"{value / 1e6:,.0f}" if how == "M" else format(value, how)
    return str(value)


def show_budget(plan: Budget) -> None:
    """A row per language, and the lines for a training config."""
    table = Table("language", box=None, pad_edge=False)
    for head in ("tokens there", "pairs there", "tokens", "share %", "pairs read", "epochs"):
        table.add_column(head, justify="right")
    for share in plan.shares:
        table.add_row(
            resolve(share.lang).name,
            f"{share.available:,}",
            f"{share.num_pairs:,}",
            f"{share.num_tokens:,}",
            f"{100 * share.num_tokens / plan.total_tokens:.1f}",
            f"{share.pairs_read:,}",
            f"{share.epochs:.2f}" + (" (limit)" if share.capped else ""),
        )
    Console(width=120 if not Console().is_terminal else None).print(table)
    click.echo()
    click.echo(plan.config())
