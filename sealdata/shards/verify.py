"""Verifying a stream: digests, sizes, ids, boundaries, padding and sidecars."""

from pathlib import Path

import numpy as np
import polars as pl

from sealdata.errors import SealError
from sealdata.files.records import file_sha256
from sealdata.shards.manifest import Segment
from sealdata.shards.reader import PackedStream, mark, read_sidecar
from sealdata.shards.token_files import problems_of
from sealdata.shards.tokens import Ids, Numbers

_CHUNK_TOKENS = 1 << 22


def verify_stream(folder: Path) -> list[str]:
    """Everything that is wrong with the stream in ``folder``, a line each; empty if all holds."""
    try:
        stream = PackedStream(folder)
    except SealError as error:
        return [str(error)]
    problems = [
        problem
        for number, segment in enumerate(stream.manifest.segments)
        for problem in _check_file(stream, number, segment)
    ]
    try:
        _ = stream.tokenizer
    except SealError as error:
        problems.append(str(error))
    if stream.manifest.segments[0].from_elsewhere:
        return problems + _sampled(stream)
    return problems + _Walk(stream).problems()


def _sampled(stream: PackedStream) -> list[str]:
    """Files from elsewhere are large and not ours: a sample of their ids has to do."""
    manifest = stream.manifest
    return problems_of(
        manifest.segments,
        manifest.sequence_length,
        vocab_size=manifest.vocab_size,
        eos_id=manifest.eos_id if manifest.split == "train" else None,
    )


def _check_file(stream: PackedStream, number: int, segment: Segment) -> list[str]:
    path = stream.folder / segment.path
    problems = []
    if segment.sha256 is not None and file_sha256(path) != segment.sha256:
        problems.append(f"{path}: its SHA-256 is not the manifest's; build it again")
    if segment.from_elsewhere:
        return problems
    width = np.dtype(segment.dtype).itemsize
    last = number == len(stream.manifest.segments) - 1
    whole = segment.file_size % (stream.manifest.block_length * width) == 0
    if not whole and not last:
        problems.append(f"{path}: not of whole blocks, and not the last file")
    return problems


class _Walk:
    """One pass over all ids: what the ids say, to be held against manifest and sidecars."""

    def __init__(self, stream: PackedStream) -> None:
        self.stream = stream
        self.documents = self.padding = self.split = 0
        self.starts: list[list[Numbers]] = [[] for _ in stream.manifest.segments]
        self.found: list[str] = []
        self._open = -1  # sequence in which the document that is open began

    def problems(self) -> list[str]:
        """Walk, then compare."""
        manifest = self.stream.manifest
        before: int | None = None
        step = max(1, _CHUNK_TOKENS // manifest.sequence_length)
        for part, first, ids in self.stream.chunks(step):
            self._chunk(part, first, ids, before)
            before = int(ids[-1])
        if before != manifest.eos_id:
            self._say("the last document has no EOS")
        counted = {
            "num_documents": self.documents,
            "num_padding": self.padding,
            "num_split_documents": self.split,
        }
        for name, count in counted.items():
            if count != (said := getattr(manifest, name)):
                self._say(f"{name} is {count} by the ids, {said} by the manifest")
        for part, segment in enumerate(manifest.segments):
            self._check_sidecar(part, segment)
        return self.found

    def _say(self, problem: str) -> None:
        self.found.append(f"{self.stream.folder}: {problem}")

    def _chunk(self, part: int, first: int, ids: Ids, before: int | None) -> None:
        manifest = self.stream.manifest
        length = manifest.sequence_length
        if ids.max() >= manifest.vocab_size:
            sequence = first + int(np.argmax(ids >= manifest.vocab_size)) // length
            self._say(f"sequence {sequence} holds id {ids.max()}, outside the vocabulary")
        marks = mark(ids, manifest.eos_id, before)
        stops_early = marks.padding[:-1] & ~marks.padding[1:]
        stops_early[length - 1 :: length] = False
        if stops_early.any():
            sequence = first + int(np.argmax(stops_early)) // length
            self._say(f"padding in sequence {sequence} does not reach its end")
        begun = first * length + np.flatnonzero(marks.first)
        ended = first * length + np.flatnonzero(marks.last)
        self.documents += len(ended)
        self.padding += int(marks.padding.sum())
        self.starts[part].append(begun)
        self._count_split(begun // length, ended // length)

    def _count_split(self, begun: Numbers, ended: Numbers) -> None:
        if self._open >= 0:
            begun = np.append(self._open, begun)
        self._open = int(begun[-1]) if len(begun) > len(ended) else -1
        self.split += int(np.count_nonzero(begun[: len(ended)] != ended))

    def _check_sidecar(self, part: int, segment: Segment) -> None:
        try:
            sidecar = read_sidecar(self.stream.folder, segment)
        except SealError as error:
            self.found.append(str(error))
            return
        if sidecar is None:
            self._say(f"{segment.path} has no sidecar of its documents")
            return
        length = self.stream.manifest.sequence_length
        recorded = sidecar.select(pl.col("sequence").cast(pl.Int64) * length + pl.col("offset"))
        if not np.array_equal(recorded.to_series(), np.concatenate(self.starts[part])):
            self._say(f"the sidecar of {segment.path} puts its documents elsewhere than the ids do")
