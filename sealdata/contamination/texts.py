"""Sentences of evaluation sets: what a row of a table holds, passages cut into sentences."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sealdata.errors import ConfigError

PASSAGES = ("flores_passage",)  # columns of several sentences
MIN_PIECE = 40  # characters; a shorter piece is joined with the next one
# Behind a mark that ends a sentence; at spaces within Thai and Lao, which write no such mark.
_ENDS = re.compile(r"(?<=[.!?։।॥။៕…。！？])\s*|\n+|(?<=[\u0e00-\u0eff])\s+(?=[\u0e00-\u0eff])")


class Sentence(NamedTuple):
    """A sentence of an evaluation set, where it stands."""

    line: int  # line of a text, row of a table; from 1
    column: str  # "" in a text
    text: str


def sentences_of(
    file: Path, number: int, row: dict[str, Any], columns: tuple[str, ...]
) -> Iterator[Sentence]:
    """The sentences in ``columns`` of one row.

    Raises:
        ConfigError: a column is not there or does not hold text.
    """
    for column in columns:
        if column not in row:
            names = ", ".join(name for name in row if not name.isdecimal())
            raise ConfigError(f"{file}: row {number} has no column {column!r}; it has: {names}")
        text = row[column]
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"{file}: row {number}: column {column!r} does not hold text")
        for piece in _pieces(text or "") if column in PASSAGES else (text or "",):
            yield Sentence(number, column, piece)


def _pieces(passage: str) -> Iterator[str]:
    waiting = ""
    for piece in _ENDS.split(passage):
        waiting = f"{waiting} {piece}".strip()
        if len(waiting) >= MIN_PIECE:
            yield waiting
            waiting = ""
    if waiting:
        yield waiting
