"""Whether a run would train on the loss of its model, measured on random ids before step 0.

An architecture may do more to its logits than `Head` knows. Layers that carry a state, or count
positions by themselves, may let a document see the one before it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sealtrain.config import Train
from sealtrain.data import Manifest, labels_of
from sealtrain.errors import ConfigError

Nats = npt.NDArray[np.float64]
MAX_TOKENS = 48  # of the two documents and the EOS between them
TOLERANCE = 1e-3  # nats a token; float32 rounds by about 1e-6, and true differences begin at 1e-2
TABLE = "docs/explanation/architectures.md"

# What transformers raises where a model has no such part, or its forward no such argument.
_UNFIT = (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError)


class Differences(NamedTuple):
    """Largest differences of a token's loss, in nats."""

    head: float  # between the loss of `training_loss` and that of the model's own logits
    future: float  # between a document before another one and by itself
    leak: float | None  # between a document behind another one and by itself; None: not asked for


def self_check(model: Any, shards: Manifest, config: Train) -> None:
    """Refuse a model whose loss would be wrong; it is on its device, not yet compiled or sharded.

    Raises:
        ConfigError: the message names the architecture and what to change.
    """
    name = f"{type(model).__name__} (model_type {model.config.model_type})"
    try:
        differences = measure(model, shards, config)
    except _UNFIT as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"{name} cannot be trained here: {reason}; choose another base model, see {TABLE}"
        ) from error
    # NaN is not below any limit.
    if not differences.head <= TOLERANCE:
        raise ConfigError(
            f"{name}: its output head is of an unknown kind, by which the loss differs by "
            f"{differences.head:.2g} nats a token. Choose another base model, see {TABLE}"
        )
    if not differences.future <= TOLERANCE:
        raise ConfigError(
            f"{name}: the loss of a token changes with the tokens behind it, by "
            f"{differences.future:.2g} nats. Choose a causal model, see {TABLE}"
        )
    if differences.leak is not None and not differences.leak <= TOLERANCE:
        raise ConfigError(
            f"{name}: the loss of a document differs behind another one, by "
            f"{differences.leak:.2g} nats a token. This architecture cannot keep documents apart: "
            "set train.document_mask = false"
        )


def measure(model: Any, shards: Manifest, config: Train) -> Differences:
    """All differences, in float32 and evaluation mode; the model is left as it was."""
    exact = {"precision": "float32", "z_loss": 0.0}
    plain = config.model_copy(update={**exact, "document_mask": False})
    first, second = _documents(model, shards)
    was_training = model.training
    model.eval()  # dropout would make every two passes differ
    try:
        with torch.no_grad():
            packed = [*first, shards.eos_id, *second]
            ours = _losses(model, packed, shards, plain)
            head = _largest(ours, _own_losses(model, packed, shards.eos_id))
            before = ours[: len(first) - 1]
            future = _largest(before, _losses(model, first, shards, plain))
            leak = None
            if config.document_mask:
                masked = config.model_copy(update={**exact, "document_mask": True})
                behind = _losses(model, packed, shards, masked)[len(first) + 1 :]
                leak = _largest(behind, _losses(model, second, shards, masked))
    finally:
        model.train(was_training)
    return Differences(head, future, leak)


def _documents(model: Any, shards: Manifest) -> tuple[list[int], list[int]]:
    """Two documents of random ids that are neither the EOS nor stand for an image or sound."""
    config = model.config
    declared = {**config.to_dict(), **config.get_text_config().to_dict()}
    special = {shards.eos_id}
    for key, value in declared.items():
        if key.endswith(("_token_id", "_token_index")):
            special.update(value if isinstance(value, list) else [value])
    size = min(shards.vocab_size, config.get_text_config().vocab_size)
    usual = [index for index in range(size) if index not in special]
    # Not longer than a sequence: some models have no more positions.
    length = min(MAX_TOKENS, shards.sequence_length) - 1
    # The same ids in every run and on every rank, so that all ranks decide alike.
    ids = np.random.default_rng(0).choice(usual, length).tolist()
    return ids[: 2 * length // 5], ids[2 * length // 5 :]


def _losses(model: Any, ids: Sequence[int], shards: Manifest, config: Train) -> Nats:
    """Loss of each token but the last by `training_loss`; 0 behind an EOS, whose label is ignored.

    float64 [S - 1].
    """
    ids_BS = np.array([ids])
    labels_BS = labels_of(ids_BS, shards.eos_id)
    _, losses_BS = model.training_loss(ids_BS, labels_BS, shards.eos_id, config)
    losses: Nats = losses_BS[0, :-1].double().cpu().numpy()
    return losses


def _own_losses(model: Any, ids: Sequence[int], eos_id: int) -> Nats:
    """The same by the logits that the model itself computes."""
    ids_BS = torch.tensor([list(ids)], device=model.device)
    logits_SV = model(input_ids=ids_BS, use_cache=False).logits[0, :-1].float()
    losses_S = torch.nn.functional.cross_entropy(logits_SV, ids_BS[0, 1:], reduction="none")
    losses: Nats = losses_S.double().cpu().numpy()
    return np.where(np.array(ids[:-1]) == eos_id, 0.0, losses)


def _largest(losses: Nats, others: Nats) -> float:
    """The largest difference; NaN if any loss is NaN."""
    return float(np.abs(losses - others).max())
