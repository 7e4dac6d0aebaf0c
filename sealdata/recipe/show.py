"""A resolved recipe as TOML, with the file that each value comes from as a comment."""

import json
import re
from collections.abc import Iterator
from typing import Any

import tomli_w

from sealdata.recipe.inheritance import KEYED, KeyPath
from sealdata.recipe.reading import Resolved

DEFAULT = "default"
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # keys that TOML takes without quotes


def show_recipe(resolved: Resolved, defaults: bool = False) -> str:
    """TOML that ``read_recipe`` takes. ``defaults`` adds the values that no file sets.

    The key of a rule stands beside its header: it addresses the rule in a recipe that extends this
    one.
    """
    # Without defaults the text is what the files say. With defaults it is what a build records.
    recipe = resolved.recipe
    table = recipe.model_dump(mode="json") if defaults else resolved.table
    return "\n".join(_lines(table, (), resolved.origins)).strip() + "\n"


def _lines(table: dict[str, Any], path: KeyPath, origins: dict[KeyPath, str]) -> Iterator[str]:
    """Plain values first, as TOML wants them before the tables; then tables; then lists of them."""
    # TOML has no way back from a table to its parent, hence the order.
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    # Only lists with keys become ``[[...]]``. All others are written as values.
    lists = {
        key: value
        for key, value in table.items()
        if key in KEYED and not path and isinstance(value, list) and value
    }
    for key, value in table.items():
        if value is not None and key not in inner and key not in lists:
            text = tomli_w.dumps({key: _no_null(value)}).rstrip("\n")
            # A value that no file sets has no origin: it is a default of the model.
            yield f"{text}  # {origins.get((*path, key), DEFAULT)}"
    for key, value in inner.items():
        # A table of tables needs no header of its own, but an empty one does: ``[clean.html]``
        # without options is a cleaner.
        if not value or not all(isinstance(entry, dict) for entry in value.values()):
            yield ""
            yield f"[{_header((*path, key))}]"
        yield from _lines(value, (*path, key), origins)
    for key, entries in lists.items():
        for entry in entries:
            # The same address as in ``origins``, so the values of the entry find their files.
            address = KEYED[key](entry)
            yield ""
            yield f"[[{key}]]  # key: {address}" if key == "rule" else f"[[{key}]]"
            yield from _lines(entry, (key, address), origins)


def _header(path: KeyPath) -> str:
    """The name of a table: inside an entry of a list, TOML leaves the entry's key out."""
    # ``[rule.languages]`` belongs to the ``[[rule]]`` above it.
    keys = (path[0], *path[2:]) if path[0] in KEYED else path
    return ".".join(key if _BARE.fullmatch(key) else json.dumps(key) for key in keys)


def _no_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _no_null(inner) for key, inner in value.items() if inner is not None}
    return [_no_null(inner) for inner in value] if isinstance(value, list) else value
