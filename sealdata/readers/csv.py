"""Comma-separated corpora with a header, quoted as spreadsheets do: SCB-MT-EN-TH-2020."""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import DataError
from sealdata.kernels import Int
from sealdata.kernels.csv_records import BAD_QUOTES, WRONG_COUNT, csv_records
from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import MAX_LINE, binary_series, blocks, decoded
from sealdata.readers._open import open_stream
from sealdata.readers._rejects import (
    SIDE_REJECTIONS,
    Rejections,
    either_side,
    first_reason,
    pair_batch,
)
from sealdata.readers._tables import of_size

MAX_QUOTED = 1 << 20  # bytes of a record; where a quoted field goes on for longer, it is left open

_REJECTIONS: Rejections = [
    ("bad_quotes", pl.col("state") == BAD_QUOTES),
    ("wrong_column_count", pl.col("state") == WRONG_COUNT),
    ("invalid_utf8", either_side(lambda side: side.is_null())),
    ("nul_byte", either_side(lambda side: side.str.contains("\0", literal=True))),
    ("embedded_newline", either_side(lambda side: side.str.contains(r"[\r\n]"))),
    *SIDE_REJECTIONS,
]


class Csv(Reader):
    """A CSV file whose header names the columns of the two sides, in the order of the languages.

    A line break inside a quoted field is legal CSV, but not a sentence: the record is rejected.
    So is one whose quotation marks RFC 4180 does not know, as ``bad_quotes``: a mark that is left
    open, or closed in the middle of a field. Reading goes on at the next line.
    """

    version: ClassVar[int] = 2

    columns: tuple[str, str] = ("en_text", "th_text")  # those of src_lang and tgt_lang

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of records, without the header.

        Raises:
            DataError: no such column, or a file that cannot be read.
        """
        row = 0
        for records in of_size(self._records(source.path), batch_rows):
            bad = records.filter(pl.col("reason").is_not_null())
            yield pair_batch(source, row, records.drop("raw"), bad["raw"])
            row += records.height

    def _records(self, path: Path) -> Iterator[pl.DataFrame]:
        """``src``, ``tgt``, ``reason`` and, of rejected records, ``raw``; a frame for each block
        of the file."""
        header: list[str] | None = None
        src = tgt = 0
        doubt: Int = 0  # see csv_records
        data = b""
        with open_stream(path) as stream:
            for block in chain(
                blocks(stream, str(path)), [b""]
            ):  # the last one says that there is no more
                data += block
                if header is None:
                    first = _header(path, data, last=not block)
                    if first is None:
                        continue
                    header, length = first
                    src, tgt = (_column_index(path, header, name) for name in self.columns)
                    data = data[length:]
                buffer = np.frombuffer(data, np.uint8)
                ends, states, *fields, doubt = csv_records(
                    buffer, not block, len(header), src, tgt, MAX_QUOTED, doubt
                )
                yield _frame(data, ends, states, fields)
                data, doubt = data[ends[-1] :], max(0, doubt - int(ends[-1]))
                if len(data) > MAX_LINE:
                    raise DataError(
                        f"{path}: a record of more than {MAX_LINE:,} bytes; is it a CSV file?"
                    )


def _header(path: Path, data: bytes, last: bool) -> tuple[list[str], int] | None:
    """The fields of the first record and its length in bytes; None: it is not all there yet."""
    lines = data.split(b"\n")
    if not last:
        lines.pop()  # it may go on
    reader = csv.reader((line.decode("utf-8", "replace") + "\n" for line in lines), strict=True)
    try:
        header = next(reader, None)
    except csv.Error as error:
        if not last and len(data) < MAX_QUOTED:
            return None
        raise DataError(f"{path}: its header cannot be read ({error})") from None
    if header is None:
        return ([], 0) if last else None
    return header, sum(len(line) + 1 for line in lines[: reader.line_num])


def _column_index(path: Path, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        columns = ", ".join(repr(column[:40]) for column in header[:20])
        more = ", ..." if len(header) > 20 else ""
        raise DataError(
            f"{path}: one column named {name!r} is needed; the header has: {columns}{more}. Name "
            'the two sides by options = { columns = ["…", "…"] }'
        )
    return header.index(name)


def _frame(
    data: bytes,
    ends: npt.NDArray[np.int64],
    states: npt.NDArray[np.uint8],
    fields: list[Any],
) -> pl.DataFrame:
    src, tgt = binary_series(fields[0], fields[1]), binary_series(fields[2], fields[3])
    frame = pl.DataFrame({"src": decoded(src), "tgt": decoded(tgt), "state": states})
    frame = frame.select("src", "tgt", reason=first_reason(_REJECTIONS))
    raw: list[str | None] = [None] * frame.height
    for index in frame["reason"].is_not_null().arg_true():
        record = data[ends[index] : ends[index + 1]]
        raw[index] = record.decode("utf-8", "replace").rstrip("\r\n")
    return frame.with_columns(raw=pl.Series(raw, dtype=pl.String))


COMPONENT = Csv
