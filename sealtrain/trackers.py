"""A run's numbers in TensorBoard or Weights & Biases."""

import hashlib
from collections.abc import Callable
from typing import Any

from sealtrain.config import Config
from sealtrain.errors import ConfigError

Track = Callable[[str, int, dict[str, Any]], None]


def open_tracker(config: Config, step: int) -> Track:
    """A function (event, step, values) that shows each number as `event/name`.

    `step` is the number of steps made so far. Steps that an interrupted process made after it are
    replaced in TensorBoard; Weights & Biases accepts no step twice and keeps the first numbers.

    Raises:
        ConfigError: the library is not installed.
    """
    assert config.log_to is not None
    try:
        # Imported here: neither library is a dependency, and a run needs one of them at most.
        if config.log_to == "tensorboard":
            from torch.utils.tensorboard import SummaryWriter

            show: Any = SummaryWriter(config.out / "tensorboard", purge_step=step + 1).add_scalar  # type: ignore[no-untyped-call]
        else:
            import wandb  # type: ignore[import-not-found]

            # The id is of the whole path, because many runs are called `seed-1`.
            # An id from the path makes a resumed run continue its own curve.
            digest, name = hashlib.sha256(str(config.out.resolve()).encode()), config.out.name
            about = {"name": name, "id": digest.hexdigest()[:16], "dir": str(config.out)}
            settings = config.model_dump(mode="json")
            run = wandb.init(project="sealtrain", resume="allow", config=settings, **about)
            show = lambda name, value, step: run.log({name: value}, step=step)  # noqa: E731
    except ImportError:
        name = config.log_to
        raise ConfigError(f'log_to = "{name}" needs a library: pip install {name}') from None

    def track(event: str, step: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            # Reasons and names in events are text, which curves cannot show.
            if isinstance(value, int | float):
                show(f"{event}/{name}", value, step)

    return track
