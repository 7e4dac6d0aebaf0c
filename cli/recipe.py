"""`sealdata recipe`: look at recipes."""

import click

from .terminal import echo


@click.group("recipe")
def recipe_group() -> None:
    """Look at recipes.

    \b
    Example:
        sealdata recipe show openseal-urls
    """


@recipe_group.command()
@click.argument("recipe")
@click.option("--defaults", is_flag=True, help="Also print the values that no file sets.")
def show(recipe: str, defaults: bool) -> None:
    """Print RECIPE with all that it extends, as TOML, with the origin of each value.

    RECIPE is a TOML file or the name of a built-in recipe. The key of each [[rule]] addresses the
    rule in a recipe that extends this one.

    \b
    Example:
        sealdata recipe show my-recipe.toml
        sealdata recipe show quickstart --defaults
    """
    from sealdata.recipe.reading import resolve_recipe
    from sealdata.recipe.show import show_recipe

    echo(show_recipe(resolve_recipe(recipe), defaults), nl=False)
