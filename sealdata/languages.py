"""The languages the toolkit knows: FLORES-200 codes, names, scripts and aliases."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
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


@cache
def _by_subtags() -> dict[str, dict[str, Language]]:
    """Languages by the primary subtag of BCP 47 that each of their codes means, then by script."""
    by_subtag: dict[str, dict[str, Language]] = {}
    for alias, language in _by_alias().items():
        if subtag := _subtags(alias)[0]:
            # The first language of a script keeps it.
            by_subtag.setdefault(subtag, {}).setdefault(language.script, language)
    return by_subtag


def _subtags(tag: str) -> tuple[str | None, str | None, str | None]:
    """Language, written script and likely script of a tag; None: it is not a tag, or has none.

    langcodes knows what BCP 47 and CLDR say: ``in`` is ``id``, ``jw`` is ``jv``, ``chi`` and
    ``zho`` are ``zh``, and what is written in Hong Kong is in traditional characters.
    """
    import langcodes

    try:
        parsed = langcodes.Language.get(tag.strip().replace("_", "-"), normalize=True)
        # Han without more says nothing that the language does not say.
        script = None if parsed.script == "Hani" else parsed.script
        likely = parsed.update_dict({"script": script}).maximize().script
    except (ValueError, AttributeError):  # not a tag, or one of private use only
        return None, None, None
    return parsed.language, script, likely


@lru_cache(maxsize=4096)
def language_of_tag(tag: str) -> str | None:
    """The FLORES-200 code of a tag that stands for one language; None: not a known one.

    A tag is any code in languages.toml or any BCP 47 tag, in any case, with ``-`` or ``_``: also
    withdrawn (``in``, ``jw``), of ISO 639-1, 639-2 (both kinds) and 639-3. A region does not change
    the language: ``en-US`` is English. A script other than those that the language has here
    (``ms-Arab``) makes another language. In Chinese the region decides the script, if none is
    written.
    """
    if tag in _by_alias():
        return _by_alias()[tag].code
    subtag, script, likely = _subtags(tag)
    by_script = _by_subtags().get(subtag or "", {})
    if script is None and likely not in by_script and len(by_script) == 1:
        (only,) = by_script.values()
        return only.code
    language = by_script.get(script or likely or "")
    return language.code if language else None


def find_language(code: str) -> Language | None:
    """The language of a code in a recipe or file name; None: not a known one.

    As ``language_of_tag``, but ``en-id`` is not the English of Indonesia: there it is a pair.
    """
    meaning = language_of_tag(code)
    if meaning is None or code in _by_alias():
        return languages()[meaning] if meaning else None
    first, _, second = code.replace("_", "-").partition("-")
    sides = language_of_tag(first), language_of_tag(second)
    is_pair = second.islower() and ENGLISH in sides and None not in sides
    return None if is_pair else languages()[meaning]


def find_pair(text: str) -> tuple[Language, Language] | None:
    """The two languages of ``en-id`` or ``eng_Latn-zh-Hans``; None: not two known ones."""
    parts = text.split("-")
    for length in range(1, len(parts)):
        first, second = "-".join(parts[:length]), "-".join(parts[length:])
        pair = find_language(first), find_language(second)
        if pair[0] and pair[1] and pair[0] != pair[1]:
            return pair[0], pair[1]
    return None


def resolve(code: str) -> Language:
    """The language that ``code`` means, see ``find_language``.

    Raises:
        ConfigError: nothing is known by that name; the message lists the nearest names.
    """
    language = find_language(code)
    if language is not None:
        return language
    nearest = difflib.get_close_matches(code, _by_alias(), n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
    raise ConfigError(f"unknown language {code!r}{hint}. See docs/reference/languages.md")
