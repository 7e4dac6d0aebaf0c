"""What `sealdata fertility` and `sealdata budget` print."""

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from sealdata.dataset.estimate import HEAD_ROWS, PAPER_PAIRS, PAPER_TOKENS, SourceTokens
from sealdata.languages import resolve
from sealdata.tokens.budget import Budget
from sealdata.tokens.extension import HIDDEN_SIZES, Extension

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


def show_extension(
    extension: Extension, rows: pl.DataFrame, hidden_size: int | None, as_json: bool
) -> None:
    """Each language before and after, most gained first, and what the new pieces cost.

    With ``as_json`` the cost alone, to standard error: the rows were printed.
    """
    before, after = rows.partition_by("tokenizer", maintain_order=True)
    both = before.join(after, on="lang", suffix="_after", maintain_order="left")
    table = Table("language", box=None, pad_edge=False)
    for head in ("tokens/word", "with more", "parity", "with more", "tokens %"):
        table.add_column(head, justify="right")
    change = 100 * (pl.col("tokens_per_char_after") / pl.col("tokens_per_char") - 1)
    for row in both.with_columns(change=change).sort("change").iter_rows(named=True):
        names = ("tokens_per_word", "tokens_per_word_after", "parity", "parity_after")
        cells = [_written(row[name], ".2f") for name in names]
        table.add_row(resolve(row["lang"]).name, *cells, _written(row["change"], "+.1f"))
    if not as_json:
        click.echo()
        Console(width=120 if not Console().is_terminal else None).print(table)
        click.echo()
    added = extension.num_added
    short = "" if added == extension.num_asked else f" of {extension.num_asked:,} asked for"
    click.echo(
        f"{added:,} pieces{short}, learnt from {extension.num_pairs:,} pairs not measured",
        err=as_json,
    )
    sizes = {f"hidden size {hidden_size}": hidden_size} if hidden_size else HIDDEN_SIZES
    for name, size in sizes.items():
        click.echo(
            f"embedding parameters, {name}: {2 * added * size:,} more "
            f"({added * size:,} if input and output embeddings are tied)",
            err=as_json,
        )


def show_estimate(rows: list[SourceTokens], directions: str) -> None:
    """Tokens per pair and document of each source, and what the whole would be."""
    table = Table("source", box=None, pad_edge=False)
    heads = ("pairs measured", "tokens/pair", "tokens/document", "pairs published", "M tokens")
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.num_pairs:,}",
            _written(row.per_pair, ".1f"),
            _written(row.per_document, ".1f"),
            _written(row.published, ","),
            _written(row.total and row.total / 1e6, ",.1f"),
        )
    click.echo()
    Console(width=120 if not Console().is_terminal else None).print(table)
    known = [(row.published, row.total) for row in rows if row.published and row.total is not None]
    if known:
        pairs, tokens = (sum(column) for column in zip(*known, strict=True))
        click.echo(
            f"every published pair kept: {tokens / 1e9:,.2f}B tokens "
            f"over {pairs / 1e6:,.1f}M pairs, {tokens / pairs:.1f} a pair"
        )
    click.echo(
        f"directions = {directions!r}, template and EOS included; measured on the first "
        f"{HEAD_ROWS:,} records of each source, before any cleaner or rule"
    )
    paper = PAPER_TOKENS / PAPER_PAIRS
    click.echo(
        f"the paper: {PAPER_TOKENS / 1e9:.1f}B tokens over {PAPER_PAIRS / 1e6:.1f}M pairs, "
        f"{paper:.0f} a pair, {paper / 2:.0f} a document with directions = 'both'"
    )


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
