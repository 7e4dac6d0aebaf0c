"""Reading a stream back: its sequences, the documents in them, and where those are from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import ConfigError, DataError
from sealdata.files.frames import read_frame
from sealdata.shards.manifest import MANIFEST, Segment, StreamManifest, read_stream_manifest
from sealdata.shards.sidecar_rows import origins
from sealdata.shards.tokens import Ids, Numbers
from sealdata.shards.writer import sidecar_name
from sealdata.tokenizers import Tokenizer, open_tokenizer

Bools = npt.NDArray[np.bool_]


class Marks(NamedTuple):
    """What each token is, computed from the ids only (all bool [tokens])."""

    first: Bools  # opens a document
    last: Bools  # the EOS that closes a document
    padding: Bools


def mark(ids: Ids, eos_id: int, before: int | None) -> Marks:
    """Separate documents from padding; ``before`` is the id before ``ids``, None at the start.

    An EOS after an EOS is padding, since no document is empty.
    """
    # The start of a stream counts as after an EOS, so its first token begins a document.
    eos = ids == eos_id
    after_eos = np.concatenate([[before is None or before == eos_id], eos[:-1]])
    return Marks(first=~eos & after_eos, last=eos & ~after_eos, padding=eos & after_eos)


@dataclass(frozen=True)
class DocumentView:
    """The part of a document in one sequence. Facts are None if no sidecar has them."""

    text: str  # decoded, without its EOS
    start: int  # token of the sequence
    stop: int  # exclusive, EOS included
    begins: bool  # False: it began in an earlier sequence
    ends: bool  # False: it goes on in the next
    source: str | None = None  # of the recipe
    row: int | None = None  # 0-based record in its file
    template: int | None = None  # index into the manifest's templates
    prompt: int | None = None  # tokens


@dataclass(frozen=True)
class SequenceView:
    """One sequence taken apart, for people to look at."""

    stream: Path
    number: int  # in the stream
    manifest: StreamManifest
    documents: tuple[DocumentView, ...]
    num_padding: int  # tokens


class PackedStream:
    """The stream in ``folder``; token files are mapped, not read.

    Raises (on construction):
        DataError: the manifest is missing or is none, or a file's size is not what it says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_stream_manifest(folder)
        self._maps = [self._map(segment) for segment in self.manifest.segments]
        counts = [segment.num_sequences for segment in self.manifest.segments]
        # The first sequence of each segment, and the number of all: int64 [segments + 1].
        self.first_sequences = np.concatenate([[0], np.cumsum(counts)])

    def __len__(self) -> int:
        return self.manifest.num_sequences

    def sequence(self, number: int) -> Ids:
        """Ids uint32 [sequence_length].

        Raises:
            ConfigError: the stream has fewer sequences.
        """
        part, index = self._find(number)
        return np.asarray(self._maps[part][index], dtype=np.uint32)

    def origins(self, number: int) -> pl.DataFrame:
        """See ``origins``; in time that does not grow with the stream."""
        return origins(self.folder, self.manifest.segments[: self._find(number)[0] + 1], number)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the manifest points to.

        Raises:
            ConfigError: it is not there.
            DataError: it is another one than the one that made the ids.
        """
        facts = self.manifest.tokenizer
        path = (self.folder / facts.path).resolve()
        # A missing file has no time; `open_tokenizer` says what is missing.
        changed = path.stat().st_mtime_ns if path.exists() else 0
        # Cached over streams: a build of twelve languages has 55 of them and one tokenizer.
        tokenizer = _opened(path, facts.eos, changed)
        if tokenizer.sha256 != facts.sha256:
            raise DataError(f"{tokenizer.path} is not the tokenizer that made {self.folder}")
        return tokenizer

    def chunks(self, sequences: int) -> Iterator[tuple[int, int, Ids]]:
        """(segment, first sequence, ids) of runs of at most so many sequences, in order."""
        for part, tokens in enumerate(self._maps):
            for start in range(0, len(tokens), sequences):
                # A view of the mapped file where ids are uint32, a copy where they are uint16.
                ids = np.asarray(tokens[start : start + sequences], dtype=np.uint32).reshape(-1)
                yield part, int(self.first_sequences[part]) + start, ids

    def _find(self, number: int) -> tuple[int, int]:
        if not 0 <= number < len(self):
            raise ConfigError(f"{self.folder}: no sequence {number}; it has 0 to {len(self) - 1}")
        # "right", so that the first sequence of a segment belongs to it and not to the one before.
        part = int(np.searchsorted(self.first_sequences, number, side="right")) - 1
        return part, number - int(self.first_sequences[part])

    def _map(self, segment: Segment) -> npt.NDArray[Any]:
        path = self.folder / segment.path
        # Another size means a file that was cut or replaced: it holds other sequences.
        if not path.is_file() or path.stat().st_size != segment.file_size:
            raise DataError(f"{path} is missing or not of {segment.file_size} bytes: build again")
        return np.memmap(
            path,
            dtype=np.dtype(segment.dtype).newbyteorder("<"),
            mode="r",
            offset=segment.byte_start,
            shape=(segment.num_sequences, self.manifest.sequence_length),
        )


@lru_cache(maxsize=4)
def _opened(path: Path, eos: str | None, changed: int) -> Tokenizer:
    """The streams of a build share a tokenizer, and opening one takes up to a second.

    ``changed`` is the file's time in ns, so that a file that is replaced is opened again.
    """
    return open_tokenizer(path, options={"eos": eos})


def find_sequence(path: Path, number: int) -> tuple[Path, int]:
    """(folder of the stream, sequence in it) for a stream's folder, manifest or token file.

    With a token file, ``number`` counts from the start of that file.

    Raises:
        ConfigError: it is none of these, or the file has fewer sequences.
    """
    if (path / "shards").is_dir():
        streams = sorted(manifest.parent for manifest in (path / "shards").rglob(MANIFEST))
        example = f", such as {streams[0]}" if streams else ""
        raise ConfigError(f"{path} is a build; name one of its streams{example}")
    if path.is_dir():
        if not (path / MANIFEST).is_file():
            raise ConfigError(f"{path} is not the folder of a stream: it has no {MANIFEST}")
        return path, number
    if path.name == MANIFEST:
        return path.parent, number
    if not path.is_file() or not (path.parent / MANIFEST).is_file():
        what = "is neither the folder of a stream nor one of its token files"
        raise ConfigError(f"{path} {what}" + ("" if path.exists() else "; there is no such file"))
    # Segments before the file count: a stream numbers its sequences through all files.
    first = 0
    for segment in read_stream_manifest(path.parent).segments:
        if segment.path == path.name:
            if not 0 <= number < segment.num_sequences:
                raise ConfigError(f"{path}: no sequence {number}; it has {segment.num_sequences}")
            return path.parent, first + number
        first += segment.num_sequences
    raise ConfigError(f"{path} is not a token file of the stream in its folder")


def view_sequence(path: Path, number: int = 0) -> SequenceView:
    """A sequence decoded, document by document; for ``path`` see ``find_sequence``."""
    folder, number = find_sequence(path, number)
    stream = PackedStream(folder)
    ids = stream.sequence(number)
    eos_id = stream.manifest.eos_id
    # Only the last id before the sequence tells whether it begins inside a document.
    before = int(stream.sequence(number - 1)[-1]) if number else None
    marks = mark(ids, eos_id, before)
    starts, stops = spans(marks)
    # The document that began earlier has the key None; there is at most one.
    rows = {
        row["offset"] if row["sequence"] == number else None: row
        for row in stream.origins(number).iter_rows(named=True)
    }
    documents = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        begins, ends = bool(marks.first[start]), bool(marks.last[stop - 1])
        # Without a sidecar there are no rows, and all facts stay None.
        origin = rows.get(start if begins else None, {})
        documents.append(
            DocumentView(
                # `ends` is 1 where the part has an EOS, which is not text.
                text=stream.tokenizer.decode(ids[start : stop - ends].tolist()),
                start=start,
                stop=stop,
                begins=begins,
                ends=ends,
                **{name: origin.get(name) for name in ("source", "row", "template", "prompt")},
            )
        )
    padding = int(marks.padding.sum())
    return SequenceView(folder, number, stream.manifest, tuple(documents), padding)


def spans(marks: Marks) -> tuple[Numbers, Numbers]:
    """Start and stop of each document, or part of one, in a sequence."""
    # Padding reaches the end of the sequence, so without this the last part would include it.
    real = np.flatnonzero(~marks.padding)
    begins = marks.first[real]
    begins[:1] = True  # what an earlier sequence began
    starts = real[begins]
    # Without padding in between, a part stops where the next starts.
    stops = np.append(starts[1:], real[-1] + 1) if len(real) else starts
    return starts, stops


def read_sidecar(folder: Path, segment: Segment) -> pl.DataFrame | None:
    """SIDECAR_SCHEMA of all documents that begin in a token file; None without a sidecar."""
    path = folder / sidecar_name(segment.path)
    return read_frame(path) if path.is_file() else None
