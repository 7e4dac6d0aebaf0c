"""Recipes that extend others: how two TOML tables become one, and where each value came from.

Tables merge key by key. Lists of tables that have a key of their own (KEYED) merge by that key: an
entry with a known key changes that entry, any other is added at the end. An empty list, and every
other list or value, replaces what was there. ``remove`` names what to take out first.
"""

import copy
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealdata.component import TEXT_OPTIONS
from sealdata.errors import ConfigError
from sealdata.languages import resolve
from sealdata.recipe.limits import language_set
from sealdata.recipe.tables import rule_key

# Tables here are plain dictionaries as TOML has them. They are validated only after all layers are
# merged.
Table = dict[str, Any]
KeyPath = tuple[str, ...]  # ("rule", "too_long/length.src_chars", "max")


def _rule(entry: Mapping[str, Any]) -> str:
    return rule_key(entry.get("key", ""), entry.get("reason", ""), entry.get("score", ""))


# Lists of tables, and what addresses one of their entries.
# Every other list replaces the one below it: a list of paths has no keys to merge by.
KEYED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "source": lambda entry: str(entry.get("name", "")),
    "stream": lambda entry: str(entry.get("name", "")),
    "rule": _rule,
}


@dataclass
class Layered:
    """A table made of several files; ``origins`` has the file of each value, by its key path."""

    table: Table = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)


def extend(base: Layered, table: Table, origin: str) -> Layered:
    """``base`` with ``table`` merged into it, whose values come from the file ``origin``.

    Raises:
        ConfigError: ``remove`` names what the base does not have; or a rule has a key that the base
            does not have, and no score. The message names the nearest key.
    """
    # Both are copied: a base may be extended by several recipes of one process.
    table = copy.deepcopy(table)
    merged = copy.deepcopy(base)
    # Removals come first, so a recipe may remove an entry and write another under the same key.
    for name in table.pop("remove", []):
        _remove(merged, str(name), origin)
    for key, value in table.items():
        # A value of the wrong type is merged as it is. The tables then report it with its place.
        if key in KEYED and isinstance(value, list):
            _merge_entries(merged, key, value, origin)
        else:
            _merge(merged.table, key, value, (key,), merged.origins, origin)
    return merged


def _merge(
    parent: Table,
    key: str,
    value: Any,
    path: KeyPath,
    origins: dict[KeyPath, str],
    origin: str,
) -> None:
    # A table is merged value by value, so each value has an origin of its own.
    if isinstance(value, dict):
        target = parent.setdefault(key, {})
        if isinstance(target, dict):
            for inner, inner_value in value.items():
                _merge(target, inner, inner_value, (*path, inner), origins, origin)
            return
    # A value, a list, or a table in place of a value: it replaces what was there.
    parent[key] = value
    origins[path] = origin


def _merge_entries(merged: Layered, kind: str, entries: list[Any], origin: str) -> None:
    """Merge a list of tables by their keys; an empty list removes all entries."""
    address = KEYED[kind]
    if not entries:
        merged.table[kind] = []
        # Origins of removed entries go too. Otherwise a later entry of that key would seem to come
        # from the old file.
        merged.origins = {path: o for path, o in merged.origins.items() if path[0] != kind}
        return
    # The entries are the objects in the table, so a change in ``existing`` changes the table.
    existing = {address(entry): entry for entry in merged.table.get(kind, [])}
    merged.table.setdefault(kind, [])
    seen: set[str] = set()  # keys of this file
    for entry in entries:
        key = address(entry) if isinstance(entry, dict) else ""
        # An entry without name, or a rule without key, reason and score, has nothing to be found
        # by.
        if not key.strip("/"):
            merged.table[kind].append(entry)  # the tables refuse it, and say what it lacks
            continue
        # Within one file a key is written once: the second entry would silently change the first.
        if key in seen:
            hint = "; give one of them another: key" if kind == "rule" else ""
            raise ConfigError(f"{origin}: two [[{kind}]] are named {key!r}{hint}")
        seen.add(key)
        if kind == "rule":
            entry = _with_codes(entry)
            # A rule with a key and no score is meant to change a rule of the base, and the key is
            # mistyped.
            if key not in existing and entry.get("key") and not entry.get("score"):
                raise ConfigError(
                    f"{origin}: no rule has the key {key!r}{_nearest(key, existing)}; "
                    "a new rule needs a reason and a score"
                )
        if key not in existing:
            # New entries go to the end, so rules keep the order in which files add them.
            existing[key] = {}
            merged.table[kind].append(existing[key])
        # The origin of a value in an entry has the key of the entry, not its position, which may
        # change.
        for name, value in entry.items():
            _merge(existing[key], name, value, (kind, key, name), merged.origins, origin)


