"""The meaning of a model's labels: FLORES-200 codes, sets of confusable languages, scripts."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from sealdata.languages import confusable_set, languages, unicode_script

_FLORES = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
Mask = npt.NDArray[np.bool_]


class Labels:
    """The labels of one model. Masks are bool [labels]."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels
        with_script = sum(_FLORES.fullmatch(label) is not None for label in labels)
        self.family = "flores" if 2 * with_script > len(labels) else "iso"
        self.only_label = self._only_label()

    def mask(self, lang: str) -> Mask:
        """The labels that mean ``lang``; none if the model does not know the language."""
        names = self._names(lang)
        return np.array([label in names for label in self.labels])

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
        groups = np.zeros(len(self.labels), np.intp)
        number = 0
        for code in languages():
            mask = self.set_mask(code)
            if mask.any() and not groups[mask].any():
                number += 1
                groups[mask] = number
        return groups, number

    def codes(self) -> list[str]:
        """The FLORES-200 code of each label, or the label itself if its language is not known.

        A label of both kinds of Chinese counts as simplified.
        """
        codes = {name: code for code in reversed(languages()) for name in self._names(code)}
        return [codes.get(label, label) for label in self.labels]

    def _names(self, lang: str) -> frozenset[str]:
        if self.family == "flores":
            return frozenset((lang, *_table()["flores"]["labels"].get(lang, ())))
        language = languages().get(lang)
        label = language.lid176 if language else lang.partition("_")[0]
        return frozenset(filter(None, (label,)))

    def _only_label(self) -> dict[str, int]:
        """Unicode script -> index of the label, if only one label is written in it."""
        if self.family == "iso":
            table = _table()["iso"]["only_label"].items()
            return {script: self.labels.index(n) for script, n in table if n in self.labels}
        scripts = [unicode_script(label.rpartition("_")[2]) for label in self.labels]
        return {s: number for number, s in enumerate(scripts) if scripts.count(s) == 1}


def _script(code: str) -> str:
    return unicode_script(code.rpartition("_")[2])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("sealdata.lid").joinpath("labels.toml").read_text("utf-8"))
