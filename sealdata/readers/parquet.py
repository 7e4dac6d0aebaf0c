"""Pairs in Parquet files, as the datasets of the Hugging Face Hub store them."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from sealdata.errors import DataError
from sealdata.files.hidden import visible
from sealdata.readers import Batch, Source
from sealdata.readers._columns import ColumnReader, column_batch, pair_columns
from sealdata.readers._tables import numbered, of_size, parquet_frames, parquet_places


class Parquet(ColumnReader):
    """A Parquet file, or a folder whose ``*.parquet`` files are read in the order of their names.
    Hidden and temporary files are left out.

    Sides are columns of text or fields of a ``translation``; what is null there is missing.
    """

    def files(self, path: Path) -> list[Path]:
        """The file, or those of the folder."""
        return visible(sorted(path.glob("*.parquet")), path) if path.is_dir() else [path]

    def spread_batches(self, source: Source, rows: int) -> Iterator[Batch] | None:
        """The first rows of some row groups; None if there is only one."""
        frames = parquet_places(self.files(source.path), rows, partial(pair_columns, self, source))
        return None if frames is None else numbered(partial(column_batch, source), frames)

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of rows; the rows of a folder are numbered through.

        Raises:
            DataError: no such column, a file that cannot be read, or a folder without files.
        """
        files = self.files(source.path)
        if not files:
            raise DataError(f"{source.path}: no file in this folder is named *.parquet")
        frames = chain.from_iterable(
            parquet_frames(path, batch_rows, partial(pair_columns, self, source, path))
            for path in files
        )
        yield from numbered(partial(column_batch, source), of_size(frames, batch_rows))


COMPONENT = Parquet
