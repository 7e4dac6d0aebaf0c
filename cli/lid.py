"""Language identification: `sealdata lid eval`."""

from pathlib import Path

import click


@click.group()
def lid() -> None:
    """Language identification: how well a model does it.

    \b
    Example:
        sealdata lid eval --refs flores200_dataset/devtest
    """


@lid.command("eval")
@click.option(
    "--refs",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of references: eng_Latn.dev beside tha_Thai.dev, or eng_Latn-tha_Thai.tsv.",
)
@click.option("--model", help="A name of `sealdata models list` or a path, not the recipe's model.")
@click.option(
    "--recipe",
    default="openseal",
    show_default=True,
    help="The recipe whose rules on language ID are tried.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lid_eval(refs: Path, model: str | None, recipe: str, as_json: bool) -> None:
    """Say what the references of each language are taken for, and what a recipe's rules do.

    Prints accuracy, the share of references that the rules would drop, the share of text in other
    languages that they catch, and the confusion matrix.

    \b
    Example:
        sealdata lid eval --refs flores200_dataset/devtest --model lid218e
        sealdata lid eval --refs NTREX/NTREX-128 --recipe my-recipe.toml --json
    """
    from sealdata.gold.lid import evaluate
    from sealdata.recipe import read_recipe

    from .show_lid import show_lid

    facts = evaluate(*read_recipe(recipe), refs, model)
    if as_json:
        click.echo(facts.model_dump_json(indent=1))
    else:
        show_lid(facts)
