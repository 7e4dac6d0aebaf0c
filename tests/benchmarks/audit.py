"""The audit of a large corpus by a stratified sample: how long, how big, and how right.

    python -m tests.benchmarks.audit                   # 2 million pairs, 2 workers
    python -m tests.benchmarks.audit --pairs 120000 --truth
    python -m tests.benchmarks.audit --rules openseal  # its 13 scorers

The corpus has equally many pairs of English with twelve languages, put together from the sentences
of the sample; one pair in five is spoiled, by its line number: copied, cut, shuffled against its
neighbours, repeated, or given markup. Rules and models are those of a built-in recipe. ``--truth``
audits every pair too, and counts the shares of the sample that are within the error they state, a
99 % interval.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import polars as pl

from .corpus import pairs_of, sample_languages

_SOURCE = """
[[source]]
name = "{lang}"
reader = "moses"
path = "{lang}"
src_lang = "eng_Latn"
tgt_lang = "{lang}"
"""


_REST = """
[decontaminate]
refs = ["sample:eval"]

[tokenizer]
path = "sample:tokenizers/bpe"
"""


def write_corpus(folder: Path, num_pairs: int, rules: str) -> Path:
    """Two text files a language, and the recipe, whose path this is."""
    languages = sample_languages()
    recipe = f'extends = "{rules}"\nname = "audit-benchmark"\nstream = []\n'
    for lang in languages:
        pairs = spoiled(pairs_of(lang, num_pairs // len(languages)))
        for side, code in (("src", "eng_Latn"), ("tgt", lang)):
            pairs.select(side).write_csv(
                folder / f"{lang}.{code}", include_header=False, quote_style="never"
            )
        recipe += _SOURCE.format(lang=lang)
    path = folder / "recipe.toml"
    path.write_text(recipe + _REST, "utf-8")
    return path


def spoiled(pairs: pl.DataFrame) -> pl.DataFrame:
    """Two pairs in fifty of each defect."""
    src, tgt, turn = pl.col("src"), pl.col("tgt"), pl.col("row") % 50
    return pairs.with_columns(
        tgt=pl.when(turn < 2)
        .then(src)
        .when(turn < 4)
        .then(tgt.str.slice(0, 8))
        .when(turn < 6)
        .then(tgt.shift(7, fill_value="x"))
        .when(turn < 8)
        .then(pl.concat_str(tgt, tgt, tgt, separator=" "))
        .when(turn < 10)
        .then(pl.concat_str(pl.lit('<div class="post'), tgt))
        .otherwise(tgt)
    )


def audited(recipe: Path, out: Path, *more: str) -> tuple[float, dict[str, Any]]:
    """Seconds by the clock, and ``audit.json``."""
    command = [sys.executable, "-c", "from cli.sealdata import main; main()", "audit", str(recipe)]
    began = time.monotonic()
    subprocess.run([*command, "--out", str(out), *more], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    found: dict[str, Any] = json.loads((out / "audit" / "audit.json").read_text("utf-8"))
    return seconds, found


@click.command()
@click.option("--pairs", default=2_000_000, show_default=True, help="Pairs of the corpus.")
@click.option("--workers", default=2, show_default=True, help="Processes.")
@click.option("--rules", default="quickstart", show_default=True, help="A built-in recipe.")
@click.option("--truth", is_flag=True, help="Audit every pair too and compare the shares.")
def main(pairs: int, workers: int, rules: str, truth: bool) -> None:
    """Time the audit of a recipe by its default sample."""
    with TemporaryDirectory(prefix="sealdata-bench-") as name:
        recipe = write_corpus(Path(name), pairs, rules)
        flags = ("--workers", str(workers))
        seconds, sample = audited(recipe, Path(name) / "sample", *flags)
        size = (Path(name) / "sample" / "audit" / "index.html").stat().st_size
        rows = sum(sample["basis"]["sampled"].values())
        click.echo(f"{pairs:,} pairs, {rows:,} in the sample: {seconds:.0f} s, {size / 1e6:.2f} MB")
        if truth:
            _, full = audited(recipe, Path(name) / "full", *flags, "--rows", str(pairs))
            judge(sample, full)


def judge(sample: dict[str, Any], full: dict[str, Any]) -> None:
    """Say how many of the estimated figures are within their errors, and name the others."""
    errors = {name: error for name, error in sample["errors"].items() if error}
    misses = {
        name: (sample["metrics"][name], full["metrics"][name], error)
        for name, error in errors.items()
        if name in full["metrics"] and abs(sample["metrics"][name] - full["metrics"][name]) > error
    }
    click.echo(f"{len(errors) - len(misses)} of {len(errors)} figures within their errors")
    for name, (found, true, error) in misses.items():
        click.echo(f"  {name}: {found:g} +- {error:g}, counted {true:g}")


if __name__ == "__main__":
    main()
