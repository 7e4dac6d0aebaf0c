"""Token files from elsewhere, above all OLMo's own: measured, sampled, used by reference."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from sealdata.errors import DataError
from sealdata.files.signatures import HEAD_BYTES, kind_of_tokens
from sealdata.shards.manifest import Dtype, Segment
from sealdata.shards.tokens import Ids

HASHED_BYTES = 1 << 30  # larger files are identified by size, time of change and a sample
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
        """Sequences of all segments."""
        return sum(segment.num_sequences for segment in self.segments)

    def cut(self, start: int, stop: int, length: int) -> tuple[Segment, ...]:
        """The sequences ``start`` to ``stop`` (exclusive) of ``length`` tokens, as segments."""
        segments, first = [], 0
        for segment in self.segments:
            low = max(start - first, 0)
            high = min(stop - first, segment.num_sequences)
            if low < high:
                # Sequences before `low` are skipped by moving the start, so nothing is copied.
                skipped = low * length * np.dtype(segment.dtype).itemsize
                changes = {
                    "byte_start": segment.byte_start + skipped,
                    "num_sequences": high - low,
                }
                segments.append(segment.model_copy(update=changes))
            first += segment.num_sequences
        return tuple(segments)


def measure(ranges: Sequence[TokenRange], dtype: Dtype, length: int) -> TokenFiles:
    """The segments of ``ranges``, in sequences of ``length``. Reads sizes and first bytes only.

    Raises:
        DataError: a file is missing, has a header or is not a token file, or its size is not a
            multiple of the dtype. Or a range is not in its file, has no whole sequence, or overlaps
            another.
    """
    width = np.dtype(dtype).itemsize
    segments, left_out = [], 0
    for token_range in ranges:
        # The size is read once; the segment holds it, and a reader compares it before mapping.
        size = _size(token_range, width)
        # A start beyond the end makes `whole` negative, which is refused below.
        whole, left = divmod((size - token_range.byte_start) // width, length)
        if token_range.num_sequences is not None and token_range.num_sequences > whole:
            raise DataError(
                f"{token_range.path}: the recipe takes {token_range.num_sequences:,} sequences of "
                f"{length} tokens, but the file has {max(whole, 0):,} from byte "
                f"{token_range.byte_start:,} on"
            )
        if whole < 1:
            raise DataError(
                f"{token_range.path}: less than one sequence of {length} {dtype} from byte "
                f"{token_range.byte_start:,} on ({size:,} bytes in all)"
            )
        # A range with a given number ends where the recipe says: nothing is left out there.
        left_out += left if token_range.num_sequences is None else 0
        segments.append(
            Segment(
                path=str(token_range.path),
                dtype=dtype,
                byte_start=token_range.byte_start,
                # 0 is not allowed in a recipe, so `or` replaces only what is absent.
                num_sequences=token_range.num_sequences or whole,
                file_size=size,
                sha256=None,
            )
        )
    # A sequence taken twice would be read twice as often, and no count would show it.
    _check_overlap(segments, length * width)
    return TokenFiles(tuple(segments), left_out)


def _size(token_range: TokenRange, width: int) -> int:
    """Bytes of the whole file."""
    path, byte_start = token_range.path, token_range.byte_start
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            # Reading also proves that the file can be read.
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    # Read as ids, the header would be some 32 tokens of nonsense at the start.
    if head.startswith(_NPY) and byte_start == 0:
        raise DataError(
            f"{path} has the header that np.save writes; a token file has none: write the "
            "array with tofile, or set byte_start to the length of the header (mostly 128)"
        )
    kind = kind_of_tokens(head)
    if kind is not None and byte_start == 0:
        raise DataError(f"{path} is {kind.name}, not a file of token ids; {kind.cure}")
    # A remainder means another dtype, or a download that was cut.
    for what, count in (("size", size), ("byte_start", byte_start)):
        if count % width:
            raise DataError(f"{path}: {what} {count:,} is not a multiple of {width} bytes an id")
    return size


def _check_overlap(segments: Sequence[Segment], sequence_bytes: int) -> None:
    # Sorted by file and start, so only neighbours can overlap.
    ordered = sorted(segments, key=lambda segment: (segment.path, segment.byte_start))
    for segment, following in pairwise(ordered):
        end = segment.byte_start + segment.num_sequences * sequence_bytes
        if segment.path == following.path and following.byte_start < end:
            raise DataError(f"{segment.path}: two entries of `tokens` take the same sequences")


def identified(files: TokenFiles, digest: Callable[[Path], str]) -> tuple[TokenFiles, list[str]]:
    """The files with their SHA-256 where they are small, and a name for the content of each.

    A file above ``HASHED_BYTES`` is named by its size, its time of change and the SHA-256 of 16
    ranges at even distances: hashing terabytes would take longer than training on a part of them.
    """
    segments, names = [], []
    for segment in files.segments:
        path = Path(segment.path)
        # `digest` caches by path, size and time of change, so a second build reads nothing.
        sha256 = digest(path) if segment.file_size <= HASHED_BYTES else None
        segments.append(segment.model_copy(update={"sha256": sha256}))
        names.append(sha256 or _sampled_identity(path, segment.file_size))
    return TokenFiles(tuple(segments), files.left_out), names


def _sampled_identity(path: Path, size: int) -> str:
    # The time of change stands for the bytes between the samples.
    digest = hashlib.sha256(f"{size} {path.stat().st_mtime_ns}".encode())
    with path.open("rb") as file:
        # The first and the last range are those of the file, where a cut or an append shows.
        for start in np.linspace(0, size - _RANGE_BYTES, _RANGES, dtype=np.int64).tolist():
            file.seek(start)
            digest.update(file.read(_RANGE_BYTES))
    return f"sampled-{digest.hexdigest()}"


def sample(segment: Segment, length: int) -> Iterator[tuple[int, Ids]]:
    """(number in the segment, ids [length]) of sequences at even distances, SAMPLE_TOKENS in all.

    The first and the last sequence are among them; a small segment is read whole.
    """
    # Rounded up, so that at least SAMPLE_TOKENS are read; two at least, the first and the last.
    count = min(segment.num_sequences, max(2, -(-SAMPLE_TOKENS // length)))
    # Mapped: only the pages of the sampled sequences are read.
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
    """Whether the token before a segment is in its file and is not EOS: a document is cut there.

    False for the first token of a file: nothing is known of what came before it.
    """
    width = np.dtype(segment.dtype).itemsize
    # There is no token before it.
    if segment.byte_start < width:
        return False
    with Path(segment.path).open("rb") as file:
        file.seek(segment.byte_start - width)
        before = file.read(width)
    # Ids are little-endian and unsigned.
    return int.from_bytes(before, "little") != eos_id


def problems_of(
    segments: Sequence[Segment], length: int, *, vocab_size: int, eos_id: int | None
) -> list[str]:
    """What in a sample contradicts this vocabulary, one line per file; empty if nothing does.

    Without ``eos_id`` the EOS is not checked: a few sequences may have none.
    """
    problems, tokens, ends = [], 0, 0
    for segment in segments:
        for number, ids in sample(segment, length):
            # uint16 ids read as uint32 are two ids in one, mostly beyond any vocabulary.
            if (largest := int(ids.max())) >= vocab_size:
                problems.append(
                    f"{segment.path}: sequence {number} holds id {largest}, outside the "
                    f"vocabulary of {vocab_size}: another tokenizer's, or not {segment.dtype}"
                )
                # One line a file: the next sequences would only repeat it.
                break
            tokens += length
            # Padding and ends of documents alike.
            ends += int(np.count_nonzero(ids == eos_id))
    # Only where all ids are in the vocabulary: otherwise the count of EOS means nothing.
    if not problems and eos_id is not None and not 0 < ends <= MAX_EOS_SHARE * tokens:
        more = f" and {len(segments) - 1} more" if len(segments) > 1 else ""
        problems.append(
            f"{segments[0].path}{more}: {ends:,} of {tokens:,} sampled tokens are EOS "
            f"(id {eos_id}): another tokenizer's, or the wrong dtype"
        )
    return problems
