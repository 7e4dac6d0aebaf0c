"""Language identification: `sealdata lid eval`, `lid confusions` and `lid curve`."""

import json
from pathlib import Path

import click

from .options import AS_JSON, REFS, from_working_folder
from .terminal import echo

MODEL = click.option(
    "--model",
    callback=from_working_folder,
    help="A name of `sealdata models list` or a path.  [default: the recipe's model]",
)


@click.group()
def lid() -> None:
    """Evaluate models of language identification.

    \b
    Example:
        sealdata lid eval --refs flores200_dataset/devtest
    """


@lid.command("eval")
@REFS
@MODEL
@click.option(
    "--recipe",
    default="openseal",
    show_default=True,
    help="The recipe whose rules on language ID are evaluated.",
)
@AS_JSON
def lid_eval(refs: Path, model: str | None, recipe: str, as_json: bool) -> None:
    """Identify the language of references, and apply a recipe's rules on language ID to them.

    Prints accuracy, the share of references that the rules drop, the share of text in other
    languages that they catch, and the confusion matrix.

    \b
    Example:
        sealdata lid eval --refs flores200_dataset/devtest --model lid218e
        sealdata lid eval --refs NTREX/NTREX-128 --recipe my-recipe.toml --json
    """
    from sealdata.gold.lid_eval import evaluate
    from sealdata.recipe.reading import read_recipe

    from .show_lid import show_lid

    facts = evaluate(*read_recipe(recipe), refs, model)
    if as_json:
        echo(facts.model_dump_json(indent=1))
    else:
        show_lid(facts)


@lid.command("confusions")
@REFS
@MODEL
@click.option(
    "--recipe", default="openseal", show_default=True, help="The recipe whose scorer lid is used."
)
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what a language is taken for into this recipe, as [languages.CODE] taken_for.",
)
@AS_JSON
def lid_confusions(
    refs: Path, model: str | None, recipe: str, write: Path | None, as_json: bool
) -> None:
    """Show which languages a model takes right text for.

    A model may take right text for a relative of its language. Rules on language ID drop such
    text, unless the relative is known. --write makes it known to a recipe. Then text of that
    relative passes, too: see the share that `sealdata lid eval` says is caught.

    \b
    Example:
        sealdata lid confusions --refs flores200_dataset/dev
        sealdata lid confusions --refs my-bible --recipe my.toml --write my.toml
    """
    from sealdata.gold.confusions import confusions
    from sealdata.recipe.language_facts import write_language_facts
    from sealdata.recipe.reading import read_recipe

    from .show_lid import show_confusions

    rows = confusions(*read_recipe(recipe), refs, model)
    to_declare = {row.lang: {"taken_for": row.to_declare} for row in rows if row.to_declare}
    if write is not None and to_declare:
        write_language_facts(write, to_declare)
        echo(f"wrote taken_for of {', '.join(to_declare)} into {write}", err=True)
    if as_json:
        echo(json.dumps([row.model_dump() for row in rows], indent=1))
    else:
        show_confusions(rows)


@lid.command("curve")
@click.option(
    "--refs",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of references in two or more languages of a confusable set.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    callback=from_working_folder,
    help="A name of `sealdata models list` or a path; may be repeated.  [default: the recipe's]",
)
@click.option(
    "--recipe", default="openseal", show_default=True, help="The recipe whose scorer lid is used."
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the curves to this SVG file.")
@AS_JSON
def lid_curve(
    refs: Path, models: tuple[str, ...], recipe: str, plot: Path | None, as_json: bool
) -> None:
    """Compare what each limit on lid.tgt_within_set_margin catches of related languages and loses.

    References of the other languages of the set (Indonesian for Malay) are declared to be in the
    language. Each limit from -1 to 1 is applied to them and to the language's own references.

    \b
    Example:
        sealdata lid curve --refs flores200_dataset/devtest --model lid218e --plot curves.svg
    """
    import json

    from sealdata.files.records import write_atomic
    from sealdata.gold.curves import measure_curves
    from sealdata.gold.plot import plot_curves
    from sealdata.recipe.reading import read_recipe

    from .show_lid import show_curves

    curves = measure_curves(*read_recipe(recipe), refs, models)
    if plot is not None:
        svg = plot_curves(curves)
        write_atomic(plot, lambda temporary: temporary.write_text(svg, encoding="utf-8"))
    if as_json:
        echo(json.dumps([curve.model_dump(mode="json") for curve in curves], indent=1))
    else:
        show_curves(curves)
