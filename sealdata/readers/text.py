"""Documents, for replay and monolingual training: JSON lines with a text field, or plain lines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from sealdata.readers import Batch, Reader, Source
from sealdata.readers._lines import as_raw, as_text, line_batches, text_series
from sealdata.readers._open import open_stream
from sealdata.readers._sift import Faults, document_batch, first_fault

_JSON_ENDINGS = {".jsonl", ".json", ".ndjson"}


class Text(Reader):
    """One document a line: a JSON object with a text field, or the text itself.

    ``format`` is told from the file name where the recipe does not say: ``.jsonl`` or ``.json``
    (also compressed) hold JSON, any other name plain text. A document has no limit of length.
    """

    yields: ClassVar[Literal["pairs", "documents"]] = "documents"

    field: str = "text"
    format: Literal["auto", "jsonl", "lines"] = "auto"

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of documents.

        Raises:
            DataError: the file cannot be read or is cut short.
        """
        row = 0
        with open_stream(source.path) as stream:
            for lines in line_batches(stream, batch_rows, str(source.path)):
                records = self._records(source.path, as_text(lines))
                raw = as_raw(lines.filter(records["reason"].is_not_null()))
                yield document_batch(source, row, records, raw)
                row += len(lines)

    def _records(self, path: Path, lines: pl.Series) -> pl.DataFrame:
        text = pl.col("text")
        faults: Faults = [("invalid_utf8", pl.col("line").is_null())]
        if self._is_json(path):
            parsed = [None if line is None else self._text_of(line) for line in lines]
            unusable = pl.Series([value is None for value in parsed], dtype=pl.Boolean)
            frame = pl.DataFrame({"line": lines, "text": text_series(parsed), "bad": unusable})
            faults += [("bad_json", pl.col("bad")), ("invalid_utf8", text.is_null())]
        else:
            frame = pl.DataFrame({"line": lines, "text": lines})
        faults += [
            ("nul_byte", text.str.contains("\0", literal=True)),
            ("empty_text", ~text.str.contains(r"\S")),
        ]
        return frame.select("text", reason=first_fault(faults))

    def _is_json(self, path: Path) -> bool:
        if self.format == "auto":
            return any(ending in _JSON_ENDINGS for ending in path.suffixes[-2:])
        return self.format == "jsonl"

    def _text_of(self, line: str) -> str | None:
        """The text field of a JSON object, or None where there is no such thing."""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return None
        value = record.get(self.field) if isinstance(record, dict) else None
        return value if isinstance(value, str) else None


COMPONENT = Text
