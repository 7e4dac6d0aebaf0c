"""Readers: one file per corpus format, each yielding batches of records and rejects."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import polars as pl

from sealdata.component import Component
from sealdata.files.hidden import hidden_in

MAX_BATCH = 256 << 20  # bytes of text after which a batch ends: four times that are in memory
PLACES = 16  # of a large source, at which a sample of it is read
MAX_CHARS = 20_000  # a longer side is not a sentence: rejected as too_long


@dataclass(frozen=True)
class Source:
    """One input file (or archive) of a recipe, with the languages the recipe declares for it."""

    name: str
    path: Path
    src_lang: str  # FLORES-200; for documents, the language of the text
    tgt_lang: str | None = None  # None for documents


class Batch(NamedTuple):
    """Consecutive records of one source.

    ``good`` follows PAIR_SCHEMA (or DOCUMENT_SCHEMA), English as ``src``; ``rejected`` follows
    REJECT_SCHEMA. Their heights add up to the records read; ``row`` numbers every record once.
    """

    good: pl.DataFrame
    rejected: pl.DataFrame


class Reader(Component):
    """Turns one file into batches."""

    yields: ClassVar[Literal["pairs", "documents"]] = "pairs"

    def files(self, path: Path) -> list[Path]:
        """The files on disk that hold the source: their digests identify it."""
        return [path]

    def left_out(self, path: Path) -> list[str]:
        """Hidden and temporary files in the folder or archive of the source: they are not read."""
        return hidden_in(path)

    def size(self, path: Path) -> int | None:
        """Bytes that ``batches`` reads in all, for the time left; None: unknown."""
        return sum(file.stat().st_size for file in self.files(path)) or None

    def hint(self, reason: str, raw: str) -> str:
        """What may be wrong where a record ``raw`` was rejected for ``reason``, and the cure.

        Asked where most records of a source are rejected. Default: no idea, "".
        """
        return ""

    def check_whole(self, source: Source) -> None:
        """Cheap checks of all of a source that no sample can make. Default: none.

        Raises:
            DataError: the source is unusable as a whole.
        """

    def spread_batches(self, source: Source, rows: int) -> Iterator[Batch] | None:
        """About ``rows`` records in all, from PLACES equally distant places of a large source.

        Rows are numbered from 0, not by their place. Default: None, it can only be read from its
        beginning.

        Raises:
            DataError: as ``batches``.
        """
        return None

    def batches(self, source: Source, batch_rows: int) -> Iterator[Batch]:
        """Yield batches of ``batch_rows`` records, in file order.

        The last may be shorter, and so is one that reaches MAX_BATCH. Where batches end depends
        only on the content of the file.

        Raises:
            DataError: the file as a whole is unusable (missing, truncated, unequal line counts).
        """
        raise NotImplementedError
