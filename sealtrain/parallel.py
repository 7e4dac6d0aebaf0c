"""One process or many under torchrun: who we are, what we sum, how the model is spread."""

import os
import shutil
import time
import types
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sealtrain.config import Train
from sealtrain.errors import ConfigError
from sealtrain.loss import compute_dtype, training_loss


@dataclass
class World:
    """This process among those that train together; rank 0 writes logs and small files."""

    rank: int
    size: int
    device: torch.device
    savers: dist.ProcessGroup | None = None  # for what saves in the background, on CPUs
    waited: float = 0.0  # seconds for the other ranks, in sums of CPU tensors
    waited_for_data: float = 0.0  # seconds; both since the clock was started

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks, where the tensor lies."""
        if self.size > 1:
            began = time.perf_counter()
            dist.all_reduce(values)
            self.waited += time.perf_counter() - began
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on any rank; every rank gets the same answer."""
        return bool(self.sum(torch.tensor(int(flag))).item())

    def share(self, batch_sequences: int) -> slice:
        """The places of a step that this rank reads: as many as every other rank."""
        each, left = divmod(batch_sequences, self.size)
        if left:
            raise ConfigError(f"{batch_sequences} sequences do not divide over {self.size} ranks")
        return slice(self.rank * each, (self.rank + 1) * each)


def start() -> World:
    """Join the processes torchrun started, or be the only one."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return World(rank, size, device, dist.new_group(backend="gloo") if size > 1 else None)


def stop() -> None:
    """Leave the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def why_not_compiled(device: torch.device, config: Train) -> str:
    """Empty where layers are compiled: on a GPU, where there is a C++ compiler."""
    if config.compile == "off" or device.type != "cuda":
        return "the config says off" if config.compile == "off" else "no GPU"
    return "" if any(map(shutil.which, ("g++", "clang++"))) else "no g++ or clang++ is installed"


def parallelize(model: Any, world: World, config: Train) -> str:
    """Give the model its `training_loss` and spread it over the ranks; says what is slow, and why.

    Layers are compiled in place and checkpointed by transformers: no wrapper renames a weight.
    """
    model.to(world.device)
    model.training_loss = types.MethodType(training_loss, model)
    if config.activation_checkpointing:
        model.activation_checkpointing_enable()
    notes = {"not compiled": why_not_compiled(world.device, config)}
    if not notes["not compiled"]:
        for layer in model.base_model.layers:
            layer.compile()
    if config.document_mask and world.device.type == "cuda":
        from sealtrain.attention import use_varlen

        notes["masked"] = use_varlen(model, compute_dtype(world.device, config.precision))
    if world.size > 1:
        from sealtrain.sharding import shard

        shard(model, world.size, config)
    return "".join(f", {what}: {why}" for what, why in notes.items() if why)
