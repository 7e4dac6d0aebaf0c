"""What a lexicon of the corpus itself catches: see docs/explanation/misalignment.md.

    python -m tests.benchmarks.misaligned data/real tico19=DIR talpco=DIR --lang tgl_Latn ...

The first folder has ``NAME-LANG.tsv.gz`` files, English and the other language: the own corpus of
each language, of which English of fewer than four words is left out. The others are folders of
references as ``tests.benchmarks.left_out`` reads them. They join the corpus, as a source of a build
does. Then pairs of every corpus are judged as they are, with the target of a random pair, with that
of the next line, and with half of a side.
"""

import gzip
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.gold.defects import DEFECTS, Case
from sealdata.gold.noise import fraction
from sealdata.gold.references import read_references
from sealdata.lexicon.model import Lexicon
from sealdata.pipeline.plan import load_plan
from tests.benchmarks.left_out import laid_out

NUM_JUDGED = 800  # pairs of each kind and corpus
MIN_WORDS = 4  # of English

Pairs = list[tuple[str, str]]


def own_corpora(folder: Path, lang: str, max_pairs: int) -> dict[str, Pairs]:
    """The pairs of each file of a language, in the order of the file, once each."""
    corpora = {}
    for path in sorted(folder.glob(f"*-{lang}.tsv.gz")):
        lines = gzip.decompress(path.read_bytes()).decode().split("\n")
        rows = [(src, tgt) for src, _, tgt in (line.partition("\t") for line in lines)]
        long = [row for row in rows if len(row[0].split()) >= MIN_WORDS and row[1] != row[0]]
        corpora[path.name.partition("-")[0]] = list(dict.fromkeys(long))[:max_pairs]
    return corpora


def spoiled(pairs: Pairs, lang: str) -> dict[str, Pairs]:
    """Up to NUM_JUDGED pairs of each kind, drawn with a fixed seed."""
    random = np.random.RandomState(1)
    drawn = np.sort(random.permutation(len(pairs) - 1)[:NUM_JUDGED])
    apart = random.permutation(len(pairs))
    kinds: dict[str, Pairs] = {"good": [], "shuffled": [], "off by one": [], "partial": []}
    for row in drawn:
        src, tgt = pairs[row]
        kinds["good"].append((src, tgt))
        strangers = {"shuffled": pairs[apart[row]], "off by one": pairs[row + 1]}
        for kind, (other, text) in strangers.items():
            if other != src:
                kinds[kind].append((src, text))
        half = DEFECTS["partial"](Case(lang, src, tgt, fraction(src, tgt), "", "", {}))
        if half is not None:
            kinds["partial"].append(half)
    return kinds


def judged(
    lexicon: Lexicon, pairs: Pairs, is_own: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Evidence and gap."""
    row = np.stack([np.arange(len(pairs))] * 2, axis=1)
    src, tgt = (pl.Series([pair[side] for pair in pairs], dtype=pl.String) for side in (0, 1))
    sums = lexicon.evidence(src, tgt, row, np.full(len(pairs), is_own))
    return lexicon.scaled(sums), lexicon.gaps(sums)


def limits(lang: str) -> tuple[float, float]:
    """The least evidence and the largest gap that ``openseal`` keeps in a language."""
    rules = {rule.score: rule for rule in load_plan("openseal").bound_rules()}
    evidence, gap = (rules[f"lexicon.{name}"] for name in ("evidence", "gap"))
    bounds = [rule.languages.get(lang, rule.bounds) for rule in (evidence, gap)]
    assert bounds[0]
    assert bounds[1]
    low, high = bounds[0][0], bounds[1][1]
    assert low is not None
    assert high is not None
    return low, high


def report(name: str, lang: str, lexicon: Lexicon, kinds: dict[str, Pairs]) -> str:
    """A row of the table: percentages."""
    scores = {kind: judged(lexicon, pairs, kind == "good") for kind, pairs in kinds.items()}
    good, gaps = scores["good"]
    low, high = limits(lang)
    limit, gap_limit = np.nanquantile(good, 0.01), np.nanquantile(gaps, 0.99)

    def below(kind: str, least: float) -> str:
        return f"{100 * np.mean(scores[kind][0] < least):.1f}"

    def above(kind: str, most: float) -> str:
        return f"{100 * np.mean(scores[kind][1] > most):.1f}"

    cells = [
        f"{100 * np.isnan(good).mean():.1f}",
        *(below(kind, low) for kind in ("good", "shuffled", "off by one")),
        *(below(kind, float(limit)) for kind in ("shuffled", "off by one")),
        *(above(kind, high) for kind in ("good", "partial")),
        above("partial", float(gap_limit)),
    ]
    return f"| {lang} | {name} | " + " | ".join(cells) + " |"


@click.command()
@click.argument("own", type=click.Path(exists=True, path_type=Path))
@click.argument("references", nargs=-1, metavar="NAME=DIR...")
@click.option("--lang", "langs", multiple=True, required=True)
@click.option("--max-pairs", default=30_000, help="Of each file of the own corpus.")
def main(own: Path, references: tuple[str, ...], langs: tuple[str, ...], max_pairs: int) -> None:
    """Print a row per corpus and language, then speed and memory."""
    others: dict[str, pl.DataFrame] = {}
    with TemporaryDirectory() as scratch:
        for corpus in references:
            name, _, folder = corpus.partition("=")
            others[name] = read_references(laid_out(Path(folder), Path(scratch) / name))
    click.echo("| language | corpus | null | lost | shuffled | off by one | shuffled at 1 % | off ")
    lines = []
    for lang in langs:
        corpora = own_corpora(own, lang, max_pairs)
        for name, refs in others.items():
            rows = refs.filter(pl.col("lang") == lang, pl.col("src") != pl.col("tgt"))
            if rows.height:
                corpora[name] = list(dict.fromkeys(rows.select("src", "tgt").rows()))
        every = [pair for pairs in corpora.values() for pair in pairs]
        order = np.random.RandomState(2).permutation(len(every))
        src, tgt = (pl.Series([every[row][side] for row in order]) for side in (0, 1))
        Lexicon.learnt(src[:300], tgt[:300])  # compiles
        start = time.process_time()
        lexicon = Lexicon.learnt(src, tgt)
        learnt = time.process_time()
        judged(lexicon, every[:10_000], True)
        scored = time.process_time()
        lines.append(
            f"{lang}: {len(every):,} pairs, {len(lexicon.cells.columns):,} cells, learnt in "
            f"{learnt - start:.1f} s; {10_000 / (scored - learnt):,.0f} scored a second"
            " of one core"
        )
        for name, pairs in corpora.items():
            click.echo(report(name, lang, lexicon, spoiled(pairs, lang)))
    click.echo("\n".join(lines))
    click.echo(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most")


if __name__ == "__main__":
    main()
