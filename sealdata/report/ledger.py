"""The rows of a finished build, kept and dropped, read in bounded batches."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sealdata.build_manifest import pair_name
from sealdata.files.hidden import visible
from sealdata.files.parquet import count_rows, reading, scan, schema_of

BATCH_ROWS = 250_000


def kept_files(out: Path, lang: str) -> list[Path]:
    """Parquet files of the pairs of ``eng_Latn-<lang>`` that were kept, in order."""
    folder = out / "pairs" / pair_name(lang)
    return visible(sorted(folder.glob("*.parquet")), folder)


def dropped_files(out: Path, lang: str) -> list[Path]:
    """Parquet files of the pairs of ``eng_Latn-<lang>`` that were dropped, in order."""
    folder = out / "dropped" / pair_name(lang)
    return visible(sorted(folder.glob("*.parquet")), folder)


def batches(files: list[Path], columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """Rows of parquet files in order, at most BATCH_ROWS at a time.

    Raises:
        DataError: a file is damaged.
    """
    for path in files:
        for start in range(0, count_rows(path), BATCH_ROWS):
            part = scan(path).slice(start, BATCH_ROWS)
            with reading(path):
                frame = (part if columns is None else part.select(columns)).collect()
            yield frame


def score_columns(files: dict[str, list[Path]]) -> dict[str, pl.DataType]:
    """The score columns (``scorer.name``) of files by language and their types, in order.

    Raises:
        DataError: a file is damaged.
    """
    columns: dict[str, pl.DataType] = {}
    for paths in files.values():
        for path in paths:
            schema = schema_of(path)
            columns |= {name: dtype for name, dtype in schema.items() if "." in name}
    return columns
