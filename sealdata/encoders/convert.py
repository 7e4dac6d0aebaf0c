"""Checkpoints without pickle: tensors as safetensors, all the rest in their metadata."""

import argparse
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sealdata.errors import DataError
from sealdata.files.records import write_atomic

SUFFIX = ".safetensors"
_KEY = "sealdata.encoders"  # of the metadata: JSON of everything that is not a tensor


def write_safetensors(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint so that ``read_safetensors`` returns the same tensors, bit for bit.

    LASER3's configuration keeps only numbers, texts, true, false and null. An encoder needs
    nothing else.

    Raises:
        DataError: the state is not one of a LASER checkpoint, or the disk refuses.
    """
    # A state comes from a file that may be damaged, so its types are checked first.
    tensors, rest = state.get("model"), {k: v for k, v in state.items() if k != "model"}
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise DataError(f"{path}: its weights are not all tensors")
    if "cfg" in rest:
        model = rest["cfg"].get("model") if isinstance(rest["cfg"], dict) else None
        model = vars(model) if isinstance(model, argparse.Namespace) else model or {}
        # fairseq stores all options of a training run, paths and lists among them.
        plain = {
            k: v for k, v in model.items() if v is None or isinstance(v, bool | int | float | str)
        }
        rest = {"cfg": {"model": plain}}
    else:
        # LASER2 keeps its dictionary in the checkpoint, LASER3 in a file of its own.
        rest = {name: rest.get(name) for name in ("params", "dictionary")}
    # safetensors refuses tensors that share memory or are not contiguous.
    copies = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    # Metadata of safetensors are texts only, hence the JSON.
    metadata = {"format": "pt", _KEY: json.dumps(rest, ensure_ascii=False, sort_keys=True)}
    write_atomic(path, lambda temporary: save_file(copies, temporary, metadata))


def read_safetensors(path: Path) -> dict[str, Any]:
    """The state that ``write_safetensors`` was given.

    Raises:
        DataError: damaged, or not written by it.
    """
    try:
        with safe_open(path, "pt") as opened:
            rest = json.loads((opened.metadata() or {}).get(_KEY, "null"))
            # Copied to where torch puts tensors: products round by how their operands are aligned.
            tensors = {n: opened.get_tensor(n).clone() for n in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); convert the checkpoint again") from None
    if not isinstance(rest, dict):
        raise DataError(
            f"{path} does not say what encoder it is: `sealdata models convert` makes such files "
            "from LASER's checkpoints"
        )
    return {**rest, "model": tensors}
