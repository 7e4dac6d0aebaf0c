"""What a text is written with: counts of its letters by script, digits, punctuation and spaces."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.languages import languages

# Classes of a code point. The scripts of the known languages follow, each with its own letters.
_CLASSES = ("other", "digits", "punctuation", "spaces", "shared_letters", "foreign_letters")
_NUM_CODE_POINTS = 0x110000
_CHUNK = 1 << 20  # characters classified at a time: what the processor's cache holds


def unicode_script(iso_15924: str) -> str:
    """The Unicode script behind an ISO 15924 code: simplified and traditional Chinese are Han."""
    return "Hani" if iso_15924 in ("Hans", "Hant") else iso_15924


@cache
def scripts() -> tuple[str, ...]:
    """Unicode scripts of the known languages, sorted (``Hani``, ``Khmr``, ``Laoo``, …)."""
    return tuple(sorted({unicode_script(language.script) for language in languages().values()}))


@cache
def class_table() -> npt.NDArray[np.uint8]:
    """The class of every code point, uint8 [0x110000]: an index into the counted columns.

    Unicode properties come from the regex engine of polars, so they do not change with Python. A
    mark (category M) is a letter of its script; letters and marks of scripts Common and Inherited
    (U+0301, U+30FC) are shared: any script may use them.
    """
    # Surrogates are no text; they become U+FFFD here and are never looked up.
    code_points = np.arange(_NUM_CODE_POINTS, dtype="<u4")
    text = pl.Series([code_points.tobytes().decode("utf-32-le", "replace")])
    properties = [
        r"\p{Nd}",
        r"\p{P}",
        r"\p{White_Space}",
        r"[[\p{L}\p{M}]&&[\p{sc=Zyyy}\p{sc=Zinh}]]",
        r"[[\p{L}\p{M}]--[\p{sc=Zyyy}\p{sc=Zinh}]]",
        *(rf"[[\p{{L}}\p{{M}}]&&\p{{sc={script}}}]" for script in scripts()),
    ]
    table = np.zeros(_NUM_CODE_POINTS, np.uint8)
    for index, members in enumerate(properties, start=1):
        found = text.str.extract_all(members + "+").list.join("").item()
        table[np.frombuffer(found.encode("utf-32-le"), "<u4")] = index
    return table


def count_characters(text: pl.Series) -> pl.DataFrame:
    """Characters (code points) of each class in each text, in one pass; null counts as empty.

    Columns, all UInt32: ``letters`` (with marks, of any script), one per script of ``scripts()``,
    ``shared_letters`` (of no script in particular), ``foreign_letters`` (of scripts that no known
    language uses), ``digits`` (of any script), ``punctuation``, ``spaces``, ``other``.
    """
    columns = (*_CLASSES, *scripts())
    parts = [_count(part, len(columns)) for part in chunks(text.fill_null(""), _CHUNK)]
    counts = np.concatenate([np.empty((0, len(columns)), np.int64), *parts])
    frame = pl.DataFrame(counts, schema=dict.fromkeys(columns, pl.UInt32))
    letters = ["shared_letters", "foreign_letters", *scripts()]
    return frame.with_columns(letters=pl.sum_horizontal(letters))


def chunks(text: pl.Series, max_chars: int) -> Iterator[pl.Series]:
    """Consecutive slices of about ``max_chars`` characters: at least one text, at most 65,536."""
    ends = np.cumsum(text.str.len_chars().to_numpy(), dtype=np.int64)
    start = done = 0
    while start < len(text):
        stop = int(np.searchsorted(ends, done + max_chars, side="right"))
        stop = min(max(stop, start + 1), start + (1 << 16))
        yield text[start:stop]
        start, done = stop, int(ends[stop - 1])


def code_points(text: pl.Series) -> npt.NDArray[np.uint32]:
    """The code points of all texts one after another, uint32 [characters]."""
    return np.frombuffer(text.str.join("").item().encode("utf-32-le"), "<u4")


def _count(text: pl.Series, num_classes: int) -> npt.NDArray[np.int64]:
    """Characters by text and class, int64 [len(text), num_classes]."""
    cells = np.repeat(np.arange(len(text)) * num_classes, text.str.len_chars().to_numpy())
    cells += class_table()[code_points(text)]
    return np.bincount(cells, minlength=len(text) * num_classes).reshape(len(text), num_classes)
