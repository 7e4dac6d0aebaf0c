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
    # Without a manifest or with a file of another size, there is nothing to walk through.
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
        # Opening it compares its digest with the manifest's.
        _ = stream.tokenizer
    except SealError as error:
        problems.append(str(error))
    # A stream is either the build's own or from elsewhere; its first segment tells which.
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
    # None for files from elsewhere that are too large to hash.
    if segment.sha256 is not None and file_sha256(path) != segment.sha256:
        problems.append(f"{path}: its SHA-256 is not the manifest's; build it again")
    # Such files may have any size: the stream takes runs of whole sequences from them.
    if segment.from_elsewhere:
        return problems
    width = np.dtype(segment.dtype).itemsize
    # Only the last file may end inside a block, at the end of a sequence.
    last = number == len(stream.manifest.segments) - 1
    whole = segment.file_size % (stream.manifest.block_length * width) == 0
    if not whole and not last:
        problems.append(f"{path}: not of whole blocks, and not the last file")
    return problems


class _Walk:
    """One pass over all ids: what the ids say, to be held against manifest and sidecars."""

    def __init__(self, stream: PackedStream) -> None:
        self.stream = stream
        # Counted from the ids only; the manifest's own figures are not used.
        self.documents = self.padding = self.split = 0
        # Tokens of the stream at which documents begin, by file.
        self.starts: list[list[Numbers]] = [[] for _ in stream.manifest.segments]
        self.found: list[str] = []
        self._open = -1  # sequence in which the document that is open began

    def problems(self) -> list[str]:
        """Walk, then compare."""
        # None before the first id: a stream begins with a document.
        manifest = self.stream.manifest
        before: int | None = None
        # 16 MiB of ids at a time. Starts of documents are kept, 8 bytes each, for the sidecars.
        step = max(1, _CHUNK_TOKENS // manifest.sequence_length)
        for part, first, ids in self.stream.chunks(step):
            self._chunk(part, first, ids, before)
            before = int(ids[-1])
        # The stream ends with a whole document or with padding, both of which end with EOS.
        if before != manifest.eos_id:
            self._say("the last document has no EOS")
        counted = {
            "num_documents": self.documents,
            "num_padding": self.padding,
            "num_split_documents": self.split,
        }
        for name, count in counted.items():
            # All differences are reported, not only the first: together they show what was lost.
            if count != (said := getattr(manifest, name)):
                self._say(f"{name} is {count} by the ids, {said} by the manifest")
        # After the walk, when the starts of all files are known.
        for part, segment in enumerate(manifest.segments):
            self._check_sidecar(part, segment)
        return self.found

    def _say(self, problem: str) -> None:
        self.found.append(f"{self.stream.folder}: {problem}")

    def _chunk(self, part: int, first: int, ids: Ids, before: int | None) -> None:
        manifest = self.stream.manifest
        length = manifest.sequence_length
        # One line a chunk, with the first sequence that has such an id.
        if ids.max() >= manifest.vocab_size:
            sequence = first + int(np.argmax(ids >= manifest.vocab_size)) // length
            self._say(f"sequence {sequence} holds id {ids.max()}, outside the vocabulary")
        # Three bool arrays, [tokens of the chunk] each.
        marks = mark(ids, manifest.eos_id, before)
        # Padding may be followed by something else at the end of a sequence only. Borders of chunks
        # are such ends, because chunks hold whole sequences.
        stops_early = marks.padding[:-1] & ~marks.padding[1:]
        stops_early[length - 1 :: length] = False
        if stops_early.any():
            sequence = first + int(np.argmax(stops_early)) // length
            self._say(f"padding in sequence {sequence} does not reach its end")
        # Tokens of the whole stream, since documents may go on from chunk to chunk.
        begun = first * length + np.flatnonzero(marks.first)
        ended = first * length + np.flatnonzero(marks.last)
        # Counted by their ends: a document in two chunks counts once.
        self.documents += len(ended)
        self.padding += int(marks.padding.sum())
        self.starts[part].append(begun)
        self._count_split(begun // length, ended // length)

    def _count_split(self, begun: Numbers, ended: Numbers) -> None:
        # The document that was open ends first, so starts and ends stay in the same order.
        if self._open >= 0:
            begun = np.append(self._open, begun)
        # One start more than there are ends: the last document goes on in the next chunk.
        self._open = int(begun[-1]) if len(begun) > len(ended) else -1
        self.split += int(np.count_nonzero(begun[: len(ended)] != ended))

    def _check_sidecar(self, part: int, segment: Segment) -> None:
        # A damaged sidecar is a finding, and the other files are still checked.
        try:
            sidecar = read_sidecar(self.stream.folder, segment)
        except SealError as error:
            self.found.append(str(error))
            return
        if sidecar is None:
            self._say(f"{segment.path} has no sidecar of its documents")
            return
        length = self.stream.manifest.sequence_length
        # Every start must agree, in order: one row too many would shift all origins after it.
        recorded = sidecar.select(pl.col("sequence").cast(pl.Int64) * length + pl.col("offset"))
        if not np.array_equal(recorded.to_series(), np.concatenate(self.starts[part])):
            self._say(f"the sidecar of {segment.path} puts its documents elsewhere than the ids do")
