"""Config files: found by name or path, and merged with the files that they extend.

extends = "openseal-1b"          # a built-in config, or the path of a file
remove = ["mixture.max_epochs"]  # keys of that config that this one does not have

[optim]
lr = 5e-5                        # everything else of [optim] stays
"""

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from sealtrain.errors import ConfigError

# Part of the package, so that built-in names work after an installation.
RECIPES = Path(__file__).parent / "recipes"
# Keys of one table that exclude each other: the two ways to say a budget.
EITHER = (("total_tokens", "parallel_tokens"),)
Key = tuple[str, ...]  # ("optim", "lr") for `lr` in the table [optim]


@dataclass(frozen=True)
class Resolved:
    """The values of a config file merged with all that it extends, and the file of each value."""

    path: Path  # the config's own file
    table: dict[str, Any]  # as tomllib reads it, without `extends` and `remove`
    origins: dict[Key, Path]  # of every value that is not a table

    def origin(self, key: Key) -> Path:
        """The file that sets a value, or the value's list; the config's own file for no value."""
        # A fault inside a list has the list's key and an index; only the list itself has an origin.
        for length in range(len(key), 0, -1):
            if key[:length] in self.origins:
                return self.origins[key[:length]]
        return self.path

    def to_toml(self) -> str:
        """The merged config as TOML, each value with the file that sets it as a comment."""
        return "\n".join(_toml_lines(self, (), self.table))


def resolve(name_or_path: str) -> Resolved:
    """Read a config file, or a built-in config by its name, and all files that it extends.

    Tables merge deeply; lists and other values of the extending file replace those of its base. A
    relative path in `extends` starts at the folder of the file that says it.

    Raises:
        ConfigError: a file is missing or not TOML, files extend each other in a circle, or `remove`
            names a key that the base does not have. The message names file and key.
    """
    # The command line starts at the working folder, unlike `extends`.
    path = _find(name_or_path, Path())
    if path is None:
        raise ConfigError(_not_found(name_or_path))
    return _resolve(path, [])


def built_in_names() -> list[str]:
    """Names of the built-in configs, sorted: `quickstart`, `experiments/mixed`, …"""
    paths = RECIPES.rglob("*.toml")
    return sorted(path.relative_to(RECIPES).with_suffix("").as_posix() for path in paths)


def _resolve(path: Path, chain: list[Path]) -> Resolved:
    """`chain` holds the files that extend this one, the first file first."""
    # Resolved, so that a symbolic link or `..` does not hide a circle.
    if path.resolve() in [earlier.resolve() for earlier in chain]:
        # The whole chain, because each file of a circle looks right by itself.
        names = " -> ".join(map(_label, [*chain, path]))
        raise ConfigError(f"{chain[-1]}: extends: the files extend each other in a circle: {names}")
    try:
        # TOML and not YAML, in which `no` is false and `1e-4` is a text.
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    # These two keys belong to the file and not to the config, so the schema does not see them.
    base_name, removed = table.pop("extends", None), table.pop("remove", [])
    layer = Resolved(path, table, dict.fromkeys(_value_keys(table), path))
    if base_name is None:
        if removed:
            raise ConfigError(f"{path}: remove: needs `extends`, the config to remove keys from")
        return layer
    # One base only: with several, the order would have to decide between their values.
    if not isinstance(base_name, str):
        raise ConfigError(f"{path}: extends: give the name of one config or the path of one file")
    if not (isinstance(removed, list) and all(isinstance(key, str) for key in removed)):
        raise ConfigError(f'{path}: remove: give a list of keys such as ["mixture.max_epochs"]')
    base_path = _find(base_name, path.parent)
    if base_path is None:
        raise ConfigError(f"{path}: extends: {_not_found(base_name)}")
    # Removed before merging, so that this file can set a key that it removes from its base.
    base = _without(_resolve(base_path, [*chain, path]), removed, path)
    merged = _merge(base.table, table)
    origins = base.origins | layer.origins
    # Origins of values that are gone are left out: a value may have replaced a table.
    return Resolved(path, merged, {key: origins[key] for key in _value_keys(merged)})


