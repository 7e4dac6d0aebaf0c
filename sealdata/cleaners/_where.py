"""Applies a slow repair only to the texts that a fast pattern finds."""

from collections.abc import Callable

import polars as pl

from sealdata.text.char_filter import contains_char_pair


def repair_where(
    pattern: str,
    text: pl.Series,
    repair: Callable[[pl.Series], pl.Series],
    without: tuple[tuple[str, str], ...] = (),
) -> pl.Series:
    """``text`` with ``repair`` applied to those texts in which ``pattern`` occurs; null becomes "".

    ``pattern`` is a regular expression of polars and must occur in every text that ``repair`` would
    change. It is sought only where one of the neighbours of ``without`` stands, if they are given:
    see ``contains_char_pair``, which is quicker.
    """
    text = text.fill_null("")
    if without:
        rows = contains_char_pair(text, *without).arg_true()
        rows = rows.filter(text.gather(rows).str.contains(pattern))
    else:
        rows = text.str.contains(pattern).arg_true()
    if rows.is_empty():
        return text
    return text.clone().scatter(rows, repair(text.gather(rows)))
