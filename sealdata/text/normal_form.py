"""The normal form by which two texts count as the same, and its table for a fast kernel.

Two functions have one result. ``plain`` defines the form by expressions. ``folded`` looks most
texts up in a table made from it. It leaves to ``plain`` the texts whose characters affect each
other: marks that are out of order or may compose, and the capital sigma. Before both,
``unify_tones`` unifies two spellings of some languages. Tests hold the two equal on every code
point and on texts of all scripts.
"""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import Texts, frozen, text_column, texts_of
from sealdata.kernels.casefold_nfkc import (
    FIRST,
    GROWTH,
    MARK,
    SECOND,
    SEVERAL,
    TONED,
    UNSURE,
    FoldTable,
    fold_texts,
)
from sealdata.text.characters import NUM_CODE_POINTS, members_of
from sealdata.text.vietnamese import TONED_FIRST, unify_tones

# Case, spacing, punctuation, symbols and format characters do not tell two sentences apart;
# letters, combining marks (vowels and tones of Thai, Lao, Khmer, Burmese, Tamil) and digits do.
_IGNORED = r"[\s\p{P}\p{S}\p{C}]"
# Hangul composes by rule, not by table: leading consonants, vowels, syllables and final consonants.
_LEADS, _VOWELS, _FINALS = range(0x1100, 0x1113), range(0x1161, 0x1176), range(0x11A8, 0x11C3)
_OPEN_SYLLABLES = range(0xAC00, 0xD7A4, 28)
_SIGMA = 0x3A3  # becomes one of two small letters, by what stands beside it


def plain(text: pl.Expr) -> pl.Expr:
    """NFKC, lower case, only letters, marks and digits; null stays null.

    A text with none of those is its own form, so that "?!" and "..." stay two texts.
    """
    # NFKC first, since it also unites full-width letters, which then have one case.
    whole = text.str.normalize("NFKC").str.to_lowercase()
    bare = whole.str.replace_all(f"{_IGNORED}+", "")
    # Without this, all texts of punctuation would be duplicates of each other.
    return pl.when(bare.str.len_bytes() > 0).then(bare).otherwise(whole)


def folded(text: pl.Series) -> pl.Series:
    """The same as ``plain`` of ``unify_tones``, several times as fast: few texts are looked at
    twice."""
    # `rows` are those that need a second look: an unsure character, a tone of Vietnamese, or null.
    forms, rows = _looked_up(text)
    if rows.is_empty():
        return forms
    # With tones unified, many of these rows are certain by the table.
    unified = unify_tones(text.gather(rows))
    rest, unsure = _looked_up(unified)
    if not unsure.is_empty():
        spelled = unified.gather(unsure).to_frame("text").select(plain(pl.col("text")))
        rest = rest.scatter(unsure, spelled.to_series())
    # Rows keep their places, so forms stand in the order of the texts.
    return forms.scatter(rows, rest)


def _looked_up(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The form of each text by the table, and the rows where the table is not enough."""
    table = fold_table()
    starts, data, unsure = fold_texts(*texts_of(text), table.entries, table.pool, table.classes)
    forms = text_column(Texts(starts, data), text.name)
    # Null has no bytes to look up; `plain` keeps it null.
    return forms, pl.Series(unsure | text.is_null().to_numpy()).arg_true()


@cache
def fold_table() -> FoldTable:
    """What ``plain`` makes of each code point by itself, and which affect others."""
    # By default a character stands for itself; 0 means that it is dropped.
    entries = np.arange(NUM_CODE_POINTS, dtype=np.uint32)
    entries[members_of(_IGNORED)] = 0
    classes = np.zeros((2, NUM_CODE_POINTS), np.uint8)
    # Polars normalises by a later Unicode than its regular expressions know, and Python by another.
    entries[members_of(r"\p{Cn}")] = UNSURE
    # Unified ideographs are left out: they become nothing else and compose with nothing.
    assigned = list(map(chr, members_of(r"[^\p{C}\p{Z}\p{Unified_Ideograph}]")))
    # Where the two disagree on what is assigned, polars decides, text by text (`plain`).
    entries[[ord(char) for char in assigned if unicodedata.category(char) == "Cn"]] |= UNSURE
    # Row 0 is the class of the first character of the result, row 1 that of the last.
    for char in assigned:
        classes[:, ord(char)] = unicodedata.combining(char)
    firsts, seconds = _composing(assigned)
    pool = _map(assigned, entries, classes, firsts, seconds)
    entries[list(map(ord, TONED_FIRST))] |= TONED
    return FoldTable(frozen(entries), frozen(pool), frozen(classes))


def _composing(characters: list[str]) -> tuple[set[int], set[int]]:
    """Code points that compose with one after them, and with one before them."""
    # An open syllable is every 28th: without a final consonant, so one may follow.
    firsts, seconds = {*_LEADS, *_OPEN_SYLLABLES}, {*_VOWELS, *_FINALS}
    for char in characters:
        # Canonical pairs only: `<` opens a compatibility form, and NFC leaves some pairs apart.
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.normalize("NFC", char) == char:
            firsts.add(int(parts[0], 16))
            seconds.add(int(parts[1], 16))
    return firsts, seconds


def _map(
    characters: list[str],
    entries: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    firsts: set[int],
    seconds: set[int],
) -> npt.NDArray[np.uint32]:
    """Complete ``entries`` and ``classes`` by what each character becomes; return the pool."""
    char, nfkc = pl.col("char"), pl.col("char").str.normalize("NFKC")
    forms = pl.DataFrame({"char": characters}).select(
        char, nfkc=nfkc, bare=nfkc.str.to_lowercase().str.replace_all(_IGNORED, "")
    )
    # Only what changes needs an entry of its own; the default covers the others.
    changing = forms.filter((pl.col("nfkc") != char) | (pl.col("bare") != char))
    pool: list[int] = []
    # The classes of single characters, as the loop overwrites them.
    single_classes = classes[0].copy()
    becomes = {ord(before): (composed, bare) for before, composed, bare in changing.rows()}
    for code, (composed, bare) in becomes.items():
        classes[:, code] = single_classes[ord(composed[0])], single_classes[ord(composed[-1])]
        # The default (the character itself) goes; a doubt from before stays.
        entries[code] &= UNSURE
        # One character fits the entry; several go to the pool, after their number.
        if len(bare) == 1:
            entries[code] |= np.uint32(ord(bare))
        elif bare:
            entries[code] |= SEVERAL | np.uint32(len(pool))
            pool += [len(bare), *map(ord, bare)]
        # What the character becomes may compose inside, which a look-up of its parts cannot see.
        marks = any(ord(part) in seconds for part in composed[1:])
        grows = len(bare.encode()) > GROWTH * len(chr(code).encode())
        if marks or grows or chr(_SIGMA) in composed:
            entries[code] |= UNSURE
    # The ends of the result decide whether a neighbour composes with it.
    for code in {*firsts, *seconds, *becomes}:
        composed = becomes[code][0] if code in becomes else chr(code)
        if ord(composed[-1]) in firsts:
            entries[code] |= FIRST
        if ord(composed[0]) in seconds:
            entries[code] |= SECOND if single_classes[ord(composed[0])] == 0 else UNSURE
    entries[(classes != 0).any(axis=0)] |= MARK
    return np.array([*pool, 0], np.uint32)
