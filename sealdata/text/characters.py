"""What a text is written with: counts of its letters by script, digits, punctuation and spaces."""

import weakref
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.kernels import frozen, texts_of
from sealdata.kernels.char_counts import count_classes

# Classes of a code point. The scripts follow, each with its own letters. The kernel counts 64.
CLASSES = ("other", "digits", "punctuation", "spaces", "shared_letters", "foreign_letters")
# ISO 15924 of the scripts that languages are written in today and that text comes in. Letters of
# all others, such as runes, are foreign to every language.
_SCRIPTS = (
    "Adlm Arab Armn Bali Batk Beng Bopo Bugi Cakm Cans Cham Cher Cyrl Deva Ethi Geor Grek Gujr",
    "Guru Hang Hani Hebr Hira Java Kali Kana Khmr Knda Lana Laoo Latn Lepc Limb Lisu Mlym Mong",
    "Mtei Mymr Newa Nkoo Olck Orya Osge Plrd Rohg Sinh Sund Syrc Tale Taml Tavt Telu Tfng Thaa",
    "Thai Tibt Vaii Yiii",
)
# U+0000 to U+10FFFF.
NUM_CODE_POINTS = 0x110000
# A character that can be seen: no white space, no control character, nothing that Unicode says to
# ignore where it cannot be shown (zero-width space, joiners, tags, soft hyphen, byte-order mark).
# The blank Braille pattern and the annotation marks have no ink either.
VISIBLE = r"[^\s\p{Cc}\p{Default_Ignorable_Code_Point}\u{2800}\u{fff9}-\u{fffb}]"

Counts = dict[str, npt.NDArray[np.uint32]]  # class -> characters of it in each text


@cache
def scripts() -> tuple[str, ...]:
    """The Unicode scripts whose letters are counted, sorted (``Hani``, ``Khmr``, ``Laoo``, …)."""
    return tuple(" ".join(_SCRIPTS).split())


@cache
def _every_code_point() -> pl.Series:
    """One text of all code points but surrogates, which cannot occur in text."""
    # UTF-32 of all numbers at once; a loop over `chr` would make a million strings.
    every = np.arange(NUM_CODE_POINTS, dtype="<u4")
    return pl.Series([every[(every < 0xD800) | (every >= 0xE000)].tobytes().decode("utf-32-le")])


def members_of(pattern: str) -> npt.NDArray[np.uint32]:
    """The code points that a class of the regex engine of polars (``\\p{Nd}``) matches, sorted."""
    # Runs and not single characters, so that few strings are made.
    matches = _every_code_point().str.extract_all(f"(?:{pattern})+").list.join("")
    return code_points(matches)


@cache
def class_table() -> npt.NDArray[np.uint8]:
    """The class of every code point, uint8 [0x110000]: an index into the counted columns.

    Unicode properties come from the regex engine of polars, so they do not change with Python. A
    mark (category M) is a letter of its script; letters and marks of scripts Common and Inherited
    (U+0301, U+30FC) are shared: any script may use them.
    """
    properties = [
        r"\p{Nd}",
        r"\p{P}",
        r"\p{White_Space}",
        r"[[\p{L}\p{M}]&&[\p{sc=Zyyy}\p{sc=Zinh}]]",
        r"[[\p{L}\p{M}]--[\p{sc=Zyyy}\p{sc=Zinh}]]",
        *(rf"[[\p{{L}}\p{{M}}]&&\p{{sc={script}}}]" for script in scripts()),
    ]
    table = np.zeros(NUM_CODE_POINTS, np.uint8)
    # The later class counts: `foreign_letters` takes all letters that have a script, and then each
    # known script takes its own.
    for index, members in enumerate(properties, start=1):
        table[members_of(members)] = index
    return frozen(table)


