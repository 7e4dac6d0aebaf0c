"""Byte-level BPE by pieces and ranks, as files of tiktoken and of Mistral hold it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import ConfigError
from sealdata.tokenizers import Encoded, Texts, Tokenizer, Vocabulary

if TYPE_CHECKING:
    from sealdata.tokenizers._bpe import BytePairs

_NO_PIECE = "\ufffd".encode()  # what an id without a piece decodes to


@dataclass(frozen=True)
class Pieces:
    """What a file of ranks holds, ready to encode and decode."""

    pairs: "BytePairs"
    pieces: dict[int, bytes]  # special tokens by their spelling
    vocabulary: Vocabulary


def pieces_of(
    path: Path, pattern: str, ids: dict[bytes, int], special: Mapping[str, int], eos: str
) -> Pieces:
    """The tokenizer whose words ``pattern`` matches and whose pieces have ``ids``.

    Lower ids merge first. ``special`` has the ids of special tokens, ``eos`` is one of them.

    Raises:
        ConfigError: a byte has no piece, two tokens have one id, the EOS is not a special token, or
            tiktoken cannot use the pattern. The message names ``path``.
    """
    from sealdata.tokenizers._bpe import BytePairs

    # Merging starts at single bytes: without one of them some texts cannot be encoded.
    if absent := [value for value in range(256) if bytes([value]) not in ids]:
        raise ConfigError(f"{path}: it has no piece for the byte 0x{absent[0]:02X}")
    if eos not in special:
        raise ConfigError(f"{path}: its EOS token {eos!r} is not one of its special tokens")
    if taken := sorted(set(special.values()) & set(ids.values())):
        raise ConfigError(f"{path}: id {taken[0]} is a piece and a special token")
    try:
        pairs = BytePairs(path.stem, pattern, ids)
    except ValueError as error:
        raise ConfigError(f"{path}: tiktoken cannot use its pattern ({error})") from None
    pieces = {index: piece for piece, index in ids.items()}
    size = max(*pieces, *special.values()) + 1
    piece_bytes = np.zeros(size, np.int64)
    for index, piece in pieces.items():
        piece_bytes[index] = len(piece)
    pieces |= {index: spelt.encode() for spelt, index in special.items()}
    return Pieces(pairs, pieces, Vocabulary(size, special[eos], piece_bytes, lossless=True))


class RankTokenizer(Tokenizer):
    """A tokenizer of pieces and ranks. A subclass says how its file is read."""

    def loaded(self) -> Pieces:
        """What the file holds, read once per process.

        Raises:
            ConfigError: the file is missing, or not of this kind.
        """
        raise NotImplementedError

    @property
    def vocabulary(self) -> Vocabulary:
        return self.loaded().vocabulary

    def encode(self, texts: Texts) -> Encoded:
        column = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
        return self.loaded().pairs.encode(column)

    def spans(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        ids, ends = self.encode(texts)
        sizes = self.vocabulary.piece_bytes[ids]
        # One byte, "\n", stands between two texts, so text i starts i bytes later.
        text = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
        stops = np.cumsum(sizes) + text
        data = np.frombuffer("\n".join(texts).encode(), np.uint8)
        # The character of each byte: all but the continuation bytes 10xxxxxx begin one.
        char = np.cumsum(data & 0xC0 != 0x80) - 1
        return char[stops - sizes], char[stops - 1] + 1

    def decode(self, ids: Sequence[int]) -> str:
        pieces = self.loaded().pieces
        data = b"".join(pieces.get(int(index), _NO_PIECE) for index in ids)
        return data.decode("utf-8", "replace")
