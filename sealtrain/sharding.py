"""A model spread over many ranks by FSDP2; loaded where there is more than one."""

from typing import Any

import torch
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh

from sealtrain.config import Train
from sealtrain.errors import ConfigError
from sealtrain.loss import compute_dtype


def shard(model: Any, num_ranks: int, config: Train) -> None:
    """Spread a model in place; each of `train.replicas` groups of ranks holds all of it (HSDP).

    The output head stays in the root group and the loss is a method FSDP knows of: otherwise the
    loss would find `lm_head.weight` still sharded. Master weights and reductions are float32, and
    gradients are averaged over all ranks.
    """
    replicas, low = config.replicas, compute_dtype(model.device, config.precision)
    if num_ranks % replicas:
        raise ConfigError(f"train.replicas {replicas} does not divide {num_ranks} ranks")
    policy = fsdp.MixedPrecisionPolicy(param_dtype=low, reduce_dtype=torch.float32)
    sizes, names = (replicas, num_ranks // replicas), ("replicate", "shard")
    mesh = init_device_mesh(model.device.type, sizes, mesh_dim_names=names)
    mesh = mesh if replicas > 1 else mesh["shard"]
    for layer in model.base_model.layers:
        fsdp.fully_shard(layer, mesh=mesh, mp_policy=policy)
    fsdp.fully_shard(model, mesh=mesh, mp_policy=policy)
    fsdp.register_fsdp_forward_method(model, "training_loss")
