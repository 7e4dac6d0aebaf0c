"""`sealdata init`: a recipe written by looking at files."""

from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, metavar="FILES...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("recipe.toml"),
    show_default=True,
    help="The recipe to write; a file that is there is kept.",
)
@click.option(
    "--filters",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .filter.json of OpusCleaner or the YAML of OpusFilter, whose filters become rules.",
)
@click.option("--name", help="Name of the build.  [default: that of the recipe's file]")
def init(paths: tuple[Path, ...], out: Path, filters: Path | None, name: str | None) -> None:
    """Write a recipe by looking at FILES: corpora, or folders of them.

    Finds formats, languages, columns, sizes and stored scores, and explains each line of the
    recipe. What it cannot tell is marked FILL, and what rests on a guess CHECK. The rules are those
    of the recipe openseal, or the counterparts of --filters; filters without one are named.

    \b
    Example:
        sealdata init corpora/ --out my-recipe.toml
        sealdata init corpora/ --filters corpora/wiki.filter.json --out from-opuscleaner.toml
        sealdata build my-recipe.toml --dry-run
    """
    from sealdata.recipe.draft import init as draft

    from .show_init import show_draft

    show_draft(draft.init_recipe(paths, out, name, filters))
