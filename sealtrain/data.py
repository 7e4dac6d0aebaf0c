"""Token streams on disk: checked manifests, and sequences read by index from mapped files.

Shapes: B = sequences, S = tokens in a sequence.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, NonNegativeInt, PositiveInt, ValidationError, field_validator

from sealtrain.errors import DataError
from sealtrain.prompts import check_template

Ids = npt.NDArray[np.int64]
Split = Literal["train", "validation"]
Kind = Literal["parallel", "monolingual", "replay"]
KINDS: tuple[Kind, ...] = ("parallel", "monolingual", "replay")
IGNORED = -100  # a label without loss; the default `ignore_index` of torch's cross-entropy


class Segment(BaseModel):
    """A run of whole sequences inside one file of little-endian token ids."""

    path: str  # relative to the manifest's folder, or absolute
    dtype: Literal["uint16", "uint32"]  # of the ids
    byte_start: NonNegativeInt  # where the run begins in the file
    num_sequences: PositiveInt  # whole sequences in the run
    file_size: NonNegativeInt  # bytes


class TokenizerRecord(BaseModel):
    """The tokenizer that made the ids, and the sha256 of its `tokenizer.json`."""

    path: str  # its folder, relative to the manifest's folder, or absolute
    sha256: str


class Manifest(BaseModel):
    """The fields of a stream's `manifest.json` that training reads; others are allowed."""

    format: Literal["sealdata-stream"]
    version: Literal[1]
    kind: Kind  # what the documents are
    name: str  # of the direction, language or replay source
    languages: list[str]  # FLORES codes, in their order on the page
    language_names: dict[str, str]  # as prompts write them, by FLORES code
    templates: list[str]  # layouts of a pair; empty where there are no pairs
    tokenizer: TokenizerRecord
    eos_id: NonNegativeInt  # id of the token that ends a document
    vocab_size: NonNegativeInt  # largest id + 1
    sequence_length: NonNegativeInt  # tokens of a sequence
    num_sequences: NonNegativeInt  # in all segments
    segments: list[Segment]  # in the order of the stream

    @field_validator("templates")
    @classmethod
    def _are_data(cls, templates: list[str]) -> list[str]:
        for template in templates:
            check_template(template)
        return templates


@dataclass(frozen=True)
class Stream:
    """One language direction, language or replay source of one split."""

    folder: Path  # of manifest.json; relative paths start here
    manifest: Manifest
    digest: str  # sha256 of manifest.json

    @property
    def key(self) -> str:
        """`kind/name`: the stream's name in configs, logs and messages."""
        return f"{self.manifest.kind}/{self.manifest.name}"

    @property
    def shape(self) -> tuple[int, int, int, str]:
        """What all streams of a run share: sequence length, EOS, vocabulary size, tokenizer."""
        m = self.manifest
        return m.sequence_length, m.eos_id, m.vocab_size, m.tokenizer.sha256

    def __len__(self) -> int:
        return self.manifest.num_sequences

    @cached_property
    def _first_indices(self) -> Ids:
        """Index in the stream of each segment's first sequence."""
        sizes = [segment.num_sequences for segment in self.manifest.segments]
        return np.cumsum([0, *sizes[:-1]], dtype=np.int64)

    @cached_property
    def _maps(self) -> list[npt.NDArray[Any]]:
        """Ids [num_sequences, S] of each segment, mapped: nothing is read before it is needed."""
        maps: list[npt.NDArray[Any]] = []
        for segment in self.manifest.segments:
            # Little-endian on any machine. Without a header, offset and shape come from here.
            dtype = np.dtype(segment.dtype).newbyteorder("<")
            shape = (segment.num_sequences, self.manifest.sequence_length)
            path = self.folder / segment.path
            maps.append(np.memmap(path, dtype, "r", segment.byte_start, shape))
        return maps

    def locate(self, index: int) -> tuple[int, int]:
        """The segment that holds a sequence, and the sequence's row in it, both from 0."""
        # "right", so that the first sequence of a segment belongs to it and not to the one before.
        segment = int(np.searchsorted(self._first_indices, index, side="right")) - 1
        return segment, index - int(self._first_indices[segment])

    def address(self, index: int) -> str:
        """`FILE:TOKEN` of a sequence's first token, as `sealdata trace` takes it."""
        number, row = self.locate(index)
        segment = self.manifest.segments[number]
        # Counted from the start of the file, as a segment may begin inside a file from elsewhere.
        first_token = segment.byte_start // np.dtype(segment.dtype).itemsize
        token = first_token + row * self.manifest.sequence_length
        return f"{self.folder / segment.path}:{token}"

    def sequence(self, index: int) -> Ids:
        """Token ids int64 [S] of one sequence, 0 <= index < len(self).

        Raises:
            DataError: an id is outside the vocabulary.
        """
        segment, row = self.locate(index)
        # The copy reads the pages of this sequence. torch's embedding takes no unsigned ids.
        ids: Ids = self._maps[segment][row].astype(np.int64)
        # On a GPU such an id fails in a kernel, which names neither file nor sequence.
        if ids.max() >= self.manifest.vocab_size:
            path = self.folder / self.manifest.segments[segment].path
            raise DataError(
                f"{path}: sequence {index} of {self.key} holds id {ids.max()}, but the vocabulary "
                f"has {self.manifest.vocab_size}; rebuild the shards"
            )
        return ids

    def labelled(self, index: int, target_only: bool) -> tuple[Ids, Ids]:
        """Ids and labels of one sequence, int64 [S] each.

        With `target_only`, labels that belong to the prompt of a pair are ignored; streams of other
        kinds have no prompts and keep all their labels.
        """
        ids = self.sequence(index)
        labels = labels_of(ids[None], self.manifest.eos_id)[0]
        if target_only and self.manifest.kind == "parallel":
            # The label at position i is the token at i + 1.
            labels[:-1][prompt_mask(self, index)[1:]] = IGNORED
        return ids, labels


