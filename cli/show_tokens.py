"""Prints the results of `sealdata fertility`, `budget` and `build --dry-run`."""

import polars as pl

from sealdata.dataset.estimate import PAPER_PAIRS, PAPER_TOKENS, SourceTokens
from sealdata.languages import resolve
from sealdata.tokens.budget import Budget
from sealdata.tokens.extension import HIDDEN_SIZES, Extension

from .tables import table
from .terminal import echo

_HEADS = {  # column of the fertility table -> its heading and number format
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
    """A table per tokenizer, the costliest language first, and what found the words."""
    head = ["language", *(heading for heading, _ in _HEADS.values())]
    tokenizers = rows.partition_by("tokenizer", as_dict=True, maintain_order=True)
    for (name,), lang_rows in tokenizers.items():
        cells = []
        for row in lang_rows.sort("parity", descending=True, nulls_last=True).iter_rows(named=True):
            low, high = row["parity_low"], row["parity_high"]
            row["interval"] = None if low is None else f"{low:.2f}–{high:.2f}"
            numbers = [_written(row[column], how) for column, (_, how) in _HEADS.items()]
            cells.append([resolve(row["lang"]).name, *numbers])
        echo(table(head, cells, title=str(name), underline=False))
        echo()
    languages: dict[str, list[str]] = {}
    for lang, words_by in rows.select("lang", "words_by").unique(maintain_order=True).iter_rows():
        languages.setdefault(words_by, []).append(resolve(lang).name)
    for words_by, names in languages.items():
        echo(f"words by {words_by}: {', '.join(names)}")


def show_extension(
    extension: Extension, rows: pl.DataFrame, hidden_size: int | None, as_json: bool
) -> None:
    """Each language before and after, the largest gain first, and the cost of the new pieces.

    With ``as_json`` only the cost is printed, to stderr, because stdout has the rows.
    """
    before, after = rows.partition_by("tokenizer", maintain_order=True)
    both = before.join(after, on="lang", suffix="_after", maintain_order="left")
    head = ["language", "tokens/word", "with more", "parity", "with more", "tokens %"]
    cells = []
    change = 100 * (pl.col("tokens_per_char_after") / pl.col("tokens_per_char") - 1)
    for row in both.with_columns(change=change).sort("change").iter_rows(named=True):
        names = ("tokens_per_word", "tokens_per_word_after", "parity", "parity_after")
        numbers = [_written(row[name], ".2f") for name in names]
        cells.append([resolve(row["lang"]).name, *numbers, _written(row["change"], "+.1f")])
    if not as_json:
        echo()
        echo(table(head, cells, underline=False))
        echo()
    added = extension.num_added
    short = "" if added == extension.num_asked else f" of {extension.num_asked:,} asked for"
    echo(
        f"{added:,} pieces{short}, learnt from {extension.num_pairs:,} pairs that are not measured",
        err=as_json,
    )
    sizes = {f"hidden size {hidden_size}": hidden_size} if hidden_size else HIDDEN_SIZES
    for name, size in sizes.items():
        echo(
            f"embedding parameters, {name}: {2 * added * size:,} more "
            f"({added * size:,} if input and output embeddings are tied)",
            err=as_json,
        )


def show_estimate(rows: list[SourceTokens], directions: str) -> None:
    """Tokens per pair and per document of each source, and the total for all published pairs."""
    head = ["source", "pairs measured", "tokens/pair", "tokens/document"]
    head += ["pairs published", "M tokens"]
    cells = [
        [
            row.name,
            f"{row.num_pairs:,}",
            _written(row.per_pair, ".1f"),
            _written(row.per_document, ".1f"),
            _written(row.published, ","),
            _written(row.total and row.total / 1e6, ",.1f"),
        ]
        for row in rows
    ]
    echo()
    echo(table(head, cells, underline=False))
    totals = [(row.published, row.total) for row in rows if row.published and row.total is not None]
    if totals:
        pairs, tokens = (sum(column) for column in zip(*totals, strict=True))
        echo(
            f"every published pair kept: {tokens / 1e9:,.2f}B tokens "
            f"over {pairs / 1e6:,.1f}M pairs, {tokens / pairs:.1f} a pair"
        )
    echo(
        f"directions = {directions!r}, template and EOS included; measured on a sample of each "
        "source, before any cleaner or rule"
    )
    paper = PAPER_TOKENS / PAPER_PAIRS
    echo(
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
    """A row for each language, and the lines for a training config."""
    head = ["language", "tokens there", "pairs there", "tokens", "share %", "pairs read", "epochs"]
    rows = [
        [
            resolve(share.lang).name,
            f"{share.available:,}",
            f"{share.num_pairs:,}",
            f"{share.num_tokens:,}",
            f"{100 * share.num_tokens / plan.total_tokens:.1f}",
            f"{share.pairs_read:,}",
            f"{share.epochs:.2f}" + (" (limit)" if share.capped else ""),
        ]
        for share in plan.shares
    ]
    echo(table(head, rows, underline=False))
    echo()
    echo(plan.config())
