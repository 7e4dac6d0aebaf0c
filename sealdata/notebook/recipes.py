"""Recipes for notebooks: by name, by path, or made in Python."""

from collections.abc import Sequence
from pathlib import Path

from sealdata.pipeline.plan import Plan
from sealdata.recipe.inheritance import with_absolute_paths
from sealdata.recipe.reading import read_recipe as read_from_disk
from sealdata.recipe.reading import resolve_recipe
from sealdata.recipe.tables import Recipe


def read_recipe(name_or_path: str | Path) -> Recipe:
    """The recipe of a built-in name or a TOML file, with all that it extends, as an object.

    Its paths are absolute, so it can be changed (``recipe.model_copy(update=...)``) and built from
    any folder.

    Raises:
        ConfigError: not found, not valid TOML, or a wrong key or value.
    """
    resolved = resolve_recipe(str(name_or_path))
    return Recipe.model_validate(with_absolute_paths(resolved.table, resolved.folder))


def plan_of(recipe: str | Path | Recipe, languages: Sequence[str] | None = None) -> Plan:
    """The plan of a recipe; relative paths of a ``Recipe`` object start at the current folder.

    Scorers are made for ``languages`` (FLORES codes) where they are given, else for those of the
    sources.

    Raises:
        ConfigError: see ``read_recipe`` and ``Plan``.
    """
    if isinstance(recipe, Recipe):
        return Plan(recipe, Path(), languages)
    # Not `read_recipe`: paths are part of a build's key, which a command must find unchanged.
    return Plan(*read_from_disk(str(recipe)), languages)
