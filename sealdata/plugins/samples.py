"""Texts and files that components are tried on: empty, odd, and in every language."""

import polars as pl

from sealdata.languages import languages
from sealdata.pairs import make_pairs

ODD_TEXTS = [
    "",
    " ",
    "\n",
    "\0",
    "x\0y",
    "😀👩‍👩‍👧",
    "\u0301",  # a mark without a letter
    "ั",
    "្",
    "\u200b\u200d\ufeff",
    "שלום עולם مرحبا",
    "\u202eabc",
    "ก" * 10_000,
    "word " * 2_000,
    "1" * 10_000,
    "1,000,000.5:30",
    "&amp;amp;<b",
    "Ã©â€™",
    '"',
    "\u2028",
    "\U0010ffff",
]
ODD_PAIRS = [
    *((odd, "Halo.") for odd in ODD_TEXTS),
    *(("Hello.", odd) for odd in ODD_TEXTS),
    *((odd, odd) for odd in ODD_TEXTS),
]
# Short and ordinary ones among them: an answer may depend on what was scored before it.
MIXED_PAIRS = [*ODD_PAIRS[:8], ("Hello there, 5.", "Halo semua, 5."), ("Two.", "Dua.")]

ODD_FILES = [
    b"",
    b"\n",
    b"\0",
    b"\xff\xfd\x00",
    b"en_text,th_text\n\n\0,\xff\n",
    "\u2028😀\t\n".encode() * 9,
    b"x" * 99,
]


def pair_frames() -> dict[str, pl.DataFrame]:
    """Frames of pairs by what they are."""
    by_language = [make_pairs([("Hi 5.", "๕ x")], tgt_lang=lang) for lang in languages()]
    return {
        "empty": make_pairs([]),
        "one": make_pairs([("Hello there.", "Halo semua.")]),
        "odd": make_pairs(ODD_PAIRS),
        "every language": pl.concat(by_language),
    }


def text_columns() -> dict[str, pl.Series]:
    """Columns of texts by what they are."""
    columns: dict[str, list[str | None]] = {
        "empty": [],
        "one": ["Hello there."],
        "odd": [*ODD_TEXTS],
        "null": [None, "a"],
    }
    return {name: pl.Series("src", texts, pl.String) for name, texts in columns.items()}
