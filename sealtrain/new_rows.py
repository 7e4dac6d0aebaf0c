"""Rows of the embedding and the head for pieces that the shards' tokenizer has and the base lacks.

Shapes: V = vocabulary, D = hidden size.
"""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from sealtrain.config import NewRows
from sealtrain.errors import ConfigError

MULTIPLE = 128  # rows of a vocabulary that suit the matrix products of GPUs


def num_rows(old: int, vocab_size: int) -> int:
    """Rows of a model with `old` ones for a vocabulary; none is taken away.

    OLMo 2 has 100,352 rows for 100,278 pieces, so 74 new ones find a row.
    """
    return old if vocab_size <= old else -(-vocab_size // MULTIPLE) * MULTIPLE


def new_pieces(base: Path, shards: Path) -> dict[int, list[int]]:
    """The ids that only the shards' `tokenizer.json` has, each with those of the base for it.

    A new piece of a byte-level BPE is cut by the merges of the base.

    Raises:
        ConfigError: the tokenizer of the shards is not one of the base with more pieces.
    """
    old, new = (json.loads(Tokenizer.from_file(str(path)).to_str()) for path in (base, shards))
    if fault := _not_extended(old, new):
        raise ConfigError(f"{shards} is not {base} with more pieces: {fault}")
    tokenizer = Tokenizer.from_file(str(base))
    before = set(tokenizer.get_vocab(with_added_tokens=True))
    pieces = Tokenizer.from_file(str(shards)).get_vocab(with_added_tokens=True)
    added = {row["content"] for row in new["added_tokens"]}
    replaced = {
        # By the model where it can: a piece may hold a part of a character only. An added token is
        # spelt as text, and not in the letters of a byte-level BPE.
        index: tokenizer.encode(piece, add_special_tokens=False).ids
        if piece in added
        else [token.id for token in tokenizer.model.tokenize(piece)]
        for piece, index in sorted(pieces.items(), key=lambda item: item[1])
        if piece not in before
    }
    # The mean of no rows would be NaN.
    if empty := [index for index, ids in replaced.items() if not ids]:
        raise ConfigError(f"{base} cannot spell the new piece {empty[0]} of {shards}")
    return replaced


def _not_extended(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What is not as in the old tokenizer, besides more pieces; empty: nothing."""
    for key in ("normalizer", "pre_tokenizer"):
        if old[key] != new[key]:
            return f"its {key} differs"
    if old["model"]["type"] != "BPE" or new["model"]["type"] != "BPE":
        return "only a BPE can have more pieces"
    vocab, more = old["model"]["vocab"], new["model"]["vocab"]
    if any(more.get(piece) != index for piece, index in vocab.items()):
        return "ids of old pieces differ"
    merges = old["model"]["merges"]
    if new["model"]["merges"][: len(merges)] != merges:
        return "its first merges differ"
    added = {(row["id"], row["content"]) for row in new["added_tokens"]}
    if not {(row["id"], row["content"]) for row in old["added_tokens"]} <= added:
        return "it lacks added tokens"
    return ""


def add_rows(model: Any, pieces: dict[int, list[int]], how: NewRows, seed: int) -> None:
    """Give a model of transformers rows for new pieces, in its embedding and its head.

    Args:
        model: On the CPU. Its config gets the new size of the vocabulary.
        pieces: What `new_pieces` returns.
        how: `mean`: each row is the mean of those of the pieces that it replaces. `mean-of-all`:
            the mean of all old rows (Hewitt 2021). `random`: as the model makes its weights.
        seed: The seed of random rows.
    """
    if not pieces:
        return
    old_rows = model.get_input_embeddings().weight.shape[0]
    rows = num_rows(old_rows, max(pieces) + 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if rows > old_rows:
            # Without the mean of transformers, which is a fourth way and takes minutes.
            model.resize_token_embeddings(rows, mean_resizing=False)
        std = getattr(model.config.get_text_config(), "initializer_range", None) or 0.02
        weights = _weights(model)
        random = [torch.empty(len(pieces), w.shape[1]).normal_(0, std) for w in weights]
    ids = list(pieces)
    used = sorted({index for old in pieces.values() for index in old})
    with torch.no_grad():
        for weight_VD, random_VD in zip(weights, random, strict=True):
            if how == "random":
                weight_VD[ids] = random_VD
            elif how == "mean-of-all":
                # Rows of padding were never trained, and ids of new pieces may be among them.
                weight_VD[ids] = weight_VD[: min(ids)].mean(0)
            else:
                assert not set(used) & set(ids)
                weight_VD[ids] = torch.stack([weight_VD[pieces[index]].mean(0) for index in ids])


def _weights(model: Any) -> list[Tensor]:
    """The matrices of a row for each id: embedding and head, or one if they are tied."""
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    return [embedding] if head is embedding else [embedding, head]
