"""The meaning of a model's labels: the language of each one, in whatever code it is written."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.languages import (
    cached_by_registry,
    find_language,
    iso_codes,
    language_of_tag,
    languages,
    relatives,
    script_of,
    unicode_script,
    unicode_scripts,
)

Mask = npt.NDArray[np.bool_]
_MAX_CODE = 3  # letters of a code of ISO 639
_WITH_SCRIPT = re.compile(r"[-_][A-Z][a-z]{3}\b")

# Scripts of so many languages that a single label in one of them means its own language only.
_MANY_LANGUAGES = ("Arab", "Cyrl", "Deva", "Hani", "Latn")


class _Code(NamedTuple):
    """A label or language code, taken apart: ``zh-TW`` is zh in Hant, ``eng`` has no script."""

    base: str  # lower case
    script: str | None  # ISO 15924; Hani: Chinese of either kind


class Labels:
    """The labels of one model, in any of these codes: ISO 639-1, 639-2, 639-3, FLORES-200, BCP 47,
    English names, and all aliases of known languages. Masks are bool [labels]."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self._parsed = [_parse(label) for label in _in_iso(labels)]
        self._lower = [label.lower() for label in labels]
        # A build asks for the same few languages part after part.
        self._masks: dict[str, Mask] = {}
        self._groups: tuple[npt.NDArray[np.intp], int] | None = None
        self._codes: list[str] | None = None
        self.written_in = self._written_in()
        # Unicode script -> index of the label, if only one label is written in it. Labels without a
        # script may be written in Latin or Chinese letters, so these two scripts count only if
        # every label has a script.
        tagged = all(code.script for code in self._parsed)
        self.only_label = {
            script: numbers[0]
            for script, numbers in self.written_in.items()
            if len(numbers) == 1 and (tagged or script not in ("Latn", "Hani"))
        }

    def mask(self, lang: str) -> Mask:
        """The labels that mean ``lang``; none if the model does not know the language."""
        if lang not in self._masks:
            names, bases, script = _names(lang), _bases(lang), script_of(lang)
            self._masks[lang] = np.array(
                [
                    label in names or (code.base in bases and _is_in_script(code.script, script))
                    for label, code in zip(self._lower, self._parsed, strict=True)
                ]
            )
        return self._masks[lang]

    def set_mask(self, lang: str) -> Mask:
        """The labels of ``lang`` and of its ``relatives`` in the same script.

        Languages of a set that have different scripts (Thai and Lao) are distinguished by letters.
        A language may have no label in its set, while its script has one label only. By its
        letters that is its label: Tigrinya has the one of Amharic.
        """
        script = _script(lang)
        members = [code for code in relatives(lang) if _script(code) == script]
        mask: Mask = np.any([self.mask(code) for code in (lang, *members)], axis=0)
        if not mask.any() and script not in _MANY_LANGUAGES and script in self.only_label:
            mask[self.only_label[script]] = True
        return mask

    def groups(self) -> tuple[npt.NDArray[np.intp], int]:
        """The number of each label's set, intp [labels] from 1 (0: no known language), and the
        number of sets. A language that is not confused with another is a set of its own."""
        if self._groups is None:
            groups = np.zeros(len(self.labels), np.intp)
            number = 0
            for code in languages():
                mask = self.set_mask(code)
                if mask.any() and not groups[mask].any():
                    number += 1
                    groups[mask] = number
            self._groups = groups, number
        return self._groups

    def is_hardly_known(self, lang: str) -> bool:
        """Whether the model has no label for ``lang``, or hardly ever uses it for right text."""
        labels = {self.labels[index] for index in self.mask(lang).nonzero()[0]}
        return labels <= set(_table()["hardly_known"]["labels"])

    def missing(self, langs: Sequence[str]) -> list[str]:
        """Those of ``langs`` (FLORES-200 codes) that no label means, in their order."""
        return [lang for lang in langs if not self.mask(lang).any()]

    def codes(self) -> list[str]:
        """The FLORES-200 code of each label, or the label itself if its language is not known.

        A label of both kinds of Chinese counts as simplified.
        """
        if self._codes is None:
            meant = zip(self.labels, _in_iso(self.labels), strict=True)
            codes = [language_of_tag(iso) or label for label, iso in meant]
            for code in reversed(languages()):
                for index in self.mask(code).nonzero()[0]:
                    codes[index] = code
            self._codes = codes
        return self._codes

    def _written_in(self) -> dict[str, list[int]]:
        """Unicode script -> indices of the labels that text in it may have."""
        users: dict[str, list[int]] = {}
        for number, code in enumerate(self._parsed):
            for script in _scripts_of(code):
                users.setdefault(script, []).append(number)
        return users


@cached_by_registry
def labels_of(labels: tuple[str, ...]) -> Labels:
    """``Labels``, made once per process: a model may have thousands."""
    return Labels(labels)


def _in_iso(labels: tuple[str, ...]) -> tuple[str, ...]:
    """``labels`` with codes of Wikipedia replaced where the model uses them: ``als`` is Alemannic
    there, and Albanian of one kind in ISO 639-3, which a model with ``sq`` would call that."""
    if "sq" not in labels:
        return labels
    wikipedia = _table()["wikipedia"]
    return tuple(wikipedia.get(label, label) for label in labels)


@cache
def _scripts_of(code: _Code) -> tuple[str, ...]:
    """The Unicode scripts that text with a label may be in."""
    table = [script for script, bases in _table()["written_in"].items() if code.base in bases]
    if code.script:
        return unicode_scripts(code.script)
    if table:
        return tuple(table)
    meaning = language_of_tag(code.base)
    return unicode_scripts(script_of(meaning)) if meaning else ()


def _parse(label: str) -> _Code:
    base, *rest = re.split(r"[-_]", label.lower())
    if base in _bases("zho_Hans"):
        for script, regions in _table()["regions"].items():
            if not set(regions).isdisjoint(rest):
                return _Code(base, script)
    tags = (tag.capitalize() for tag in rest if re.fullmatch(r"[a-z]{4}", tag))
    return _Code(base, next(tags, None))


@cached_by_registry
def _names(lang: str) -> frozenset[str]:
    """Whole labels, in lower case, that mean ``lang`` whatever their parts say (``zho_trad``)."""
    language = find_language(lang)
    if language is None:
        return frozenset((lang.lower(),))
    # Ga is a language of Ghana, and `ga` the label of Irish.
    names = [language.name] if len(language.name) > _MAX_CODE else []
    return frozenset(name.lower() for name in (lang, *names, *language.aliases))


@cached_by_registry
def _bases(lang: str) -> frozenset[str]:
    """Codes of ``lang`` without script and region, in lower case."""
    language = find_language(lang)
    codes = (language.bcp47, language.lid176 or "", *language.aliases) if language else ()
    bases = {
        re.split(r"[-_]", code.lower())[0]
        for code in (lang, *codes, *_table()["codes"].get(lang, ()))
        # An alias with a script (ku-Arab) says nothing about the language in others.
        if code and (code == lang or not _WITH_SCRIPT.search(code))
    }
    return frozenset(bases | iso_codes(lang.split("_")[0].lower()))


def _is_in_script(label_script: str | None, script: str) -> bool:
    """Whether a label in ``label_script`` can mean a language in ``script`` (both ISO 15924)."""
    return label_script in (None, script, *unicode_scripts(script)) or (
        label_script is not None and script in unicode_scripts(label_script)
    )


def _script(code: str) -> str:
    return unicode_script(script_of(code))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("sealdata.lid").joinpath("labels.toml").read_text("utf-8"))
