"""AdamW that keeps its moments in half the memory; loaded where a config asks."""

from typing import Any

import torch
from torch import Tensor

MOMENTS = ("exp_avg", "exp_avg_sq")


class LowMomentsAdamW(torch.optim.AdamW):
    """AdamW whose moments are bfloat16, but for the parameter at hand: half the memory.

    Each update is computed in float32 and rounded to nearest; a second moment stops to follow
    changes below 0.4 %, so `betas[1]` should stay at 0.99 or lower.
    """

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One parameter after the other, by the fused kernel."""
        groups = self.param_groups
        for group in groups:
            for parameter in group["params"]:
                self._moments_to(torch.float32, parameter)
                self.param_groups = [{**group, "params": [parameter]}]
                super().step(closure)
                self._moments_to(torch.bfloat16, parameter)
        self.param_groups = groups

    def load_state_dict(self, state_dict: Any) -> None:
        """Moments as they were saved: torch gives them the dtype of the parameters."""
        super().load_state_dict(state_dict)
        for parameter in self.state:
            self._moments_to(torch.bfloat16, parameter)

    def _moments_to(self, dtype: torch.dtype, parameter: Tensor) -> None:
        state = self.state[parameter]
        state.update({key: state[key].to(dtype) for key in MOMENTS if key in state})
