"""Token files from elsewhere, OLMo's own above all: measured, sampled, taken up by reference."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from sealdata.errors import DataError
from sealdata.shards.manifest import Dtype, Segment
from sealdata.shards.tokens import Ids

HASHED_BYTES = 1 << 30  # larger files are known by size, time of change and a sample
SAMPLE_TOKENS = 1 << 17  # of each segment, in sequences at even distances
MAX_EOS_SHARE = 0.5  # of the sampled tokens: more is padding, or another vocabulary
_RANGES, _RANGE_BYTES = 16, 1 << 16  # of a large file, for its identity
_NPY = b"\x93NUMPY"


@dataclass(frozen=True)
class TokenRange:
    """A run of sequences of a headerless file of little-endian ids."""

    path: Path  # absolute
    byte_start: int = 0
    num_sequences: int | None = None  # absent: all whole ones to the end of the file


@dataclass(frozen=True)
class TokenFiles:
    """What a stream takes of files from elsewhere."""

    segments: tuple[Segment, ...]  # absolute paths
    left_out: int  # tokens behind the last whole sequence of ranges that go to the file's end

    @property
    def num_sequences(self) -> int:
        """Of all segments."""
        return sum(segment.num_sequences for segment in self.segments)

    def cut(self, start: int, stop: int, length: int) -> tuple[Segment, ...]:
        """The sequences ``start`` to ``stop`` (exclusive) of ``length`` tokens, as segments."""
        found, first = [], 0
        for segment in self.segments:
            low = max(start - first, 0)
            high = min(stop - first, segment.num_sequences)
            if low < high:
                skipped = low * length * np.dtype(segment.dtype).itemsize
                changes = {
                    "byte_start": segment.byte_start + skipped,
                    "num_sequences": high - low,
                }
                found.append(segment.model_copy(update=changes))
            first += segment.num_sequences
        return tuple(found)


def measure(ranges: Sequence[TokenRange], dtype: Dtype, length: int) -> TokenFiles:
    """The segments that ``ranges`` mean, of sequences of ``length``; reads sizes and first bytes.

    Raises:
        DataError: a file is missing or has a header, its size is no multiple of the dtype, a range
            is not in it or holds no whole sequence, or two ranges overlap.
    """
    width = np.dtype(dtype).itemsize
    segments, left_out = [], 0
    for one in ranges:
        size = _size(one, width)
        whole, left = divmod((size - one.byte_start) // width, length)
        if one.num_sequences is not None and one.num_sequences > whole:
            raise DataError(
                f"{one.path}: {one.num_sequences:,} sequences of {length} tokens are asked for, "
                f"but it holds {max(whole, 0):,} from byte {one.byte_start:,} on"
            )
        if whole < 1:
            raise DataError(
                f"{one.path}: less than one sequence of {length} {dtype} from byte "
                f"{one.byte_start:,} on ({size:,} bytes in all)"
            )
        left_out += left if one.num_sequences is None else 0
        segments.append(
            Segment(
                path=str(one.path),
                dtype=dtype,
                byte_start=one.byte_start,
                num_sequences=whole if one.num_sequences is None else one.num_sequences,
                file_size=size,
                sha256=None,
            )
        )
    _check_overlap(segments, length * width)
    return TokenFiles(tuple(segments), left_out)


def _size(one: TokenRange, width: int) -> int:
    """Of the whole file, in bytes."""
    try:
        size = one.path.stat().st_size
        with one.path.open("rb") as file:
            head = file.read(10)
    except OSError as error:
        raise DataError(f"cannot read {one.path}: {error.strerror or error}") from None
    if head.startswith(_NPY) and one.byte_start == 0:
        raise DataError(
            f"{one.path} has the header that np.save writes; a token file has none: write the "
            "array with tofile, or set byte_start to the length of the header (mostly 128)"
        )
    for what, count in (("size", size), ("byte_start", one.byte_start)):
        if count % width:
            raise DataError(f"{one.path}: {what} {count:,} is no multiple of {width} bytes an id")
    return size


def _check_overlap(segments: Sequence[Segment], sequence_bytes: int) -> None:
    ordered = sorted(segments, key=lambda segment: (segment.path, segment.byte_start))
    for one, other in pairwise(ordered):
        end = one.byte_start + one.num_sequences * sequence_bytes
        if one.path == other.path and other.byte_start < end:
            raise DataError(f"{one.path}: two entries of `tokens` take the same sequences of it")


def identified(files: TokenFiles, digest: Callable[[Path], str]) -> tuple[TokenFiles, list[str]]:
    """The files with their SHA-256 where they are small, and what names the content of each.

    A file above ``HASHED_BYTES`` is named by its size, its time of change and the SHA-256 of 16
    ranges at even distances: hashing terabytes would take longer than training on a part of them.
    """
    segments, names = [], []
    for segment in files.segments:
        path = Path(segment.path)
        sha256 = digest(path) if segment.file_size <= HASHED_BYTES else None
        segments.append(segment.model_copy(update={"sha256": sha256}))
        names.append(sha256 or _sampled_identity(path, segment.file_size))
    return TokenFiles(tuple(segments), files.left_out), names


def _sampled_identity(path: Path, size: int) -> str:
    digest = hashlib.sha256(f"{size} {path.stat().st_mtime_ns}".encode())
    with path.open("rb") as file:
        for start in np.linspace(0, size - _RANGE_BYTES, _RANGES, dtype=np.int64).tolist():
            file.seek(start)
            digest.update(file.read(_RANGE_BYTES))
    return f"sampled-{digest.hexdigest()}"


def sample(segment: Segment, length: int) -> Iterator[tuple[int, Ids]]:
    """(number in the segment, ids [length]) of sequences at even distances, SAMPLE_TOKENS in all.

    The first and the last sequence are among them; a small segment is read whole.
    """
    count = min(segment.num_sequences, max(2, -(-SAMPLE_TOKENS // length)))
    ids = np.memmap(
        segment.path,
        dtype=np.dtype(segment.dtype).newbyteorder("<"),
        mode="r",
        offset=segment.byte_start,
        shape=(segment.num_sequences, length),
    )
    for number in np.linspace(0, segment.num_sequences - 1, count, dtype=np.int64).tolist():
        yield number, np.asarray(ids[number], dtype=np.uint32)


def begins_inside(segment: Segment, eos_id: int) -> bool:
    """Whether the token before a segment is in its file and no EOS: a document is cut there.

    Of a file's own first token nothing is known.
    """
    width = np.dtype(segment.dtype).itemsize
    if segment.byte_start < width:
        return False
    with Path(segment.path).open("rb") as file:
        file.seek(segment.byte_start - width)
        before = file.read(width)
    return int.from_bytes(before, "little") != eos_id


def problems_of(
    segments: Sequence[Segment], length: int, *, vocab_size: int, eos_id: int | None
) -> list[str]:
    """What a sample says against ids of this vocabulary, a line a file; empty if all holds.

    Without ``eos_id`` nothing is asked of the EOS: a few sequences may have none.
    """
    found, tokens, ends = [], 0, 0
    for segment in segments:
        for number, ids in sample(segment, length):
            if (largest := int(ids.max())) >= vocab_size:
                found.append(
                    f"{segment.path}: sequence {number} holds id {largest}, outside the "
                    f"vocabulary of {vocab_size}: another tokenizer's, or not {segment.dtype}"
                )
                break
            tokens += length
            ends += int(np.count_nonzero(ids == eos_id))
    if not found and eos_id is not None and not 0 < ends <= MAX_EOS_SHARE * tokens:
        more = f" and {len(segments) - 1} more" if len(segments) > 1 else ""
        found.append(
            f"{segments[0].path}{more}: {ends:,} of {tokens:,} sampled tokens are EOS "
            f"(id {eos_id}): another tokenizer's, or the wrong dtype"
        )
    return found
