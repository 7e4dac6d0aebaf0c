"""Tokenizers: one file per kind of tokenizer file; text goes in, token ids come out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from sealdata.component import Component, load
from sealdata.errors import ConfigError
from sealdata.files.records import file_sha256

if TYPE_CHECKING:
    import polars as pl

Texts: TypeAlias = Union[Sequence[str], "pl.Series"]  # a column without nulls is the faster
_KINDS = {".model": "sentencepiece", ".tiktoken": "ranks"}  # by suffix; else a tokenizer.json
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
    unk_id: int | None = None  # stands for text that no piece covers


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

    def encode(self, texts: Texts) -> Encoded:
        """Ids of each text by itself; an empty text has none."""
        raise NotImplementedError

    def spans(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """First character of each token, and the one behind its last, int64 [tokens] each.

        Counted over all texts end to end, with one character between two texts. A token of some
        bytes of a character spans that character; for measurements, not for speed.
        """
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


def spans_of(
    texts: Sequence[str], offsets: Iterable[Sequence[tuple[int, int]]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The spans of all tokens from their offsets (first, behind the last) in each text."""
    starts = accumulate((len(text) + 1 for text in texts), initial=0)
    found = [
        (at + first, at + stop)
        for at, tokens in zip(starts, offsets, strict=False)
        for first, stop in tokens
    ]
    table = np.array(found, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def open_tokenizer(
    path: Path, kind: str | None = None, options: dict[str, Any] | None = None
) -> Tokenizer:
    """The tokenizer at ``path``: its file, or a folder with ``tokenizer.json``, one ``*.model`` or
    one ``*.tiktoken``.

    Without a ``kind``, a ``.model`` is SentencePiece and a ``.tiktoken`` a file of ranks; a
    ``tokenizer.json`` goes through tiktoken where that is proven to give the same ids, and through
    ``tokenizers`` where not.

    Raises:
        ConfigError: nothing usable there; the message says what was looked for.
    """
    params = {"path": _tokenizer_file(path), **(options or {})}
    kind = kind or _KINDS.get(params["path"].suffix)
    if kind is None:
        try:
            return _ready(load("tokenizers", "tiktoken", params))
        except ConfigError:
            kind = "hf"  # slower and always right; its own errors are the ones worth showing
    return _ready(load("tokenizers", kind, params))


def find_tokenizer(name: str) -> Tokenizer:
    """The tokenizer that a path means, or the name of a repository in Hugging Face's local cache.

    Raises:
        ConfigError: neither; nothing is downloaded.
    """
    if Path(name).exists() or name.count("/") != 1:
        return open_tokenizer(Path(name))
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "tokenizer.json")
    if not isinstance(found, str):
        raise ConfigError(
            f"no tokenizer at {name}, and no such repository in the local cache; fetch it: "
            f"hf download {name} tokenizer.json tokenizer_config.json"
        )
    return open_tokenizer(Path(found))


def named(tokenizers: Sequence[Tokenizer]) -> dict[str, Tokenizer]:
    """Tokenizers by name; a name that comes again gets a number."""
    found: dict[str, Tokenizer] = {}
    for tokenizer in tokenizers:
        names = (f"{tokenizer.name}{f' ({n})' if n > 1 else ''}" for n in range(1, 1000))
        found[next(name for name in names if name not in found)] = tokenizer
    return found


def _ready(tokenizer: Tokenizer) -> Tokenizer:
    _ = tokenizer.vocabulary
    return tokenizer


def _tokenizer_file(path: Path) -> Path:
    if path.is_file():
        return path
    if (path / "tokenizer.json").is_file():
        return path / "tokenizer.json"
    found = [file for suffix in _KINDS for file in sorted(path.glob(f"*{suffix}"))]
    if len(found) == 1:
        return found[0]
    raise ConfigError(
        f"no tokenizer at {path}: expected a tokenizer.json, a SentencePiece .model, a .tiktoken "
        "file, or a folder that holds one of them"
    )
