"""Reading a checkpoint back: verified, at any world size; loaded where there is one."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import distributed as dist
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.optim import Optimizer

from sealtrain.checkpoint import Record, flat, sha256_of
from sealtrain.errors import DataError


def read_record(folder: Path) -> Record:
    """A checkpoint's record, once every file of it was found unchanged."""
    try:
        record = Record.model_validate_json((folder / "checkpoint.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{folder}: not a sealtrain checkpoint of this version") from error
    for name, digest in record.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise DataError(
                f"{folder / name}: missing or damaged; delete {folder} to fall back on the "
                "checkpoint before it"
            )
    return record


def load_state(folder: Path, model: Any, *optimizers: Optimizer) -> None:
    """Put weights, and moments where an optimizer is given, into place, at any world size."""
    weights, optim = get_state_dict(model, optimizers)
    reader = HuggingFaceStorageReader(str(folder / "state"))
    alone = not dist.is_initialized()
    load(flat(weights, optim.get("state", {})), storage_reader=reader, no_dist=alone)
    set_state_dict(model, optimizers, model_state_dict=weights, optim_state_dict=optim)
