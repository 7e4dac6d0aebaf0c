"""Checkpoints that are whole or absent: written aside, renamed, verified when read.

OUT/checkpoints/step-000100/
    checkpoint.json   step, config, digests of tokenizer, streams and files; what eval needs
    model/            config.json
    tokenizer/        the tokenizer of the shards
    state/            weights and AdamW moments, as safetensors: for any world size, no pickles
"""

import hashlib
import shutil
import warnings
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from torch.distributed.checkpoint import hf_storage
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.optim import Optimizer

from sealtrain.config import Config
from sealtrain.errors import DataError
from sealtrain.files import replace_text, sync
from sealtrain.parallel import World
from sealtrain.validate import Losses

# torch warns of every save and load that one process makes alone.
warnings.filterwarnings("ignore", message="torch.distributed is disabled")


class Record(BaseModel):
    """`checkpoint.json`: everything about a checkpoint but its tensors."""

    format: Literal["sealtrain-checkpoint"] = "sealtrain-checkpoint"
    version: Literal[1] = 1
    step: int
    num_steps: int
    config: Config
    digests: dict[str, str]  # sha256 of the tokenizer and of each training stream's manifest
    eos_id: int
    template: str | None  # how a pair was laid out in training, to prompt without the shards
    language_names: dict[str, str]
    before: Losses  # validation before step 0, and
    after: Losses = {}  # after the last
    files: dict[str, str] = {}  # sha256 of every other file, by its path in the checkpoint


def write(
    out: Path, record: Record, model: Any, optimizer: Optimizer, tokenizer: Path, world: World
) -> None:
    """Save one step of a run; a kill at any instant leaves the checkpoint whole or absent."""
    final = out / "checkpoints" / f"step-{record.step:06d}"
    partial = final.with_name(f"{final.name}.partial")
    if world.rank == 0:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "model").mkdir(parents=True)
    world.barrier()
    weights, optim = get_state_dict(model, optimizer)
    writer = hf_storage.HuggingFaceStorageWriter(str(partial / "state"), save_distributed=True)
    save(_flat(weights, optim["state"]), storage_writer=writer)
    if world.rank == 0:
        model.config.to_json_file(partial / "model" / "config.json")
        shutil.copytree(tokenizer, partial / "tokenizer")
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        digests = {str(path.relative_to(partial)): _sha256(path) for path in files}
        whole = record.model_copy(update={"files": digests})
        replace_text(partial / "checkpoint.json", whole.model_dump_json(indent=1))
        for path in files:
            sync(path)
        partial.rename(final)
        sync(final.parent)
        _prune(final.parent, record)
    world.barrier()


def latest(out: Path) -> Path | None:
    """The newest complete checkpoint of a run."""
    return max((out / "checkpoints").glob("step-*[0-9]"), default=None)


def read_record(folder: Path) -> Record:
    """A checkpoint's record, once every file of it was found unchanged."""
    try:
        record = Record.model_validate_json((folder / "checkpoint.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{folder}: not a sealtrain checkpoint of this version") from error
    for name, digest in record.files.items():
        if not (folder / name).is_file() or _sha256(folder / name) != digest:
            raise DataError(
                f"{folder / name}: missing or damaged; delete {folder} to fall back on the "
                "checkpoint before it"
            )
    return record


def load_state(folder: Path, model: Any, *optimizers: Optimizer) -> None:
    """Put weights, and moments where an optimizer is given, into place, at any world size."""
    weights, optim = get_state_dict(model, optimizers)
    reader = hf_storage.HuggingFaceStorageReader(str(folder / "state"))
    load(_flat(weights, optim.get("state", {})), storage_reader=reader)
    set_state_dict(model, optimizers, model_state_dict=weights, optim_state_dict=optim)


def _prune(folder: Path, record: Record) -> None:
    """Delete all but the newest checkpoints and those that are to stay, and interrupted saves."""
    keep = record.config.checkpoint
    before_decay = record.num_steps - record.config.optim.decay_steps
    for path in sorted(folder.glob("step-*[0-9]"))[: -keep.keep_last]:
        step = int(path.name.removeprefix("step-"))
        if step != before_decay and (keep.keep_every is None or step % keep.keep_every):
            shutil.rmtree(path)
    for path in folder.glob("*.partial"):
        shutil.rmtree(path)


def _flat(weights: dict[str, Any], moments: Any) -> dict[str, Any]:
    """One name per tensor, hyper-parameters left out: they come from the config.

    The values are the very tensors of the model, so that loading fills them.
    """
    flat = {f"model.{name}": tensor for name, tensor in weights.items()}
    for name, state in moments.items():
        flat |= {f"optimizer.{key}.{name}": tensor for key, tensor in state.items()}
    return flat


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
