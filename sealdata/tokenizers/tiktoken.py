"""A byte-level BPE ``tokenizer.json``, through tiktoken's core: the same ids, faster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from sealdata.errors import ConfigError
from sealdata.languages import languages
from sealdata.tokenizers import Encoded, Texts, Tokenizer, Vocabulary
from sealdata.tokenizers._json import Loaded, byte_letters, json_spans, load_json, pre_tokenizers

if TYPE_CHECKING:
    from sealdata.tokenizers._bpe import BytePairs

MAX_PROBE_WORDS = 20_000  # of the vocabulary: a second of work for a vocabulary of 100,000

# What ByteLevel with use_regex cuts text by: GPT-2's pattern.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

_ODD_TEXTS = (
    "",
    " ",
    "\n",
    "It's THEY'RE we'll I'D '\u017f don\u2019t",
    "1234567 3.14159 2026-01-31 12:05 \u0e51\u0e52\u0e53\u0e54 \u1041\u1042 \u0be7 \u00bd \u2167",
    "a  b   c\td \r\n\r\n e\n\n\n  f \u00a0g\u3000h\u200bi\u2028j",
    "wait...what?!\n -- (yes) [no] {maybe} <|endoftext|> </s> <s>",
    "e\u0301\u0323 \u1ea5 \ufb01 \u212b \ud55c\uae00 \u65e5\u672c\u8a9e \U00020000",
    "\U0001f469\u200d\U0001f52c \U0001f1f9\U0001f1ed\U0001f44d\U0001f3fd",
    "https://example.org/a_b?c=d&e=%20#f user@example.org C:\\x\\y \x00 \x7f \ufffd \uffff",
    "a" * 63 + "\u0e2d" * 5,
)


@dataclass(frozen=True)
class _Fast:
    json: Loaded
    pairs: "BytePairs"
    plain_added: list[str]  # added tokens that text may match: tiktoken cannot encode them


class Tiktoken(Tokenizer):
    """A tokenizer.json like OLMo 2's, GPT's or Llama 3's, encoded by tiktoken.

    Loading compares its ids with those of kind "hf" on a probe set. A file for which they differ,
    or which is not of this kind, is refused.
    """

    def fingerprint(self) -> dict[str, Any]:
        return super().fingerprint() | _load(self.path, self.eos).json.changes

    @property
    def vocabulary(self) -> Vocabulary:
        return _load(self.path, self.eos).json.vocabulary

    def encode(self, texts: Texts) -> Encoded:
        return _encode(_load(self.path, self.eos), texts)

    def spans(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return json_spans(_load(self.path, self.eos).json, texts)

    def decode(self, ids: Sequence[int]) -> str:
        decoder = _load(self.path, self.eos).json.decoder
        return str(decoder.decode(list(ids), skip_special_tokens=False))


def _encode(fast: _Fast, texts: Texts) -> Encoded:
    """Encode through tiktoken, except texts that spell an added token which is not special, such as
    ``|||IP_ADDRESS|||``. Those go through ``tokenizers``: tiktoken would cut the token up."""
    from sealdata.tokenizers._bpe import blanked, with_ids

    column = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
    if not fast.plain_added:
        return fast.pairs.encode(column)
    apart = column.str.contains_any(fast.plain_added)
    encoded = fast.pairs.encode(blanked(column, apart))
    ids = [_ids_of(fast, text) for text in column.filter(apart)]
    return with_ids(encoded, apart.arg_true().to_numpy(), ids)


def _ids_of(fast: _Fast, text: str) -> npt.NDArray[np.uint32]:
    return np.array(fast.json.encoder.encode(text, add_special_tokens=False).ids, np.uint32)


@cache
def _load(path: Path, eos: str | None) -> _Fast:
    """Derive tiktoken's ranks from the file, then check on ``_probe`` that the ids are equal.

    Raises:
        ConfigError: the file is not of this kind, or the ids of a probe differ.
    """
    from sealdata.tokenizers._bpe import BytePairs

    json = load_json(path, eos)
    try:
        pairs = BytePairs(path.stem, _pattern(json.declared), _ranks(json.declared))
    except _NotThisKindError as reason:
        raise _refusal(path, str(reason)) from None
    except ValueError as error:
        raise _refusal(path, f"tiktoken cannot use its pattern ({error})") from None
    added = json.decoder.get_added_tokens_decoder().values()
    hidden = {token.content for token in json.encoder.get_added_tokens_decoder().values()}
    fast = _Fast(json, pairs, sorted({token.content for token in added} & hidden))
    probe = list(_probe(json))
    ours = _encode(fast, probe)
    theirs = json.encoder.encode_batch_fast(probe, add_special_tokens=False)
    starts = [0, *ours.ends[:-1].tolist()]
    for text, start, end, expected in zip(probe, starts, ours.ends, theirs, strict=True):
        if ours.ids[start:end].tolist() != expected.ids:
            raise _refusal(path, f"tiktoken cuts {text!r} differently")
    return fast


class _NotThisKindError(Exception):
    """Says why tiktoken cannot encode as a tokenizer.json does."""


def _refusal(path: Path, reason: str) -> ConfigError:
    return ConfigError(f'{path} does not fit kind "tiktoken": {reason}; use kind = "hf"')


def _pattern(declared: dict[str, Any]) -> str:
    """The regular expression that cuts text into words before any merge."""
    if declared["normalizer"] is not None:
        raise _NotThisKindError("it normalises text")
    steps = pre_tokenizers(declared)
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1]["add_prefix_space"]:
        raise _NotThisKindError("it is not byte-level, or adds a space before text")
    if len(steps) == 1 and steps[0]["use_regex"]:
        return _GPT2
    if len(steps) != 2 or steps[0]["type"] != "Split" or steps[1]["use_regex"]:
        raise _NotThisKindError("its pre-tokenisation is not one regular expression")
    split = steps[0]
    # Two ways to declare that each match is a word: cut around the matches, or, inverted, remove
    # what is not a match. The patterns match all text, so nothing is removed.
    if (split["behavior"], split["invert"]) not in (("Isolated", False), ("Removed", True)):
        raise _NotThisKindError("the matches of its pattern are not its words")
    if "Regex" not in split["pattern"]:
        raise _NotThisKindError("its pre-tokenisation is not a regular expression")
    return str(split["pattern"]["Regex"])


def _ranks(declared: dict[str, Any]) -> dict[bytes, int]:
    """Id of each piece by its bytes. Ids must rise along the list of merges, as tiktoken takes the
    id of a piece for the rank of its merge."""
    model = declared["model"]
    if model["type"] != "BPE" or model.get("dropout") or model.get("byte_fallback"):
        raise _NotThisKindError("its model is not plain BPE")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise _NotThisKindError("it marks the insides or ends of words")
    added = {row["content"] for row in declared["added_tokens"]}
    vocab = {piece: index for piece, index in model["vocab"].items() if piece not in added}
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    merged = ["".join(pair) for pair in pairs]
    if set(vocab) != {*merged, *byte_letters()}:
        raise _NotThisKindError("its pieces are not the 256 bytes and the results of merges")
    ranks = [vocab[piece] for piece in merged]
    if ranks != sorted(ranks):
        raise _NotThisKindError("its ids do not follow the order of its merges")
    values = {letter: value for value, letter in enumerate(byte_letters())}
    return {bytes(values[letter] for letter in piece): index for piece, index in vocab.items()}


def _probe(json: Loaded) -> Iterator[str]:
    """Texts on which the ids are compared: odd ones, all scripts, the vocabulary's words."""
    yield from _ODD_TEXTS
    for language in languages().values():
        yield f"{language.name}: {language.autonym}\n{language.autonym}: {language.name}"
    added = json.decoder.get_added_tokens_decoder().values()
    for token in added:
        yield f"{token.content} and a{token.content}b"
    ids = range(json.decoder.get_vocab_size(with_added_tokens=False))
    step = -(-len(ids) // MAX_PROBE_WORDS)
    yield from json.decoder.decode_batch([[index] for index in ids[::step]])


COMPONENT = Tiktoken