def _with_codes(rule: Table) -> Table:
    """The rule with FLORES-200 codes for languages, so that two spellings are one key."""
    languages = rule.get("languages")
    if not isinstance(languages, dict):
        return rule
    codes: Table = {}
    for name, bounds in languages.items():
        try:
            # ``fil_Latn`` in one file and ``tgl_Latn`` in another mean one language and must merge.
            # The same holds for two lists of the same languages.
            listed = language_set(name)
            codes[", ".join(listed) if listed else resolve(name).code] = bounds
        except ConfigError:  # a confusable set, or an error that the tables explain
            codes[name] = bounds
    return rule | {"languages": codes}


def _remove(merged: Layered, name: str, origin: str) -> None:
    """Take out what ``name`` addresses: ``clean.html``, ``rule.KEY``, ``source.NAME.options``."""
    kind, _, rest = name.partition(".")
    where = f'{origin}: remove = ["{name}"]'
    parent: Table = merged.table
    path: KeyPath = ()
    # The address of an entry may have dots itself, as ``too_long/length.src_chars`` has.
    if kind in KEYED and rest:
        entries = {KEYED[kind](entry): entry for entry in merged.table.get(kind, [])}
        keys_at = [k for k in entries if rest == k or rest.startswith(f"{k}.")]
        # Names may have dots: with sources ``a`` and ``a.b``, ``source.a.b`` means the second.
        key = max(keys_at, key=len, default=None)
        if key is None:
            raise ConfigError(f"{where}: no {kind} has this key{_nearest(rest, entries)}")
        path, rest = (kind, key), rest[len(key) + 1 :]
        # The whole entry goes. Further keys name something inside it.
        if not rest:
            merged.table[kind] = [e for e in merged.table[kind] if KEYED[kind](e) != key]
        parent = entries[key]
    else:
        rest = name
    keys = rest.split(".") if rest else []
    for index, key in enumerate(keys):
        # A removal of nothing is mostly a typing error, or the base has changed its names.
        if not isinstance(parent, dict) or key not in parent:
            keys_there = parent if isinstance(parent, dict) else {}
            raise ConfigError(f"{where}: there is no {key!r} to remove{_nearest(key, keys_there)}")
        path = (*path, key)
        if index == len(keys) - 1:
            del parent[key]
        else:
            parent = parent[key]
    # Origins below the removed place go with it.
    merged.origins = {
        other: source for other, source in merged.origins.items() if other[: len(path)] != path
    }


def _nearest(name: str, candidates: Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else f"; known: {', '.join(candidates)}"


def with_absolute_paths(table: Table, folder: Path) -> Table:
    """The table with its relative paths made absolute, so that another file may extend it."""
    table = copy.deepcopy(table)
    # Every key of a recipe that holds a path, besides parameters of scorers. Readers have no paths
    # in their options.
    for kind in ("source", "stream", "fertility"):
        for entry in table.get(kind, []):
            _make_absolute(entry, "path", folder)
            _make_absolute(entry, "tokens", folder)
    _make_absolute(table.get("tokenizer", {}), "path", folder)
    _make_absolute(table.get("decontaminate", {}), "refs", folder)
    _make_absolute(table.get("exclude", {}), "lists", folder)
    _make_absolute(table.get("plugins", {}), "paths", folder)
    # Which parameters are paths is not declared, so a slash decides, as in ``Plan``.
    for params in table.get("score", {}).values():
        _make_params_absolute(params, folder)
    # Paths of a program start at the folder that it runs in.
    for params in (*table.get("score", {}).values(), *table.get("clean", {}).values()):
        if isinstance(params, dict) and "command" in params:
            params["cwd"] = str(folder / params.get("cwd", ""))
    return table


def _make_params_absolute(params: Table, folder: Path) -> None:
    """Parameters of scorers are paths if they contain a slash, in inner tables too."""
    for name, value in params.items():
        if name in TEXT_OPTIONS:
            continue
        if isinstance(value, dict):
            _make_params_absolute(value, folder)
        elif isinstance(value, str) and "/" in value:
            _make_absolute(params, name, folder)


def _make_absolute(table: Table, key: str, folder: Path) -> None:
    value = table.get(key)
    if isinstance(value, list):
        table[key] = [_absolute(entry, folder) for entry in value]
    elif value is not None:
        table[key] = _absolute(value, folder)


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        # Entries such as those of ``refs`` and ``tokens`` may be tables with a path of their own.
        return value | {"path": _absolute(value["path"], folder)} if "path" in value else value
    # These do not depend on a folder: the sample, environment variables, the home folder, and
    # addresses.
    if not isinstance(value, str) or value.startswith(("sample:", "$", "~")) or "://" in value:
        return value
    # A path that is absolute already stays as it is.
    return str(folder / value)
