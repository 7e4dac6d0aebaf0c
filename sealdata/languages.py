"""The languages the toolkit knows: FLORES-200 codes, names, scripts and aliases."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sealdata.errors import ConfigError

ENGLISH = "eng_Latn"


@dataclass(frozen=True)
class Language:
    """One row of ``languages.toml``; ``code`` is FLORES-200 (``tha_Thai``)."""

    code: str
    name: str
    autonym: str
    bcp47: str
    script: str
    length_factor: float = 1.0  # characters of English for one character of this language
    lid176: str | None = None
    laser: str | None = None
    aliases: tuple[str, ...] = ()
    spaces: bool = True

    @property
    def confusable(self) -> tuple[str, ...]:
        """Codes of the languages that language identification mixes up with this one."""
        return tuple(code for code in confusable_set(self.code) if code != self.code)


@cache
def languages() -> dict[str, Language]:
    """All known languages by FLORES-200 code, in the order of ``languages.toml``."""
    tables = tomllib.loads(files("sealdata").joinpath("languages.toml").read_text("utf-8"))
    return {code: _language(code, row) for code, row in tables.items()}


def _language(code: str, row: dict[str, Any]) -> Language:
    return Language(code=code, **{**row, "aliases": tuple(row.get("aliases", ()))})


def unicode_script(iso_15924: str) -> str:
    """The Unicode script behind an ISO 15924 code: simplified and traditional Chinese are Han."""
    return "Hani" if iso_15924 in ("Hans", "Hant") else iso_15924


@cache
def by_script() -> dict[str, tuple[str, ...]]:
    """Codes of the known languages by their Unicode script (``Hani``, ``Thai``, …)."""
    codes: dict[str, list[str]] = {}
    for code, language in languages().items():
        codes.setdefault(unicode_script(language.script), []).append(code)
    return {script: tuple(members) for script, members in codes.items()}


@cache
def confusable_sets() -> dict[str, tuple[str, ...]]:
    """Sets of languages that language identification mixes up, by the name of the set."""
    table = tomllib.loads(files("sealdata").joinpath("confusable.toml").read_text("utf-8"))
    return {name: tuple(codes) for name, codes in table.items()}


def confusable_set(code: str) -> tuple[str, ...]:
    """The set that the language ``code`` is in, itself included; empty where it is in none."""
    return next((codes for codes in confusable_sets().values() if code in codes), ())


@cache
def _by_alias() -> dict[str, Language]:
    by_alias: dict[str, Language] = {}
    for language in languages().values():
        for alias in (language.code, *language.aliases):
            assert alias not in by_alias, f"two languages claim the alias {alias}"
            by_alias[alias] = language
    return by_alias


def resolve(code: str) -> Language:
    """The language that ``code`` (FLORES, ISO, OPUS, NTREX or a model's own name) means.

    Raises:
        ConfigError: nothing is known by that name; the message lists the nearest names.
    """
    by_alias = _by_alias()
    if code in by_alias:
        return by_alias[code]
    nearest = difflib.get_close_matches(code, by_alias, n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
    raise ConfigError(f"unknown language {code!r}{hint}. Known codes are in languages.toml")
