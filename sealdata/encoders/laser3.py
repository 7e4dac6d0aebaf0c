"""Reads LASER3 checkpoints: fairseq's configuration, its weights and its vocabulary."""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sealdata.encoders.transformer import ACTIVATIONS, LaserTransformer, Shape
from sealdata.errors import DataError

# Our names and those of fairseq's configuration.
_SIZES = {
    "embed_dim": "encoder_embed_dim",
    "ffn_dim": "encoder_ffn_embed_dim",
    "num_layers": "encoder_layers",
    "num_heads": "encoder_attention_heads",
}
# fairseq adds these itself, before the first line of a dictionary.
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
# Marks a line that deliberately names a piece again; the piece gets the later id.
_OVERWRITE = "#fairseq:overwrite"
# Left in checkpoints of whole translation models, and copies that fairseq makes while loading.
_NOT_WEIGHTS = ("version", "embed_positions._float_tensor", "embed_positions.weights")
# In a layer, fairseq's fused copies end in ``_weight``, the true ones in ``.weight``.
_FUSED = ("in_proj_", "out_proj_", "fc1_", "fc2_")


class _UnusableError(Exception):
    """Why a checkpoint is not a LASER3 encoder."""


def build_laser3(
    path: Path, state: dict[str, Any], cvocab: Path | None
) -> tuple[LaserTransformer, dict[str, int], bool]:
    """The network in float32, its dictionary, and whether ``<s>`` is put before each text.

    ``state`` is ``{"cfg": {"model": Namespace}, "model": tensors}``; ``cvocab`` lists its pieces,
    a ``piece count`` a line, in fairseq's format.

    Raises:
        DataError: the checkpoint or the vocabulary is not what LASER3 publishes.
    """
    if cvocab is None:
        raise DataError(
            f"{path}: a LASER3 encoder needs its vocabulary: put laser2.cvocab (or the encoder's "
            "own .cvocab, where it has one) next to it"
        )
    try:
        # No part of the file is trusted: each step below checks what the next one relies on.
        config = _config(state)
        weights = _encoder_weights(state)
        # LASER's library adds <mask> exactly where there is a final norm.
        dictionary = read_cvocab(cvocab, masked="layer_norm.weight" in weights)
        shape = _shape(config, weights, len(dictionary), cvocab)
        with torch.device("meta"):  # sizes are checked against the tensors before memory is taken
            network = LaserTransformer(shape)
        try:
            # ``assign`` puts the tensors in place of the empty ones: no second copy of the weights.
            network.load_state_dict(weights, assign=True)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise _UnusableError("its tensors do not have the sizes it states") from error
    except _UnusableError as error:
        raise DataError(f"{path}: not a LASER3 checkpoint: {error}") from error.__cause__
    bos = bool(config.get("prepend_bos", False))
    return network.eval().requires_grad_(False), dictionary, bos


def _config(state: dict[str, Any]) -> dict[str, Any]:
    cfg, weights = state.get("cfg"), state.get("model")
    model = cfg.get("model") if isinstance(cfg, dict) else None
    # Pickled checkpoints hold a Namespace, converted ones a dict.
    if isinstance(model, argparse.Namespace):
        model = vars(model)
    if not isinstance(model, dict):
        raise _UnusableError("it has no configuration of a model")
    if not isinstance(weights, dict) or not weights:
        raise _UnusableError("it has no 'model'")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in weights.items()):
        raise _UnusableError("its weights are not all tensors")
    return model


def _encoder_weights(state: dict[str, Any]) -> dict[str, Tensor]:
    """The encoder's tensors under the names of ``LaserTransformer``, in float32."""
    tensors: dict[str, Tensor] = state["model"]
    # A whole translation model: only its encoder is kept.
    if "decoder.version" in tensors or any(name.startswith("encoder.") for name in tensors):
        tensors = {
            k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder")
        }
    # float32 whatever the file holds; ``convert_network`` may lower it later.
    return {
        name: tensor.float()
        for name, tensor in tensors.items()
        if name not in _NOT_WEIGHTS
        and not (name.startswith("layers.") and name.split(".")[2].startswith(_FUSED))
    }