def open_streams(shards: Path, split: Split, allow_outside: bool = False) -> list[Stream]:
    """Every stream of a split, ordered by `KINDS`, then by name.

    A manifest may name files outside of `shards` only with `allow_outside`.

    Raises:
        DataError: there are no shards, a manifest is broken, a file is missing or has another size,
            or two streams differ in tokenizer or sequence length. Or a manifest names a file
            outside of `shards`.
    """
    # A build's folder is named after its recipe by default, and holds shards/.
    if not shards.is_dir():
        recipe = shards.parent.name if shards.name == "shards" else "RECIPE"
        raise DataError(f"no shards at {shards}; run `sealdata build {recipe}` first")
    # `stream_indices` of a run count in this order, so the file system must not decide it.
    folders = [shards / split / kind for kind in KINDS]
    paths = [path for folder in folders for path in sorted(folder.glob("*/manifest.json"))]
    if not paths:
        raise DataError(f"no {split} streams under {shards / split}; rebuild the shards")
    streams = [open_stream(path) for path in paths]
    if not allow_outside:
        for stream in streams:
            _check_inside(stream, shards)
    # One tokenizer and one length for all, because sequences of several streams share a batch.
    for stream in streams:
        if stream.shape != streams[0].shape:
            raise DataError(
                f"{shards}: {streams[0].key} and {stream.key} differ in sequence length, EOS, "
                f"vocabulary or tokenizer: {streams[0].shape} and {stream.shape}"
            )
    return streams


def _check_inside(stream: Stream, shards: Path) -> None:
    """Refuse a manifest that names a file outside of the shards, where anyone may have written it.

    Raises:
        DataError: see above.
    """
    names = [segment.path for segment in stream.manifest.segments]
    for name in (*names, stream.manifest.tokenizer.path):
        # By the names and not by `resolve`: a folder of the user's may be a link.
        path = Path(os.path.normpath((stream.folder / name).absolute()))
        if not path.is_relative_to(os.path.normpath(shards.absolute())):
            raise DataError(
                f"{stream.folder / 'manifest.json'} names {name}, which is outside of {shards}; "
                "set allow_outside = true if you know these files"
            )


def open_stream(path: Path) -> Stream:
    """The stream of one `manifest.json`.

    Only the sizes of its token files are checked here: hashing a corpus would take minutes, and
    `sealdata verify` does it.

    Raises:
        DataError: the manifest is broken, or a token file is missing or has another size.
    """
    # Parsed and hashed from one reading: the digest is of what was checked.
    text = path.read_bytes()
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        # The first fault is enough: a file of another kind lacks every field.
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        raise DataError(f"{path}: not a stream manifest: {key} {fault['msg']}") from error
    # `Order` counts by the manifest and `_maps` by segments: a difference would stop training late.
    in_segments = sum(segment.num_sequences for segment in manifest.segments)
    if in_segments != manifest.num_sequences or in_segments == 0:
        raise DataError(
            f"{path}: {manifest.num_sequences} sequences, its segments hold {in_segments}"
        )
    for segment in manifest.segments:
        file, item_bytes = path.parent / segment.path, np.dtype(segment.dtype).itemsize
        # A partial download or a full disk changes the size, which costs no reading to see.
        size = file.stat().st_size if file.is_file() else None
        if size != segment.file_size:
            actual = "missing" if size is None else f"{size} bytes"
            raise DataError(f"{file}: {actual}, its manifest says {segment.file_size} bytes")
        # numpy refuses to map beyond the end of a file, but does not name the manifest.
        num_tokens = segment.num_sequences * manifest.sequence_length
        end = segment.byte_start + num_tokens * item_bytes
        if end > size:
            raise DataError(f"{file}: {size} bytes, but its manifest's segment ends at {end}")
    return Stream(path.parent, manifest, hashlib.sha256(text).hexdigest())


