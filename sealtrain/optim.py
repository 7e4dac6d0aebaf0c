"""AdamW over the parameters that decay and those that do not, and its learning rate by step."""

import math
from typing import Any

import torch
from torch import nn

from sealtrain.config import Optim
from sealtrain.errors import ConfigError


def make_optimizer(model: nn.Module, config: Optim) -> torch.optim.AdamW:
    """AdamW, fused; matrices decay, embeddings (tied heads with them) and norms do not."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    parameters = list(model.parameters())
    decayed = [p for p in parameters if p.ndim >= 2 and id(p) not in embeddings]
    kept = [p for p in parameters if p.ndim < 2 or id(p) in embeddings]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": kept, "weight_decay": 0.0}]
    kind = torch.optim.AdamW
    if config.moments == "bfloat16":
        from sealtrain.moments import LowMomentsAdamW as kind  # noqa: N813
    decay = config.weight_decay
    return kind(groups, config.lr, config.betas, config.eps, weight_decay=decay, fused=True)


def learning_rate(config: Optim, step: int, num_steps: int) -> float:
    """Warm-up, stable, decay at step t = 0 … T-1: (t+1)/W, then 1, then f((T-t)/D) times the peak.

    f(x) is x (`linear`) or 1 - sqrt(1 - x) (`1-sqrt`); it starts at 1 and never reaches 0.
    """
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    left = num_steps - step
    if left > config.decay_steps:
        return config.lr
    part = left / config.decay_steps
    return config.lr * (part if config.decay == "linear" else 1 - math.sqrt(1 - part))


def check_schedule(config: Optim, num_steps: int) -> None:
    """Refuse a schedule that does not fit into the run."""
    warmup, decay = config.warmup_steps, config.decay_steps
    if warmup + decay > num_steps:
        raise ConfigError(f"optim: {warmup} + {decay} steps do not fit into {num_steps} steps")
