"""The manifest of a stream: all that a reader needs to know of its token files."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sealdata.errors import DataError
from sealdata.files.records import read_json, write_json

MANIFEST = "manifest.json"
Split = Literal["train", "validation"]
# parallel: pairs by a template; monolingual: text of one language; replay: text that keeps English.
Kind = Literal["parallel", "monolingual", "replay"]
Dtype = Literal["uint16", "uint32"]


class _Facts(BaseModel):
    # An unknown field means another version of the format: reading on could misread the files.
    model_config = ConfigDict(frozen=True, extra="forbid")


class Segment(_Facts):
    """A run of whole sequences inside one headerless file of little-endian token ids."""

    path: str  # relative to the manifest's folder; absolute for a file from elsewhere
    dtype: Dtype  # of the ids
    byte_start: int = Field(ge=0)  # where the run begins in the file
    num_sequences: int = Field(ge=1)  # whole sequences in the run
    file_size: int = Field(ge=1)  # of the whole file, bytes
    sha256: str | None  # of the whole file; None where a file from elsewhere was not hashed

    @property
    def from_elsewhere(self) -> bool:
        """Whether the file is none of the build: taken by reference, without a sidecar."""
        return Path(self.path).is_absolute()


class TokenizerFacts(_Facts):
    """The tokenizer that made the ids."""

    name: str  # of the tokenizer
    path: str  # its folder, relative to the manifest's folder
    sha256: str  # of its tokenizer.json, .model or .tiktoken
    eos: str | None = None  # text of its EOS, where the recipe names it


class StreamManifest(_Facts):
    """``manifest.json`` of a stream: one direction, language or replay source of one split.

    A sequence is ``sequence_length`` ids. A document is its tokens and an EOS. Padding is a run of
    EOS after a document's EOS that reaches the end of its sequence.
    """

    format: Literal["sealdata-stream"] = "sealdata-stream"  # what kind of file this is
    version: Literal[1] = 1  # of the format
    split: Split  # train or validation
    kind: Kind  # what the documents are
    name: str  # FIRST-SECOND, in the order on the page; LANG of monolingual text; name of a replay
    languages: list[str]  # FLORES-200, in the order on the page
    language_names: dict[str, str]  # as the templates print them
    templates: list[str]  # as the recipe has them
    tokenizer: TokenizerFacts  # that made the ids
    eos_id: int = Field(ge=0)  # id of the token that ends a document
    vocab_size: int = Field(ge=1)  # largest id + 1
    dtype: Dtype  # of the ids
    sequence_length: int = Field(ge=1)  # tokens of a sequence
    block_length: int = Field(ge=1)  # tokens by which files grow
    num_documents: int | None = Field(ge=1)  # None: not counted, the files are from elsewhere
    num_tokens: int  # without padding, with the EOS of each document
    num_padding: int = Field(ge=0)  # EOS that fill sequences
    num_split_documents: int | None = Field(ge=0)  # that lie in more than one sequence
    num_sequences: int  # in all segments
    segments: list[Segment]  # the runs of sequences, in order

    @model_validator(mode="after")
    def _ties(self) -> Self:
        # Every id of the files is a token of a document or padding. A manifest in which they do not
        # add up was not written by a whole build.
        if self.num_tokens + self.num_padding != self.num_sequences * self.sequence_length:
            raise ValueError("num_tokens and num_padding do not fill num_sequences")
        if sum(segment.num_sequences for segment in self.segments) != self.num_sequences:
            raise ValueError("the segments do not hold num_sequences")
        return self


def dtype_for(vocab_size: int) -> Dtype:
    """The smallest dtype that holds every id of a vocabulary."""
    # Half the disk and half the reading for vocabularies of up to 65,536.
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


def write_stream_manifest(manifest: StreamManifest, folder: Path) -> None:
    """Write the manifest of the stream in ``folder``, atomically."""
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def read_stream_manifest(folder: Path) -> StreamManifest:
    """The manifest of the stream in ``folder``.

    Raises:
        DataError: missing, or not a stream manifest; the message names the first wrong field.
    """
    path = folder / MANIFEST
    try:
        return StreamManifest.model_validate(read_json(path))
    except ValidationError as error:
        # One line for the user: the other faults often follow from the first.
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(f"{path} is not a stream manifest ({where}: {first['msg']})") from None
