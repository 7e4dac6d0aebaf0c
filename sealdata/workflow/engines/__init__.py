"""Engines: where the tasks of a build run. Bytes are the same wherever that is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from sealdata.extras import require
from sealdata.workflow.protocols import Engine

Name = Literal["local", "ray"]


def open_engine(
    name: Name, workers: int, out: Path, inputs: Sequence[Path], address: str | None = None
) -> AbstractContextManager[Engine]:
    """The engine called ``name``; ``out``, ``inputs`` and ``address`` are for Ray.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    # Imports are inside the function: the local engine must work without Ray installed.
    if name == "local":
        from sealdata.workflow.engines.local import LocalEngine

        return LocalEngine(workers)
    # The local engine takes neither paths nor an address: its processes share this file system.
    require("--engine ray", "ray")
    from sealdata.workflow.engines.ray import RayEngine

    return RayEngine(workers, out, inputs, address)
