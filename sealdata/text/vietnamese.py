"""The two places of a Vietnamese tone mark, made one for comparison: hòa and hoà are one word."""

import unicodedata

import polars as pl

# Grave, acute, tilde, hook above, dot below; over the first of two vowels in the older spelling
# (òa, òe, ùy), over the second in the newer (oà, oè, uỳ).
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_VOWELS = [case for pair in ("oa", "oe", "uy") for case in (pair, pair.title(), pair.upper())]
_NEWER = {
    unicodedata.normalize("NFC", pair[0] + tone + pair[1]): unicodedata.normalize(
        "NFC", pair + tone
    )
    for pair in _VOWELS
    for tone in _TONES
}
# A vowel and a combining mark, not yet composed (NFD).
_APART = f"[oOuU][{_TONES}]"
_OLDER = "|".join([_APART, *_NEWER])
TONED_FIRST = sorted({older[0] for older in _NEWER})  # what a, e or y may follow, in either case


def unify_tones(text: pl.Series) -> pl.Series:
    """Texts with the tone of oa, oe and uy on the second vowel, in NFC where they are spelled
    apart; null stays null.

    Only keys use it; texts are not changed. It applies to every language, because only Vietnamese
    has these letters side by side.
    """
    # Few texts have the older spelling: all others are returned without a copy.
    rows = text.str.contains(_OLDER).fill_null(False).arg_true()
    if rows.is_empty():
        return text
    frame = text.to_frame("text")
    apart = pl.col("text").str.contains(_APART)
    # Composed first, so that one table of composed spellings serves both.
    whole = pl.when(apart).then(pl.col("text").str.normalize("NFC")).otherwise("text")
    newer = frame[rows].select(whole.str.replace_many(list(_NEWER), list(_NEWER.values())))
    return text.clone().scatter(rows, newer.to_series())
