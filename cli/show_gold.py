"""Prints the results of `sealdata gold` and `sealdata lengths`."""

from collections import Counter
from collections.abc import Sequence

import click
import polars as pl

from sealdata.files.printable import printable
from sealdata.gold.trial_facts import DefectFacts, Example, GoldFacts, Rejections

from .tables import table
from .terminal import echo


def show_gold(facts: GoldFacts) -> None:
    """References rejected by language and reason, examples, and the share of defects caught."""
    reasons = sorted({reason for row in facts.languages for reason in row.any})
    head = ["language", "pairs", "rejected", "%", *reasons]
    rows = [
        [
            row.lang,
            f"{row.pairs:,}",
            f"{row.rejected:,}",
            f"{row.percent:.2f}{' above' if row.percent > facts.max_percent else ''}",
            *(_first_and_any(row, reason) for reason in reasons),
        ]
        for row in facts.languages
    ]
    rows.append(["all", *_total(facts.languages, reasons)])
    echo(table(head, rows, title=f"{facts.recipe} on references"))
    echo(
        "Pairs are counted under the first rule that they fail. The number in brackets, where it "
        "is larger, counts all pairs that fail the rule."
    )
    for line in _notes(facts):
        echo(line)
    if facts.skipped:
        echo(f"Skipped, with their rules: {', '.join(facts.skipped)}")
    if facts.without_references:
        echo(f"No references in: {', '.join(facts.without_references)}")
    if facts.without_lexicon:
        echo(
            f"Too few references to learn a lexicon from in: {', '.join(facts.without_lexicon)}. "
            "No pair there fails a rule on its scores."
        )
    for row in facts.languages:
        for example in row.examples:
            _show_example(row.lang, example)
    if facts.defects:
        _show_defects(facts)


def _first_and_any(row: Rejections, reason: str) -> str:
    first, every = row.first.get(reason, 0), row.any.get(reason, 0)
    return f"{first:,}" + (f" ({every:,})" if every > first else "") if every else ""


def _total(rows: Sequence[Rejections], reasons: list[str]) -> list[str]:
    pairs, rejected = sum(row.pairs for row in rows), sum(row.rejected for row in rows)
    first = [sum(row.first.get(reason, 0) for row in rows) for reason in reasons]
    share = f"{100 * rejected / pairs:.2f}"
    return [f"{pairs:,}", f"{rejected:,}", share, *(f"{count:,}" for count in first)]


def _show_example(lang: str, example: Example) -> None:
    scores = ", ".join(
        f"{name} {'null' if value is None else f'{value:.3g}'}"
        for name, value in example.scores.items()
    )
    where = f"{example.set}:{example.line}".removeprefix(":")
    facts = printable(f"{lang} {where}  {scores}")
    echo(f"\n{click.style(printable(example.reason), bold=True)} {facts}", styled=True)
    echo(f"  {example.src}\n  {example.tgt}")


def _show_defects(facts: GoldFacts) -> None:
    """The share of each kind that is rejected or repaired, and the reasons of those rejected."""
    kinds = list(dict.fromkeys(row.kind for row in facts.defects))
    by_kind_and_lang = {(row.kind, row.lang): row for row in facts.defects}
    langs = [row.lang for row in facts.languages]
    rows = []
    for kind in kinds:
        of_kind = [row for row in facts.defects if row.kind == kind]
        recalls = [by_kind_and_lang.get((kind, lang)) for lang in langs]
        caught = sum(row.rejected + row.repaired for row in of_kind)
        share = f"{100 * caught / sum(row.pairs for row in of_kind):.0f}"
        cells = ["" if row is None else f"{row.recall:.0f}" for row in recalls]
        rows.append([kind, *cells, share, _reasons(of_kind)])
    head = ["% caught of", *(lang[:3] for lang in langs), "all", "reasons"]
    echo(table(head, rows, title="planted defects", text=["reasons"]))
    echo(
        "A defect is caught if the pair is rejected or a cleaner repairs it. A cell is blank where "
        "the defect cannot be made in the language."
    )


def _reasons(rows: Sequence[DefectFacts]) -> str:
    """Reasons of the rejected, most frequent first."""
    counts = Counter[str]()
    for row in rows:
        counts.update(row.first)
        counts["(repaired)"] += row.repaired
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.most_common() if count)


def markdown_table(facts: GoldFacts) -> str:
    """Percent of each language's references that fail each rule, also if they fail others."""
    reasons = sorted({reason for row in facts.languages for reason in row.any})
    head = ["language", "pairs", "rejected", *reasons]
    rows = [head, ["---"] + ["--:"] * (len(head) - 1)]
    for row in facts.languages:
        shares = [100 * row.any.get(reason, 0) / row.pairs for reason in reasons]
        cells = [f"{share:.2f}" if share else "" for share in shares]
        rows.append([row.lang, f"{row.pairs:,}", f"{row.percent:.2f}", *cells])
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), *_notes(facts)])


def _notes(facts: GoldFacts) -> list[str]:
    """A line for each language with references that are not translations, and for each model that
    cannot judge some language."""
    notes = ((row.lang, row.untranslated_note()) for row in facts.languages)
    lines = [
        f"{lang}: some references are not translations: {note}." for lang, note in notes if note
    ]
    lines += [f"NOTE: {note}" for note in facts.model_notes]
    return ["", *lines] if lines else []


def show_lengths(rows: pl.DataFrame) -> None:
    """Length factors of languages, measured and shipped."""
    cells = [
        [
            lang,
            f"{pairs:,}",
            f"{factor:.3f}",
            "" if spread is None else f"{spread:.3f}",
            "" if shipped is None else f"{shipped:.3f}",
        ]
        for lang, pairs, factor, spread, shipped in rows.rows()
    ]
    head = ["language", "pairs", "factor", "spread", "known"]
    echo(table(head, cells, title="length factors"))
