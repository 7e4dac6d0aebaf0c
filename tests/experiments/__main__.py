"""Run the tiny experiments and write their results: ``python -m tests.experiments --data DATA``."""

import os
import subprocess
import sys
from pathlib import Path

import click

import sealdata

from .page import write_page
from .runs import everything, train, translate
from .settings import BASE, BUILDS, RUNS

HERE = Path(__file__).parent


def program(name: str, *arguments: str | Path) -> None:
    """Run `sealdata` or `sealtrain`, its output into a log; stop if it fails."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with (RUNS / "log.txt").open("a", encoding="utf-8") as log:
        done = subprocess.run(
            [Path(sys.executable).with_name(name), *arguments],
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode:
        raise click.ClickException(f"{name} {arguments[0]} failed: see {RUNS / 'log.txt'}")


def build(data: Path) -> None:
    """The text, the shards of the experiments and those of the base model."""
    from .text import write_text

    write_text(data, BUILDS / "text")
    program("sealdata", "build", HERE / "corpus.toml", "--out", BUILDS)
    program("sealdata", "build", HERE / "english.toml", "--out", BUILDS / "english")


def measure_tokenizers() -> None:
    """A tokenizer made mostly for English as it is and extended, and one that saw all alike."""
    bundled = Path(sealdata.__file__).parent / "sample" / "tokenizers"
    for name, path, extend in (
        ("bpe", bundled / "bpe", ["--extend", "4000"]),
        ("unigram", bundled / "unigram" / "unigram.model", []),
    ):
        where = ["fertility", str(BUILDS), "--tokenizer", str(path), *extend]
        program("sealdata", *where, "--csv", BUILDS / f"fertility-{name}.csv")


def train_base() -> None:
    """The English model that all runs start from, as a Hugging Face folder."""
    if not (RUNS / f"{BASE}-model").is_dir():
        program("sealtrain", "run", f"experiments/{BASE}")
        program("sealtrain", "export", RUNS / BASE, "--out", RUNS / f"{BASE}-model")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Holds tico19/tico19.en-XX.* and talpco/data_*.txt.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True)
def main(data: Path, jobs: int) -> None:
    """Build, train and compare, and write docs/explanation/experiments.md.

    A second call continues where the first stopped.
    """
    for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = "1"  # of each process; libraries read it when they are first imported
    build(data)
    train_base()
    everything(train, jobs)
    everything(translate, jobs)
    measure_tokenizers()
    write_page()


if __name__ == "__main__":
    main()
