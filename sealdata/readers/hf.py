"""Pairs in datasets of the ``datasets`` library, on disk or on the Hugging Face Hub."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, ValidationInfo, field_validator

from sealdata.errors import DataError, first_line
from sealdata.extras import require
from sealdata.files.hidden import visible
from sealdata.readers import Batch, Source
from sealdata.readers._bytes_read import watch
from sealdata.readers._columns import ColumnReader, column_batch, pair_columns
from sealdata.readers._tables import (
    FRAME_ROWS,
    RowProgress,
    numbered,
    of_size,
    pieces,
    take,
)

_COMMIT = re.compile("[0-9a-f]{40}")


class Hf(ColumnReader):
    """A folder that ``save_to_disk`` wrote or, with ``repo``, a dataset streamed from the hub.

    Needs the extra ``hf``: ``pip install "sealdata[hf]"``.

    A dataset on the hub has no local files whose digests could identify it. ``revision`` identifies
    it: a commit, whose content never changes. ``path`` is then a label that is not read.
    """

    modules: ClassVar[tuple[str, ...]] = ("datasets",)

    split: str = "train"  # has no effect on a folder with one split
    repo: str | None = None  # owner/name
    # commit of the repo, 40 hexadecimal digits
    revision: str | None = Field(None, validate_default=True)
    subset: str | None = None  # the configuration of the dataset

    @field_validator("revision")
    @classmethod
    def _pinned(cls, revision: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("repo") is not None and not _COMMIT.fullmatch(revision or ""):
            raise ValueError(
                "a repo needs the commit, 40 hexadecimal digits from the history of its files; "
                "branches and tags move"
            )
        return revision

    @field_validator("revision", "subset")
    @classmethod
    def _of_a_repo(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("repo") is None:
            raise ValueError("has no effect without a repo")
        return value

    def files(self, path: Path) -> list[Path]:
        """The files of the split on disk; none for a dataset on the hub."""
        if self.repo is not None:
            return []
        if not path.is_dir():
            return [path]
        files = (file for file in self._folder(path).glob("*") if file.is_file())
        # The library leaves results of its own computations next to the data.
        files = (file for file in files if not file.name.startswith(("cache-", "tmp")))
        return visible(sorted(files), path)

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Batches of rows.

        Raises:
            DataError: no such dataset, split or column, or the hub cannot be reached.
        """
        frames = of_size(self._frames(source, batch_rows), batch_rows)
        yield from numbered(partial(column_batch, source), frames)

    def _folder(self, path: Path) -> Path:
        return path / self.split if (path / "dataset_dict.json").is_file() else path

    def _frames(self, source: Source, batch_rows: int) -> Iterator[pl.DataFrame]:
        where = Path(self.repo) if self.repo is not None else source.path
        tables = self._tables(source.path, batch_rows)
        while True:
            try:
                table = next(tables, None)
            except Exception as error:  # of the file system, Arrow, HTTP: they share no other base
                raise DataError(f"{where}: {first_line(error)}") from None
            if table is None:
                return
            for piece in pieces(table):
                yield take(where, piece, pair_columns(self, source, where, piece.schema))

    def _tables(self, path: Path, batch_rows: int) -> Iterator[Any]:
        require("reader hf", *self.modules)
        import datasets

        if self.repo is None:
            dataset = datasets.load_from_disk(str(self._folder(path)))
            done = RowProgress(len(dataset), self.size(path) or 0)
        else:
            dataset = datasets.load_dataset(
                self.repo, self.subset, split=self.split, revision=self.revision, streaming=True
            )
            done = RowProgress(0, 0)
        with watch(done.bytes):
            tables = dataset.with_format("arrow").iter(batch_size=min(batch_rows, FRAME_ROWS))
            for table in tables:
                done.rows += table.num_rows
                yield table


COMPONENT = Hf
