"""Token streams on disk: manifests checked, sequences read by number from mapped files.

Shapes: B = sequences, S = tokens in a sequence.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, NonNegativeInt, PositiveInt, ValidationError

from sealtrain.errors import DataError

Ids = npt.NDArray[np.int64]
Split = Literal["train", "validation"]
Kind = Literal["parallel", "monolingual", "replay"]
KINDS: tuple[Kind, ...] = ("parallel", "monolingual", "replay")
IGNORED = -100  # a label nothing is learned from


class Segment(BaseModel):
    """A run of whole sequences inside one file of little-endian token ids."""

    path: str  # relative to the manifest's folder, or absolute
    dtype: Literal["uint16", "uint32"]
    byte_start: NonNegativeInt
    num_sequences: PositiveInt
    file_size: NonNegativeInt


class TokenizerRecord(BaseModel):
    """Which tokenizer made the ids, and the sha256 of its `tokenizer.json`."""

    path: str
    sha256: str


class Manifest(BaseModel):
    """`manifest.json` of a stream, as far as training reads it."""

    format: Literal["sealdata-stream"]
    version: Literal[1]
    kind: Kind
    name: str
    languages: list[str]  # in order on the page
    language_names: dict[str, str]
    templates: list[str]
    tokenizer: TokenizerRecord
    eos_id: NonNegativeInt
    vocab_size: NonNegativeInt
    sequence_length: NonNegativeInt
    num_sequences: NonNegativeInt
    segments: list[Segment]


@dataclass(frozen=True)
class Stream:
    """One language direction, language or replay source of one split."""

    folder: Path
    manifest: Manifest
    digest: str  # sha256 of manifest.json

    @property
    def key(self) -> str:
        """`kind/name`, the stream's name in configs, logs and messages."""
        return f"{self.manifest.kind}/{self.manifest.name}"

    @property
    def shape(self) -> tuple[int, int, int, str]:
        """What all streams of a run share: sequence length, EOS, vocabulary, tokenizer."""
        m = self.manifest
        return m.sequence_length, m.eos_id, m.vocab_size, m.tokenizer.sha256

    def __len__(self) -> int:
        return self.manifest.num_sequences

    @cached_property
    def _ends(self) -> Ids:
        """Sequences up to the end of each segment."""
        return np.cumsum([s.num_sequences for s in self.manifest.segments], dtype=np.int64)

    @cached_property
    def _maps(self) -> list[npt.NDArray[Any]]:
        """Ids [num_sequences, S] of each segment."""
        maps: list[npt.NDArray[Any]] = []
        for segment in self.manifest.segments:
            dtype = np.dtype(segment.dtype).newbyteorder("<")
            shape = (segment.num_sequences, self.manifest.sequence_length)
            path = self.folder / segment.path
            maps.append(np.memmap(path, dtype, "r", segment.byte_start, shape))
        return maps

    def sequence(self, number: int) -> Ids:
        """Token ids int64 [S] of one sequence, 0 <= number < len(self); unknown ids are refused."""
        part, place = self.find(number)
        ids: Ids = self._maps[part][place].astype(np.int64)
        if ids.max() >= self.manifest.vocab_size:
            where = f"{self.folder / self.manifest.segments[part].path}: sequence {number}"
            known = f"the vocabulary has {self.manifest.vocab_size}; rebuild the shards"
            raise DataError(f"{where} of {self.key} holds id {ids.max()}, but {known}")
        return ids

    def labelled(self, number: int, target_only: bool) -> tuple[Ids, Ids]:
        """Ids and labels of one sequence, int64 [S] each; `target_only` ignores a pair's prompt."""
        ids = self.sequence(number)
        labels = labels_of(ids[None], self.manifest.eos_id)[0]
        if target_only and self.manifest.kind == "parallel":
            from sealtrain.targets import learnt

            labels[:-1][~learnt(self, *self.find(number))[1:]] = IGNORED
        return ids, labels

    def find(self, number: int) -> tuple[int, int]:
        """The segment of a sequence, and its place there counted from the end, hence negative."""
        part = int(np.searchsorted(self._ends, number, side="right"))
        return part, number - int(self._ends[part])


def open_streams(shards: Path, split: Split) -> list[Stream]:
    """Every stream of a split, in order of `KINDS` and name.

    Refuses broken manifests, missing or cut files, and streams of unlike tokenizer or length.
    """
    if not shards.is_dir():
        name = shards.parent.name if shards.name == "shards" else "RECIPE"
        raise DataError(f"no shards at {shards}; run `sealdata build {name}` first")
    folders = [shards / split / kind for kind in KINDS]
    paths = [path for folder in folders for path in sorted(folder.glob("*/manifest.json"))]
    if not paths:
        raise DataError(f"no {split} streams under {shards / split}; rebuild the shards")
    streams = [open_stream(path) for path in paths]
    for stream in streams:
        if stream.shape != streams[0].shape:
            raise DataError(
                f"{shards}: {streams[0].key} and {stream.key} differ in sequence length, EOS, "
                f"vocabulary or tokenizer: {streams[0].shape} and {stream.shape}"
            )
    return streams


def open_stream(path: Path) -> Stream:
    """The stream of one `manifest.json`; of its files only the sizes are read."""
    text = path.read_bytes()
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: not a stream manifest: {where} {first['msg']}") from error
    counted = sum(segment.num_sequences for segment in manifest.segments)
    if counted != manifest.num_sequences or counted == 0:
        raise DataError(f"{path}: {manifest.num_sequences} sequences, its segments hold {counted}")
    for segment in manifest.segments:
        file, width = path.parent / segment.path, np.dtype(segment.dtype).itemsize
        size = file.stat().st_size if file.is_file() else None
        if size != segment.file_size:
            found = "missing" if size is None else f"{size} bytes"
            raise DataError(f"{file}: {found}, its manifest says {segment.file_size} bytes")
        end = segment.byte_start + segment.num_sequences * manifest.sequence_length * width
        if end > size:
            raise DataError(f"{file}: {size} bytes, its manifest counts on {end}")
    return Stream(path.parent, manifest, hashlib.sha256(text).hexdigest())


def tokenizer_folder(stream: Stream) -> Path:
    """The folder of a stream's tokenizer, once it is certain that it made the ids."""
    folder = (stream.folder / stream.manifest.tokenizer.path).resolve()
    path = folder / "tokenizer.json"
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    if digest != stream.manifest.tokenizer.sha256:
        raise DataError(f"{path}: not the tokenizer that made {stream.key}; rebuild the shards")
    return folder


def labels_of(ids_BS: Ids, eos_id: int) -> Ids:
    """Next-token labels int64 [B, S]; nothing is predicted after an EOS or after the sequence."""
    labels_BS = np.full_like(ids_BS, IGNORED)
    labels_BS[:, :-1] = np.where(ids_BS[:, :-1] == eos_id, IGNORED, ids_BS[:, 1:])
    return labels_BS


def positions_of(ids_BS: Ids, eos_id: int) -> Ids:
    """Position of each token since the start of the sequence or the last EOS, int64 [B, S]."""
    place_S = np.arange(ids_BS.shape[1], dtype=np.int64)
    starts_BS = np.zeros_like(ids_BS)
    starts_BS[:, 1:] = np.where(ids_BS[:, :-1] == eos_id, place_S[1:], 0)
    return place_S - np.maximum.accumulate(starts_BS, axis=1)
