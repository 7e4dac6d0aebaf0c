"""Checkpoints that are whole or absent: written aside, renamed, verified when read.

OUT/checkpoints/step-000100/
    checkpoint.json   step, config, digests of tokenizer, streams and files; what eval needs
    model/            config.json
    tokenizer/        the tokenizer of the shards
    state/            weights and AdamW moments, as safetensors: for any world size, no pickles
"""

import hashlib
import os
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from torch.distributed.checkpoint import hf_storage
from torch.distributed.checkpoint.state_dict import get_state_dict
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.optim import Optimizer

from sealtrain.config import Config
from sealtrain.parallel import World
from sealtrain.validate import Losses


class Record(BaseModel):
    """`checkpoint.json`: everything about a checkpoint but its tensors."""

    format: Literal["sealtrain-checkpoint"] = "sealtrain-checkpoint"
    version: Literal[1] = 1
    step: int = 0
    num_steps: int
    config: Config
    digests: dict[str, str]  # sha256 of the tokenizer and of each training stream's manifest
    eos_id: int
    template: str | None  # how a pair was laid out in training, to prompt without the shards
    language_names: dict[str, str]
    before: Losses = {}  # validation before step 0, and
    after: Losses = {}  # after this one, where it was measured
    recent: list[tuple[float, float]] = []  # loss and gradient norm of the last steps
    extended_at: list[int] = []  # steps made each time that the budget was raised
    files: dict[str, str] = {}  # sha256 of every other file, by its path in the checkpoint

    def identity(self) -> dict[str, Any]:
        """Everything that decides which model comes out: config and inputs."""
        return {**self.config.identity(), **self.digests}


class Saver:
    """Saves one checkpoint at a time, in the background: a step goes on once a copy is made."""

    def __init__(self, world: World) -> None:
        self._world, self._pool = world, ThreadPoolExecutor(1, "saver")
        self._last: Future[Any] = self._pool.submit(int)

    def save(self, record: Record, model: Any, optimizer: Optimizer, tokenizer: Path) -> None:
        """Begin to save a step once the save before has ended; a kill leaves it whole or absent."""
        self.wait()
        final = record.config.out / "checkpoints" / f"step-{record.step:06d}"
        partial, record = final.with_name(f"{final.name}.partial"), record.model_copy()
        if self._world.rank == 0:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(tokenizer, partial / "tokenizer")
            (partial / "model").mkdir()
            model.config.to_json_file(partial / "model" / "config.json")
        self._world.any(False)  # no rank writes before the folder is there
        weights, optim = get_state_dict(model, optimizer)
        tensors, group = flat(weights, optim["state"]), self._world.savers
        writer = hf_storage.HuggingFaceStorageWriter(str(partial / "state"), save_distributed=True)
        saved: Any = async_save(
            tensors, storage_writer=writer, process_group=group, no_dist=group is None
        )

        def finish() -> None:
            saved.result()  # of all ranks
            if self._world.rank == 0:
                _complete(partial, final, record)

        self._last = self._pool.submit(finish)

    def wait(self, until_done: bool = True) -> float:
        """Let the last save end, or take it if it has; report what befell it. Seconds it took."""
        began = time.perf_counter()
        if until_done or self._last.done():
            self._last.result()
        return time.perf_counter() - began


def _complete(partial: Path, final: Path, record: Record) -> None:
    """Make a checkpoint of a folder that holds everything but the record."""
    if final.exists():  # numbers broke right after a step that was saved: the same state
        shutil.rmtree(partial)
        return
    files = sorted(path for path in partial.rglob("*") if path.is_file())
    record.files = {str(path.relative_to(partial)): sha256_of(path) for path in files}
    replace_text(partial / "checkpoint.json", record.model_dump_json(indent=1))
    for path in files:
        sync(path)
    partial.rename(final)
    sync(final.parent)
    _prune(final.parent, record)


def latest(out: Path) -> Path | None:
    """The newest complete checkpoint of a run."""
    return max((out / "checkpoints").glob("step-*[0-9]"), default=None)


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


def flat(weights: dict[str, Any], moments: Any) -> dict[str, Any]:
    """One name per tensor, and the very tensors of the model, so that loading fills them;
    hyper-parameters are left out: they come from the config."""
    flat = {f"model.{name}": tensor for name, tensor in weights.items()}
    for name, state in moments.items():
        flat |= {f"optimizer.{key}.{name}": tensor for key, tensor in state.items()}
    return flat


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_text(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, never a part."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, "utf-8")
    sync(partial)
    partial.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
