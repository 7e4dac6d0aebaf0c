"""Reading a checkpoint back: verified, at any world size; loaded where there is one."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import distributed as dist
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.optim import Optimizer

from sealtrain.checkpoint import Record, flat, replace_text, sha256_of
from sealtrain.errors import DataError
from sealtrain.step import Run


def resume(run: Run, folder: Path) -> None:
    """Take a run up from its newest checkpoint; extend it where only its budget was raised, and
    refuse that of another config or shards."""
    record = read_record(folder)
    if record.identity() != run.record.identity():
        from sealtrain.extend import extend

        folder, record = extend(run, record)
    load_state(folder, run.model, run.optimizer)
    if run.world.rank == 0:
        _forget_after(record.step, run.config.out / "log.jsonl")
    run.record = record.model_copy(update={"config": run.config})
    if record.extended_at:
        from sealtrain.extend import phase_of

        run.phase = phase_of(run)


def _forget_after(step: int, log: Path) -> None:
    """Drop from the log what an earlier process did after a step, or half wrote."""
    if log.exists():
        lines = log.read_text("utf-8").splitlines(keepends=True)
        kept = [x for x in lines if x.endswith("\n") and json.loads(x)["step"] <= step]
        replace_text(log, "".join(kept))


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
