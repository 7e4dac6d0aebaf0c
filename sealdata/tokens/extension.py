"""Vocabulary extension: what N more pieces would change, and a tokenizer that has them.

The training of a byte-level BPE goes on where it ended: text is cut into words and merged as the
old tokenizer does it, and further merges are learnt over its tokens. They stand behind the old
ones, so a text is first merged as before; what is new only joins tokens that were left apart.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sealdata.errors import ConfigError, DataError
from sealdata.files.records import write_atomic
from sealdata.tokenizers import COMPANIONS, Tokenizer
from sealdata.tokenizers._json import Loaded, load_json, pre_tokenizers

if TYPE_CHECKING:
    import tokenizers

# Source: the models' published configurations; neither ties input and output embeddings.
HIDDEN_SIZES = {"OLMo 2 1B, hidden size 2048": 2048, "OLMo 2 7B, hidden size 4096": 4096}
TRAIN_PAIRS = 50_000  # per language, at most, that the new pieces are learnt from
MEASURED_PART = 5  # of a sample, one pair in so many is measured and not learnt from
_TEXTS_AT_ONCE = 1000
_FIRST_LETTER = 0x10000  # a token of the old tokenizer is one letter to the trainer: this + its id


@dataclass(frozen=True)
class Extension:
    """An extended tokenizer, as its ``tokenizer.json`` says it."""

    declared: dict[str, Any]  # vocabulary and merges included
    num_asked: int  # pieces
    num_added: int  # less than asked where the text has no more pairs of tokens that recur
    num_pairs: int  # learnt from

    def write(self, folder: Path, base: Tokenizer) -> Path:
        """Write ``tokenizer.json`` and copy what lies beside the old one; its path.

        Raises:
            ConfigError: ``folder`` holds a tokenizer already.
        """
        path = free_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # The tokenizer's config and the like: without them its EOS would be unknown.
        for name in COMPANIONS:
            if base.path.with_name(name).is_file():
                shutil.copyfile(base.path.with_name(name), folder / name)
        text = json.dumps(self.declared, ensure_ascii=False, indent=1)
        write_atomic(path, lambda part: part.write_text(text, "utf-8"))
        return path


def free_place(folder: Path) -> Path:
    """Where the tokenizer's file goes in ``folder``.

    Raises:
        ConfigError: there is one already.
    """
    path = folder / "tokenizer.json"
    if path.exists():
        raise ConfigError(f"{path} is there already; name another folder")
    return path


def split_sample(pairs: pl.DataFrame, measured: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs to measure on, ``measured`` at most, and the others, to learn from."""
    # Every fifth pair, or fewer, so that about `measured` are held out. A piece is worth less on
    # text that it was not learnt from, and only that shows what it is worth.
    every = max(MEASURED_PART, -(-pairs.height // max(1, measured)))
    # By position: the pairs are a random sample already, so each fifth of them is one too.
    held_out = pl.int_range(pl.len()) % every == 0
    return pairs.filter(held_out), pairs.filter(~held_out)


def extend(base: Tokenizer, texts: Sequence[str], num_pieces: int) -> Extension:
    """``base`` with ``num_pieces`` more pieces, learnt from ``texts``; equal inputs, equal result.

    Ids of old tokens stay; new ones follow the largest.

    Raises:
        ConfigError: ``base`` is no byte-level BPE.
        DataError: no two tokens stand beside each other twice in the texts.
    """
    loaded = _byte_level(base)
    merges = _learn(loaded, texts, num_pieces)
    if not merges:
        raise DataError("nothing to extend with: no two tokens recur side by side in the pairs")
    # A deep copy: `load_json` is cached, so other calls use the same dictionary.
    declared = json.loads(json.dumps(loaded.declared))
    model = declared["model"]
    # Into the model, so that their ids are read from the file and not counted from its size.
    model["vocab"] |= {row["content"]: row["id"] for row in declared["added_tokens"]}
    # The first free id, above all added tokens too.
    size = loaded.vocabulary.size
    for left, right in merges:
        # A new piece may be spelt like an old token; then only the merge is new.
        if left + right not in model["vocab"]:
            model["vocab"][left + right] = size
            size += 1
        # Files write a merge as one string or as a list of two; this one keeps its way.
        spaced = bool(model["merges"]) and isinstance(model["merges"][0], str)
        model["merges"].append(f"{left} {right}" if spaced else [left, right])
    return Extension(declared, num_pieces, size - loaded.vocabulary.size, len(texts))


def _byte_level(base: Tokenizer) -> Loaded:
    # Before loading, as a SentencePiece file is not JSON.
    if base.path.suffix == ".model":
        raise ConfigError(f"{base.path}: only a byte-level BPE in a tokenizer.json can be extended")
    loaded = load_json(base.path, base.eos)
    model = loaded.declared["model"]
    steps = [step["type"] for step in pre_tokenizers(loaded.declared)]
    # A prefix or suffix marks a piece's place in its word, so joined pieces are spelt otherwise.
    marked = model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    if model["type"] != "BPE" or "ByteLevel" not in steps or marked:
        raise ConfigError(f"{base.path}: only a byte-level BPE can be extended")
    return loaded


def _learn(loaded: Loaded, texts: Sequence[str], num_pieces: int) -> list[tuple[str, str]]:
    """Merges over the old tokenizer's tokens, in the order learnt, spelt as in its file."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    size = loaded.vocabulary.size
    tokenizer = Tokenizer(models.BPE())
    # Words are written with white space between them, so no merge crosses one.
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # The trainer sees each old token as one letter of its alphabet, so its merges join old tokens.
    trainer = trainers.BpeTrainer(
        vocab_size=size + num_pieces,
        # One occurrence is not enough to call two tokens a piece.
        min_frequency=2,
        initial_alphabet=[chr(_FIRST_LETTER + index) for index in range(size)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_as_letters(loaded.encoder, texts), trainer)
    # Back from letters to pieces, in the spelling of the file (byte-level characters).
    pieces = {index: piece for piece, index in loaded.decoder.get_vocab().items()}

    def spelt(letters: str) -> str:
        return "".join(pieces[ord(letter) - _FIRST_LETTER] for letter in letters)

    learnt = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(spelt(left), spelt(right)) for left, right in learnt]


def _as_letters(encoder: "tokenizers.Tokenizer", texts: Sequence[str]) -> Iterator[str]:
    """Each text as the old tokenizer cuts it: a letter per token, white space between words."""
    # In batches, so that the encodings of all texts are never held together.
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        batch = list(texts[start : start + _TEXTS_AT_ONCE])
        for encoding in encoder.encode_batch(batch, add_special_tokens=False):
            # `word_ids` number the words of the old pre-tokenizer: tokens of a word are neighbours.
            tokens = zip(encoding.word_ids, encoding.ids, strict=True)
            words = groupby(tokens, key=lambda token: token[0])
            yield " ".join(
                "".join(chr(_FIRST_LETTER + index) for _, index in word) for _, word in words
            )
