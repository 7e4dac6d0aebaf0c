"""The base of readers whose files have one record per line."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sealdata.readers import PLACES, Batch, Reader, Source
from sealdata.readers._lines import MAX_LINE, as_raw, line_batches
from sealdata.readers._open import is_compressed, open_stream
from sealdata.readers._rejects import pair_batch


class LineReader(Reader):
    """Reads plain or compressed lines. A subclass only says what a line holds."""

    def records(self, source: Source, lines: pl.Series) -> pl.DataFrame:
        """One row per line, in order: ``src``, ``tgt``, further columns of PAIR_SCHEMA, ``reason``.

        ``lines`` is Binary, with line ends; ``sealdata.readers._lines`` turns it into text. ``src``
        is the side of the source's first language. ``reason`` is null for a good record.
        """
        raise NotImplementedError

    def spread_batches(self, source: Source, rows: int) -> Iterator[Batch] | None:
        """Lines of a plain file; None if it is compressed."""
        if not self.by_line(source.path) or is_compressed(source.path):
            return None
        return self._at_places(source, rows // PLACES)

    def _at_places(self, source: Source, rows: int) -> Iterator[Batch]:
        size, number = source.path.stat().st_size, 0
        with open_stream(source.path) as stream:
            for index in range(PLACES):
                stream.seek(size * index // PLACES)
                if index:
                    stream.readline(MAX_LINE)  # the rest of a line that begins before the place
                lines = next(line_batches(stream, rows, str(source.path)), None)
                if lines is not None:
                    yield self.batch(source, number, lines)
                    number += len(lines)

    def by_line(self, path: Path) -> bool:
        """Whether the file has one record per line, so that reading may begin at any of them."""
        return True

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of lines; a blank line is a record.

        Raises:
            DataError: the file cannot be read or is cut short.
        """
        row = 0
        with open_stream(source.path) as stream:
            for lines in line_batches(stream, batch_rows, str(source.path)):
                yield self.batch(source, row, lines)
                row += len(lines)

    def batch(self, source: Source, first_row: int, lines: pl.Series) -> Batch:
        """The records in ``lines`` (Binary, with line ends), numbered from ``first_row``."""
        records = self.records(source, lines)
        # Only rejected lines are decoded as raw text: all of them would double the cost.
        raw = as_raw(lines.filter(records["reason"].is_not_null()))
        return pair_batch(source, first_row, records, raw)
