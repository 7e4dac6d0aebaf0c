"""A ``.tiktoken`` file: the pieces of a byte-level BPE and their ranks, through tiktoken's core.

The file says neither how text is cut into words nor which special tokens there are. ``KNOWN`` has
both for OpenAI's own encodings, by the name of the file. Any other ``NAME.tiktoken`` needs a file
``NAME.json`` in its folder, which is copied with the tokenizer:

    {"pattern": "...", "special_tokens": {"<|endoftext|>": 100257}, "eos_token": "<|endoftext|>"}
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.errors import ConfigError
from sealdata.tokenizers import Encoded, Texts, Tokenizer, Vocabulary

if TYPE_CHECKING:
    from sealdata.tokenizers._bpe import BytePairs

_NO_PIECE = "\ufffd".encode()  # what an id without a piece decodes to
_END = "<|endoftext|>"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Words(BaseModel):
    """What a file of ranks does not say: the JSON file of the same name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str  # a regular expression: its matches are the words
    special_tokens: dict[str, int]
    eos_token: str = _END


# Source: tiktoken_ext.openai_public of tiktoken 0.14. The patterns are in the form published first.
# The newer forms match the same, but most do not end in _LOOKS_AHEAD of _bpe.py.
KNOWN: Mapping[str, Words] = {
    "r50k_base": Words(pattern=_GPT2, special_tokens={_END: 50256}),
    "p50k_base": Words(pattern=_GPT2, special_tokens={_END: 50256}),
    "cl100k_base": Words(
        pattern=_GPT4,
        special_tokens={
            _END: 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    "o200k_base": Words(pattern=_GPT4O, special_tokens={_END: 199999, "<|endofprompt|>": 200018}),
}


@dataclass(frozen=True)
class _Loaded:
    pairs: "BytePairs"
    pieces: dict[int, bytes]  # special tokens by their spelling
    vocabulary: Vocabulary


class Ranks(Tokenizer):
    """A file of lines "piece in Base64, rank", as tiktoken loads it."""

    def fingerprint(self) -> dict[str, Any]:
        return {**super().fingerprint(), "words": _words(self.path).model_dump()}

    def files(self) -> list[Path]:
        words = self.path.with_suffix(".json")
        return [self.path, words] if words.is_file() else [self.path]

    @property
    def vocabulary(self) -> Vocabulary:
        return _load(self.path, self.eos).vocabulary

    def encode(self, texts: Texts) -> Encoded:
        column = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
        return _load(self.path, self.eos).pairs.encode(column)

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
        pieces = _load(self.path, self.eos).pieces
        data = b"".join(pieces.get(int(index), _NO_PIECE) for index in ids)
        return data.decode("utf-8", "replace")


@cache
def _load(path: Path, eos: str | None) -> _Loaded:
    """Read the ranks, and the pattern and special tokens that go with them.

    Raises:
        ConfigError: unreadable, not of this kind, without a pattern, or without an EOS.
    """
    from sealdata.tokenizers._bpe import BytePairs

    words, ranks = _words(path), _read(path)
    token = eos or words.eos_token
    if token not in words.special_tokens:
        raise ConfigError(f"{path}: its EOS token {token!r} is not one of its special tokens")
    if taken := sorted(set(words.special_tokens.values()) & set(ranks.values())):
        raise ConfigError(f"{path}: id {taken[0]} is a piece and a special token")
    try:
        pairs = BytePairs(path.stem, words.pattern, ranks)
    except ValueError as error:
        raise ConfigError(f"{path}: tiktoken cannot use its pattern ({error})") from None
    pieces = {index: piece for piece, index in ranks.items()}
    size = max(*pieces, *words.special_tokens.values()) + 1
    piece_bytes = np.zeros(size, np.int64)
    for index, piece in pieces.items():
        piece_bytes[index] = len(piece)
    pieces |= {index: spelt.encode() for spelt, index in words.special_tokens.items()}
    return _Loaded(
        pairs, pieces, Vocabulary(size, words.special_tokens[token], piece_bytes, lossless=True)
    )


def _words(path: Path) -> Words:
    words = path.with_suffix(".json")
    if not words.is_file():
        if path.stem in KNOWN:
            return KNOWN[path.stem]
        raise ConfigError(
            f"{path} does not say how text is cut into words, and is not one of "
            f"{', '.join(KNOWN)}; "
            f'say it in {words.name} of its folder: {{"pattern": "...", "special_tokens": '
            '{"<|endoftext|>": 100257}}'
        )
    try:
        return Words.model_validate_json(words.read_bytes())
    except (OSError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise ConfigError(f"{words} does not say how {path.name} cuts text ({why})") from None


def _read(path: Path) -> dict[bytes, int]:
    """Id of each piece."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"cannot read the tokenizer {path}: {error.strerror or error}") from None
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            piece, rank = line.split()
            ranks[b64decode(piece, validate=True)] = int(rank)
        except ValueError:  # binascii.Error is one
            raise ConfigError(
                f"{path} line {number} is not a piece in Base64 and its rank"
            ) from None
    # Merging starts at single bytes: without one of them some texts cannot be encoded.
    if absent := [value for value in range(256) if bytes([value]) not in ranks]:
        raise ConfigError(f"{path}: it has no piece for the byte 0x{absent[0]:02X}")
    if len(set(ranks.values())) < len(ranks):
        raise ConfigError(f"{path}: two of its pieces have one rank")
    return ranks


COMPONENT = Ranks
