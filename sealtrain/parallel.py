"""One process or many under torchrun: who we are, what we sum, how the model is spread."""

import os
import shutil
import types
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import fsdp

from sealtrain.config import Train
from sealtrain.errors import ConfigError
from sealtrain.loss import compute_dtype, training_loss


@dataclass(frozen=True)
class World:
    """This process among those that train together; rank 0 writes logs and small files."""

    rank: int
    size: int
    device: torch.device

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks, on this rank's device."""
        values = values.to(self.device)
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on any rank; every rank gets the same answer."""
        return bool(self.sum(torch.tensor(int(flag))).item())

    def barrier(self) -> None:
        """Wait for all ranks."""
        if self.size > 1:
            dist.barrier()

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
    return World(rank, size, device)


def stop() -> None:
    """Leave the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def parallelize(model: Any, world: World, config: Train | None = None) -> Any:
    """Give the model its `training_loss` and spread it over the ranks (FSDP2).

    The output head stays in the root group and the loss is a method FSDP knows of: otherwise the
    loss would find `lm_head.weight` still sharded. Master weights and reductions are float32.
    Layers are compiled in place, and checkpointed by transformers: no wrapper renames a weight.
    """
    model.to(world.device)
    model.training_loss = types.MethodType(training_loss, model)
    if config is not None and config.activation_checkpointing:
        model.activation_checkpointing_enable()
    may_compile = world.device.type == "cuda" and any(map(shutil.which, ("g++", "clang++")))
    if config is not None and config.compile == "auto" and may_compile:
        for layer in model.base_model.layers:
            layer.compile()
    if world.size > 1:
        low = compute_dtype(world.device, config.precision if config else "auto")
        policy = fsdp.MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32)
        for layer in model.base_model.layers:
            fsdp.fully_shard(layer, mp_policy=policy)
        fsdp.fully_shard(model, mp_policy=policy)
        fsdp.register_fsdp_forward_method(model, "training_loss")
    return model
