"""Mistral's ``tekken.json``: pieces and their ranks, behind a block of special tokens."""

import json
from base64 import b64decode
from functools import cache
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from sealdata.errors import ConfigError
from sealdata.tokenizers._ranked import Pieces, RankTokenizer, pieces_of

# Special tokens of files that list none (versions before 7), by their ids from 0. All further ones
# are fillers. Source: mistral_common 1.13, tokens/tokenizers/tekken.py.
_SPECIAL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
            "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]",
            "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]")  # fmt: skip
_EOS = "</s>"


class _Config(BaseModel):
    pattern: str  # a regular expression: its matches are the words
    default_vocab_size: int  # ids, special tokens included
    default_num_special_tokens: int  # the first piece has this id


class _Piece(BaseModel):
    rank: int = Field(ge=0)
    token_bytes: str  # Base64


class _Special(BaseModel):
    rank: int = Field(ge=0)
    token_str: str


class _File(BaseModel):
    config: _Config
    vocab: list[_Piece]
    special_tokens: list[_Special] | None = None


class Tekken(RankTokenizer):
    """The file of Mistral's tekken tokenizers: NeMo, Small, Pixtral and later."""

    def loaded(self) -> Pieces:
        """See ``_load``."""
        return _load(self.path, self.eos)


@cache
def _load(path: Path, eos: str | None) -> Pieces:
    """Read the pieces that the vocabulary has room for, with their ids.

    Raises:
        ConfigError: unreadable, or not of this kind.
    """
    try:
        file = _File.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"cannot read the tokenizer {path}: {error.strerror or error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ConfigError(f"{path} is not a tekken file ({where}: {first['msg']})") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON ({error})") from None
    first_id, size = file.config.default_num_special_tokens, file.config.default_vocab_size
    # A file has more pieces than the model has rows: those of the highest ranks are not used.
    pieces = [piece for piece in file.vocab if first_id + piece.rank < size]
    try:
        ids = {b64decode(p.token_bytes, validate=True): first_id + p.rank for p in pieces}
    except ValueError:
        raise ConfigError(f"{path}: a piece of its vocabulary is not Base64") from None
    if len(set(ids.values())) < len(pieces):
        raise ConfigError(f"{path}: two of its pieces have one rank, or the same bytes")
    special = {token.token_str: token.rank for token in file.special_tokens or ()}
    special = special or {token: index for index, token in enumerate(_SPECIAL)}
    # The size of a table is the largest id: one damaged number would fill the memory.
    if beyond := [token for token, rank in special.items() if rank >= first_id]:
        raise ConfigError(f"{path}: its special token {beyond[0]!r} has the id of a piece")
    return pieces_of(path, file.config.pattern, ids, special, eos or _EOS)


COMPONENT = Tekken