def _find(name_or_path: str, folder: Path) -> Path | None:
    """The file of a built-in config, else the file at a path, relative to a folder."""
    # Built-in names come first, so a folder of the same name cannot change what they mean.
    if name_or_path in built_in_names():
        return RECIPES / f"{name_or_path}.toml"
    path = folder / name_or_path
    return path if path.is_file() else None


def _not_found(name_or_path: str) -> str:
    names = ", ".join(built_in_names())
    return f"no config file or built-in config {name_or_path!r}; built in: {names}"


def _without(base: Resolved, removed: list[str], path: Path) -> Resolved:
    """A base without some keys, values or whole tables; `path` is the file that removes them."""
    # Keys are compared as whole texts, because the name of a stream may hold a dot.
    by_text = {".".join(key): key for key in _all_keys(base.table)}
    for text in removed:
        if text not in by_text:
            # A cutoff of 0 names a key in any case: few keys, and one of them was meant.
            similar = difflib.get_close_matches(text, by_text, n=1, cutoff=0.0)
            hint = f"; the nearest key is {similar[0]!r}" if similar else ""
            raise ConfigError(f"{path}: remove: {_label(base.path)} has no key {text!r}{hint}")
    # A key of a table removes all that is in it (`_filtered` does not descend into it).
    # Every name was found above.
    keys = {by_text[text] for text in removed}
    # Origins of removed keys stay, as `_resolve` keeps only those of the merged table.
    return Resolved(base.path, _filtered(base.table, (), keys), base.origins)


def _filtered(table: dict[str, Any], prefix: Key, removed: set[Key]) -> dict[str, Any]:
    return {
        name: _filtered(value, (*prefix, name), removed) if isinstance(value, dict) else value
        for name, value in table.items()
        if (*prefix, name) not in removed
    }


def _merge(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `table` in place of its own; tables in both are merged."""
    # `|` copies, so neither argument is changed.
    merged = base | table
    # A config has one of two such values, so that of the extending file replaces the other one.
    for names in EITHER:
        if len(set(names) & table.keys()) == 1:
            merged = {k: v for k, v in merged.items() if k not in names or k in table}
    for name in base.keys() & table.keys():
        if isinstance(base[name], dict) and isinstance(table[name], dict):
            merged[name] = _merge(base[name], table[name])
    return merged


def _all_keys(table: dict[str, Any], prefix: Key = ()) -> list[Key]:
    """Every key of a table and of the tables in it, in their order."""
    # Tables themselves count too, since `remove` may name a whole table.
    keys: list[Key] = []
    for name, value in table.items():
        keys.append((*prefix, name))
        if isinstance(value, dict):
            keys += _all_keys(value, (*prefix, name))
    return keys


def _value_keys(table: dict[str, Any], prefix: Key = ()) -> list[Key]:
    """Every key whose value is not a table, in their order."""
    keys: list[Key] = []
    for name, value in table.items():
        key = (*prefix, name)
        keys += _value_keys(value, key) if isinstance(value, dict) else [key]
    return keys


def _label(path: Path) -> str:
    """A built-in file by its name among the built-in ones, any other by its path."""
    if path.is_relative_to(RECIPES):
        return path.relative_to(RECIPES).as_posix()
    return str(path)


def _toml_lines(resolved: Resolved, key: Key, table: dict[str, Any]) -> list[str]:
    """A table's own values, then the tables in it, each under its header."""
    # Values before tables, because in TOML a value after a header belongs to that table.
    lines = [
        f"{_toml_name(name)} = {_toml_value(value)}  # {_label(resolved.origins[(*key, name)])}"
        for name, value in table.items()
        if not isinstance(value, dict)
    ]
    for name, value in table.items():
        if isinstance(value, dict):
            header = ".".join(map(_toml_name, (*key, name)))
            lines += ["", f"[{header}]", *_toml_lines(resolved, (*key, name), value)]
    return lines


def _toml_name(name: str) -> str:
    # TOML allows these characters in a bare key; stream names hold a `/` and need quotes.
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml_value(name)


def _toml_value(value: Any) -> str:
    """A value in one line; tomli_w spreads lists over several, which leaves a comment no place."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").rstrip("\n")
