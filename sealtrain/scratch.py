"""The import path that `cli/show_plan.py` uses for a function of `sealtrain.model`."""

from sealtrain.model import olmo2_config

__all__ = ["olmo2_config"]
