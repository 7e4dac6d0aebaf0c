"""Validation: which sequences each rank reads, sums over them, and bytes of tokens."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_shards import SENTENCES, make_config
from tokenizers import AddedToken, Tokenizer, decoders, models

from sealtrain import validate
from sealtrain.data import IGNORED, open_streams
from sealtrain.mixture import permutation
from sealtrain.parallel import World
from sealtrain.validate import byte_lengths, text_loss


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(("micro", "limit"), [(1, 3), (2, 3), (2, 64), (5, 1)])
def test_ranks_read_each_sequence_once_in_equally_many_batches(
    shards: Path, tmp_path: Path, size: int, micro: int, limit: int
) -> None:
    """The first `limit` sequences of the stream's permutation; a rank without one repeats one."""
    config = make_config(
        shards,
        tmp_path,
        eval={"validation_sequences": limit},
        train={"micro_batch_sequences": micro},
    )
    stream = open_streams(shards, "validation")[0]
    assert len(stream) > 3
    chosen = permutation(1, stream.key, 0, len(stream))[:limit]
    device = torch.device("cpu")
    ranks = [
        list(validate._batches(stream, config, World(rank, size, device))) for rank in range(size)
    ]
    assert len({len(batches) for batches in ranks}) == 1
    rows = [
        row for batches in ranks for ids, labels in batches for row in zip(ids, labels, strict=True)
    ]
    read = sorted((i.tolist(), k.tolist()) for i, k in rows if (k != IGNORED).any())
    assert read == sorted(
        (ids.tolist(), labels.tolist())
        for ids, labels in (stream.labelled(int(index), False) for index in chosen)
    )


def test_sums_count_the_ends_of_documents_in_the_loss_only() -> None:
    """By hand: labels 1 and 2 have 3 and 5 bytes, EOS (0) has a label but no bytes."""
    ids = np.array([[1, 2, 0, 1]])
    labels = np.array([[2, 0, IGNORED, 1]])
    losses = torch.tensor([[2.0, 0.5, 0.0, 1.0]])
    calls: list[str] = []
    model: Any = SimpleNamespace(
        eval=lambda: calls.append("eval"), training_loss=lambda *_: (None, losses)
    )
    config: Any = None
    lengths, world = np.array([0, 3, 5]), World(0, 1, torch.device("cpu"))
    loss = text_loss(model, [(ids, labels), (ids, labels)], 0, config, lengths, world)
    assert calls == ["eval"]  # training mode would apply dropout, of models that have it
    assert loss.num_labels == 6
    assert loss.loss == pytest.approx(7 / 6)
    assert loss.bits_per_byte == pytest.approx(6 / math.log(2) / 16)
    empty = text_loss(model, [], 0, config, lengths, world)
    assert (empty.num_labels, empty.loss, empty.bits_per_byte) == (0, 0.0, 0.0)


def test_bytes_of_tokens_add_up_to_the_text(shards: Path) -> None:
    lengths = byte_lengths(shards / "tokenizer")
    tokenizer = Tokenizer.from_file(str(shards / "tokenizer/tokenizer.json"))
    for lines in SENTENCES.values():
        for line in lines:
            assert lengths[tokenizer.encode(line).ids].sum() == len(line.encode())
    assert lengths[tokenizer.token_to_id("<|endoftext|>")] == 0


def test_bytes_of_added_tokens(shards: Path, tmp_path: Path) -> None:
    """Special ones stand for no text; others for their own, which no byte-level map spells."""
    tokenizer = Tokenizer.from_file(str(shards / "tokenizer/tokenizer.json"))
    tokenizer.add_special_tokens(["<|pad|>"])
    tokenizer.add_tokens([AddedToken("ไทย", normalized=False)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    lengths = byte_lengths(tmp_path)
    assert lengths[tokenizer.token_to_id("<|pad|>")] == 0
    assert lengths[tokenizer.token_to_id("ไทย")] == len("ไทย".encode()) == 9


def test_bytes_of_sentencepiece_tokens(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE({"▁the": 0, "น้ำ": 1, "<0xE3>": 2, "▁": 3}, []))
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert byte_lengths(tmp_path).tolist() == [4, len("น้ำ".encode()), 1, 1]
