"""Sidecars for other trainers: where each document of a token file begins and ends.

All are computed from the ids only. In `csv.gz`, padding belongs to no document. The other formats
cannot have gaps: there it belongs to the document before it. A document in two files counts as two.
"""

import gzip
import struct
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from sealdata.files.records import write_atomic
from sealdata.shards.manifest import Dtype, Segment
from sealdata.shards.reader import PackedStream, mark
from sealdata.shards.tokens import Numbers

Reader = Literal["olmo-core", "datatrove", "megatron", "torchtitan"]
# 16 MiB of ids at a time; only the bounds of documents are kept for a whole file.
_CHUNK_TOKENS = 1 << 22
_MEGATRON_CODES: dict[Dtype, int] = {"uint16": 8, "uint32": 4}  # 4: int32, since it has no uint32


def write_sidecars(folder: Path, readers: tuple[Reader, ...]) -> dict[Reader, int]:
    """Write the sidecars of ``readers`` for every file of a stream. Returns the bytes for each.

    ``olmo-core``: ``.csv.gz`` of lines ``start,end,id,src,loc``, in tokens, end exclusive; also
    dolma's. ``datatrove``: ``.npy.index``, the u64 end of each document. ``megatron``: ``.idx`` of
    an IndexedDataset. ``torchtitan``: ``.offsets.npy``, a NumPy file, int64 [documents + 1].
    """
    if not readers:
        return {}
    # One pass over the ids serves all formats that are asked for.
    stream = PackedStream(folder)
    sizes: dict[Reader, int] = dict.fromkeys(readers, 0)
    for segment, starts, ends in _documents(stream):
        num_tokens = segment.num_sequences * stream.manifest.sequence_length
        for reader in readers:
            suffix, make = _FORMATS[reader]
            data = make(Documents(starts, ends, num_tokens, segment.dtype))
            path = folder / f"{Path(segment.path).stem}{suffix}"
            write_atomic(path, partial(_put, data=data))
            sizes[reader] += len(data)
    return sizes


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _documents(stream: PackedStream) -> Iterator[tuple[Segment, Numbers, Numbers]]:
    """(file, start of each document, its end without padding) of every file, in tokens."""
    manifest = stream.manifest
    # Whole sequences, and one at least where a sequence is longer than a chunk.
    step = max(1, _CHUNK_TOKENS // manifest.sequence_length)
    starts: list[Numbers] = []
    ends: list[Numbers] = []
    file = 0
    before: int | None = None
    first_of_file = 0
    is_open = False
    # A chunk never crosses two files, so a new `part` means that a file is complete.
    for part, first, ids in stream.chunks(step):
        if part != file:
            yield _file(stream, file, starts, ends)
            file, starts, ends, first_of_file = part, [], [], first
            # The document that the earlier file left open begins this one at token 0, although no
            # first token of a document is there.
            if is_open:
                starts.append(np.zeros(1, np.int64))
        offset = (first - first_of_file) * manifest.sequence_length
        # The id before the chunk decides whether its first id begins a document.
        marks = mark(ids, manifest.eos_id, before)
        starts.append(offset + np.flatnonzero(marks.first))
        ends.append(offset + np.flatnonzero(marks.last) + 1)
        before = int(ids[-1])
        # Without an EOS at the end, the last document goes on in the next chunk.
        is_open = before != manifest.eos_id
    yield _file(stream, file, starts, ends)


def _file(
    stream: PackedStream, number: int, starts: list[Numbers], ends: list[Numbers]
) -> tuple[Segment, Numbers, Numbers]:
    # Every file has a chunk at least, so there is something to join.
    segment = stream.manifest.segments[number]
    begun, ended = np.concatenate(starts), np.concatenate(ends)
    if len(ended) < len(begun):  # the last one continues in the next file
        ended = np.append(ended, segment.num_sequences * stream.manifest.sequence_length)
    return segment, begun, ended


class Documents(NamedTuple):
    """The documents of one file, in tokens."""

    starts: Numbers  # int64 [documents], ascending
    ends: Numbers  # exclusive, EOS included, padding not
    num_tokens: int  # of the file
    dtype: Dtype

    @property
    def offsets(self) -> Numbers:
        """Starts, the first 0, and the file's end: each document ends where the next begins."""
        # A file begins with a document or the rest of one, so its first start is 0.
        return np.concatenate([[0], self.starts[1:], [self.num_tokens]]).astype("<i8")


def _olmo_core(documents: Documents) -> bytes:
    rows = enumerate(zip(documents.starts.tolist(), documents.ends.tolist(), strict=True))
    # The columns `src` and `loc` are for text outside: OLMo-core uses the first two only.
    text = "".join(f"{start},{end},{number},,{number}\n" for number, (start, end) in rows)
    # A time in the header would make two builds of the same data differ.
    return gzip.compress(text.encode(), 6, mtime=0)


def _datatrove(documents: Documents) -> bytes:
    # Ends only, as u64: the start of each document is the end before it.
    return documents.offsets[1:].tobytes()


def _megatron(documents: Documents) -> bytes:
    """Header, lengths (i4), byte offsets (i8), and first sequence of each document (i8)."""
    count, width = len(documents.starts), np.dtype(documents.dtype).itemsize
    return b"".join(
        [
            # Magic, version 1, code of the dtype, number of sequences, number of documents + 1.
            # Each document is one sequence.
            b"MMIDIDX\x00\x00",
            struct.pack("<QBQQ", 1, _MEGATRON_CODES[documents.dtype], count, count + 1),
            # In tokens; padding counts as part of the document before it.
            np.diff(documents.offsets).astype("<i4").tobytes(),
            # Bytes from the start of the token file.
            (documents.offsets[:-1] * width).tobytes(),
            np.arange(count + 1, dtype="<i8").tobytes(),
        ]
    )


def _torchtitan(documents: Documents) -> bytes:
    buffer = BytesIO()
    # A real NumPy file with a header, unlike the token files of that suffix.
    np.save(buffer, documents.offsets)
    return buffer.getvalue()


_FORMATS: dict[Reader, tuple[str, Callable[[Documents], bytes]]] = {
    "olmo-core": (".csv.gz", _olmo_core),
    "datatrove": (".npy.index", _datatrove),
    "megatron": (".idx", _megatron),
    "torchtitan": (".offsets.npy", _torchtitan),
}
