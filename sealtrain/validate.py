"""Loss on held-out streams: per language, per direction, and in bits per byte."""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel
from tokenizers import Tokenizer

from sealtrain.config import Config, Train
from sealtrain.data import IGNORED, Ids, Stream
from sealtrain.mixture import permutation
from sealtrain.parallel import World


class TextLoss(BaseModel):
    """Loss of a model on some text, and whose it is where it is a stream's."""

    num_labels: int
    loss: float  # nats per label
    bits_per_byte: float  # of text alone: ends of documents count neither bits nor bytes
    kind: str = ""
    languages: list[str] = []
    language_names: list[str] = []


Losses = dict[str, TextLoss]  # by the key of the stream


def validate(
    model: Any, streams: list[Stream], config: Config, tokenizer: Path, world: World
) -> Losses:
    """The loss on up to `eval.validation_sequences` of each stream, by its key; same on all ranks.

    The sequences are the first of the stream's own permutation, so every call reads the same.
    """
    lengths, losses = byte_lengths(tokenizer), {}
    for stream in streams:
        manifest, batches = stream.manifest, _batches(stream, config, world)
        loss = text_loss(model, batches, manifest.eos_id, config.train, lengths, world)
        names = [manifest.language_names[code] for code in manifest.languages]
        about = {"kind": manifest.kind, "languages": manifest.languages, "language_names": names}
        losses[stream.key] = loss.model_copy(update=about)
    return losses


def text_loss(
    model: Any,
    batches: Iterable[tuple[Ids, Ids]],
    eos_id: int,
    config: Train,
    lengths: npt.NDArray[np.int64],
    world: World,
) -> TextLoss:
    """The loss over batches of ids and labels, int64 [B, S] each, and over those of all ranks."""
    model.eval()
    sums = np.zeros(4)  # nats and labels; nats of the text alone, and its bytes
    for ids_BS, labels_BS in batches:
        with torch.no_grad():
            _, losses_BS = model.training_loss(ids_BS, labels_BS, eos_id, config)
        nats_BS = losses_BS.double().cpu().numpy()
        text_BS = (labels_BS != IGNORED) & (labels_BS != eos_id)
        counts = (labels_BS != IGNORED).sum(), lengths[labels_BS[text_BS]].sum()
        sums += np.array([nats_BS.sum(), counts[0], nats_BS[text_BS].sum(), counts[1]])
    nats, num_labels, text_nats, num_bytes = world.sum(torch.from_numpy(sums)).tolist()
    return TextLoss(
        num_labels=int(num_labels),
        loss=nats / max(num_labels, 1),
        bits_per_byte=text_nats / math.log(2) / max(num_bytes, 1),
    )


def byte_lengths(tokenizer: Path) -> npt.NDArray[np.int64]:
    """UTF-8 bytes each id stands for, int64 [vocabulary]; special tokens stand for none.

    Byte-level vocabularies spell one byte per character; others spell a space as U+2581 and a
    lone byte as `<0xE3>`.
    """
    text = (tokenizer / "tokenizer.json").read_text("utf-8")
    loaded, declared = Tokenizer.from_str(text), json.loads(text)
    byte_level = '"ByteLevel"' in json.dumps([declared["pre_tokenizer"], declared["decoder"]])
    lengths = np.zeros(loaded.get_vocab_size(), dtype=np.int64)
    for token, index in loaded.get_vocab().items():
        is_byte = len(token) == 6 and token.startswith("<0x")
        plain = len(token.replace("\u2581", " ").encode())
        lengths[index] = len(token) if byte_level else 1 if is_byte else plain
    for index, added in loaded.get_added_tokens_decoder().items():
        lengths[index] = 0 if added.special else len(added.content.encode())
    return lengths


def _batches(stream: Stream, config: Config, world: World) -> Iterator[tuple[Ids, Ids]]:
    """This rank's sequences and labels, in as many batches as every other rank has.

    A rank that runs out repeats a sequence with every label ignored: FSDP ranks move together.
    """
    num = min(len(stream), config.eval.validation_sequences)
    numbers = permutation(config.seed, stream.key, 0, len(stream))[:num]
    size = config.train.micro_batch_sequences
    for start in range(world.rank * size, num + world.rank * size, size * world.size):
        mine = numbers[start : start + size]
        rows = [stream.labelled(int(i), False) for i in (mine if len(mine) else numbers[:1])]
        ids_BS, labels_BS = map(np.stack, zip(*rows, strict=True))
        yield ids_BS, labels_BS if len(mine) else np.full_like(labels_BS, IGNORED)
