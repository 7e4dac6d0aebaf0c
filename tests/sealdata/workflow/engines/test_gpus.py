"""Which GPU a process sees. There need be none: what is looked at is who is told of which."""

import os
import time
from pathlib import Path

import pytest

from sealdata.component import load
from sealdata.files.records import PartRecord
from sealdata.workflow.engines import local
from sealdata.workflow.engines.local import LocalEngine
from sealdata.workflow.protocols import NoProgress
from sealdata.workflow.run_stages import run_stages
from sealdata.workflow.stage import Stage

PARTS = ("a", "b", "c", "d")


class Tell:
    """Leaves which GPU the process sees, and its number, once ``others`` processes have begun."""

    def __init__(self, others: int) -> None:
        self.others = others

    def __call__(self, part: str, folder: Path) -> PartRecord:
        gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        (folder / f"begun-{os.getpid()}").touch()
        deadline = time.monotonic() + 60
        while len([*folder.glob("begun-*")]) < self.others and time.monotonic() < deadline:
            time.sleep(0.05)
        (folder / f"{part}.txt").write_text(f"{gpu} {os.getpid()}")
        return PartRecord(part=part, rows_in=1, rows_out=1)


def told(folder: Path) -> set[tuple[str, str]]:
    """(GPU, process) of each part."""
    return {tuple((folder / f"{part}.txt").read_text().split(" ")) for part in PARTS}  # type: ignore[misc]


def test_one_local_process_for_each_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that want none are as many as workers, and see what the parent sees."""
    monkeypatch.syspath_prepend(Path(__file__).parents[4])  # workers import this file
    monkeypatch.setattr(local, "visible_gpus", lambda: ["4", "7"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7,9")
    gpu = Stage("gpu", None, (), PARTS, Tell(2), num_gpus=1)
    cpu = Stage("cpu", None, (), PARTS, Tell(1))
    with LocalEngine(3) as engine:
        on_gpus, elsewhere = run_stages([gpu, cpu], tmp_path, engine, NoProgress())
    seen = told(on_gpus.folder)
    assert sorted(gpu for gpu, _ in seen) == ["4", "7"], "two processes, each with its own"
    assert {gpu for gpu, _ in told(elsewhere.folder)} == {"4,7,9"}
    assert not {process for _, process in seen} & {p for _, p in told(elsewhere.folder)}


def test_gpus_as_the_variable_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5f,GPU-71")
    assert local.visible_gpus() == ["GPU-5f", "GPU-71"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert local.visible_gpus() == ["0", "1"]


def test_the_encoder_asks_for_a_gpu_where_it_computes() -> None:
    devices = ("cpu", "cuda")
    wanted = [load("scorers", "laser", {"encoder": "sample", "device": d}) for d in devices]
    assert [scorer.num_gpus() for scorer in wanted] == [0, 1]
