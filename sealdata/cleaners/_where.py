"""Applies a slow repair only to the texts that a fast pattern finds."""

from collections.abc import Callable

import polars as pl


def repair_where(
    pattern: str, text: pl.Series, repair: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """``text`` with ``repair`` applied to those texts in which ``pattern`` occurs; null becomes "".

    ``pattern`` is a regular expression of polars and must occur in every text that ``repair`` would
    change.
    """
    text = text.fill_null("")
    places = text.str.contains(pattern).arg_true()
    if places.is_empty():
        return text
    return text.clone().scatter(places, repair(text.gather(places)))
