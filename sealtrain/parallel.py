"""One process or many under torchrun: ranks, sums over ranks, and the sharding of the model."""

import os
import shutil
import time
import types
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh

from sealtrain.config import Train
from sealtrain.errors import ConfigError
from sealtrain.loss import compute_dtype, training_loss


@dataclass
class World:
    """This process (rank) among the processes that train one model together.

    Rank 0 writes the log and all small files.
    """

    rank: int  # from 0
    size: int  # number of ranks
    device: torch.device  # of this rank: its own GPU, or the CPU
    save_group: dist.ProcessGroup | None = None  # gloo: background saves must not wait for the GPU
    rank_wait_seconds: float = 0.0  # time spent in sums of CPU tensors, waiting for other ranks
    data_wait_seconds: float = 0.0  # time spent waiting for the loader; `Progress` resets both

    @property
    def is_first_of_machine(self) -> bool:
        """Whether this rank does what one of each machine must do."""
        # torchrun sets it; other launchers may not, and then every rank does it.
        return self.rank == 0 or int(os.environ.get("LOCAL_RANK", "0")) == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all ranks, in place."""
        # A single process has no process group, and its own values are the sum.
        if self.size > 1:
            began = time.perf_counter()
            dist.all_reduce(values)
            self.rank_wait_seconds += time.perf_counter() - began
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is true on any rank, the same answer on every rank.

        Every rank must call it, so `any(False)` is also a barrier.
        """
        # A CPU tensor: the answer goes by gloo and does not wait for the work queued on a GPU.
        return bool(self.sum(torch.tensor(int(flag))).item())

    def share(self, batch_sequences: int) -> slice:
        """The part of each batch that this rank reads; all parts have the same size.

        Raises:
            ConfigError: the batch does not divide over the ranks.
        """
        # Equal parts have equal numbers of micro-batches. FSDP gathers weights in each of them on
        # all ranks together, so a rank with one less would leave the others waiting for ever.
        size, remainder = divmod(batch_sequences, self.size)
        if remainder:
            raise ConfigError(
                f"train.batch_sequences: {batch_sequences} sequences do not divide over "
                f"{self.size} ranks"
            )
        return slice(self.rank * size, (self.rank + 1) * size)


def start() -> World:
    """Join the processes that torchrun started, or be the only one."""
    # torchrun sets these variables; without them this is the only process.
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        # NCCL and `get_device_name` use the current device, which is the first GPU unless set.
        torch.cuda.set_device(device)
    # `start` may be called again in one process: `evaluate` does so for each language.
    if size > 1 and not dist.is_initialized():
        # Flags and counts are CPU tensors even where the model is on GPUs.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return World(rank, size, device, dist.new_group(backend="gloo") if size > 1 else None)


def stop() -> None:
    """Leave the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def move_to_device(model: Any, world: World) -> None:
    """Move the model to its device and add its `training_loss` method."""
    # Before sharding, and in float32: these tensors become the master weights.
    model.to(world.device)
    model.training_loss = types.MethodType(training_loss, model)


def layers_of(model: Any) -> torch.nn.ModuleList:
    """The layers of a causal model: its list of `num_hidden_layers` modules, however it is called.

    Raises:
        ConfigError: the model has no such list.
    """
    num_layers = model.config.get_text_config().num_hidden_layers
    for name, module in model.base_model.named_modules():
        # A model that also sees or hears may have as many layers in its encoder.
        is_other = any(word in name for word in ("vision", "visual", "image", "audio", "speech"))
        if isinstance(module, torch.nn.ModuleList) and len(module) == num_layers and not is_other:
            return module
    raise ConfigError(
        f"{type(model).__name__} has no list of its {num_layers} layers, so it cannot be compiled "
        'or sharded: train it on one rank with train.compile = "off"'
    )


def parallelize(model: Any, world: World, config: Train) -> str:
    """Place the model, compile its layers and shard it over the ranks.

    Layers are compiled in place and transformers does the activation checkpointing: a wrapper would
    rename the weights. Returns notes on what runs slower than it could, and why, each after ", ".
    """
    move_to_device(model, world)
    if config.activation_checkpointing:
        model.activation_checkpointing_enable()
    notes = {"not compiled": why_not_compiled(world.device, config)}
    # Layers by themselves, because all of them have the same code. Order as in torchtitan:
    # activation checkpointing, then compiling, then FSDP.
    if not notes["not compiled"]:
        # In place; `torch.compile(layer)` would return a wrapper that prefixes all names.
        for layer in layers_of(model):
            layer.compile()
    if config.document_mask and world.device.type == "cuda":
        from sealtrain.attention import use_varlen  # imports modules that only a GPU needs

        notes["masked"] = use_varlen(model, compute_dtype(world.device, config.precision))
    if world.size > 1:
        shard(model, world.size, config)
    return "".join(f", {note}: {reason}" for note, reason in notes.items() if reason)


def why_not_compiled(device: torch.device, config: Train) -> str:
    """Why layers are not compiled; empty if they are: on a GPU, with a C++ compiler installed."""
    if config.compile == "off":
        return "the config says off"
    if device.type != "cuda":
        return "no GPU"
    return "" if any(map(shutil.which, ("g++", "clang++"))) else "no g++ or clang++ is installed"


def shard(model: Any, num_ranks: int, config: Train) -> None:
    """Shard a model in place by FSDP2; each of `train.replicas` groups of ranks holds all of it.

    Two calls keep the loss correct: the output head stays in the root group, and the loss is
    registered as a forward method. Otherwise the loss would find `lm_head.weight` still sharded.
    Master weights and gradient sums are float32; gradients are averaged over all ranks.

    Raises:
        ConfigError: the replicas do not divide the ranks.
    """
    # Weights are cast when they are gathered, so matrix products run in `dtype` and the optimizer
    # updates float32 shards. A sum of gradients in bfloat16 would drop small terms.
    replicas, dtype = config.replicas, compute_dtype(model.device, config.precision)
    if num_ranks % replicas:
        raise ConfigError(f"train.replicas: {replicas} replicas do not divide {num_ranks} ranks")
    policy = fsdp.MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    # HSDP: a group shards the model, and groups exchange gradients only.
    sizes, names = (replicas, num_ranks // replicas), ("replicate", "shard")
    mesh = init_device_mesh(model.device.type, sizes, mesh_dim_names=names)
    # One replica needs no first dimension: this is plain FSDP over all ranks.
    mesh = mesh if replicas > 1 else mesh["shard"]
    # Each layer is a group of its own, so that few layers are whole in memory at one time.
    # Embedding, last norm and head are left to the root.
    for layer in layers_of(model):
        fsdp.fully_shard(layer, mesh=mesh, mp_policy=policy)
    fsdp.fully_shard(model, mesh=mesh, mp_policy=policy)
    fsdp.register_fsdp_forward_method(model, "training_loss")
