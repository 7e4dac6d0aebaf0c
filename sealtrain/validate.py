"""Loss on held-out streams, in nats per label and in bits per byte.

Shapes: B = sequences, S = tokens in a sequence.
"""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from sealtrain.config import Config, Train
from sealtrain.data import IGNORED, Ids, Stream
from sealtrain.mixture import permutation
from sealtrain.parallel import World
from sealtrain.records import Number, Saved


class TextLoss(Saved):
    """Loss of a model on some text; the last three fields describe a stream, if it is one."""

    num_labels: int  # tokens that were predicted, over all ranks
    loss: Number  # nats per label
    bits_per_byte: Number  # of the text itself: the ends of documents add neither bits nor bytes
    kind: str = ""  # of the stream
    languages: list[str] = []  # FLORES codes, in their order on the page
    language_names: list[str] = []  # as prompts write them


Losses = dict[str, TextLoss]  # by the key of the stream


def validate(
    model: Any, streams: list[Stream], config: Config, tokenizer: Path, world: World
) -> Losses:
    """The loss on up to `eval.validation_sequences` of each stream, by its key; same on all ranks.

    The sequences are the first of the stream's own permutation, so every call reads the same ones.
    """
    # Once for all streams: they share a tokenizer, and its vocabulary is read token by token.
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
    """The loss over the batches of all ranks; a batch is ids and labels, int64 [B, S] each.

    `lengths` are the bytes of each token id. Without any label, all numbers are 0.
    """
    # `train_step` switches back; in between, dropout would blur the figure of models that have it.
    model.eval()
    sums = np.zeros(4)  # nats, labels; nats of the text itself, its bytes
    for ids_BS, labels_BS in batches:
        with torch.no_grad():
            # The forward pass of training, document mask included, so both losses can be compared.
            # The first result holds the z-loss, which is not a property of the text.
            _, losses_BS = model.training_loss(ids_BS, labels_BS, eos_id, config)
        nats_BS = losses_BS.double().cpu().numpy()
        # EOS is predicted too, but is not text: it counts in `loss` and not in bits per byte.
        is_text_BS = (labels_BS != IGNORED) & (labels_BS != eos_id)
        num_labels, num_bytes = (labels_BS != IGNORED).sum(), lengths[labels_BS[is_text_BS]].sum()
        sums += np.array([nats_BS.sum(), num_labels, nats_BS[is_text_BS].sum(), num_bytes])
    # Sums are added over ranks, not means: ranks may have different numbers of labels.
    nats, num_labels, text_nats, num_bytes = world.sum(torch.from_numpy(sums)).tolist()
    return TextLoss(
        num_labels=int(num_labels),
        loss=nats / max(num_labels, 1),
        # nats / ln 2 = bits. A vocabulary with longer tokens has fewer and harder labels, so nats a
        # label do not compare tokenizers; bits a byte do.
        bits_per_byte=text_nats / math.log(2) / max(num_bytes, 1),
    )


def byte_lengths(tokenizer: Path) -> npt.NDArray[np.int64]:
    """UTF-8 bytes of the text of each token id, int64 [vocabulary]; special tokens have 0.

    Byte-level vocabularies write each byte as one character. Others write a space as U+2581 and a
    single byte as `<0xE3>`.
    """
    text = (tokenizer / "tokenizer.json").read_text("utf-8")
    loaded, declared = Tokenizer.from_str(text), json.loads(text)
    # The step may stand inside a `Sequence`, so the text of both sections is searched.
    byte_level = '"ByteLevel"' in json.dumps([declared["pre_tokenizer"], declared["decoder"]])
    lengths = np.zeros(loaded.get_vocab_size(), dtype=np.int64)
    for token, index in loaded.get_vocab().items():
        # `<0x` and two digits and `>`: the fallback of SentencePiece vocabularies for single bytes.
        is_byte = len(token) == 6 and token.startswith("<0x")
        plain = len(token.replace("\u2581", " ").encode())
        lengths[index] = len(token) if byte_level else 1 if is_byte else plain
    # After the loop: added tokens are spelt as plain text, also in byte-level vocabularies.
    for index, added in loaded.get_added_tokens_decoder().items():
        lengths[index] = 0 if added.special else len(added.content.encode())
    return lengths


def _batches(stream: Stream, config: Config, world: World) -> Iterator[tuple[Ids, Ids]]:
    """This rank's sequences and labels, in as many batches as every other rank has.

    FSDP gathers weights on all ranks together, so a rank without sequences must run a forward pass
    too: it repeats one sequence with every label ignored.
    """
    num = min(len(stream), config.eval.validation_sequences)
    # Epoch 0 of the stream's own permutation: a sample from all of it and not its first sequences.
    indices = permutation(config.seed, stream.key, 0, len(stream))[:num]
    size = config.train.micro_batch_sequences
    # Micro-batches go to the ranks in turn. The end is shifted by as much as the start, so that all
    # ranks make the same number of steps.
    for start in range(world.rank * size, num + world.rank * size, size * world.size):
        batch = indices[start : start + size]
        # All labels count, also of a run with `loss_on = "target"`: runs can be compared.
        rows = [stream.labelled(int(i), False) for i in (batch if len(batch) else indices[:1])]
        ids_BS, labels_BS = map(np.stack, zip(*rows, strict=True))
        yield ids_BS, labels_BS if len(batch) else np.full_like(labels_BS, IGNORED)
