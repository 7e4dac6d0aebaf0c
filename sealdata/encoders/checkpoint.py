"""Reads LASER checkpoint files without running code that may be hidden in them."""

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sealdata.encoders.convert import SUFFIX, read_safetensors, write_safetensors
from sealdata.encoders.laser3 import build_laser3
from sealdata.encoders.lstm import LaserLstm
from sealdata.encoders.transformer import LaserTransformer
from sealdata.errors import DataError

# The arguments of ``LaserLstm``, as LASER2's files name them.
_PARAMS = ("num_embeddings", "padding_idx", "embed_dim", "hidden_size", "num_layers")


@dataclass(frozen=True)
class Checkpoint:
    """A network ready to encode, and the id of each piece it knows."""

    network: LaserLstm | LaserTransformer
    dictionary: dict[str, int]
    prepend_bos: bool = False  # <s> opens every text


def read_checkpoint(path: Path, cvocab: Path | None = None) -> Checkpoint:
    """The encoder stored at ``path``, in float32.

    LASER2's is ``{"params", "model", "dictionary"}``; LASER3's ``{"cfg", "model"}``, whose
    dictionary is the file ``cvocab``. A ``.safetensors`` is what ``convert`` made of either.

    Raises:
        DataError: a file is missing, damaged, not LASER's, or holds pickled code (which is not
            run).
    """
    state = _load(path)
    if not isinstance(state, dict):
        raise _not_laser2(path, f"it holds a {type(state).__name__}")
    # LASER3 files hold fairseq's configuration, LASER2 files their own ``params``.
    if "cfg" in state and "params" not in state:
        return Checkpoint(*build_laser3(path, state, cvocab))
    for part in ("params", "model", "dictionary"):
        if not isinstance(state.get(part), dict):
            raise _not_laser2(path, f"it has no {part!r}")
    network = _build(path, state["params"], state["model"])
    return Checkpoint(network, _check_dictionary(path, state["dictionary"], network))


def convert(path: Path) -> Path:
    """Write the checkpoint at ``path`` as safetensors, which cannot hold code, next to it.

    Raises:
        DataError: as ``read_checkpoint``; a vocabulary is not needed.
    """
    target = path.with_suffix(SUFFIX)
    if path == target:
        raise DataError(f"{path} is safetensors already")
    state = _load(path)
    # Only the kind is checked here. Sizes are checked when the file is read to encode.
    if not isinstance(state, dict) or not ({"params", "cfg"} & state.keys()):
        raise _not_laser2(path, "it has neither 'params' nor 'cfg'")
    write_safetensors(state, target)
    return target


def _load(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path}: no such file; fetch the encoder or give another path")
    if path.suffix == SUFFIX:
        return read_safetensors(path)
    try:
        # LASER3 files hold a Namespace, a plain record; nothing else is let through.
        # ``weights_only`` refuses every class but tensors and plain containers, before it is
        # called.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle's dialects: it is read or it is not
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes surface as almost any exception
        raise DataError(
            f"{path}: not a checkpoint of tensors and plain values. It is damaged or holds code, "
            "which was not run. Fetch it again from a source you trust"
        ) from error


def _build(path: Path, params: dict[str, Any], weights: dict[str, Any]) -> LaserLstm:
    sizes: dict[str, int] = {}
    for name in _PARAMS:
        size = params.get(name)
        # ``isinstance`` would let True pass as 1.
        if type(size) is not int or size < 0:
            raise _not_laser2(path, f"its {name} is {size!r}")
        sizes[name] = size
    if params.get("bidirectional") is not True:
        raise _not_laser2(path, "its LSTM is not bidirectional")
    # The embedding, and for each layer two directions of two matrices and two biases. It also
    # bounds the number of layers before any is built.
    if len(weights) != 1 + 8 * sizes["num_layers"]:
        raise _not_laser2(path, f"{len(weights)} tensors do not make {sizes['num_layers']} layers")
    if not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise _not_laser2(path, "its weights are not all tensors")
    try:
        with torch.device("meta"):  # sizes are checked against the tensors before memory is taken
            network = LaserLstm(**sizes)
        # ``assign`` puts the tensors in place of the empty ones: no second copy of the weights.
        network.load_state_dict({k: v.float() for k, v in weights.items()}, assign=True)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise _not_laser2(path, "its tensors do not have the sizes it states") from error
    # Inference only: no dropout, no gradients.
    return network.eval().requires_grad_(False)


def _check_dictionary(path: Path, dictionary: dict[Any, Any], network: LaserLstm) -> dict[str, int]:
    # An id outside of the embedding would fail in the middle of a corpus, far from its cause.
    num_rows = network.embed_tokens.num_embeddings
    for piece, row in dictionary.items():
        if not isinstance(piece, str) or type(row) is not int or not 0 <= row < num_rows:
            raise _not_laser2(path, f"its dictionary maps {piece!r} to {row!r}")
    return dictionary


def _not_laser2(path: Path, why: str) -> DataError:
    return DataError(f"{path}: not a LASER2 checkpoint: {why}")