def tokenizer_folder(stream: Stream) -> Path:
    """The folder of the tokenizer that made a stream's ids, checked by its sha256.

    Raises:
        DataError: `tokenizer.json` is missing or is another one.
    """
    # Another tokenizer with the same number of ids would decode to nonsense without any error.
    folder = (stream.folder / stream.manifest.tokenizer.path).resolve()
    path = folder / "tokenizer.json"
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    if digest != stream.manifest.tokenizer.sha256:
        raise DataError(f"{path}: not the tokenizer that made {stream.key}; rebuild the shards")
    return folder


def labels_of(ids_BS: Ids, eos_id: int) -> Ids:
    """Next-token labels int64 [B, S].

    Labels are IGNORED where the input is EOS and at the end of a sequence. This one rule covers
    padding too, because padding is a run of EOS that follows a document's EOS.
    """
    # The last column stays IGNORED: its next token lies in another sequence.
    labels_BS = np.full_like(ids_BS, IGNORED)
    labels_BS[:, :-1] = np.where(ids_BS[:, :-1] == eos_id, IGNORED, ids_BS[:, 1:])
    return labels_BS


def positions_of(ids_BS: Ids, eos_id: int) -> Ids:
    """Position of each token since the start of its sequence or the last EOS, int64 [B, S]."""
    column_S = np.arange(ids_BS.shape[1], dtype=np.int64)
    # The column in which the document of each token began, filled to the right by a running
    # maximum. The EOS belongs to the document that it ends; padding after it has position 0.
    starts_BS = np.zeros_like(ids_BS)
    starts_BS[:, 1:] = np.where(ids_BS[:, :-1] == eos_id, column_S[1:], 0)
    return column_S - np.maximum.accumulate(starts_BS, axis=1)


def check_sidecars(streams: Iterable[Stream]) -> None:
    """Check before a run starts that every token file of parallel text has its document sidecar.

    Raises:
        DataError: a sidecar is missing, so the ends of prompts are unknown.
    """
    for stream in streams:
        if stream.manifest.kind == "parallel":
            # Only presence is checked: opening each sidecar of a corpus would take long.
            for segment in stream.manifest.segments:
                _document_sidecar(stream.folder, segment.path)


def prompt_mask(stream: Stream, index: int) -> npt.NDArray[np.bool_]:
    """Which tokens of one sequence belong to the prompt of a pair, bool [S]."""
    # Bits are held by file, so this reads the sidecar once for all sequences of the file.
    number, row = stream.locate(index)
    segments, length = stream.manifest.segments, stream.manifest.sequence_length
    # A document may begin in the file before and reach into this one.
    files = tuple(segment.path for segment in segments[max(number - 1, 0) : number + 1])
    num = segments[number].num_sequences
    bits = _prompt_bits(stream.folder, files, index - row, num, length)
    return np.unpackbits(bits[row], count=length).astype(bool)


def _document_sidecar(folder: Path, token_file: str) -> Path:
    """The Parquet file with the start and the prompt length of each document of a token file."""
    path = folder / f"{Path(token_file).stem}.docs.parquet"
    if not path.is_file():
        raise DataError(
            f'{path}: missing, but train.loss_on = "target" needs it; rebuild the shards'
        )
    return path


@cache  # one bit a token: 1/16 of a uint16 token file
def _prompt_bits(
    folder: Path, files: tuple[str, ...], first_index: int, num_sequences: int, length: int
) -> npt.NDArray[np.uint8]:
    """Bits [num_sequences, ceil(S / 8)] of a token file, set where a token belongs to a prompt.

    `files` is the token file, preceded by the file before it if there is one: only the last
    document of that one can reach into this file. `first_index` is the index in the stream of this
    file's first sequence; sidecars number the sequences of the whole stream.
    """
    *before, this = (pl.scan_parquet(_document_sidecar(folder, file)) for file in files)
    documents = pl.concat([*(frame.tail(1) for frame in before), this]).collect()
    sequence, offset, prompt = (
        documents[name].to_numpy().astype(np.int64) for name in ("sequence", "offset", "prompt")
    )
    # Tokens from the start of this file; negative for a document that began in the file before.
    starts = (sequence - first_index) * length + offset
    # +1 where a prompt begins and -1 where it ends: the running sum is 1 inside prompts.
    steps = np.zeros(num_sequences * length + 1, dtype=np.int8)
    # `add.at`, because an index may occur more than once: a prompt of 0 tokens begins where it
    # ends, and clipping moves all that lies outside the file to its ends.
    np.add.at(steps, np.clip(starts, 0, num_sequences * length), 1)
    np.add.at(steps, np.clip(starts + prompt, 0, num_sequences * length), -1)
    # Prompts do not overlap, so the sum is 0 or 1 and fits int8.
    inside = np.cumsum(steps[:-1], dtype=np.int8).reshape(num_sequences, length)
    return np.packbits(inside > 0, axis=1)
