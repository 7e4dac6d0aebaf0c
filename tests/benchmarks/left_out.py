"""How limits fare on references that they were not chosen by: each corpus left out in turn.

    python -m tests.benchmarks.left_out tico19=DIR talpco=DIR udhr=DIR bundled=sealdata/sample/text

Each DIR is a folder of references as `sealdata gold` reads them; TALPCo's ``data_eng.txt`` and the
``udhr_eng.xml`` of the Unicode project are read as they come. For every corpus the limits of
``openseal`` that were chosen by references are chosen again from the *other* corpora, by a rule
without judgement (``derived_limits``), and tried on the one left out. The first figures are those
of the limits that the recipe ships, chosen with all of them in sight. References that are the
English line itself are no translations and not counted.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import click
import numpy as np
import polars as pl

from sealdata.gold.defects import spoil
from sealdata.gold.references import read_references
from sealdata.gold.trial import recipe_languages, try_pairs
from sealdata.languages import resolve
from sealdata.pipeline.plan import Plan
from sealdata.recipe.reading import read_recipe
from sealdata.stages.rules import Rule
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress

# Limits that were chosen by references: the score, the kind of defect that it is there to catch,
# and the step that a limit is chosen by. The others are 0 or a source's, and stay.
CHOSEN = {
    "balance.deviation": ("truncated", 0.25),
    "ending.cut": ("truncated", 0.25),
    "copy.overlap": ("copy", 0.05),
    "script.tgt_share": ("swap, other script", 0.05),
    "repetition.src_share": ("repetition", 0.05),
    "repetition.tgt_share": ("repetition", 0.05),
    "lid.tgt_odds": ("swap, same script", 0.1),
}
CAUGHT, LOST = 0.97, 0.001  # of those defects at least, of references at most: midway lies a limit
WANTED = (
    "swap, other script",
    "swap, same script",
    "truncated",
    "copy",
    "mojibake",
    "html",
    "repetition",
)


def laid_out(folder: Path, into: Path) -> Path:
    """A folder that ``read_references`` reads: ``folder``, or its pairs as TSV in ``into``."""
    if (folder / "data_eng.txt").exists():
        texts = {path.stem[5:]: _by_id(path) for path in folder.glob("data_*.txt")}
    elif (folder / "udhr_eng.xml").exists():
        texts = {path.stem[5:]: _paragraphs(path) for path in folder.glob("udhr_*.xml")}
    else:
        return folder
    english = texts.pop("eng")
    into.mkdir()
    for code, own in texts.items():
        lang = resolve({"myn": "mya"}.get(code, code)).code
        lines = [f"{english[key]}\t{own[key]}\n" for key in english if own.get(key)]
        (into / f"eng_Latn-{lang}.tsv").write_text("".join(lines), "utf-8")
    return into


def _by_id(path: Path) -> dict[str, str]:
    rows = [line.split("\t", 1) for line in path.read_text("utf-8").splitlines() if line]
    return {name: " ".join(text.split()) for name, text in rows}


def _paragraphs(path: Path) -> dict[str, str]:
    """Paragraphs by article, place and how many the article has: only equal ones are paired."""
    found = {}
    for article in ElementTree.parse(path).iter():
        kind = article.tag.rpartition("}")[2]
        if kind in ("article", "preamble"):
            paras = [part for part in article.iter() if part.tag.endswith("para")]
            for number, para in enumerate(paras):
                key = f"{kind} {article.get('number')} {number} of {len(paras)}"
                found[key] = " ".join("".join(para.itertext()).split())
    return found


def scored(folder: Path) -> pl.DataFrame:
    """References and defects made of them, with every score: no rule keeps any from them."""
    recipe, base = read_recipe("openseal")
    references = read_references(folder)
    langs = [lang for lang in recipe_languages(recipe) if lang in set(references["lang"])]
    known = references.filter(pl.col("lang").is_in(langs), pl.col("src") != pl.col("tgt"))
    pairs = pl.concat([known.with_columns(kind=pl.lit(None, pl.String)), spoil(references, langs)])
    with LocalEngine(os.cpu_count() or 1) as engine:
        bare = recipe.model_copy(update={"rule": []})
        return try_pairs(bare, base, pairs, (), engine, NoProgress())


def derived_limits(rules: tuple[Rule, ...], pairs: pl.DataFrame) -> tuple[Rule, ...]:
    """``rules`` with those limits that are in CHOSEN chosen by ``pairs``.

    Languages without a limit of their own in the recipe share one, those with their own share
    another (they are its exceptions). Rules that are off for a language stay off.
    """
    found = []
    for rule in rules:
        if rule.score not in CHOSEN:
            found.append(rule)
            continue
        off = [lang for lang, own in rule.languages.items() if own is None]
        special = pl.col("lang").is_in(set(rule.languages) - set(off))
        known = pairs.filter(~pl.col("lang").is_in(off))
        bounds = _midway(rule, known.filter(~special))
        own = _midway(rule, known.filter(special)) if known.select(special.any()).item() else bounds
        languages = {lang: None if lang in off else own for lang in rule.languages}
        found.append(replace(rule, bounds=bounds, languages=languages))
    return tuple(found)


def _midway(rule: Rule, pairs: pl.DataFrame) -> tuple[float | None, float | None]:
    """Limits halfway from what all but LOST of the references have to what CAUGHT of the defects
    have, in steps, towards the defects."""
    kind, step = CHOSEN[rule.score]
    values = pairs.select("kind", value=pl.col(rule.score).cast(pl.Float64)).drop_nulls("value")
    good = np.sort(values.filter(pl.col("kind").is_null())["value"].to_numpy())
    bad = np.sort(values.filter(pl.col("kind") == kind)["value"].to_numpy())
    lost, missed = int(LOST * len(good)), 1 - CAUGHT
    low, high = rule.bounds
    if low is not None:
        wrong = bad[bad < np.median(good)][::-1]
        low = float(np.floor((good[lost] + wrong[int(missed * len(wrong))]) / 2 / step) * step)
    if high is not None:
        wrong = bad[bad > np.median(good)]
        high = float(np.ceil((good[-1 - lost] + wrong[int(missed * len(wrong))]) / 2 / step) * step)
    return low, high


def rejected(rules: tuple[Rule, ...], pairs: pl.DataFrame, lang: str) -> float:
    """Percent of the pairs of a language that fail a rule, or that no score is known of."""
    own = pairs.filter(pl.col("lang") == lang)
    failed = own["reason"].is_not_null()
    for rule in rules:
        failed = failed | rule.failed(own, lang)
    return 100 * failed.sum() / own.height


def rows(corpora: Mapping[str, pl.DataFrame], rules: tuple[Rule, ...]) -> list[str]:
    """A table: for each corpus and language, rejected by either limits, and the worst recall."""
    lines = [
        "| left out | language | pairs | rejected, shipped limits | rejected, limits from the "
        "others | least caught of a kind, shipped | from the others |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for name, pairs in corpora.items():
        others = [frame for key, frame in corpora.items() if key != name]
        blind = derived_limits(rules, pl.concat(others, how="diagonal"))
        plain = pairs.filter(pl.col("kind").is_null())
        for lang in plain["lang"].unique(maintain_order=True):
            own = plain.filter(pl.col("lang") == lang)
            lines.append(
                f"| {name} | {lang} | {own.height:,} | {rejected(rules, own, lang):.2f} "
                f"| {rejected(blind, own, lang):.2f} | {_worst(rules, pairs, lang)} "
                f"| {_worst(blind, pairs, lang)} |"
            )
    return lines


def _worst(rules: tuple[Rule, ...], pairs: pl.DataFrame, lang: str) -> str:
    """The kind of defect that is caught least, and percent; repairs by cleaners count."""
    place = ["lang", "set", "line"]
    sound = pairs.filter(pl.col("kind").is_null()).select(*place, sound="read")
    spoiled = pairs.filter(pl.col("lang") == lang).join(sound, on=place, how="left")
    shares = {}
    for kind in WANTED:
        own = spoiled.filter(pl.col("kind") == kind)
        bad = own.filter(pl.col("read") != pl.col("sound"))
        if own.height:
            share = rejected(rules, bad, lang) if bad.height else 100.0
            shares[kind] = 100 - (100 - share) * bad.height / own.height
    kind = min(shares, key=lambda kind: shares[kind])
    return f"{shares[kind]:.1f} {re.sub('swap, ', 'swap ', kind)}"


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="NAME=DIR...")
def main(corpora: tuple[str, ...]) -> None:
    """Leave each of the CORPORA out in turn."""
    os.environ.setdefault("SEALDATA_DATA", "/nowhere")
    recipe, base = read_recipe("openseal")
    rules = Plan(recipe, base).bound_rules()
    with TemporaryDirectory() as folder:
        found = {}
        for corpus in corpora:
            name, _, place = corpus.partition("=")
            found[name] = scored(laid_out(Path(place), Path(folder) / name))
    click.echo("\n".join(rows(found, tuple(r for r in rules if r.score != "stored.margin"))))


if __name__ == "__main__":
    main()
