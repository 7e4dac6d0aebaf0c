"""Two processes compared with one: the same sequences, labels, losses and checkpoints."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_shards import LENGTH, make_config

from sealtrain import train
from sealtrain.config import Config

pytestmark = pytest.mark.slow

PROGRAM = (
    "import sys, torch; torch.set_num_threads(1); from sealtrain.config import Config;"
    "from sealtrain import parallel; from sealtrain.train import train;"
    "parallel.stop = lambda: None;"  # a process can join a group only once
    "[train(Config.model_validate_json(text)) for text in sys.argv[1:]]"
)

STOPPED = """
import os, signal, sys, torch
from sealtrain import train
from sealtrain.config import Config
torch.set_num_threads(1)
step = train.train_step
def stopped(run):
    if run.world.rank == 1 and run.record.step == 3:
        os.kill(os.getpid(), signal.SIGTERM)
    return step(run)
train.train_step = stopped
assert train.train(Config.model_validate_json(sys.argv[1])) is None
"""


def start_two(*arguments: str, program: str) -> list[subprocess.Popen[str]]:
    """What `torchrun --nproc-per-node 2` starts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = []
    for rank in (0, 1):
        variables = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_PORT": port}
        ranks.append(
            subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                env={**os.environ, **variables, "MASTER_ADDR": "127.0.0.1"},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return ranks


def run_on_two(*configs: Config, program: str = PROGRAM) -> None:
    """PROGRAM trains one config after the other."""
    ranks = start_two(*(c.model_dump_json() for c in configs), program=program)
    try:
        errors = [process.communicate(timeout=120)[1] for process in ranks]
    finally:
        for process in ranks:
            process.kill()
    assert [process.returncode for process in ranks] == [0, 0], errors


def lines_of(out: Path) -> list[dict[str, Any]]:
    return list(map(json.loads, (out / "log.jsonl").read_text("utf-8").splitlines()))


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in lines_of(out) if line["event"] == "step"]


def test_two_processes_equal_one(shards: Path, tmp_path: Path) -> None:
    """Each also finishes a run that the other began."""
    # 3 validation sequences over 2 ranks: one rank has none in the last batch
    sections: dict[str, dict[str, object]] = {"eval": {"validation_sequences": 3}}
    one = make_config(shards, tmp_path / "one", **sections)
    two = make_config(shards, tmp_path / "two", train={"micro_batch_sequences": 1}, **sections)
    hybrid = make_config(shards, tmp_path / "hybrid", train={"replicas": 2}, **sections)
    short: dict[str, object] = {"strategy": "parallel-only", "total_tokens": 3 * 4 * LENGTH}
    half = {"moments": "bfloat16", "warmup_steps": 1, "decay_steps": 1}
    low = [make_config(shards, tmp_path / n, mixture=short, optim=half) for n in ("low1", "low2")]
    train.train(low[0])
    single = train.train(one)
    whole = losses(one.out)
    shutil.rmtree(one.out / "checkpoints/step-000012")  # two processes finish what one began
    run_on_two(two, one, hybrid, low[1])

    double = train.train(two)  # finished: nothing to do
    assert single is not None
    assert double is not None
    assert losses(two.out) == pytest.approx(whole, rel=1e-5)
    assert losses(one.out) == pytest.approx(whole, rel=1e-5)
    assert losses(hybrid.out) == pytest.approx(whole, rel=1e-5)
    assert losses(low[1].out) == pytest.approx(losses(low[0].out), rel=1e-3)
    speeds = [line for line in lines_of(two.out) if line["event"] == "speed"]
    assert [line["step"] for line in speeds] == [10, 12]
    assert all(line["slowest_rank"] in (0, 1) and line["rank_wait"] > 0 for line in speeds)
    assert len(single.after) == 5
    for key, loss in single.after.items():
        assert double.after[key].num_labels == loss.num_labels
        assert double.after[key].loss == pytest.approx(loss.loss, rel=1e-5)
    shutil.rmtree(two.out / "checkpoints/step-000012")  # one process finishes what two began
    train.train(two)
    assert losses(two.out) == pytest.approx(whole, rel=1e-5)


def test_a_signal_to_one_rank_stops_both_after_the_same_step(shards: Path, tmp_path: Path) -> None:
    config = make_config(shards, tmp_path / "run")
    run_on_two(config, program=STOPPED)
    assert [line["step"] for line in lines_of(config.out) if line["event"] == "step"] == [
        1,
        2,
        3,
        4,
    ]
    assert [path.name for path in (config.out / "checkpoints").iterdir()] == ["step-000004"]


FAILS = """
import os, sys, torch
from sealtrain import parallel, step, train
from sealtrain.config import Config
from sealtrain.errors import DataError, SealError
torch.set_num_threads(1)
phase, text = sys.argv[1:]
def failing(function):
    def call(*arguments, **options):
        world = arguments[0].world if hasattr(arguments[0], "world") else None
        if FAILING and (world is None or world.rank == 1):
            raise DataError(f"{phase} failed")
        return function(*arguments, **options)
    return call
# gloo does not wait for the others here. NCCL does, so a rank that failed must not come here.
parallel.stop = lambda: print("waits for the others", file=sys.stderr)
FAILING = os.environ["RANK"] == "1"
if phase == "setup":
    step.self_check = failing(step.self_check)
elif phase == "validation":
    train._validate = failing(train._validate)
elif phase == "step":
    train.train_step = failing(train.train_step)
else:
    step.Saver.save = failing(step.Saver.save)
try:
    train.train(Config.model_validate_json(text))
except SealError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("phase", ["setup", "validation", "step", "save"])
def test_a_rank_that_fails_ends_without_the_others(
    shards: Path, tmp_path: Path, phase: str
) -> None:
    """Its launcher then ends the others. Under NCCL, to leave the group would wait for them."""
    config = make_config(shards, tmp_path)
    processes = start_two(phase, config.model_dump_json(), program=FAILS)
    try:
        _, said = processes[1].communicate(timeout=100)
    finally:
        for process in processes:
            process.kill()
    assert processes[1].returncode == 1
    assert said.splitlines()[-1] == f"{phase} failed"
    assert "Traceback" not in said
    assert "waits for the others" not in said
