"""What BCP 47, ISO 639 and CLDR say of a tag, by langcodes and language_data."""

from functools import cache
from typing import NamedTuple

import langcodes

_NOT_LANGUAGES = ("mis", "mul", "und", "zxx")  # codes of ISO 639 that stand for no language


class Subtags(NamedTuple):
    """The parts of a tag that decide which language it means."""

    language: str  # the primary subtag, withdrawn codes replaced: `in` is `id`
    script: str | None  # ISO 15924, where it is written; not Hani, which says nothing by itself
    likely: str | None  # that script, or the one that CLDR thinks likeliest with the region


@cache
def parse(tag: str) -> Subtags | None:
    """The parts of a tag; None: it is not a tag, or one of private use."""
    try:
        parsed = langcodes.Language.get(tag.strip().replace("_", "-"), normalize=True)
        if parsed.language is None:
            return None
        script = None if parsed.script == "Hani" else parsed.script
        likely = parsed.update_dict({"script": script}).maximize().script
    except (ValueError, AttributeError):
        return None
    return Subtags(parsed.language, script, likely)


def is_language(subtag: str) -> bool:
    """Whether a primary subtag names a language: not of private use, not unassigned."""
    tag = langcodes.Language.make(language=subtag)
    is_named = tag.is_valid() and not tag.display_name().startswith("Unknown language")
    return is_named and subtag not in _NOT_LANGUAGES


@cache
def scripts_of(subtag: str) -> frozenset[str]:
    """The scripts (ISO 15924) that CLDR knows a language to be written in."""
    from language_data.population_data import LANGUAGE_WRITING_POPULATION

    macro = langcodes.Language.make(language=subtag).prefer_macrolanguage().language
    written = {
        parts[1]
        for code in LANGUAGE_WRITING_POPULATION
        if (parts := code.split("-"))[0] in (subtag, macro)
        and len(parts) > 1
        and len(parts[1]) == 4
    }
    likely = langcodes.Language.make(language=subtag).maximize()
    # What CLDR does not know at all becomes Latin script and the United States.
    if likely.script and likely.territory != "US":
        written.add(likely.script)
    return frozenset(written)


def is_script(script: str) -> bool:
    """Whether an ISO 15924 code is one of letters, and not one for unknown or common ones."""
    tag = langcodes.Language.make(script=script)
    return bool(tag.is_valid()) and not script.startswith("Z")


def subtag_of(code: str) -> str:
    """The primary subtag of BCP 47 for a code of ISO 639, with the macrolanguage for its usual
    member, as people write it: ``arb`` is ``ar``, ``swh`` is ``sw``, ``lvs`` is ``lv``."""
    return _tag(code).language or code


def bcp47(code: str, script: str) -> str:
    """The tag of a language in a script; the script only where CLDR would not think of it.

    Args:
        code: ISO 639.
        script: ISO 15924.
    """
    tag = _tag(code)
    if tag.maximize().script == script or not script:
        return str(tag.to_tag())
    return str(tag.update_dict({"script": script}).to_tag())


def _tag(code: str) -> langcodes.Language:
    tag = langcodes.Language.get(code.lower(), normalize=True).prefer_macrolanguage()
    # CLDR makes prs, Dari, the Persian of a region (fa-AF): not what people write.
    return langcodes.Language.get(code.lower(), normalize=False) if tag.territory else tag


def name(code: str, script: str = "") -> str:
    """The English name of a language by CLDR, and of its script: ``Turkish``, ``Serbian (Latin)``.

    Args:
        code: ISO 639.
        script: ISO 15924, to be named too.
    """
    return _plain(_tag(code).update_dict({"script": script or None}).display_name())


def autonym(code: str, script: str = "") -> str:
    """As ``name``, in the language itself; in English where CLDR does not know it."""
    # CLDR spells Serbian as it writes it in its usual script; the script asked for is named.
    return _plain(_tag(code).update_dict({"script": script or None}).autonym())


def _plain(shown: str) -> str:
    return shown.replace(" (individual language)", "")


def likely_script(code: str) -> str:
    """The script (ISO 15924) that CLDR thinks likeliest for a code of ISO 639; Latn if unknown."""
    return str(_tag(code).maximize().script)


@cache
def iso_codes(code: str) -> frozenset[str]:
    """A code of ISO 639 and all others that mean the same language: ``tur`` and ``tr``; ``arb``,
    ``ar`` and ``ara``; ``mya``, ``my`` and ``bur``."""
    tag = langcodes.Language.make(language=subtag_of(code))
    try:
        forms = {tag.to_alpha3(), tag.to_alpha3(variant="B")}
    except LookupError:
        forms = set()
    return frozenset({code, str(tag.language), *forms})


def alpha3(subtag: str) -> str:
    """The code of ISO 639-3 for a primary subtag: ``dv`` is ``div``."""
    return str(langcodes.Language.make(language=subtag).to_alpha3())