def _shape(
    config: dict[str, Any], weights: dict[str, Tensor], num_pieces: int, cvocab: Path
) -> Shape:
    sizes: dict[str, int] = {}
    for name, key in _SIZES.items():
        size = config.get(key)
        # The upper bound keeps a damaged number from building a million layers.
        if type(size) is not int or not 0 < size < 1 << 20:
            raise _UnusableError(f"its {key} is {size!r}")
        sizes[name] = size
    # Heads share the dimensions equally. Sinusoids divide by half the dimensions minus one.
    if sizes["embed_dim"] % sizes["num_heads"] or sizes["embed_dim"] < 4:
        raise _UnusableError(f"{sizes['embed_dim']} dimensions for {sizes['num_heads']} heads")
    # The last stated layer must be there; ``load_state_dict`` finds any other gap.
    if f"layers.{sizes['num_layers'] - 1}.fc1.weight" not in weights:
        raise _UnusableError(f"its tensors do not make {sizes['num_layers']} layers")
    # A network without these would load without complaint and encode something else.
    if config.get("no_token_positional_embeddings") or config.get("adaptive_input"):
        raise _UnusableError("its embeddings are of a kind that no LASER3 encoder has")
    # Absent options mean fairseq's defaults, here and below.
    activation = config.get("activation_fn", "relu")
    if activation not in ACTIVATIONS:
        raise _UnusableError(f"its activation_fn is {activation!r}")
    pooling = "cls" if config.get("sentemb_criterion") == "cls" else "max"
    # The first state would then be that of an ordinary piece.
    if pooling == "cls" and not config.get("prepend_bos"):
        raise _UnusableError("it takes the state at <s> but puts no <s> before a text")
    if config.get("encoder_normalize_before") and "layer_norm.weight" not in weights:
        raise _UnusableError("it normalises first and has no final layer_norm")
    # Another vocabulary of nearly the same size would name wrong rows without any error.
    embeddings = weights.get("embed_tokens.weight")
    if embeddings is None or embeddings.ndim != 2 or len(embeddings) != num_pieces:
        rows = "no" if embeddings is None else f"{len(embeddings):,}"
        raise _UnusableError(f"it has {rows} embeddings for the {num_pieces:,} pieces of {cvocab}")
    # Norms and learned positions exist where the file has tensors for them.
    learned = weights.get("embed_positions.weight")
    return Shape(
        num_embeddings=num_pieces,
        norm_first=bool(config.get("encoder_normalize_before")),
        final_norm="layer_norm.weight" in weights,
        embedding_norm="layernorm_embedding.weight" in weights,
        scaled_embeddings=not config.get("no_scale_embedding"),
        activation=activation,
        pooling=pooling,  # type: ignore[arg-type]
        num_learned_positions=None if learned is None else len(learned),
        **sizes,
    )


def read_cvocab(path: Path, *, masked: bool = False) -> dict[str, int]:
    """Piece to id of a fairseq dictionary: ``<s> <pad> </s> <unk>`` are 0 to 3, then line by line.

    ``masked`` appends ``<mask>``, which encoders of denoising models have.

    Raises:
        DataError: missing, no UTF-8, a line without a count, or a piece twice.
    """
    try:
        # Not ``splitlines``: it also cuts at characters that may be pieces, such as U+0085 and
        # U+2028.
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    except OSError:
        raise DataError(f"{path}: no such file; a LASER3 encoder needs its vocabulary") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; fetch it again") from None
    ids = {piece: row for row, piece in enumerate(_SPECIAL)}
    next_id = len(ids)
    for number, line in enumerate(lines, start=1):
        # From the right: the count is last, and its value is not used.
        piece, _, count = line.rstrip().rpartition(" ")
        if overwrite := count == _OVERWRITE:
            piece, _, count = piece.rpartition(" ")
        if not count.lstrip("-").isdigit():
            raise DataError(f"{path}: line {number} is not a piece with its count; fetch it again")
        # All later ids would be off by one.
        if piece in ids and not overwrite:
            raise DataError(
                f"{path}: line {number} has a piece that an earlier line has: {piece!r}"
            )
        ids[piece] = next_id
        next_id += 1
    if masked:
        ids.setdefault("<mask>", next_id)
    return ids