@cache
def lower_table() -> npt.NDArray[np.int32]:
    """The lower case of every code point, int32 [0x110000], and -1 for white space.

    For two letters it depends on their neighbours: see ``without_special_case``.
    """
    # Only characters that change are looked at, about 1,400 of a million.
    upper = pl.Series([*map(chr, members_of(r"\p{Changes_When_Lowercased}"))])
    lower = upper.str.to_lowercase()
    table = np.arange(NUM_CODE_POINTS, dtype=np.int32)
    # A table has one code point an entry; the exception is in `without_special_case`.
    single = lower.str.len_chars() == 1
    table[code_points(upper.filter(single))] = code_points(lower.filter(single))
    # White space of all kinds gets one mark, since kernels only ask whether it is there.
    table[class_table() == CLASSES.index("spaces")] = -1
    return frozen(table)


def without_special_case(text: pl.Series) -> pl.Series:
    """``text``, in lower case wherever ``lower_table`` cannot give it: a dotted capital I becomes
    two characters, and a capital sigma has two small forms. The sign of Kelvin becomes an ASCII
    letter, which kernels that look at bytes would miss."""
    # Three characters that are rare: most columns are returned as they are, without a copy.
    rows = text.str.contains("[\u0130\u03a3\u212a]").fill_null(False).arg_true()
    if rows.is_empty():
        return text
    return text.clone().scatter(rows, text.gather(rows).str.to_lowercase())


def count_characters(text: pl.Series) -> pl.DataFrame:
    """Characters (code points) of each class in each text, in one pass; null counts as empty.

    Columns, all UInt32: ``letters`` (with marks, of any script), one per script of ``scripts()``,
    ``shared_letters`` (of no script in particular), ``foreign_letters`` (of scripts that are not
    counted), ``digits`` (of any script), ``punctuation``, ``spaces``, ``other``.
    """
    return pl.DataFrame(_counts(text))


def characters_of(pairs: pl.DataFrame, side: str) -> Counts:
    """The columns of ``count_characters`` for one side of a frame, each uint32 [pairs], counted
    once for all scorers that get it."""
    return _last_frame.counts(pairs, side)


def _counts(text: pl.Series) -> Counts:
    columns = (*CLASSES, *scripts())
    # uint32 [classes, texts], one row a column.
    counts = count_classes(*texts_of(text), class_table(), len(columns))
    # Shared, foreign and all scripts come last among the classes, so this is one slice.
    letters = counts[CLASSES.index("shared_letters") :].sum(axis=0, dtype=np.uint32)
    # Text is in few scripts. The columns of all others are one, which saves 200 bytes a text.
    nothing, is_used = np.zeros(len(text), np.uint32), counts.max(axis=1, initial=0) > 0
    return {
        name: row.copy() if used else nothing
        for name, row, used in zip(columns, counts, is_used, strict=True)
    } | {"letters": letters}


class _LastFrame:
    """The counts of the frame asked about last, while it lives. No scorer changes a frame."""

    def __init__(self) -> None:
        # Weak, so that the counts keep no frame in memory after the last scorer.
        self.frame: weakref.ref[pl.DataFrame] | None = None
        self.sides: dict[str, Counts] = {}

    def counts(self, pairs: pl.DataFrame, side: str) -> Counts:
        # By identity: comparing content would cost as much as counting again.
        if self.frame is None or self.frame() is not pairs:
            self.frame, self.sides = weakref.ref(pairs, self._forget), {}
        # The second side is counted when it is first asked for; some scorers need one side only.
        if side not in self.sides:
            self.sides[side] = _counts(pairs[side])
        return self.sides[side]

    def _forget(self, frame: weakref.ref[pl.DataFrame]) -> None:
        # A late callback of an earlier frame must not drop the counts of the present one.
        if frame is self.frame:
            self.frame, self.sides = None, {}


_last_frame = _LastFrame()


def code_points(text: pl.Series) -> npt.NDArray[np.uint32]:
    """The code points of all texts one after another, uint32 [characters]."""
    return np.frombuffer(text.str.join("").item().encode("utf-32-le"), "<u4")
