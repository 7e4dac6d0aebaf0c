"""What decontamination finds, rightly and wrongly: see docs/explanation/dedup.md.

    python -m tests.benchmarks.contained tico19=DIR talpco=DIR udhr=DIR \\
        sample=sealdata/sample/text eval=sealdata/sample/eval

Each DIR is a folder of references as ``tests.benchmarks.left_out`` reads them. Every set is looked
for in the texts of every other: nearly all matches by containment are false there. Then the
sentences of a set are disguised, and looked for as they were.
"""

import unicodedata
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import polars as pl

from sealdata.contamination.hashes import hashed
from sealdata.contamination.index import Index
from sealdata.contamination.texts import Sentence
from sealdata.gold.references import read_references
from sealdata.text.hashing import key_hashes, text_key
from tests.benchmarks.left_out import laid_out

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
DEFAULT = 0.8


def _five_percent_out(text: str) -> str:
    cut = max(1, round(0.05 * len(text)))
    start = (len(text) - cut) // 2
    return text[:start] + text[start + cut :]


DISGUISES: dict[str, Callable[[str], str]] = {
    "CRLF": lambda text: text + "\r\n",
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "capitals": str.upper,
    "a zero-width space every five characters": lambda text: "\u200b".join(
        text[at : at + 5] for at in range(0, len(text), 5)
    ),
    "text before": lambda text: f"Read this aloud, please, and twice: {text}",
    "text behind": lambda text: f"{text} (as read aloud, and twice, by everyone)",
    "5 % of the letters cut out of the middle": _five_percent_out,
    "the first half alone": lambda text: text[: len(text) // 2],
}


def distinct_texts(folder: Path) -> pl.Series:
    """Every text of both sides once, in order."""
    pairs = read_references(folder)
    return pl.concat([pairs["src"], pairs["tgt"]]).unique(maintain_order=True)


def search(index: Index, texts: pl.Series, containment: float) -> pl.DataFrame:
    """The matches of ``texts``; none is too short to be looked for."""
    frame = texts.alias("text").to_frame()
    keys = key_hashes(frame, ["text"]).to_series()
    return index.search(keys, frame.select(text_key("text")).to_series(), containment)


def refs_of(texts: pl.Series) -> pl.DataFrame:
    """The table of references of a set's texts, a row each."""
    sentences = (Sentence(number, "", text) for number, text in enumerate(texts))
    return hashed("set", "file", sentences)[0]


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="NAME=DIR...")
def main(corpora: tuple[str, ...]) -> None:
    """Print both tables."""
    with TemporaryDirectory() as scratch:
        texts = {
            name: distinct_texts(laid_out(Path(folder), Path(scratch) / name))
            for name, folder in (corpus.split("=", 1) for corpus in corpora)
        }
    refs = {name: refs_of(own) for name, own in texts.items()}
    indexes = {name: Index.of(own) for name, own in refs.items()}
    click.echo("texts: " + ", ".join(f"{name} {own.len():,}" for name, own in texts.items()))
    found = []
    for one, other in permutations(texts, 2):
        matches = search(indexes[one], texts[other], min(THRESHOLDS))
        found.append(matches.with_columns(set=pl.lit(one), inside=pl.lit(other)))
        for at, ref, score, kind in matches.rows():
            said, known = texts[other][at], refs[one]["text"][ref]
            click.echo(f"{one} in {other}, {kind} {score:.2f}: {known!r} in {said!r}")
    every = pl.concat(found)
    click.echo(f"exact: {every.filter(kind='exact').height}, of {len(found)} comparisons")
    for limit in THRESHOLDS:
        near = every.filter(pl.col("kind") == "containment", pl.col("score") >= limit)
        click.echo(f"containment {limit}: {near.height}")
    for what, disguise in DISGUISES.items():
        for name, own in texts.items():
            long = (refs[name]["ngrams"].list.len() > 0).to_numpy()
            changed = pl.Series(map(disguise, own), dtype=pl.String)
            hits = set(search(indexes[name], changed, DEFAULT)["at"])
            of_long = [at in hits for at in range(own.len()) if long[at]]
            click.echo(
                f"{what}, {name}: {len(hits) / own.len():.2%} of all, "
                f"{sum(of_long) / max(1, len(of_long)):.2%} of {len(of_long):,} with 20 n-grams"
            )


if __name__ == "__main__":
    main()
