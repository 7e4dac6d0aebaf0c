"""Tokenizers: one file per kind of tokenizer file; text goes in, token ids come out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from sealdata.component import Component, load
from sealdata.errors import ConfigError
from sealdata.files.hidden import visible
from sealdata.files.places import locate
from sealdata.files.records import file_sha256

if TYPE_CHECKING:
    import polars as pl

Texts: TypeAlias = Union[Sequence[str], "pl.Series"]  # a column without nulls is faster
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")  # owner/name on the Hub
_KINDS = {".model": "sentencepiece", ".tiktoken": "ranks"}  # by suffix; else a tokenizer.json
_NAMELESS = ("tokenizer.json", "tekken.json")  # files that do not say whose tokenizer they are
_TEKKEN = re.compile(r"tekken.*\.json")  # the names that Mistral publishes its files by
COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json")  # transformers reads them too


class Encoded(NamedTuple):
    """Token ids of several texts end to end: text i is ``ids[ends[i - 1] : ends[i]]``."""

    ids: npt.NDArray[np.uint32]  # [tokens]
    ends: npt.NDArray[np.int64]  # [texts]


@dataclass(frozen=True)
class Vocabulary:
    """The size of a tokenizer's vocabulary, its special ids, and the bytes of its pieces."""

    size: int  # largest id + 1, added tokens included
    eos_id: int
    piece_bytes: npt.NDArray[np.int64]  # [size] bytes of text of each id; 0 for special tokens
    lossless: bool  # the pieces of a text, end to end, are exactly its UTF-8 bytes
    unk_id: int | None = None  # the id of text that no piece covers; None if the model has none


class Tokenizer(Component):
    """Turns texts into ids, without BOS, EOS or template: the packer adds those.

    Text that spells a special token is text: ``encode`` never returns the id of a special token.
    """

    path: Path  # the tokenizer's file
    eos: str | None = None  # text of the token that ends a document, if the files do not name it

    def fingerprint(self) -> dict[str, Any]:
        """Version, the file's digest and the EOS, not the path: a moved file is the same."""
        return {"version": self.version, "sha256": self.sha256, "eos_id": self.eos_id}

    @property
    def sha256(self) -> str:
        """Digest of the tokenizer's file, hex."""
        return file_sha256(self.path)

    @property
    def name(self) -> str:
        """Its name in reports: the folder of a ``tokenizer.json``, else the stem of the file."""
        folder = self.path.absolute().parent.name
        return folder if self.path.name in _NAMELESS else self.path.stem

    def files(self) -> list[Path]:
        """What loads it elsewhere: its file, and those of ``COMPANIONS`` in the same folder."""
        companions = (self.path.with_name(name) for name in COMPANIONS)
        return [self.path, *(file for file in companions if file.is_file())]

    @property
    def vocabulary(self) -> Vocabulary:
        """Load the tokenizer, once per process.

        Raises:
            ConfigError: the file is missing, not a tokenizer of this kind, or names no EOS token.
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
        """Ids of each text, none of which depends on another text; an empty text has no ids."""
        raise NotImplementedError

    def spans(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Index of each token's first character, and of the one after its last; int64 [tokens].

        Characters are counted over all texts end to end, with one character between two texts. A
        token that is some bytes of a character spans that character. Slower than ``encode``.
        """
        raise NotImplementedError

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens spelt out; incomplete characters become U+FFFD."""
        raise NotImplementedError


def flatten(lists: Sequence[Sequence[int]]) -> Encoded:
    """Join lists of ids into one array, with the end of each list in it."""
    ends = np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)))
    count = int(ends[-1]) if len(lists) else 0
    ids: Iterable[int] = chain.from_iterable(lists)
    return Encoded(np.fromiter(ids, np.uint32, count), ends)


def spans_of(
    texts: Sequence[str], offsets: Iterable[Sequence[tuple[int, int]]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """``Tokenizer.spans`` from the offsets of the tokens, (first, after the last), in each text."""
    starts = accumulate((len(text) + 1 for text in texts), initial=0)
    # Not strict: there is one start more than there are texts.
    spans = [
        (start + first, start + stop)
        for start, tokens in zip(starts, offsets, strict=False)
        for first, stop in tokens
    ]
    table = np.array(spans, np.int64).reshape(-1, 2)  # also of no token two columns
    return table[:, 0], table[:, 1]


def open_tokenizer(
    path: Path, kind: str | None = None, options: dict[str, Any] | None = None
) -> Tokenizer:
    """The tokenizer at ``path``: its file, or a folder with ``tokenizer.json``, one ``*.model``,
    one ``*.tiktoken`` or one ``tekken*.json``.

    Without a ``kind``, the suffix decides: a ``.model`` is SentencePiece, a ``.tiktoken`` is a file
    of ranks, and a ``tekken*.json`` is Mistral's. A ``tokenizer.json`` goes through tiktoken if
    that returns the same ids for a probe set, else through ``tokenizers``.

    Raises:
        ConfigError: no usable tokenizer there; the message names the files that were looked for.
    """
    params = {"path": _tokenizer_file(path), **(options or {})}
    is_tekken = _TEKKEN.fullmatch(params["path"].name)
    kind = kind or ("tekken" if is_tekken else _KINDS.get(params["path"].suffix))
    if kind is None:
        try:
            return _ready(load("tokenizers", "tiktoken", params))
        except ConfigError:
            kind = "hf"  # slower, but reads every file; its errors name what is wrong with one
    return _ready(load("tokenizers", kind, params))


def find_tokenizer(name: str) -> Tokenizer:
    """The tokenizer at a path (see ``locate``), or of a repository ``owner/name`` in Hugging Face's
    local cache.

    Raises:
        ConfigError: ``name`` is neither of them; nothing is downloaded.
    """
    path = locate(name, Path())
    if path.exists() or not _REPOSITORY.fullmatch(name):
        return open_tokenizer(path)
    from huggingface_hub import try_to_load_from_cache

    # A path; None if the file was never fetched, a marker if it is known not to exist.
    cached = try_to_load_from_cache(name, "tokenizer.json")
    if not isinstance(cached, str):
        raise ConfigError(
            f"no file or folder {name} here, and no repository of that name in the local cache of "
            f"Hugging Face; if it is one, fetch it: hf download {name} tokenizer.json "
            "tokenizer_config.json"
        )
    return open_tokenizer(Path(cached))


def named(tokenizers: Sequence[Tokenizer]) -> dict[str, Tokenizer]:
    """Tokenizers by name; the second of one name is called ``name (2)``."""
    by_name: dict[str, Tokenizer] = {}
    for tokenizer in tokenizers:
        names = (f"{tokenizer.name}{f' ({n})' if n > 1 else ''}" for n in range(1, 1000))
        by_name[next(name for name in names if name not in by_name)] = tokenizer
    return by_name


def _ready(tokenizer: Tokenizer) -> Tokenizer:
    _ = tokenizer.vocabulary  # loads the file, so that what is wrong with it is raised here
    return tokenizer


def _tokenizer_file(path: Path) -> Path:
    if path.is_file():
        return path
    if (path / "tokenizer.json").is_file():
        return path / "tokenizer.json"
    patterns = [*(f"*{suffix}" for suffix in _KINDS), "tekken*.json"]
    files = [file for pattern in patterns for file in visible(path.glob(pattern), path)]
    if len(files) == 1:  # which of several is meant, nothing says
        return files[0]
    raise ConfigError(
        f"no tokenizer at {path}: expected a tokenizer.json, a SentencePiece .model, a .tiktoken "
        "file, a tekken.json, or a folder that holds one of them"
    )
