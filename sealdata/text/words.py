"""Words: by white space where a script writes it between words, by ICU's dictionaries elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import regex

from sealdata.languages import resolve

Numbers = npt.NDArray[np.int64]

NO_SEGMENTER = "none: pip install 'sealdata[segment]'"
# Runs of anything but white space: punctuation stays on its word.
_RUN = regex.compile(r"\S+")
_WORD = regex.compile(r"[\p{L}\p{N}]")  # what tells a word from punctuation and space
# The package `regex`, since `re` has neither classes of Unicode nor clusters.
_CLUSTER = regex.compile(r"\X")


@dataclass(frozen=True)
class Spans:
    """Words of several texts: word i is the characters ``starts[i]`` to ``ends[i]`` (exclusive) of
    all texts end to end, with one character between two texts."""

    starts: Numbers
    ends: Numbers


def words_by(lang: str) -> str:
    """What separates words in a language: ``white space``, ``ICU 78.3``, or why nothing does."""
    if resolve(lang).spaces:
        return "white space"
    # The version is part of the answer, as counts of words change with ICU's dictionaries.
    version = _icu_version()
    return NO_SEGMENTER if version is None else f"ICU {version}"


def words(texts: Sequence[str], lang: str) -> Spans | None:
    """The words of each text, in order; None where no segmenter of the language is installed.

    White space leaves punctuation on its word, as fertility counts it (Rust et al. 2021). ICU
    (Thai, Lao, Khmer, Burmese, Chinese) segments by its dictionaries; segments without a letter or
    digit are not words.
    """
    # One character between two texts, so that no word of one touches a token of the next.
    starts = list(accumulate((len(text) + 1 for text in texts), initial=0))
    if resolve(lang).spaces:
        matches = [
            (begin + match.start(), begin + match.end())
            for begin, text in zip(starts, texts, strict=False)
            for match in _RUN.finditer(text)
        ]
    # White space is never used in its place: a Thai clause would count as one word.
    elif _icu_version() is None:
        return None
    else:
        from icu4py.breakers import WordBreaker

        locale = resolve(lang).bcp47
        matches = [
            (begin + start, begin + end)
            for begin, text in zip(starts, texts, strict=False)
            for start, end in WordBreaker(text, locale).segments()
            # ICU also returns spaces and punctuation as segments.
            if _WORD.search(text, start, end)
        ]
    # Without any word the array would have no second dimension.
    table = np.array(matches, np.int64).reshape(-1, 2)
    return Spans(table[:, 0], table[:, 1])


def num_graphemes(texts: Sequence[str]) -> int:
    """Extended grapheme clusters (Unicode Annex 29) of all texts."""
    # Counted without keeping clusters, whose strings would take many times the text.
    return sum(sum(1 for _ in _CLUSTER.finditer(text)) for text in texts)


# Python searches again for a module that is missing; within a process the answer stays.
@cache
def _icu_version() -> str | None:
    try:
        from icu4py import _version
    except ImportError:
        return None
    return str(_version.icu_version)
