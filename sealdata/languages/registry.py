"""The languages by code: those that come with the package and those that a recipe declares."""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from statistics import median
from typing import Any, ParamSpec, TypeVar

import sealdata.languages.tags as tags
from sealdata.languages.language import Language, script_of, unicode_script

ENGLISH = "eng_Latn"

_P = ParamSpec("_P")
_R = TypeVar("_R")
_declared: dict[str, dict[str, Any]] = {}
_remembered: dict[str, dict[str, Any]] = {}
_caches: list[Callable[[], None]] = []


def cached_by_registry(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """``functools.lru_cache`` for what follows from the known languages: it is emptied when a
    recipe declares others."""
    cached = lru_cache(maxsize=4096)(function)
    _caches.append(cached.cache_clear)
    return cached  # type: ignore[return-value]  # arguments are hashable by contract


@cached_by_registry
def languages() -> dict[str, Language]:
    """The languages of FLORES-200, FLORES+ and NLLB and those of the recipe, by code.

    Others are known too, see ``resolve``; these are the ones to list and to compare with.
    """
    tables = _remembered | _declared
    return _shipped() | {code: _declared_language(code, table) for code, table in tables.items()}


@cache
def _shipped() -> dict[str, Language]:
    described, further = _table("languages.toml"), _table("further.toml")
    assert not set(described) & set(further), "a language is in two tables"
    return {code: derived(code, row) for code, row in (described | further).items()}


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files("sealdata.languages").joinpath(name).read_text("utf-8"))


def derived(code: str, row: Mapping[str, Any]) -> Language:
    """The language of ``code``: what a table says of it, and the rest from CLDR."""
    base, script = code.split("_")[0], row.get("script") or script_of(code)
    # A language in two scripts is named with the less usual one.
    in_name = script if _is_less_usual(code) else ""
    facts: dict[str, Any] = {"script": script, **row}
    facts.setdefault("bcp47", tags.bcp47(base, script))
    facts.setdefault("autonym", facts.get("name") or tags.autonym(base, in_name))
    facts.setdefault("name", tags.name(base, in_name))
    lists = {key: tuple(facts.get(key, ())) for key in ("aliases", "taken_for")}
    return Language(code=code, **facts | lists)


def _is_less_usual(code: str) -> bool:
    """Whether the tables have the language in the script that CLDR thinks likelier, too."""
    base = code.split("_")[0]
    likelier = f"{base}_{tags.likely_script(base)}"
    return code != likelier and likelier in {**_table("languages.toml"), **_table("further.toml")}


def declare(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the languages of a recipe known in this process, in place of those of another recipe.

    ``tables``: code -> fields of ``Language`` that differ from what is known.
    """
    if dict(tables) == _declared:
        return
    _declared.clear()
    _declared.update({code: dict(table) for code, table in tables.items()})
    for clear in _caches:
        clear()


def remember(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the languages of a finished build known, for whatever shows it.

    Those that a recipe declares in this process go before them, and ``declared`` leaves them out.
    """
    # A manifest writes out what the recipe left to us, as null or an empty list.
    more = {
        code: {key: value for key, value in table.items() if value not in (None, [])}
        for code, table in tables.items()
    }
    if more.items() <= _remembered.items():
        return
    _remembered.update(more)
    for clear in _caches:
        clear()


def declared() -> dict[str, dict[str, Any]]:
    """What the last ``declare`` got: for other processes, and for keys of results."""
    return dict(_declared)


def _declared_language(code: str, table: Mapping[str, Any]) -> Language:
    shipped = _shipped().get(code)
    facts = {key: value for key, value in vars(shipped).items() if key != "code"} if shipped else {}
    # A code that ISO 639 lacks has no tag: BCP 47 keeps this one for such languages.
    unknown = {} if tags.is_language(code.split("_")[0]) else {"bcp47": "mis"}
    return derived(code, {**unknown, **facts, **table})


@cached_by_registry
def by_script() -> dict[str, tuple[str, ...]]:
    """Codes of the known languages by their Unicode script (``Hani``, ``Thai``, …)."""
    codes: dict[str, list[str]] = {}
    for code, language in languages().items():
        codes.setdefault(unicode_script(language.script), []).append(code)
    return {script: tuple(members) for script, members in codes.items()}


@cache
def confusable_sets() -> dict[str, tuple[str, ...]]:
    """Sets of languages that language identification mixes up, by the name of the set."""
    return {name: tuple(codes) for name, codes in _table("confusable.toml").items()}


@cache
def confusable_set(code: str) -> tuple[str, ...]:
    """The set that the language ``code`` is in, itself included; empty where it is in none."""
    return next((codes for codes in confusable_sets().values() if code in codes), ())


@cached_by_registry
def relatives(code: str) -> tuple[str, ...]:
    """The set that a language is in, and the languages that it is taken for; not itself.

    The second is one-sided: Bhojpuri is taken for Hindi, but Hindi is not for Bhojpuri.
    """
    language = languages().get(code)
    taken_for = language.taken_for if language else ()
    return tuple(c for c in dict.fromkeys((*confusable_set(code), *taken_for)) if c != code)


@cached_by_registry
def length_range(script: str) -> tuple[float, float]:
    """The lowest and highest length factor of the known languages in a script (ISO 15924); those
    of all languages where none is in it."""
    factors = _factors(script) or _factors(None)
    return min(factors), max(factors)


@cached_by_registry
def usual_length_factor(script: str) -> float:
    """The median length factor of the known languages in a script (ISO 15924)."""
    return median(_factors(script) or _factors(None))


def _factors(script: str | None) -> list[float]:
    return [
        language.length_factor
        for language in languages().values()
        if language.length_factor is not None
        and (script is None or unicode_script(language.script) == unicode_script(script))
    ]
