"""Text in the wrong language: what ``openseal`` catches of it, and what it costs in references.

    python -m tests.benchmarks.foreign tico19=DIR talpco=DIR udhr=DIR bundled=sealdata/sample/text

Each DIR is a folder of references as ``tests.benchmarks.left_out`` reads them. The table goes into
docs/explanation/lid.md. Foreign text is planted as by ``sealdata gold --defects``, and all rules of
the recipe may catch it. The other columns are those of ``sealdata lid eval``, which tries the rules
on language ID only.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sealdata.gold.lid_eval import LanguageResult, LidFacts, Swap, evaluate
from sealdata.gold.trial_facts import GoldFacts, gold
from sealdata.languages import ENGLISH, resolve
from sealdata.recipe.reading import read_recipe
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress
from tests.benchmarks.left_out import laid_out

PAGE = Path("docs/explanation/lid.md")
BEGIN, END = "<!-- tables: python -m tests.benchmarks.foreign -->", "<!-- end of tables -->"
KINDS = (
    "foreign, English side",
    "foreign, English side, capitals",
    "foreign, other side",
    "foreign, other side, capitals",
)
HEAD = [
    "| language | text | right % | in its set % | references dropped % | strangers % | relatives % "
    "| foreign English side % | in capitals | foreign other side % | in capitals |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
]


def rows(name: str, languages: LidFacts, planted: GoldFacts) -> Iterator[str]:
    """A row of the table for each language of a corpus except English."""
    recalls = {(row.kind, row.lang): f"{row.recall:.1f}" for row in planted.defects}
    for row in languages.languages:
        if row.lang == ENGLISH:
            continue
        swaps = [swap for swap in languages.swaps if swap.declared == row.lang]
        shares = [_percent(row.right, row), _percent(row.in_set, row), _percent(row.dropped, row)]
        shares += [_caught([swap for swap in swaps if swap.confusable == b]) for b in (False, True)]
        shares += [recalls.get((kind, row.lang), "–") for kind in KINDS]
        yield f"| {resolve(row.lang).name} | {name} | {' | '.join(shares)} |"


def _percent(texts: int, row: LanguageResult) -> str:
    return f"{100 * texts / row.texts:.1f}"


def _caught(swaps: list[Swap]) -> str:
    texts = sum(swap.texts for swap in swaps)
    return f"{100 * sum(swap.caught for swap in swaps) / texts:.1f}" if texts else "–"


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="NAME=DIR...")
def main(corpora: tuple[str, ...]) -> None:
    """Measure the CORPORA and put the table into the page."""
    os.environ.setdefault("SEALDATA_DATA", "/nowhere")
    recipe, base = read_recipe("openseal")
    lines = list(HEAD)
    with TemporaryDirectory() as folder, LocalEngine(1) as engine:
        for corpus in corpora:
            name, _, place = corpus.partition("=")
            refs = laid_out(Path(place), Path(folder) / name)
            planted = gold(recipe, base, refs, engine, NoProgress(), defects=True)
            lines += rows(name, evaluate(recipe, base, refs), planted)
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    table = "\n".join(lines)
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
