"""Tables of evaluation sets, a row at a time as a dictionary: TSV, CSV, JSON lines, Parquet."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sealdata.errors import DataError
from sealdata.languages import find_language
from sealdata.readers._open import open_stream
from sealdata.readers._tables import not_parquet

Row = dict[str, Any]
Rows = Iterator[tuple[int, Row]]  # with the line or row, from 1

# Text columns of sets in the forms that they are published in; the first that fits a row counts.
KNOWN = (
    ("sentence1", "sentence2"),  # XNLI, its own TSV and JSON lines
    ("premise", "hypothesis"),  # XNLI on the Hugging Face hub
    ("premise", "choice1", "choice2"),  # XCOPA
    ("flores_passage", "question"),  # Belebele; its answers are too short to identify it
    ("text",),  # FLORES+
    ("sentence",),  # FLORES-200 on the Hugging Face hub
)


def known_columns(row: Row) -> tuple[str, ...]:
    """The text columns of a known set that a row has; empty for others."""
    return next((names for names in KNOWN if all(name in row for name in names)), ())


def table_of(file: Path) -> str | None:
    """``.tsv`` and the like for a table, compressed or not; None for plain text."""
    suffixes = [suffix.lower() for suffix in file.suffixes if suffix.lower() not in _PACKED]
    return suffixes[-1] if suffixes and suffixes[-1] in READERS else None


def is_known_language(row: Row) -> bool:
    """Whether the language of the row is known; True if the row does not name one."""
    said = row.get("language") or row.get("dialect")
    if "iso_639_3" in row and "iso_15924" in row:
        said = f"{row['iso_639_3']}_{row['iso_15924']}"
    if not said:
        return True
    return find_language(str(said)) is not None


def _tsv(file: Path) -> Rows:
    """Rows without quoting; columns are named by the first line and numbered from 1."""
    yield from _named(line.split("\t") for _, line in _text_lines(file))


def _csv(file: Path) -> Rows:
    text = io.StringIO("\n".join(line for _, line in _text_lines(file)))
    try:
        yield from _named(csv.reader(text, strict=True))
    except csv.Error as error:
        raise DataError(f"{file}: {error}") from None


def _named(rows: Iterable[list[str]]) -> Rows:
    header: list[str] | None = None
    for number, cells in enumerate(rows, start=1):
        header = cells if header is None else header
        numbered = {str(column): cell for column, cell in enumerate(cells, start=1)}
        yield number, numbered | dict(zip(header, cells, strict=False))


def _jsonl(file: Path) -> Rows:
    for number, line in _text_lines(file):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{file}: line {number} is not JSON ({error})") from None
        if not isinstance(row, dict):
            raise DataError(f"{file}: line {number} is not a JSON object")
        yield number, row


def _parquet(file: Path) -> Rows:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(file) as table:
            rows = (row for batch in table.iter_batches(10_000) for row in batch.to_pylist())
            yield from enumerate(rows, start=1)
    except (OSError, pa.ArrowException) as error:
        raise not_parquet(file, error) from None


def _text_lines(file: Path) -> Iterator[tuple[int, str]]:
    with open_stream(file) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{file}: line {number}, byte {error.start} is not UTF-8; an evaluation file "
                    "must be"
                ) from None
            yield number, text.removesuffix("\n").removesuffix("\r")


READERS: dict[str, Callable[[Path], Rows]] = {
    ".tsv": _tsv,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
HEADED = (".tsv", ".csv")
_PACKED = (".gz", ".xz", ".bz2", ".zst")
