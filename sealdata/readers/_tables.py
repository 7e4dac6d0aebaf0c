"""Columns of Arrow tables, as Parquet files and Hugging Face datasets hold them."""

import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sealdata.errors import DataError, first_line
from sealdata.files.signatures import kind_of_file
from sealdata.readers import MAX_BATCH, PLACES, Batch
from sealdata.readers._bytes_read import watch
from sealdata.readers._lines import decoded

if TYPE_CHECKING:
    import pyarrow as pa

FRAME_ROWS = 8_192  # rows taken out of a file at a time,
FRAME_BYTES = 64 << 20  # and about the most bytes of them
_BUFFER = 4 << 20  # bytes of a column that are read at a time, not all of a row group
LABELS = ("document", "translation")  # roles whose columns may hold whole numbers for names


def parquet_frames(
    path: Path,
    batch_rows: int,
    choose: Callable[["pa.Schema"], dict[str, str]],
    lists: Collection[str] = (),
) -> Iterator[pl.DataFrame]:
    """What ``take`` returns of a Parquet file, in frames of at most ``batch_rows``.

    ``choose`` picks the columns from the schema. Only these are read, row group by row group.

    Raises:
        DataError: the file cannot be read, is damaged or not a Parquet file, or lacks a column.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with _damage_of(path), ParquetFile(path, buffer_size=_BUFFER) as file:
        schema = file.schema_arrow
        columns = choose(schema)
        take(
            path, schema.empty_table(), columns, lists
        )  # says which columns there are, all of them
        rows = min(batch_rows, _frame_rows(file.metadata))
        done = RowProgress(file.metadata.num_rows, path.stat().st_size)
        with watch(done.bytes):
            for batch in file.iter_batches(rows, columns=list(columns.values())):
                done.rows += batch.num_rows
                yield take(path, pa.Table.from_batches([batch]), columns, lists)


def parquet_places(
    paths: Sequence[Path], rows: int, choose: Callable[[Path, "pa.Schema"], dict[str, str]]
) -> Iterator[pl.DataFrame] | None:
    """The first rows of PLACES row groups at equal distances in some files, ``rows`` in all.

    Frames are those of ``parquet_frames``. With fewer row groups, all of them are read; None if
    there is only one, as only its beginning can be read.

    Raises:
        DataError: see ``parquet_frames``.
    """
    groups = [(path, number) for path in paths for number in range(_num_row_groups(path))]
    if len(groups) < 2:
        return None
    chosen = list(dict.fromkeys(groups[len(groups) * i // PLACES] for i in range(PLACES)))
    return (_first_rows(*group, rows // len(chosen), choose) for group in chosen)


def _num_row_groups(path: Path) -> int:
    from pyarrow.parquet import ParquetFile

    with _damage_of(path), ParquetFile(path) as file:
        return int(file.metadata.num_row_groups)


def _first_rows(
    path: Path, group: int, rows: int, choose: Callable[[Path, "pa.Schema"], dict[str, str]]
) -> pl.DataFrame:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with _damage_of(path), ParquetFile(path, buffer_size=_BUFFER) as file:
        columns = choose(path, file.schema_arrow)
        names = list(columns.values())
        batches = file.iter_batches(max(rows, 1), row_groups=[group], columns=names)
        first = next(batches, None)
        empty = file.schema_arrow.empty_table()
        return take(path, empty if first is None else pa.Table.from_batches([first]), columns)


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    """Errors of the library become a DataError that names the file."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno:
            raise DataError(f"cannot read {path}: {os.strerror(error.errno)}") from None
        raise not_parquet(path, error) from None


def not_parquet(path: Path, error: Exception) -> DataError:
    """The error for a file that cannot be read as Parquet: what it is, if that is known."""
    kind = kind_of_file(path)
    if kind is not None and kind.name != "Parquet":
        return DataError(f"{path} is {kind.name}, not a Parquet file; {kind.cure}")
    return DataError(f"{path} is not a Parquet file, or is damaged ({first_line(error)})")


@dataclass
class RowProgress:
    """Rows of a table that were read, and the bytes of its files that this amounts to."""

    all_rows: int
    size: int
    rows: int = 0

    def bytes(self) -> int:
        """The same share of the bytes as of the rows."""
        return self.size * self.rows // max(self.all_rows, 1)


