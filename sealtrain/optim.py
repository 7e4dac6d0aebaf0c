"""AdamW, with state in float32 or bfloat16, and the learning rate of each step."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from sealtrain.config import Optim
from sealtrain.errors import ConfigError

MOMENT_KEYS = ("exp_avg", "exp_avg_sq")  # as torch names AdamW's two moments


class Bf16StateAdamW(torch.optim.AdamW):
    """AdamW that stores both moments in bfloat16, which halves the memory of its state.

    Each update is computed in float32 and its moments are rounded to nearest. A bfloat16 has 8
    significant bits, so a second moment no longer follows changes below 0.4 %: keep `betas[1]` at
    0.99 or lower.
    """

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update one parameter after the other, so that one has float32 moments at a time."""
        # torch's own step runs on one parameter at a time, so its code needs no copy here. In
        # between, all other moments stay in bfloat16.
        groups = self.param_groups
        for group in groups:
            for parameter in group["params"]:
                # Cast before the update, so that only its result is rounded.
                self._cast_moments(torch.float32, parameter)
                self.param_groups = [{**group, "params": [parameter]}]
                super().step(closure)
                self._cast_moments(torch.bfloat16, parameter)
        self.param_groups = groups

    def load_state_dict(self, state_dict: Any) -> None:
        """Load moments and keep them in bfloat16: torch casts them to the parameters' dtype."""
        # Without the cast below, a resumed run would continue with float32 moments.
        super().load_state_dict(state_dict)
        for parameter in self.state:
            self._cast_moments(torch.bfloat16, parameter)

    def _cast_moments(self, dtype: torch.dtype, parameter: Tensor) -> None:
        state = self.state[parameter]  # empty before the first step
        state.update({key: state[key].to(dtype) for key in MOMENT_KEYS if key in state})


def make_optimizer(model: nn.Module, config: Optim) -> torch.optim.AdamW:
    """Fused AdamW with weight decay on matrices only.

    Norms, biases and embeddings do not decay, nor does an output head that shares the embedding.
    """
    # By identity: parameters have no useful equality, and a tied head is the same object.
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    parameters = list(model.parameters())
    # Two dimensions or more are the matrices; norms and biases have one.
    decayed = [p for p in parameters if p.ndim >= 2 and id(p) not in embeddings]
    others = [p for p in parameters if p.ndim < 2 or id(p) in embeddings]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    adamw = Bf16StateAdamW if config.moments == "bfloat16" else torch.optim.AdamW
    # Fused: one kernel for all parameters. The other forms refuse `found_inf` (see `step._update`).
    decay = config.weight_decay
    return adamw(groups, config.lr, config.betas, config.eps, weight_decay=decay, fused=True)


def learning_rate(config: Optim, step: int, num_steps: int) -> float:
    """The rate of step t = 0 to T-1 of a warm-up, stable, decay schedule.

    As shares of `lr`, with W warm-up and D decay steps: (t+1)/W, then 1, then f((T-t)/D). f(x) is x
    for `linear` and 1 - sqrt(1 - x) for `1-sqrt`; the decay begins at 1 and never reaches 0.
    """
    # The first step has a rate above 0, so it is not spent for nothing.
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    # At the first step of the decay this equals `decay_steps`, and the share is 1.
    steps_left = num_steps - step
    if steps_left > config.decay_steps:
        return config.lr
    share = steps_left / config.decay_steps
    return config.lr * (share if config.decay == "linear" else 1 - math.sqrt(1 - share))


def check_schedule(config: Optim, num_steps: int) -> None:
    """Check that warm-up and decay fit into a run.

    Raises:
        ConfigError: together they are longer than the run.
    """
    # If they overlapped, the decay would begin below the peak rate.
    warmup, decay = config.warmup_steps, config.decay_steps
    if warmup + decay > num_steps:
        raise ConfigError(
            f"optim: {warmup} warm-up + {decay} decay steps do not fit into {num_steps} steps"
        )
