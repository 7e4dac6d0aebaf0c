"""Numbers of a run in TensorBoard or Weights & Biases; loaded where `log_to` asks for one."""

import hashlib
from collections.abc import Callable
from typing import Any

from sealtrain.config import Config
from sealtrain.errors import ConfigError

Track = Callable[[str, int, dict[str, Any]], None]


def open_tracker(config: Config, step: int) -> Track:
    """What takes (event, step, values) and shows the numbers as `event/name`.

    Of an interrupted process's later steps TensorBoard shows those made now, Weights & Biases those
    it has: it takes no step again. A run is known there by the folder it lies in.
    """
    assert config.log_to is not None
    try:
        if config.log_to == "tensorboard":
            from torch.utils.tensorboard import SummaryWriter

            show: Any = SummaryWriter(config.out / "tensorboard", purge_step=step + 1).add_scalar  # type: ignore[no-untyped-call]
        else:
            import wandb  # type: ignore[import-not-found]

            digest, name = hashlib.sha256(str(config.out.resolve()).encode()), config.out.name
            about = {"name": name, "id": digest.hexdigest()[:16], "dir": str(config.out)}
            settings = config.model_dump(mode="json")
            run = wandb.init(project="sealtrain", resume="allow", config=settings, **about)
            show = lambda name, value, step: run.log({name: value}, step=step)  # noqa: E731
    except ImportError:
        name = config.log_to
        raise ConfigError(f'log_to = "{name}" needs it installed: pip install {name}') from None

    def track(event: str, step: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, int | float):
                show(f"{event}/{name}", value, step)

    return track
