"""The `sealdata` command: parse, call, print."""

import os
from pathlib import Path

import click

from sealdata import __version__
from sealdata.errors import SealError

from .errors import Program


@click.group("sealdata", cls=Program, user_error=SealError)
@click.version_option(__version__, prog_name="sealdata")
def main() -> None:
    """Curate parallel corpora: audited pairs, packed token shards, a data card to defend them.

    \b
    Example:
        sealdata build quickstart
        sealdata inspect builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:3
    """


@main.command()
@click.argument("recipe")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Result folder.  [default: builds/RECIPE-NAME]"
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Processes on this machine.  [default: all cores]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Read only the first N records of each source; marks the build PARTIAL.",
)
@click.option(
    "--dry-run", is_flag=True, help="Check the recipe and its inputs, print the plan, and stop."
)
def build(recipe: str, out: Path | None, workers: int, limit: int | None, dry_run: bool) -> None:
    """Build RECIPE, a TOML file or the name of a built-in recipe.

    Interrupted or killed, the same command goes on where it stopped; done, it does nothing.

    \b
    Example:
        sealdata build quickstart --workers 2
        sealdata build my-recipe.toml --out /data/builds/mine
    """
    from sealdata.build import build as run_build
    from sealdata.engines.local import LocalEngine
    from sealdata.plan import load_plan
    from sealdata.progress import make_progress

    from .show import show_build, show_plan

    plan = load_plan(recipe)
    folder = out or Path("builds") / plan.recipe.name
    if dry_run:
        show_plan(plan, folder)
        return
    with LocalEngine(workers) as engine:
        built = run_build(plan, folder, engine, make_progress(), limit)
    if not built.fresh:
        click.echo(f"{folder} is up to date with {recipe}: nothing to do", err=True)
    show_build(built.manifest, folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--tokenizer",
    "tokenizers",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="tokenizer.json, SentencePiece .model, or a folder with one; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fertility(folder: Path, tokenizers: tuple[Path, ...], as_json: bool) -> None:
    """Say into how many tokens each tokenizer cuts the languages of the build in FOLDER.

    Measured on a sample of up to 2,000 training pairs per language, against their English sides.

    \b
    Example:
        sealdata fertility builds/quickstart --tokenizer tokenizer.json --tokenizer unigram.model
    """
    from sealdata.build_manifest import read_build_manifest
    from sealdata.describe import fertility_of_pairs
    from sealdata.tokenizers import open_tokenizer

    from .show import show_fertility

    opened = [open_tokenizer(path) for path in tokenizers]
    rows = fertility_of_pairs(folder, read_build_manifest(folder).languages, opened)
    if as_json:
        click.echo(rows.write_json())
    else:
        show_fertility(rows)


@main.command()
@click.argument("shard")
def inspect(shard: str) -> None:
    """Print one sequence of SHARD, decoded, with its documents' boundaries and origins.

    SHARD is a part file, with ":N" for sequence N (default 0).

    \b
    Example:
        sealdata inspect builds/quickstart/shards/train/parallel/eng_Latn-tha_Thai/part-00000.npy:3
    """
    from sealdata.shards.reader import view_sequence

    from .show import show_sequence

    path, _, number = shard.partition(":")
    if number and not number.isdecimal():
        raise click.UsageError(f"{shard}: after the colon comes the number of a sequence")
    show_sequence(view_sequence(Path(path), int(number or 0)))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> None:
    """Check every file of the build in FOLDER: digests, sizes, token ids, boundaries.

    Exits with 3 if anything is wrong.

    \b
    Example:
        sealdata verify builds/quickstart
    """
    from sealdata.verify import verify_build

    click.echo(verify_build(folder))
