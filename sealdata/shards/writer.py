"""Writing a stream: headerless token files of whole blocks, each with a sidecar of origins."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import polars as pl

from sealdata.errors import DataError
from sealdata.files.frames import write_frame
from sealdata.kernels.copy_runs import copy_runs
from sealdata.shards.manifest import Segment, dtype_for
from sealdata.shards.tokens import ORIGIN_SCHEMA, Ids, Numbers, TokenDocuments

# Few files for a corpus of billions of tokens, and each is small enough to hash and copy by itself.
BLOCKS_PER_FILE = 256  # of 262,144 ids in uint32: files of 256 MiB
# Rows of a sidecar that are read to find one document; with 16,384 it takes 7 % more bytes.
SIDECAR_GROUP = 1 << 16

SIDECAR_SCHEMA = {
    "sequence": pl.UInt32(),  # sequence of the stream in which the document begins
    "offset": pl.UInt32(),  # token of that sequence at which it begins
    **ORIGIN_SCHEMA,
}


def sidecar_name(part: str) -> str:
    """The file next to a token file with a row for each document that begins in it."""
    return f"{Path(part).stem}.docs.parquet"


@dataclass(frozen=True)
class Totals:
    """The counts of a stream; see StreamManifest."""

    num_documents: int  # EOS that are not padding
    num_tokens: int  # with the EOS of each document, without padding
    num_padding: int  # EOS that fill sequences
    num_split_documents: int  # in more than one sequence
    segments: tuple[Segment, ...]  # one per file, in order

    @property
    def num_sequences(self) -> int:
        """Sequences of the stream."""
        return sum(segment.num_sequences for segment in self.segments)


class StreamWriter:
    """Appends documents to ``part-NNNNN.npy`` files; a file appears once it is whole and on disk.

    Use as a context; ``close`` pads the last sequence and returns the totals.
    """

    def __init__(
        self,
        folder: Path,
        *,
        eos_id: int,
        vocab_size: int,
        sequence_length: int,
        block_length: int,
        blocks_per_file: int = BLOCKS_PER_FILE,
    ) -> None:
        # Files are whole blocks, so no sequence lies in two files; a document may.
        assert block_length % sequence_length == 0
        self._folder = folder
        self._eos_id = eos_id
        self._sequence = sequence_length
        self._file_tokens = block_length * blocks_per_file
        # By the vocabulary and not by the ids seen: all files of a stream have one dtype.
        self._dtype = dtype_for(vocab_size)
        self._position = 0  # tokens of the stream written so far
        self._documents = self._padding = self._split = 0
        self._segments: list[Segment] = []
        self._file: BinaryIO | None = None
        # Hashed while writing: reading a file again for its digest would double the reading.
        self._digest = hashlib.sha256()
        # Rows of the file that is open; they are written when it is finished.
        self._sidecar: list[pl.DataFrame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an error, what is not whole is removed. After a kill, the next run overwrites it.
        if self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def write(self, documents: TokenDocuments, padding: Numbers) -> None:
        """Append documents in the order given, ``padding[i]`` EOS after document i.

        Raises:
            DataError: the disk is full or refuses.
        """
        # All figures come from lengths and padding before any byte is written: [documents] each.
        lengths = documents.lengths
        extents = lengths + padding
        starts = self._position + np.cumsum(extents) - extents
        # EOS as padding follows its document: readers find it by the ids only.
        ids = copy_runs(documents.ids, documents.ends, lengths, self._eos_id, padding)
        self._documents += len(lengths)
        self._padding += int(padding.sum())
        # The last token without padding: padding never makes a document count as split.
        last = starts + lengths - 1
        self._split += int(np.count_nonzero(starts // self._sequence != last // self._sequence))
        sidecar = documents.origin.select(
            pl.Series("sequence", starts // self._sequence, pl.UInt32),
            pl.Series("offset", starts % self._sequence, pl.UInt32),
            *ORIGIN_SCHEMA,
        )
        self._append(ids, starts, sidecar)

    def close(self) -> Totals:
        """Pad the last sequence, finish the last file."""
        # 0 if the last sequence is full already.
        missing = -self._position % self._sequence
        self._padding += missing
        tail = np.full(missing, self._eos_id, np.uint32)
        # Padding begins no document, so the sidecar gets no row.
        self._append(tail, np.empty(0, np.int64), pl.DataFrame(schema=SIDECAR_SCHEMA))
        if self._file is not None:
            self._finish_file()
        num_tokens = self._position - self._padding
        return Totals(
            self._documents, num_tokens, self._padding, self._split, tuple(self._segments)
        )

    def _append(self, ids: Ids, starts: Numbers, sidecar: pl.DataFrame) -> None:
        """Write ids, and the sidecar's rows of each file in which documents begin."""
        # One call may fill several files, and a document may begin in one and end in the next.
        while len(ids):
            room = self._file_tokens - self._position % self._file_tokens
            here, ids = ids[:room], ids[room:]
            self._write_bytes(here)
            self._position += len(here)
            # Starts ascend: those before the new position lie in this file.
            begun = int(np.searchsorted(starts, self._position))
            self._sidecar.append(sidecar[:begun])
            starts, sidecar = starts[begun:], sidecar[begun:]
            # A full file is finished at once, so `close` never finishes an empty one.
            if len(here) == room:
                self._finish_file()

    @property
    def _name(self) -> str:
        return f"part-{len(self._segments):05d}.npy"

    @property
    def _temporary(self) -> Path:
        return self._folder / f".{self._name}.tmp"

    def _write_bytes(self, ids: Ids) -> None:
        # `tokenize` has checked that ids are within the vocabulary, so uint16 cuts nothing.
        data = ids.astype(np.dtype(self._dtype).newbyteorder("<")).tobytes()
        try:
            # Opened at the first byte, so a stream without documents makes no empty file.
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = self._temporary.open("wb")
            self._file.write(data)
        except OSError as error:
            raise self._failure(error) from None
        self._digest.update(data)

    def _finish_file(self) -> None:
        """Bring the file to disk under its name, its sidecar first."""
        assert self._file is not None
        # The sidecar goes first: a token file under its name always has one.
        sidecar = pl.concat(self._sidecar)
        write_frame(sidecar, self._folder / sidecar_name(self._name), SIDECAR_GROUP)
        try:
            # Synced before the rename: a name must not appear before its bytes are on disk.
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._folder / self._name)
        except OSError as error:
            raise self._failure(error) from None
        # All files before this one are full.
        tokens = self._position - len(self._segments) * self._file_tokens
        self._segments.append(
            Segment(
                path=self._name,
                dtype=self._dtype,
                byte_start=0,
                num_sequences=tokens // self._sequence,
                file_size=tokens * np.dtype(self._dtype).itemsize,
                sha256=self._digest.hexdigest(),
            )
        )
        # Name and temporary path count the segments, so the next file starts by itself.
        self._file = None
        self._digest = hashlib.sha256()
        self._sidecar = []

    def _failure(self, error: OSError) -> DataError:
        path = self._folder / self._name
        return DataError(f"cannot write {path}: {error.strerror or error}")
