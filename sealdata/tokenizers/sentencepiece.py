"""A SentencePiece ``.model`` file, through the ``sentencepiece`` library."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sealdata.errors import ConfigError
from sealdata.files.signatures import NOT_FETCHED, kind_of_file
from sealdata.tokenizers import Encoded, Texts, Tokenizer, Vocabulary, flatten, spans_of

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


@dataclass(frozen=True)
class _Loaded:
    processor: "SentencePieceProcessor"
    vocabulary: Vocabulary


class SentencePiece(Tokenizer):
    """A SentencePiece model; its control pieces are never matched in text."""

    @property
    def vocabulary(self) -> Vocabulary:
        return _load(self.path, self.eos).vocabulary

    def encode(self, texts: Texts) -> Encoded:
        processor = _load(self.path, self.eos).processor
        return flatten(processor.encode(list(texts), num_threads=1))

    def spans(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        processor = _load(self.path, self.eos).processor
        encoded = processor.encode(list(texts), out_type="offset_mapping", num_threads=1)
        return spans_of(texts, (_widened(processor, t["ids"], t["offsets"]) for t in encoded))

    def decode(self, ids: Sequence[int]) -> str:
        processor = _load(self.path, self.eos).processor
        return str(processor.decode([int(index) for index in ids]))


def _widened(
    processor: "SentencePieceProcessor", ids: list[int], offsets: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Offsets in which every byte piece of a character spans it.

    The library has only the last of them span the character, and the others nothing.
    """
    return [
        (first, max(stop, first + processor.is_byte(index)))
        for index, (first, stop) in zip(ids, offsets, strict=True)
    ]


@cache
def _load(path: Path, eos: str | None) -> _Loaded:
    """Load the model.

    Raises:
        ConfigError: unreadable, or without an EOS: the model has none, or no control piece ``eos``.
    """
    from sentencepiece import SentencePieceProcessor

    try:
        processor = SentencePieceProcessor(model_proto=path.read_bytes())
    except (OSError, RuntimeError) as error:
        kind = kind_of_file(path)
        pointer = kind is not None and kind.name in NOT_FETCHED
        what = f"it is {kind.name}; {kind.cure}" if kind and pointer else str(error)
        raise ConfigError(f"cannot read {path} as a SentencePiece model: {what}") from None
    eos_id = processor.eos_id() if eos is None else processor.piece_to_id(eos)
    if eos_id < 0 or not processor.is_control(eos_id):
        raise ConfigError(_without_eos(path, eos, processor))
    size = processor.get_piece_size()
    lengths = [_piece_bytes(processor, index) for index in range(size)]
    return _Loaded(
        processor, Vocabulary(size, eos_id, np.array(lengths, np.int64), False, processor.unk_id())
    )


def _without_eos(path: Path, eos: str | None, processor: "SentencePieceProcessor") -> str:
    every = range(processor.get_piece_size())
    control = [processor.id_to_piece(index) for index in every if processor.is_control(index)]
    problem = "has no EOS piece" if eos is None else f"has no control piece {eos!r}"
    if not control:
        return f"{path} {problem}, nor any other control piece: nothing can end a document"
    return (
        f"{path} {problem}; its control pieces are {', '.join(control)}: name one where a recipe "
        f"names the tokenizer, options = {{ eos = {json.dumps(control[-1])} }}"
    )


def _piece_bytes(processor: "SentencePieceProcessor", index: int) -> int:
    if processor.is_control(index) or processor.is_unknown(index):
        return 0
    if processor.is_byte(index):
        return 1
    return len(processor.id_to_piece(index).replace("\u2581", " ").encode())


COMPONENT = SentencePiece
