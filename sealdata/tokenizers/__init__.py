"""Tokenizers: one file per kind of tokenizer file; text goes in, token ids come out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sealdata.component import Component, load
from sealdata.errors import ConfigError
from sealdata.manifest import file_sha256

COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")  # transformers reads them too


class Encoded(NamedTuple):
    """Token ids of several texts end to end: text i is ``ids[ends[i - 1] : ends[i]]``."""

    ids: npt.NDArray[np.uint32]  # [tokens]
    ends: npt.NDArray[np.int64]  # [texts]


@dataclass(frozen=True)
class Vocabulary:
    """What is known of the ids of one tokenizer."""

    size: int  # largest id + 1, added tokens included
    eos_id: int
    piece_bytes: npt.NDArray[np.int64]  # [size] bytes of text that an id stands for; special: 0
    lossless: bool  # the pieces of a text, end to end, are exactly its UTF-8 bytes


class Tokenizer(Component):
    """Turns texts into ids. No BOS, no EOS, no template: that is the packer's business.

    Text that spells a special token is text: no id of a special token ever comes out of ``encode``.
    """

    path: Path  # the tokenizer's file
    eos: str | None = None  # text of the token that ends a document, where the files do not say it

    def fingerprint(self) -> dict[str, Any]:
        """Version, the file's digest and the EOS, wherever the file lies."""
        return {"version": self.version, "sha256": self.sha256, "eos_id": self.eos_id}

    @property
    def sha256(self) -> str:
        """Digest of the tokenizer's file, hex."""
        return file_sha256(self.path)

    @property
    def name(self) -> str:
        """What to call it on the page: the folder of a ``tokenizer.json``, else the file's stem."""
        folder = self.path.absolute().parent.name
        return folder if self.path.name == "tokenizer.json" else self.path.stem

    def files(self) -> list[Path]:
        """The tokenizer's file and what belongs to it: enough to load it elsewhere."""
        beside = (self.path.with_name(name) for name in COMPANIONS)
        return [self.path, *(file for file in beside if file.is_file())]

    @property
    def vocabulary(self) -> Vocabulary:
        """Loads the tokenizer, once per process.

        Raises:
            ConfigError: the file is missing, is no tokenizer of this kind, or names no EOS token.
        """
        raise NotImplementedError

    @property
    def eos_id(self) -> int:
        """Id of the token that ends a document."""
        return self.vocabulary.eos_id

    @property
    def vocab_size(self) -> int:
        """Largest id + 1, added tokens included."""
        return self.vocabulary.size

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Ids of each text by itself; an empty text has none."""
        raise NotImplementedError

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens spelt out; broken characters become U+FFFD."""
        raise NotImplementedError


def flatten(lists: Sequence[Sequence[int]]) -> Encoded:
    """Lists of ids as one array and the ends of the lists in it."""
    ends = np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)))
    count = int(ends[-1]) if len(lists) else 0
    ids: Iterable[int] = chain.from_iterable(lists)
    return Encoded(np.fromiter(ids, np.uint32, count), ends)


def open_tokenizer(
    path: Path, kind: str | None = None, options: dict[str, Any] | None = None
) -> Tokenizer:
    """The tokenizer at ``path``: its file, or a folder with ``tokenizer.json`` or one ``*.model``.

    Without a ``kind``, a ``.model`` is SentencePiece; a ``tokenizer.json`` goes through tiktoken
    where that is proven to give the same ids, and through ``tokenizers`` where not.

    Raises:
        ConfigError: nothing usable there; the message says what was looked for.
    """
    params = {"path": _tokenizer_file(path), **(options or {})}
    if kind is None and params["path"].suffix != ".model":
        try:
            return _ready(load("tokenizers", "tiktoken", params))
        except ConfigError:
            kind = "hf"  # slower and always right; its own errors are the ones worth showing
    return _ready(load("tokenizers", kind or "sentencepiece", params))


def _ready(tokenizer: Tokenizer) -> Tokenizer:
    _ = tokenizer.vocabulary
    return tokenizer


def _tokenizer_file(path: Path) -> Path:
    if path.is_file():
        return path
    if (path / "tokenizer.json").is_file():
        return path / "tokenizer.json"
    models = sorted(path.glob("*.model"))
    if len(models) == 1:
        return models[0]
    raise ConfigError(
        f"no tokenizer at {path}: expected a tokenizer.json, a SentencePiece .model, or a folder "
        "that holds one of them"
    )