def _frame_rows(metadata: Any) -> int:
    """Rows of about FRAME_BYTES, by the row group whose rows are widest on average."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(FRAME_ROWS, int(FRAME_BYTES / max(widest, 1))))


def pieces(table: "pa.Table") -> Iterator["pa.Table"]:
    """Consecutive slices of a row or more, each of about FRAME_BYTES at most."""
    rows = max(1, table.num_rows * FRAME_BYTES // max(table.nbytes, FRAME_BYTES))
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def columns_of(schema: "pa.Schema") -> dict[str, "pa.DataType"]:
    """All columns, and the fields of structs as ``column.field``, with their types."""
    import pyarrow as pa

    columns = {}
    for field in schema:
        columns[field.name] = field.type
        if pa.types.is_struct(field.type):
            columns |= {f"{field.name}.{inner.name}": inner.type for inner in field.type}
    return columns


def take(
    where: Path, table: "pa.Table", columns: dict[str, str], lists: Collection[str] = ()
) -> pl.DataFrame:
    """The named columns of ``table`` under the names of their roles.

    Texts are Binary, because the bytes in a file may not be UTF-8. The ``score`` is
    Float64: null if absent, NaN if not a number. The roles in ``lists`` may be lists of texts.

    Raises:
        DataError: there is no such column, or one of text holds no text.
    """
    types = columns_of(table.schema)
    taken = {}
    for role, name in columns.items():
        if name not in types:
            raise DataError(f"{where}: no column {name!r}; it has: {', '.join(types)}")
        values = _values(table, name)
        if role == "score":
            taken[role] = _numbers(where, name, values)
        elif role in lists and _is_list(values.type):
            taken[role] = _lists(where, name, values)
        else:
            taken[role] = _text_bytes(where, name, values, role in LABELS)
    return pl.DataFrame(taken)


def _values(table: "pa.Table", name: str) -> Any:
    import pyarrow.compute as pc

    if name in table.column_names:
        return table[name]
    column, _, field = name.partition(".")
    return pc.struct_field(table[column], field)


def _is_list(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list))


def _lists(where: Path, name: str, values: Any) -> pl.Series:
    import pyarrow as pa

    if not _is_text(values.type.value_type):
        raise DataError(f"{where}: column {name!r} holds {values.type}, not lists of text")
    texts = values.cast(pa.large_list(pa.large_string())).cast(pa.large_list(pa.large_binary()))
    return pl.Series(texts, dtype=pl.List(pl.Binary))


def _text_bytes(where: Path, name: str, values: Any, is_label: bool = False) -> pl.Series:
    import pyarrow as pa

    if is_label and pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    if not _is_text(values.type):
        raise DataError(f"{where}: column {name!r} holds {values.type}, not text")
    return pl.Series(values.cast(pa.large_string()).cast(pa.large_binary()), dtype=pl.Binary)


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in (*tests, pa.types.is_null))


def _numbers(where: Path, name: str, values: Any) -> pl.Series:
    import pyarrow as pa

    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        return pl.Series(values.cast(pa.float64()), dtype=pl.Float64)
    if not _is_text(values.type):
        raise DataError(f"{where}: column {name!r} holds {values.type}, not numbers")
    written = _text_bytes(where, name, values)
    numbers = decoded(written).cast(pl.Float64, strict=False)
    return numbers.fill_null(math.nan).set(written.is_null(), None)


def numbered(
    batch_of: Callable[[int, pl.DataFrame], Batch], frames: Iterable[pl.DataFrame]
) -> Iterator[Batch]:
    """The batch of each frame, given the number of its first row."""
    row = 0
    for frame in frames:
        yield batch_of(row, frame)
        row += frame.height


def of_size(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of ``rows``; the last may be shorter. A frame ends early with the row
    that fills MAX_BATCH bytes of text."""
    waiting: list[pl.DataFrame] = []
    height = size = 0
    for frame in frames:
        while frame.height:
            ends = _bytes_of(frame).cum_sum() + size
            stop = min(rows - height, ends.search_sorted(MAX_BATCH) + 1, frame.height)
            waiting.append(frame[:stop])
            height, size = height + stop, ends[stop - 1]
            frame = frame[stop:]
            if height == rows or size >= MAX_BATCH:
                yield pl.concat(waiting, rechunk=False)
                waiting, height, size = [], 0, 0
    if waiting:
        yield pl.concat(waiting, rechunk=False)


def _bytes_of(frame: pl.DataFrame) -> pl.Series:
    """The bytes of text of each row."""
    columns = [
        pl.col(name).cast(pl.Binary).bin.size().fill_null(0).cast(pl.Int64)
        for name, kind in frame.schema.items()
        if kind in (pl.String, pl.Binary)
    ]
    return frame.select(pl.sum_horizontal(columns)).to_series()
