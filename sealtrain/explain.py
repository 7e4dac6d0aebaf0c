"""What went wrong, in one line with its cure; loaded only once something did."""

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sealtrain.errors import ConfigError


def config_error(error: ValidationError, config: type[BaseModel]) -> str:
    """The first thing wrong with a config, in one line; an unknown key with the nearest known."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    *tables, key = (str(part) for part in first["loc"]) if first["loc"] else ("",)
    where = ".".join([*tables, key])
    if first["type"] != "extra_forbidden":
        message = "is required" if first["type"] == "missing" else first["msg"]
        return f"{where}: {message.removeprefix('Value error, ')}"
    section: Any = config.model_fields[tables[0]].annotation if tables else config
    known = list(section.model_fields)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(known)}"
    return f"unknown key {where!r}; {hint}"


def another_run(out: Path, new: dict[str, Any], old: dict[str, Any]) -> ConfigError:
    """What of the config or the shards is not as it was when the run in `out` began."""
    changed = [
        f"{key} was {old.get(key)!r} and is {new.get(key)!r}"
        for key in sorted(new.keys() | old.keys())
        if new.get(key) != old.get(key)
    ]
    return ConfigError(
        f"{out} holds a run of another config or other shards ({'; '.join(changed)}): choose "
        "another --out, or delete that folder"
    )


def not_finite(step: int, loss: float, norm: float, read: list[str]) -> str:
    """Where the numbers broke: the step, and the sequences it read as `STREAM:NUMBER`."""
    return (
        f"step {step}: loss {loss}, gradient norm {norm}, update skipped, weights sound: "
        f"lower optim.lr, or look at the sequences it read: {', '.join(read)}"
    )
