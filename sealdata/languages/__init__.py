"""Languages as data: codes, names, scripts, lengths, and which ones resemble each other."""

from sealdata.languages.language import Language, script_of, unicode_script, unicode_scripts
from sealdata.languages.registry import (
    ENGLISH,
    by_script,
    cached_by_registry,
    confusable_set,
    confusable_sets,
    declare,
    declared,
    languages,
    length_range,
    relatives,
    remember,
    usual_length_factor,
)
from sealdata.languages.resolver import find_language, find_pair, language_of_tag, resolve
from sealdata.languages.tags import iso_codes

__all__ = [
    "ENGLISH",
    "Language",
    "by_script",
    "cached_by_registry",
    "confusable_set",
    "confusable_sets",
    "declare",
    "declared",
    "find_language",
    "find_pair",
    "iso_codes",
    "language_of_tag",
    "languages",
    "length_range",
    "relatives",
    "remember",
    "resolve",
    "script_of",
    "unicode_script",
    "unicode_scripts",
    "usual_length_factor",
]
