"""A ``.tiktoken`` file: the pieces of a byte-level BPE and their ranks, through tiktoken's core.

The file says neither how text is cut into words nor which special tokens there are. ``KNOWN`` has
both for OpenAI's own encodings, by the name of the file. Any other ``NAME.tiktoken`` needs a file
``NAME.json`` in its folder, which is copied with the tokenizer:

    {"pattern": "...", "special_tokens": {"<|endoftext|>": 100257}, "eos_token": "<|endoftext|>"}
"""

from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sealdata.errors import ConfigError
from sealdata.tokenizers._ranked import Pieces, RankTokenizer, pieces_of

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


class Ranks(RankTokenizer):
    """A file of lines "piece in Base64, rank", as tiktoken loads it."""

    def fingerprint(self) -> dict[str, Any]:
        return {**super().fingerprint(), "words": _words(self.path).model_dump()}

    def files(self) -> list[Path]:
        words = self.path.with_suffix(".json")
        return [self.path, words] if words.is_file() else [self.path]

    def loaded(self) -> Pieces:
        """See ``_load``."""
        return _load(self.path, self.eos)


@cache
def _load(path: Path, eos: str | None) -> Pieces:
    """Read the ranks, and the pattern and special tokens that go with them.

    Raises:
        ConfigError: unreadable, not of this kind, without a pattern, or without an EOS.
    """
    words = _words(path)
    return pieces_of(path, words.pattern, _read(path), words.special_tokens, eos or words.eos_token)


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
    if len(set(ranks.values())) < len(ranks):
        raise ConfigError(f"{path}: two of its pieces have one rank")
    return ranks


COMPONENT = Ranks
