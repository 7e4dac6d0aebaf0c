"""Documents, for replay and monolingual training: JSON lines, Parquet, or plain lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import as_raw, as_text, decoded, line_batches, text_series
from sealdata.readers._open import open_stream
from sealdata.readers._rejects import Rejections, document_batch, first_reason
from sealdata.readers._tables import of_size, parquet_frames
from sealdata.text.characters import VISIBLE

_JSON_ENDINGS = {".jsonl", ".json", ".ndjson"}

_REJECTIONS: Rejections = [
    ("nul_byte", pl.col("text").str.contains("\0", literal=True)),
    ("empty_text", ~pl.col("text").str.contains(VISIBLE)),
]


class Text(Reader):
    """One document a line, a JSON object with a text field or the text itself; or one a row.

    If the recipe does not set ``format``, the file name decides: ``.jsonl`` or ``.json`` (also
    compressed, as Dolma's ``.json.zst``) mean JSON, ``.parquet`` means a table with a column of
    text, and any other name means plain text. A document may have any length. A JSON object
    without the field, or with something else than text in it, is rejected as ``no_such_field``.
    """

    version: ClassVar[int] = 2
    yields: ClassVar[Literal["pairs", "documents"]] = "documents"

    field: str = "text"  # of the JSON object, or column of the table
    format: Literal["auto", "jsonl", "lines", "parquet"] = "auto"  # auto: by the file name

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of documents.

        Raises:
            DataError: the file cannot be read or is cut short, or has no such column.
        """
        row = 0
        if self._format(source.path) == "parquet":
            yield from self._rows(source, batch_rows)
            return
        with open_stream(source.path) as stream:
            for lines in line_batches(stream, batch_rows, str(source.path)):
                records = self._records(source.path, as_text(lines))
                raw = as_raw(lines.filter(records["reason"].is_not_null()))
                yield document_batch(source, row, records, raw)
                row += len(lines)

    def _rows(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of the rows of a Parquet file."""
        row = 0
        frames = parquet_frames(source.path, batch_rows, lambda _: {"text": self.field})
        for frame in of_size(frames, batch_rows):
            binary = frame["text"].fill_null(b"")
            text = pl.col("text")
            faults: Rejections = [("invalid_utf8", text.is_null()), *_REJECTIONS]
            records = pl.DataFrame({"text": decoded(binary)})
            records = records.with_columns(reason=first_reason(faults))
            raw = as_raw(binary.filter(records["reason"].is_not_null()))
            yield document_batch(source, row, records, raw)
            row += frame.height

    def _records(self, path: Path, lines: pl.Series) -> pl.DataFrame:
        text = pl.col("text")
        faults: Rejections = [("invalid_utf8", pl.col("line").is_null())]
        if self._format(path) == "jsonl":
            parsed = [(None, "bad_json") if line is None else self._text_of(line) for line in lines]
            texts, reasons = [text for text, _ in parsed], [reason for _, reason in parsed]
            bad = pl.Series(reasons, dtype=pl.String)
            frame = pl.DataFrame({"line": lines, "text": text_series(texts), "bad": bad})
            faults += [
                (reason, pl.col("bad") == reason) for reason in ("bad_json", "no_such_field")
            ]
            faults += [("invalid_utf8", text.is_null())]
        else:
            frame = pl.DataFrame({"line": lines, "text": lines})
        return frame.select("text", reason=first_reason([*faults, *_REJECTIONS]))

    def _format(self, path: Path) -> str:
        if self.format != "auto":
            return self.format
        if path.suffix == ".parquet":
            return "parquet"
        return "jsonl" if _JSON_ENDINGS & set(path.suffixes[-2:]) else "lines"

    def _text_of(self, line: str) -> tuple[str | None, str | None]:
        """The text field of a JSON object, and the reason why there is none."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return None, "bad_json"
        if not isinstance(record, dict):
            return None, "bad_json"
        value = record.get(self.field)
        return (value, None) if isinstance(value, str) else (None, "no_such_field")


COMPONENT = Text
