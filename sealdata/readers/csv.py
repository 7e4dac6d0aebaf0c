"""Comma-separated corpora with a header, quoted as spreadsheets do: SCB-MT-EN-TH-2020."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sealdata.errors import DataError
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import text_series
from sealdata.readers._open import open_stream
from sealdata.readers._rejects import (
    SIDE_REJECTIONS,
    Rejections,
    chunks,
    either_side,
    first_reason,
    pair_batch,
)

_REJECTIONS: Rejections = [
    ("wrong_column_count", ~pl.col("complete")),
    ("invalid_utf8", either_side(lambda side: side.is_null())),
    ("nul_byte", either_side(lambda side: side.str.contains("\0", literal=True))),
    ("embedded_newline", either_side(lambda side: side.str.contains(r"[\r\n]"))),
    *SIDE_REJECTIONS,
]


class Csv(Reader):
    """A CSV file whose header names the columns of the two sides, in the order of the languages.

    A line break inside a quoted field is legal CSV, but not a sentence: the record is rejected.
    """

    columns: tuple[str, str] = ("en_text", "th_text")  # those of src_lang and tgt_lang

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of records, without the header.

        Raises:
            DataError: no such column, an unclosed quote, or a file that cannot be read.
        """
        row = 0
        with open_stream(source.path) as stream:
            # Bytes that are not UTF-8 become lone surrogates, which valid UTF-8 never has.
            text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
            reader = csv.reader(text)
            try:
                header = next(reader, list[str]())
                src, tgt = (_column_index(source.path, header, name) for name in self.columns)
                for records in chunks(reader, batch_rows, lambda record: sum(map(len, record))):
                    complete = [len(record) == len(header) for record in records]
                    yield _batch(source, row, records, complete, (src, tgt))
                    row += len(records)
            except csv.Error as error:
                where = f"{source.path}, line {reader.line_num:,}"
                raise DataError(f"{where}: {error}; is a quotation mark left open?") from None


def _column_index(path: Path, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        columns = ", ".join(repr(_readable(column[:40])) for column in header[:20])
        more = ", ..." if len(header) > 20 else ""
        raise DataError(
            f"{path}: one column named {name!r} is needed; the header has: {columns}{more}"
        )
    return header.index(name)


def _batch(
    source: Source,
    row: int,
    records: list[list[str]],
    complete: list[bool],
    side_columns: tuple[int, int],
) -> Batch:
    src, tgt = (
        text_series([r[column] if ok else "" for r, ok in zip(records, complete, strict=True)])
        for column in side_columns
    )
    frame = pl.DataFrame({"src": src, "tgt": tgt, "complete": complete})
    frame = frame.with_columns(reason=first_reason(_REJECTIONS))
    rejected = frame["reason"].is_not_null().arg_true()
    raw = [_readable(",".join(records[index])) for index in rejected]
    return pair_batch(source, row, frame, pl.Series("raw", raw, pl.String))


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


COMPONENT = Csv
