"""Checkpoints that are complete or absent: written aside, renamed, and verified when read.

OUT/checkpoints/step-000100/
    checkpoint.json   step, config, digests of tokenizer, streams and files
    model/            config.json
    tokenizer/        the tokenizer of the shards
    state/            weights and AdamW moments as safetensors: no pickles, any world size
"""

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from torch import distributed as dist
from torch.distributed.checkpoint import hf_storage
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.optim import Optimizer

from sealtrain.config import Config
from sealtrain.errors import DataError
from sealtrain.parallel import World
from sealtrain.records import Number, Saved
from sealtrain.validate import Losses

HASHING_THREADS = 8  # files hashed side by side


class Record(Saved):
    """`checkpoint.json`: everything about a checkpoint except its tensors."""

    format: Literal["sealtrain-checkpoint"] = "sealtrain-checkpoint"  # what kind of file this is
    version: Literal[1] = 1  # of the format
    step: int = 0  # steps made
    num_steps: int  # of the whole run
    config: Config  # of the run that wrote it, with all defaults
    digests: dict[str, str]  # sha256 of the tokenizer and of each training stream's manifest
    eos_id: int  # id of the token that ends a document
    template: str | None  # layout of a pair in training: prompts need it where no shards are
    language_names: dict[str, str]  # as prompts write them, by FLORES code
    before: Losses = {}  # validation before step 0
    after: Losses = {}  # validation after `step`; empty where none was due
    recent: list[tuple[Number, Number]] = []  # loss and gradient norm of the last steps
    extended_at: list[int] = []  # steps made each time that the budget was raised
    files: dict[str, str] = {}  # sha256 of every other file, by its path in the checkpoint

    def identity(self) -> dict[str, Any]:
        """Everything that decides which model comes out: config and inputs, by key."""
        return {**self.config.identity(), **self.digests}


class Saver:
    """Saves one checkpoint at a time in the background; training waits only for a copy in memory.

    Errors of a save are raised by the next `save` or `wait`.
    """

    def __init__(self, world: World) -> None:
        # One save at a time: `_prune` takes every other `.partial` folder for an interrupted save.
        self._world, self._pool = world, ThreadPoolExecutor(1, "saver")
        self._last: Future[Any] = self._pool.submit(int)  # so that there always is one

    def save(self, record: Record, model: Any, optimizer: Optimizer, tokenizer: Path) -> None:
        """Begin a save once the one before has ended; a kill leaves it complete or absent."""
        self.wait()  # raises the error of the last save
        final = record.config.out / "checkpoints" / f"step-{record.step:06d}"
        # The copy stays as it is while training changes the original.
        partial, record = final.with_name(f"{final.name}.partial"), record.model_copy()
        if self._world.rank == 0:
            # A killed process may have left this folder with files of another number of ranks.
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(tokenizer, partial / "tokenizer")
            (partial / "model").mkdir()
            model.config.to_json_file(partial / "model" / "config.json")
        self._world.any(False)  # a barrier: no rank writes before the folder exists
        weights, optim = get_state_dict(model, optimizer)
        tensors, group = flatten(weights, optim["state"]), self._world.save_group
        writer = hf_storage.HuggingFaceStorageWriter(str(partial / "state"), save_distributed=True)
        # It returns once the tensors are copied to host memory, and the next step may change them.
        saved: Any = async_save(
            tensors, storage_writer=writer, process_group=group, no_dist=group is None
        )

        def finish() -> None:
            # The rename must not come before the slowest rank has written its file.
            saved.result()  # waits for all ranks
            if self._world.rank == 0:
                _complete(partial, final, record)

        self._last = self._pool.submit(finish)

    def wait(self, until_done: bool = True) -> float:
        """Wait for the last save, or only look at it, and raise its error; returns seconds."""
        began = time.perf_counter()
        # `done` without waiting: an error ends the run at the next step, not at the next save.
        if until_done or self._last.done():
            self._last.result()
        return time.perf_counter() - began


def step_of(path: Path) -> int:
    """Steps made when `step-000100`, or a file `step-000100.anything`, was written."""
    return int(path.name.split(".")[0].removeprefix("step-"))


def step_folders(folder: Path) -> list[Path]:
    """The complete checkpoints in a folder, the oldest first; interrupted saves are `.partial`."""
    # By number: from step 1,000,000 on, names have more digits.
    return sorted(folder.glob("step-*[0-9]"), key=step_of)


def latest(out: Path) -> Path | None:
    """The newest complete checkpoint of a run, or None."""
    return max(step_folders(out / "checkpoints"), key=step_of, default=None)


