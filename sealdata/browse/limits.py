"""Moved limits: the rules that they make of a recipe's, and the recipe patch that says the same."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from sealdata.browse.request import MovedLimit
from sealdata.errors import ConfigError
from sealdata.recipe.tables import RuleTable

_NONE = {"min": -math.inf, "max": math.inf}  # what takes a general limit away in one language


def move(
    rules: Sequence[RuleTable], limits: Sequence[MovedLimit], languages: Sequence[str]
) -> list[RuleTable | None]:
    """The recipe's rules with the limits moved, in their order; new rules follow.

    None stands for a rule that has no limit left.

    Raises:
        ConfigError: a limit names a rule or a language that the build does not have.
    """
    tables = [rule.model_dump(exclude_defaults=True) for rule in rules]
    new: dict[str, dict[str, Any]] = {}
    for limit in limits:
        if limit.lang and limit.lang not in languages:
            raise ConfigError(f"limits: no language {limit.lang!r} in this build")
        if limit.rule == -1:
            reason = limit.score.replace(".", "_")
            table = new.setdefault(limit.score, {"reason": reason, "score": limit.score})
        elif limit.rule < len(rules) and rules[limit.rule].score == limit.score:
            table = tables[limit.rule]
        else:
            raise ConfigError(f"limits: the recipe has no rule {limit.rule} on {limit.score}")
        if limit.lang:
            table = table.setdefault("languages", {}).setdefault(limit.lang, {})
            table.pop("off", None)
        for side in ("min", "max"):
            if side in limit.model_fields_set:
                table[side] = getattr(limit, side)
    return [_rule(table) for table in (*tables, *new.values())]


def _rule(table: dict[str, Any]) -> RuleTable | None:
    """The rule of a table, in which None stands for a limit that was taken away."""
    languages: dict[str, Any] = {}
    for code, lang_limits in table.get("languages", {}).items():
        sides = {
            # Without a general limit, a limit that is gone needs no word of its own.
            side: _NONE[side] if value is None and table.get(side) is not None else value
            for side, value in lang_limits.items()
        }
        merged = [sides.get(side) if side in sides else table.get(side) for side in _NONE]
        if "off" in lang_limits or all(value is None or math.isinf(value) for value in merged):
            sides = {"off": True}
        languages[code] = sides
    limits = [table.get("min"), table.get("max")]
    others = [*languages.values(), *table.get("sources", {}).values()]
    limits += [entry.get(side) for entry in others for side in _NONE]
    if all(limit is None for limit in limits):
        return None
    return RuleTable.model_validate(table | {"languages": languages})


def patch(
    before: Sequence[RuleTable],
    after: Sequence[RuleTable | None],
    base: str,
    notes: Sequence[str] = (),
) -> str:
    """TOML that ``extends`` the recipe ``base`` and changes only what the limits changed.

    ``notes`` are comments for its first lines.
    """
    removed: list[str] = []
    entries: list[dict[str, Any]] = []
    for rule, moved in zip(before, after, strict=False):
        if moved is None:
            removed.append(f"rule.{rule.address}")
        elif moved != rule:
            sides = [side for side in _NONE if getattr(rule, side) is not None]
            gone = [side for side in sides if getattr(moved, side) is None]
            removed += [f"rule.{rule.address}.{side}" for side in gone]
            if changes := _changes(rule, moved):
                entries.append(changes)
    entries += [rule.model_dump(exclude_defaults=True) for rule in after[len(before) :] if rule]
    table = {"extends": base} | ({"remove": removed} if removed else {})
    comments = "".join(f"# {_one_line(note)}\n" for note in notes)
    return "\n".join([comments + tomli_w.dumps(table), *map(_entry, entries)])


def _entry(entry: dict[str, Any]) -> str:
    """A ``[[rule]]`` as people write it, with a line for each language."""
    flat = {key: value for key, value in entry.items() if key != "languages"}
    text = f"[[rule]]\n{tomli_w.dumps(flat)}"
    if languages := entry.get("languages"):
        text += "\n[rule.languages]\n"
        for code, limits in languages.items():
            inner = ", ".join(tomli_w.dumps(limits).splitlines())
            text += f"{code} = {{ {inner} }}\n"
    return text


def _changes(before: RuleTable, after: RuleTable) -> dict[str, Any]:
    """The entry of one rule: what addresses it, and the values that differ; {} if none do."""
    changes: dict[str, Any] = {
        side: getattr(after, side)
        for side in _NONE
        if getattr(after, side) not in (None, getattr(before, side))
    }
    languages = {}
    for code, bounds in after.languages.items():
        old = before.languages.get(code)
        if bounds == old:
            continue
        languages[code] = bounds.model_dump(exclude_none=True, exclude_defaults=True)
        if old is not None and old.off and not bounds.off:
            languages[code]["off"] = False  # tables merge: the base recipe has it off
    if languages:
        changes["languages"] = languages
    if not changes:
        return {}
    name = {"reason": before.reason, "score": before.score}
    return ({"key": before.key} if before.key else {}) | name | changes


def _one_line(text: str) -> str:
    """A comment cannot end before its line does, whatever is in a name."""
    return "".join(char if char.isprintable() else " " for char in text)


def base_recipe(out: Path, name: str, recipe: dict[str, Any]) -> str:
    """What a patch extends: the built-in recipe that made the build, else its ``recipe.toml``.

    Empty if neither will do: a relative path in ``recipe.toml`` starts at the folder of the recipe
    that the build was made from, which the build does not know.
    """
    from sealdata.recipe.inheritance import with_absolute_paths
    from sealdata.recipe.reading import builtin_recipes, read_recipe

    if name in builtin_recipes():
        built_in, _ = read_recipe(name)
        if built_in.model_dump(mode="json") == recipe:
            return name
    if with_absolute_paths(recipe, out.absolute()) != recipe:
        return ""
    return str(out.absolute() / "recipe.toml")
