"""A ``tokenizer.json`` for plain text: special tokens are decoded, but never matched in text."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sealdata.errors import ConfigError
from sealdata.files.signatures import kind_of_file
from sealdata.tokenizers import Vocabulary, spans_of

if TYPE_CHECKING:
    import tokenizers

_log = logging.getLogger(__name__)

# Put before the spelling of a special token so that no text matches it: a noncharacter, which
# Unicode keeps out of text meant for interchange.
_UNTYPABLE = "\uffff"
_OPTIONAL = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_NO_UNTYPABLE = {"type": "Replace", "pattern": {"String": _UNTYPABLE}, "content": "\ufffd"}


@dataclass(frozen=True)
class Loaded:
    """One file, loaded twice: once to encode text, once to decode ids."""

    declared: dict[str, Any]  # the JSON, special tokens spelt as in the file
    vocabulary: Vocabulary
    encoder: "tokenizers.Tokenizer"  # its special tokens are respelt, so no text matches them
    decoder: "tokenizers.Tokenizer"  # as the file declares it
    changes: dict[str, str]  # what is not as in the file and changes ids; for the fingerprint


@cache
def load_json(path: Path, eos: str | None) -> Loaded:
    """Load ``tokenizer.json``; ``eos`` overrides the EOS of the folder's ``tokenizer_config.json``.

    BPE dropout is turned off, with a warning.

    Raises:
        ConfigError: unreadable, not of the tokenizers library, or the EOS token is unknown.
    """
    from tokenizers import Tokenizer

    try:
        text = path.read_text(encoding="utf-8")
        declared = json.loads(text)
        changes = {}
        if isinstance(declared, dict) and _without_dropout(path, declared):
            text, changes = json.dumps(declared), {"dropout": "off"}
        decoder = Tokenizer.from_str(text)
    except OSError as error:
        raise ConfigError(f"cannot read the tokenizer {path}: {error.strerror or error}") from None
    # The library raises bare Exception for anything it dislikes. For a few things that it did not
    # expect it raises PanicException, which is not one.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        kind = kind_of_file(path)
        what = f"it is {kind.name}; {kind.cure}" if kind else str(error)
        raise ConfigError(f"{path} is not a tokenizer.json: {what}") from None
    # The library takes a file without these keys.
    optional: dict[str, Any] = {"added_tokens": [], **dict.fromkeys(_OPTIONAL)}
    if optional.keys() - declared.keys():
        declared = optional | declared
        text = json.dumps(declared)
    token = eos or _declared_eos(path)
    eos_id = decoder.token_to_id(token)
    if eos_id is None:
        raise ConfigError(f"{path}: its EOS token {token!r} is not in the vocabulary")
    special = {row["content"] for row in declared.get("added_tokens", []) if row["special"]}
    try:
        encoder = Tokenizer.from_str(json.dumps(_untypable(json.loads(text), special | {token})))
    except Exception as error:
        # A piece of which others are made cannot end documents: text would end where it stands.
        raise ConfigError(
            f"{path}: its EOS token {token!r} is not a token of its own, but a piece that words "
            f"are made of ({error})"
        ) from None
    encoder.encode_special_tokens = True
    encoder.no_truncation()
    encoder.no_padding()
    return Loaded(declared, _vocabulary(declared, decoder, eos_id), encoder, decoder, changes)


def _without_dropout(path: Path, declared: dict[str, Any]) -> bool:
    """Turn off BPE dropout, by which a text has other ids each time; whether it was on.

    It belongs to the training of a model, and is saved by mistake.
    """
    model = declared.get("model")
    dropout = model.get("dropout") if isinstance(model, dict) else None
    if not isinstance(model, dict) or not isinstance(dropout, int | float) or not dropout:
        return False
    model["dropout"] = None
    if parent_process() is None:  # once, not by every worker
        _log.warning(
            "%s was saved with BPE dropout %g: it is off here, so that a text always has the same "
            "ids",
            *(path, dropout),
        )
    return True


def json_spans(
    loaded: Loaded, texts: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """See Tokenizer.spans."""
    encodings = loaded.encoder.encode_batch(list(texts), add_special_tokens=False)
    return spans_of(texts, (encoding.offsets for encoding in encodings))


def _declared_eos(path: Path) -> str:
    config = path.with_name("tokenizer_config.json")
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    token = content.get("eos_token") if isinstance(content, dict) else None
    text = token.get("content") if isinstance(token, dict) else token
    if not isinstance(text, str):
        raise ConfigError(
            f"{path}: no eos_token in {config.name} of its folder; write it there, "
            '{"eos_token": "<|endoftext|>"}, or in a recipe: options = { eos = "<|endoftext|>" }'
        )
    return text


def _untypable(declared: dict[str, Any], special: set[str]) -> dict[str, Any]:
    """The same tokenizer and ids, with ``special`` respelt wherever a text could match it."""

    def respelt(token: str) -> str:
        return _UNTYPABLE + token if token in special else token

    declared["post_processor"] = None  # it only adds special tokens, which encode leaves out
    for row in declared.get("added_tokens", []):
        row["special"] = row["special"] or row["content"] in special
        row["content"] = respelt(row["content"])
    model = declared["model"]
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        model["vocab"] = {respelt(token): index for token, index in vocab.items()}
    else:  # Unigram: [piece, log probability], in order of id; every piece matches text
        model["vocab"] = [[respelt(token), score] for token, score in vocab]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = respelt(model["unk_token"])
    # Text that holds _UNTYPABLE would match the respelt tokens. Byte-level pieces are spelt in
    # byte_letters, which do not hold it.
    if not _steps(declared, "ByteLevel"):
        rest = [declared["normalizer"]] if declared["normalizer"] else []
        declared["normalizer"] = {"type": "Sequence", "normalizers": [_NO_UNTYPABLE, *rest]}
    return declared


def _vocabulary(
    declared: dict[str, Any], tokenizer: "tokenizers.Tokenizer", eos_id: int
) -> Vocabulary:
    vocab = tokenizer.get_vocab(with_added_tokens=True)
    size = max(vocab.values()) + 1
    byte_level = bool(_steps(declared, "ByteLevel"))
    piece_bytes = _piece_bytes(vocab, size, byte_level)
    added = tokenizer.get_added_tokens_decoder()
    for index, token in added.items():
        piece_bytes[index] = 0 if token.special else len(token.content.encode())
    trims = any(token.lstrip or token.rstrip for token in added.values() if not token.special)
    lossless = (
        byte_level
        and not any(step["add_prefix_space"] for step in _steps(declared, "ByteLevel"))
        and declared["normalizer"] is None
        and all(letter in vocab for letter in byte_letters())
        and not trims
    )
    model = declared["model"]
    unk_id = model.get("unk_id")  # Unigram names the id, the other models the token
    if isinstance(model.get("unk_token"), str):
        unk_id = vocab.get(model["unk_token"])
    return Vocabulary(size, eos_id, piece_bytes, lossless, unk_id)


def _piece_bytes(vocab: dict[str, int], size: int, byte_level: bool) -> npt.NDArray[np.int64]:
    """Bytes of text of each piece, [size].

    In a vocabulary that is not byte-level, U+2581 stands for a space and <0xE3> for one byte.
    """
    lengths = np.zeros(size, np.int64)
    for token, index in vocab.items():
        if byte_level:
            lengths[index] = len(token)  # one letter per byte, see byte_letters
        elif len(token) == 6 and token.startswith("<0x"):
            lengths[index] = 1
        else:
            lengths[index] = len(token.replace("\u2581", " ").encode())
    return lengths


def _steps(declared: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The pre-tokenizers of one type, in order."""
    return [step for step in pre_tokenizers(declared) if step["type"] == kind]


def pre_tokenizers(declared: dict[str, Any]) -> list[dict[str, Any]]:
    """The pre-tokenizers that a text passes, in order."""
    step = declared.get("pre_tokenizer")
    if step is None:
        return []
    return list(step["pretokenizers"]) if step["type"] == "Sequence" else [step]


@cache
def byte_letters() -> tuple[str, ...]:
    """The letter by which byte-level vocabularies spell each byte, by value of the byte.

    Source: GPT-2: printable Latin-1 stands for itself, the rest for U+0100 onwards, in order.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(0x100 + rank) for rank, byte in enumerate(others)}
    return tuple(letters[byte] for byte in range(256))
