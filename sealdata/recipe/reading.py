"""Reading recipes: by name or path, with what they extend, and writing a resolved one."""

import difflib
import tomllib
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sealdata.component import explain
from sealdata.errors import ConfigError
from sealdata.files.records import write_atomic
from sealdata.recipe.inheritance import KeyPath, Layered, extend, with_absolute_paths
from sealdata.recipe.languages import declare_languages
from sealdata.recipe.tables import Recipe

# Keys of [card] that a recipe with another name does not take over.
OF_ONE_DATASET = ("pretty_name", "summary", "authors", "version")


def builtin_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    # No list of names in the code: a file in this folder is a recipe.
    folder = files("sealdata") / "recipes"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


@dataclass(frozen=True)
class Resolved:
    """A recipe with all that it extends, the folder that its paths start at, and its origins:
    the name or path of the file that each value came from, by its key path."""

    recipe: Recipe
    folder: Path
    # The merged tables before defaults are added, in the order of the files.
    table: dict[str, Any]
    # For ``recipe show``, which prints the file of each value.
    origins: dict[KeyPath, str]


def read_recipe(name_or_path: str) -> tuple[Recipe, Path]:
    """The recipe called by a built-in name or by the path of a TOML file, and its folder.

    A recipe may say ``extends = "openseal"`` (or the path of a TOML file, relative to its own
    folder) and then only what differs; see ``sealdata.recipe.inheritance``.

    Raises:
        ConfigError: not found, not valid TOML, a circle of ``extends``, or a wrong key or value;
            the message names the file and the place.
    """
    resolved = resolve_recipe(name_or_path)
    return resolved.recipe, resolved.folder


def resolve_recipe(name_or_path: str) -> Resolved:
    """As ``read_recipe``, with the origin of each value.

    Raises:
        ConfigError: as ``read_recipe``.
    """
    # A path on the command line starts at the current folder, one in ``extends`` at that of its
    # recipe.
    path = _path_of(name_or_path, Path())
    layered = _layers(name_or_path, path, ())
    try:
        # Validated once, after the merge: a layer by itself may lack what another one has.
        recipe = Recipe.model_validate(layered.table)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, Recipe)}") from None
    # All relative paths are now relative to this folder, those of other folders are absolute.
    return Resolved(recipe, path.absolute().parent, layered.table, layered.origins)


def declare_languages_of(path: Path) -> None:
    """Make the languages known that the file of a recipe declares, if it is there.

    Raises:
        ConfigError: not TOML, or a wrong table of a language.
    """
    table = _read_toml(str(path), path) if path.exists() else {}
    try:
        declare_languages(table.get("languages", {}))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def _path_of(name_or_path: str, folder: Path) -> Path:
    # A built-in name wins over a file of this name. ``./openseal`` means the file.
    if name_or_path in builtin_recipes():
        # Recipes are files of the package. Nothing is unpacked, so the path stays valid.
        with as_file(files("sealdata") / "recipes" / f"{name_or_path}.toml") as path:
            return path
    return folder / name_or_path


def _layers(name: str, path: Path, chain: tuple[Path, ...]) -> Layered:
    """The file's table on top of all that it extends; ``chain`` are the files that led here."""
    # ``extends`` and ``remove`` are words of this step. They are gone before the tables are
    # validated.
    table = _read_toml(name, path)
    # Origins show the short name, which is the same on every machine.
    label = name if name in builtin_recipes() else str(path)
    chain = (*chain, path.absolute())
    base = Layered()
    if "extends" in table:
        base_name = table.pop("extends")
        base_path = _path_of(str(base_name), path.parent)
        # Found before the file is read again, so a circle ends at its first repetition.
        if base_path.absolute() in chain:
            circle = " -> ".join(str(step) for step in (*chain, base_path.absolute()))
            raise ConfigError(f"{path}: extends goes in a circle: {circle}")
        try:
            # The base is complete before this file is put on top: the deepest layer comes first.
            base = _layers(str(base_name), base_path, chain)
        # The message of the base would name the file, but not who extends it.
        except RecipeNotFoundError:
            builtin = ", ".join(builtin_recipes())
            raise ConfigError(
                f"{path}: extends = {base_name!r}: no such file, and no built-in recipe of this "
                f"name; built in: {builtin}"
            ) from None
        # What a person said of the base's dataset is not said of this one.
        if table.get("name", base.table.get("name")) != base.table.get("name"):
            base = _without_card(base)
        # Paths of the base start at its own folder, so they must not move with the file that
        # extends it.
        if base_path.parent != path.parent:
            base = Layered(
                with_absolute_paths(base.table, base_path.absolute().parent), base.origins
            )
    elif "remove" in table:
        raise ConfigError(
            f"{path}: remove takes away what a recipe extends, and there is no extends"
        )
    # Keys of tables may be languages that only this recipe knows.
    languages = extend(
        Layered({"languages": base.table.get("languages", {})}),
        {"languages": table.get("languages", {})},
        label,
    )
    try:
        declare_languages(languages.table["languages"])
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    return extend(base, table, label)


def _without_card(base: Layered) -> Layered:
    """The base without title, summary, authors and version of its dataset; its licence stays."""
    card = base.table.get("card")
    if not isinstance(card, dict):
        return base
    kept = {key: value for key, value in card.items() if key not in OF_ONE_DATASET}
    origins = {
        path: file
        for path, file in base.origins.items()
        if path[0] != "card" or path[-1] not in OF_ONE_DATASET
    }
    return Layered(base.table | {"card": kept}, origins)


# A class of its own, so that callers can tell a missing file from a faulty one.
class RecipeNotFoundError(ConfigError):
    """No file of this name."""


def _read_toml(name: str, path: Path) -> dict[str, Any]:
    try:
        # A folder or an unreadable file is also reported as "not found".
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        beside = [file.name for file in path.parent.glob("*.toml")]
        nearest = difflib.get_close_matches(path.name, [*builtin_recipes(), *beside], n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise RecipeNotFoundError(
            f"no recipe {name!r}: neither a file nor one of the built-in recipes "
            f"({', '.join(builtin_recipes())}){hint}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def write_recipe(recipe: dict[str, Any], path: Path) -> None:
    """Write a resolved recipe as TOML that ``read_recipe`` takes, atomically."""
    # Imported here: only a finished build and ``recipe show`` write TOML.
    import tomli_w

    text = tomli_w.dumps(_without_none(recipe))
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _without_none(value: Any) -> Any:
    """TOML has no null: an absent key stands for it."""
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return [_without_none(inner) for inner in value] if isinstance(value, list) else value
