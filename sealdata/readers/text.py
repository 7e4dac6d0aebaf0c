"""Documents, for replay and monolingual training: JSON lines, Parquet, or plain lines."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from sealdata.readers import Batch, Source
from sealdata.readers._line_reader import LineReader
from sealdata.readers._lines import as_raw, as_text, decoded, json_keys, text_series
from sealdata.readers._rejects import Rejections, document_batch, first_reason
from sealdata.readers._tables import numbered, of_size, parquet_frames, parquet_places
from sealdata.text.characters import VISIBLE

_JSON_ENDINGS = {".jsonl", ".json", ".ndjson"}

_REJECTIONS: Rejections = [
    ("nul_byte", pl.col("text").str.contains("\0", literal=True)),
    ("empty_text", ~pl.col("text").str.contains(VISIBLE)),
]


class Text(LineReader):
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
        if self.by_line(source.path):
            yield from super().batches(source, batch_rows)
        else:
            frames = parquet_frames(source.path, batch_rows, lambda _: {"text": self.field})
            yield from numbered(partial(_row_batch, source), of_size(frames, batch_rows))

    def hint(self, reason: str, raw: str) -> str:
        """The keys that the record has."""
        if reason == "bad_json" and raw.lstrip()[:1] in ("[", "{", "]", "}"):
            return "one JSON object a line is needed; `jq -c .[]` makes that of an array"
        if reason == "bad_json":
            return 'if a line is a document, set options = { format = "lines" }'
        if reason != "no_such_field":
            return ""
        return (
            f"name the key of the text by options = {{ field = ... }}: {', '.join(json_keys(raw))}"
        )

    def by_line(self, path: Path) -> bool:
        """False for Parquet."""
        return self._format(path) != "parquet"

    def batch(self, source: Source, first_row: int, lines: pl.Series) -> Batch:
        """The documents in ``lines``."""
        records = self.records(source, lines)
        raw = as_raw(lines.filter(records["reason"].is_not_null()))
        return document_batch(source, first_row, records, raw)

    def spread_batches(self, source: Source, rows: int) -> Iterator[Batch] | None:
        """Lines of a plain file, or rows of some row groups; None if it cannot be sought."""
        if self.by_line(source.path):
            return super().spread_batches(source, rows)
        frames = parquet_places([source.path], rows, lambda path, schema: {"text": self.field})
        return None if frames is None else numbered(partial(_row_batch, source), frames)

    def records(self, source: Source, lines: pl.Series) -> pl.DataFrame:
        """``text`` and ``reason`` of each line."""
        lines, text = as_text(lines), pl.col("text")
        faults: Rejections = [("invalid_utf8", pl.col("line").is_null())]
        if self._format(source.path) == "jsonl":
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


def _row_batch(source: Source, first_row: int, frame: pl.DataFrame) -> Batch:
    """The documents of some rows of a Parquet file."""
    binary = frame["text"].fill_null(b"")
    faults: Rejections = [("invalid_utf8", pl.col("text").is_null()), *_REJECTIONS]
    records = pl.DataFrame({"text": decoded(binary)})
    records = records.with_columns(reason=first_reason(faults))
    raw = as_raw(binary.filter(records["reason"].is_not_null()))
    return document_batch(source, first_row, records, raw)


COMPONENT = Text
