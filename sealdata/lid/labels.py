"""The meaning of a model's labels: the language of each one, in whatever code it is written."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.languages import confusable_set, languages, unicode_script
from sealdata.text.characters import scripts

Mask = npt.NDArray[np.bool_]


class _Code(NamedTuple):
    """A label or language code, taken apart: ``zh-TW`` is zh in Hant, ``eng`` has no script."""

    base: str  # lower case
    script: str | None  # ISO 15924; Hani: Chinese of either kind


class Labels:
    """The labels of one model, in any of these codes: ISO 639-1, 639-2, 639-3, FLORES-200, BCP 47,
    English names, and all aliases in languages.toml. Masks are bool [labels]."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self._parsed = [_parse(label) for label in labels]
        self.only_label = self._only_label()

    def mask(self, lang: str) -> Mask:
        """The labels that mean ``lang``; none if the model does not know the language."""
        names, bases = _names(lang), _bases(lang)
        script = lang.rpartition("_")[2]
        return np.array(
            [
                label.lower() in names
                or (code.base in bases and _is_in_script(code.script, script))
                for label, code in zip(self.labels, self._parsed, strict=True)
            ]
        )

    def set_mask(self, lang: str) -> Mask:
        """The labels of ``lang`` and of languages that are confused with it in the same script.

        Languages of a set that have different scripts (Thai and Lao) are distinguished by letters.
        """
        script = _script(lang)
        members = [code for code in confusable_set(lang) if _script(code) == script]
        mask: Mask = np.any([self.mask(code) for code in (lang, *members)], axis=0)
        return mask

    def groups(self) -> tuple[npt.NDArray[np.intp], int]:
        """The number of each label's set, intp [labels] from 1 (0: no known language), and the
        number of sets. A language that is not confused with another is a set of its own."""
        return self._groups

    @cached_property
    def _groups(self) -> tuple[npt.NDArray[np.intp], int]:
        groups = np.zeros(len(self.labels), np.intp)
        number = 0
        for code in languages():
            mask = self.set_mask(code)
            if mask.any() and not groups[mask].any():
                number += 1
                groups[mask] = number
        return groups, number

    def missing(self, langs: Sequence[str]) -> list[str]:
        """Those of ``langs`` (FLORES-200 codes) that no label means, in their order."""
        return [lang for lang in langs if not self.mask(lang).any()]

    def codes(self) -> list[str]:
        """The FLORES-200 code of each label, or the label itself if its language is not known.

        A label of both kinds of Chinese counts as simplified.
        """
        codes = list(self.labels)
        for code in reversed(languages()):
            for index in self.mask(code).nonzero()[0]:
                codes[index] = code
        return codes

    def _only_label(self) -> dict[str, int]:
        """Unicode script -> index of the label, if only one label is written in it.

        Labels without a script may be written in Latin or Chinese letters, so these two scripts
        count only if every label has a script.
        """
        written_in = _table()["written_in"]
        tagged = all(code.script for code in self._parsed)
        only = {}
        for script in scripts():
            users = [
                number
                for number, code in enumerate(self._parsed)
                if (
                    unicode_script(code.script) == script
                    if code.script
                    else code.base in written_in.get(script, ())
                )
            ]
            if len(users) == 1 and (tagged or script in written_in):
                only[script] = users[0]
        return only


@cache
def labels_of(labels: tuple[str, ...]) -> Labels:
    """``Labels``, made once per process: a model may have thousands."""
    return Labels(labels)


def _parse(label: str) -> _Code:
    base, *rest = re.split(r"[-_]", label.lower())
    if base in _bases("zho_Hans"):
        for script, regions in _table()["regions"].items():
            if not set(regions).isdisjoint(rest):
                return _Code(base, script)
    tags = (tag.capitalize() for tag in rest if re.fullmatch(r"[a-z]{4}", tag))
    return _Code(base, next(tags, None))


@cache
def _names(lang: str) -> frozenset[str]:
    """Whole labels, in lower case, that mean ``lang`` whatever their parts say (``zho_trad``)."""
    language = languages().get(lang)
    if language is None:
        return frozenset((lang.lower(),))
    return frozenset(name.lower() for name in (lang, language.name, *language.aliases))


@cache
def _bases(lang: str) -> frozenset[str]:
    """Codes of ``lang`` without script and region, in lower case."""
    language, more = languages().get(lang), _table()["codes"].get(lang, ())
    codes = (language.bcp47, language.lid176 or "", *language.aliases) if language else ()
    return frozenset(re.split(r"[-_]", code.lower())[0] for code in (lang, *codes, *more) if code)


def _is_in_script(label_script: str | None, script: str) -> bool:
    """Whether a label in ``label_script`` can mean a language in ``script`` (both ISO 15924)."""
    return label_script in (None, script, unicode_script(script))


def _script(code: str) -> str:
    return unicode_script(code.rpartition("_")[2])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("sealdata.lid").joinpath("labels.toml").read_text("utf-8"))
