"""Splits records into good ones and rejected ones, which have the first reason that holds."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import polars as pl

from sealdata.pairs import DOCUMENT_SCHEMA, REJECT_SCHEMA, conform, english_first
from sealdata.readers import MAX_BATCH, MAX_CHARS, Batch, Source

RAW_CHARS = 2_000

Record = TypeVar("Record")

Rejections = list[tuple[str, pl.Expr]]  # (reason, rows that it rejects); the first one counts


def either_side(test: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Rows of which one or both sides pass ``test``."""
    return test(pl.col("src")) | test(pl.col("tgt"))


SIDE_REJECTIONS: Rejections = [
    ("empty_side", either_side(lambda side: side.str.strip_chars() == "")),
    ("too_long", either_side(lambda side: side.str.len_chars() > MAX_CHARS)),
]


def first_reason(rejections: Rejections) -> pl.Expr:
    """The first reason that holds for a row; null where none does."""
    return pl.coalesce(
        pl.when(mask.fill_null(False)).then(pl.lit(name)) for name, mask in rejections
    )


def chunks(
    records: Iterator[Record], rows: int, chars_of: Callable[[Record], int]
) -> Iterator[list[Record]]:
    """Lists of ``rows`` records; the last may be shorter.

    A list ends early with the record that fills a quarter of MAX_BATCH in characters: Python may
    need four bytes for each.
    """
    chunk: list[Record] = []
    chars = 0
    for record in records:
        chunk.append(record)
        chars += chars_of(record)
        if len(chunk) == rows or chars >= MAX_BATCH // 4:
            yield chunk
            chunk, chars = [], 0
    if chunk:
        yield chunk


def pair_batch(source: Source, first_row: int, records: pl.DataFrame, raw: pl.Series) -> Batch:
    """A batch of pairs from parsed records.

    ``records`` has ``src``, ``tgt`` and further columns of PAIR_SCHEMA in the order of the file,
    and ``reason``: null for a good record. ``raw`` holds the text of each rejected record.
    """
    records = _numbered(source, first_row, records)
    good = records.filter(pl.col("reason").is_null()).with_columns(
        src_lang=pl.lit(source.src_lang), tgt_lang=pl.lit(source.tgt_lang)
    )
    good = conform(good)
    if source.tgt_lang == "eng_Latn":
        good = english_first(good)
    return Batch(good, _rejected(records, raw))


def document_batch(source: Source, first_row: int, records: pl.DataFrame, raw: pl.Series) -> Batch:
    """A batch of documents from parsed records with the columns ``text`` and ``reason``."""
    records = _numbered(source, first_row, records)
    good = records.filter(pl.col("reason").is_null()).with_columns(lang=pl.lit(source.src_lang))
    return Batch(good.select(list(DOCUMENT_SCHEMA)), _rejected(records, raw))


def _numbered(source: Source, first_row: int, records: pl.DataFrame) -> pl.DataFrame:
    return records.with_columns(
        source=pl.lit(source.name),
        row=pl.int_range(first_row, first_row + records.height, dtype=pl.UInt64),
    )


def _rejected(records: pl.DataFrame, raw: pl.Series) -> pl.DataFrame:
    rejected = records.filter(pl.col("reason").is_not_null())
    assert rejected.height == len(raw), "one raw text for each rejected record"
    return rejected.with_columns(raw=raw.str.slice(0, RAW_CHARS)).select(list(REJECT_SCHEMA))