def read_record(folder: Path, check_files: bool = True) -> Record:
    """A checkpoint's record, after a check of every file's sha256.

    Args:
        folder: The folder of the checkpoint.
        check_files: Whether to read all files, 88 GB for a 7B. Tables need no check, and neither do
            ranks that leave it to another one of their machine.

    Raises:
        DataError: not a checkpoint of this version, or a file is missing or damaged.
    """
    path = folder / "checkpoint.json"
    continue_before = f"delete {folder} to continue from the checkpoint before it"
    try:
        text = path.read_bytes()
        record = Record.model_validate_json(text)
    except OSError as error:
        raise DataError(f"{folder}: not a sealtrain checkpoint: no {path.name}") from error
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise DataError(f"{path}: damaged, not JSON; {continue_before}") from None
        raise DataError(f"{folder}: not a sealtrain checkpoint of this version") from error
    if check_files:
        # Without the digests, a damaged weight would be trained on and nothing would report it.
        digests = digests_of([folder / name for name in record.files])
        for name, digest in zip(record.files, digests, strict=True):
            if digest != record.files[name]:
                raise DataError(f"{folder / name}: missing or damaged; {continue_before}")
    return record


def load_state(folder: Path, model: Any, *optimizers: Optimizer) -> None:
    """Load weights, and the moments of any optimizer given, at any world size."""
    # A fresh optimizer has no moments: `get_state_dict` makes them by a step on zero gradients.
    weights, optim = get_state_dict(model, optimizers)
    reader = hf_storage.HuggingFaceStorageReader(str(folder / "state"))
    # `flatten` passes the model's own tensors, so `load` fills them in place.
    tensors = flatten(weights, optim.get("state", {}))
    # The reader takes from any file the parts that this rank's shards need: world sizes may differ.
    load(tensors, storage_reader=reader, no_dist=not dist.is_initialized())
    # Weights are in place already. The optimizer's `load_state_dict` sets the dtype of moments.
    set_state_dict(model, optimizers, model_state_dict=weights, optim_state_dict=optim)


def flatten(weights: dict[str, Any], moments: Any) -> dict[str, Any]:
    """All tensors of a checkpoint by one name each; the tensors are not copied.

    Learning rates and other hyper-parameters are left out: they come from the config.
    """
    # Names are flat, as safetensors holds one dictionary of tensors and nothing nested.
    tensors = {f"model.{name}": tensor for name, tensor in weights.items()}
    for name, state in moments.items():
        tensors |= {f"optimizer.{key}.{name}": tensor for key, tensor in state.items()}
    return tensors


def _complete(partial: Path, final: Path, record: Record) -> None:
    """Turn a folder that lacks only the record into a checkpoint, then delete old ones."""
    if final.exists():  # a step right after a save was not finite: the state is already saved
        shutil.rmtree(partial)
        return
    # Sorted, so that the same state has the same record.
    files = sorted(path for path in partial.rglob("*") if path.is_file())
    digests = digests_of(files)
    record.files = {
        str(path.relative_to(partial)): digest or ""
        for path, digest in zip(files, digests, strict=True)
    }
    # The record comes after all other files, since it holds their digests.
    replace_text(partial / "checkpoint.json", record.model_dump_json(indent=1))
    # A rename may reach the disk before the bytes of the files do. After a power failure the folder
    # would then look complete and hold empty files.
    for path in files:
        sync(path)
    partial.rename(final)
    # The new name is safe on the disk before `_prune` deletes the checkpoints that it replaces.
    sync(final.parent)
    _prune(final.parent, record)


def _prune(folder: Path, record: Record) -> None:
    """Delete interrupted saves and all checkpoints that the config does not keep.

    The one before the decay always stays: a longer run is extended from it.
    """
    keep = record.config.checkpoint
    before_decay = record.num_steps - record.config.optim.decay_steps
    for path in step_folders(folder)[: -keep.keep_last]:
        step = step_of(path)
        if step != before_decay and (keep.keep_every is None or step % keep.keep_every):
            shutil.rmtree(path)
    # The save that just ended was renamed, and saves do not overlap: what is left was interrupted.
    for path in folder.glob("*.partial"):
        shutil.rmtree(path)


def digests_of(paths: Sequence[Path]) -> list[str | None]:
    """The sha256 of each file, several at a time; None for one that is missing."""
    # hashlib releases the lock of the interpreter, so threads hash side by side.
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        return list(pool.map(lambda path: sha256_of(path) if path.is_file() else None, paths))


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_text(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old text or the new one, never a part."""
    # In the same folder, because a rename is atomic only within one file system.
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "utf-8")
    sync(partial)
    partial.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's names, to the disk."""
    # A folder can be opened for reading only, and that is enough for fsync.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
