"""What decontamination finds in each language, inside longer text: see docs/explanation/dedup.md.

    python -m tests.benchmarks.contained_by_language tico19=DIR talpco=DIR --inside CORPORA

Each DIR is a folder of references as ``tests.benchmarks.left_out`` reads them. Every second text is
looked for between the texts that stand before and behind it, as it is and changed. CORPORA is a
folder of ``*-LANG.tsv.gz`` files that have nothing to do with the sets: what is found in them by
containment is counted and printed.
"""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import polars as pl

from sealdata.contamination.index import Index
from sealdata.gold.noise import other_number
from sealdata.gold.references import read_references
from sealdata.languages import resolve
from sealdata.text.hashing import normal_form
from tests.benchmarks.contained import DEFAULT, refs_of, search
from tests.benchmarks.left_out import laid_out

DENSE = re.compile(r"[\u3005\u3007\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
MIN_LETTERS = 15  # of the normal form: shorter sentences say nothing of their own
LONG = 29  # letters from which a sentence has 20 n-grams of ten


def letters(text: str) -> int:
    """Letters of the normal form, three for a Han character and two for a syllable."""
    normal = normal_form(pl.Series([text]))[0]
    return len(normal) + sum(
        2 if "\u3400" <= match[0] <= "\u9fff" else 1 for match in DENSE.finditer(normal)
    )


def other_word(text: str, lang: str) -> str:
    """The word in the middle replaced; where no spaces are, as many characters as a word has."""
    words = text.split(" ")
    if len(words) > 3 and resolve(lang).spaces:
        return " ".join([*words[: len(words) // 2], words[0] * 2, *words[len(words) // 2 + 1 :]])
    num = 2 if DENSE.search(text) else 6
    start = (len(text) - num) // 2
    return text[:start] + text[:1] * num + text[start + num :]


CHANGES: dict[str, Callable[[str, str], str]] = {
    "as it is": lambda text, _: text,
    "another number": lambda text, _: other_number(text),
    "another word": other_word,
}


def recall(texts: list[str], lang: str) -> dict[str, tuple[int, int]]:
    """Found and looked for, by change and whether the sentence is long."""
    index = Index.of(refs_of(pl.Series(texts[1::2], dtype=pl.String)))
    counts: dict[str, tuple[int, int]] = {}
    for name, change in CHANGES.items():
        groups: dict[str, list[tuple[int, str]]] = {"long": [], "short": []}
        for ref, text in enumerate(texts[1::2]):
            changed = change(text, lang)
            size = letters(text)
            if size < MIN_LETTERS or (name != "as it is" and changed == text):
                continue
            before, behind = texts[2 * ref], texts[min(2 * ref + 2, len(texts) - 1)]
            groups["long" if size >= LONG else "short"].append(
                (ref, f"{before} {changed} {behind}")
            )
        for group, cases in groups.items():
            found = search(index, pl.Series([text for _, text in cases], dtype=pl.String), DEFAULT)
            hits = sum(cases[at][0] == ref for at, ref in found.select("at", "ref").rows())
            counts[f"{name}, {group}"] = hits, len(cases)
    return counts


def false_matches(folder: Path, sets: list[str]) -> tuple[int, int, list[tuple[str, str]]]:
    """Texts by number and by matches, and the matches: (sentence, text)."""
    index, total, shown = Index.of(refs_of(pl.Series(sets))), 0, []
    for path in sorted(folder.glob("*.tsv.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().split("\n")
        sides = pl.Series([side for line in lines for side in line.split("\t")], dtype=pl.String)
        texts = sides.unique().sort()
        total += texts.len()
        for at, ref, kind in search(index, texts, DEFAULT).select("at", "ref", "kind").rows():
            if kind == "containment":
                shown.append((sets[ref], texts[at]))
    return total, len(shown), shown


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="NAME=DIR...")
@click.option("--inside", type=click.Path(path_type=Path), help="Folder of unrelated corpora.")
def main(corpora: tuple[str, ...], inside: Path | None) -> None:
    """Print a line per set and language, then the false matches."""
    columns = [f"{name}, {group}" for group in ("long", "short") for name in CHANGES]
    click.echo("| set | language | " + " | ".join(columns) + " |")
    click.echo("|---|---|" + "--:|" * len(columns))
    with TemporaryDirectory() as scratch:
        for corpus in corpora:
            name, _, folder = corpus.partition("=")
            pairs = read_references(laid_out(Path(folder), Path(scratch) / name))
            texts = {"eng_Latn": pairs["src"].unique(maintain_order=True).to_list()}
            for (lang,), rows in pairs.group_by("lang", maintain_order=True):
                texts[str(lang)] = rows["tgt"].unique(maintain_order=True).to_list()
            for lang, own in texts.items():
                counts = recall(own, lang)
                cells = [
                    f"{100 * counts[column][0] / counts[column][1]:.1f} ({counts[column][1]:,})"
                    if counts[column][1]
                    else "-"
                    for column in columns
                ]
                click.echo(f"| {name} | {lang} | " + " | ".join(cells) + " |")
            if inside:
                every = [text for own in texts.values() for text in own]
                total, count, shown = false_matches(inside, every)
                for known, said in shown[:40]:
                    click.echo(f"  {known!r} in {said[:300]!r}")
                click.echo(f"{name}: {count} false matches in {total:,} texts")


if __name__ == "__main__":
    main()
