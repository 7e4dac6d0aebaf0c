"""Faults during a run: kills while saving, full disks, spikes, lost files."""

import errno
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_shards import make_config
from torch.distributed.checkpoint.api import CheckpointException

from sealtrain import checkpoint, train
from sealtrain.errors import DataError, SealError, user_error
from sealtrain.step import NotFiniteError, Run, train_step

pytestmark = pytest.mark.slow

SLOW_SAVE = """
import sys, time
from sealtrain import checkpoint, train
from sealtrain.config import Config
complete = checkpoint._complete
def slow(partial, final, record):
    if record.step == 8:
        (partial / "saving").touch()
        time.sleep(600)
    complete(partial, final, record)
checkpoint._complete = slow
train.train(Config.model_validate_json(sys.argv[1]))
"""


def final_weights(out: Path) -> dict[str, bytes]:
    folder = checkpoint.latest(out)
    assert folder is not None
    assert folder.name == "step-000012"
    tensors = {k: t for path in (folder / "state").iterdir() for k, t in load_file(path).items()}
    return {
        name: tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        for name, tensor in tensors.items()
    }


def test_sigkill_during_a_save_leaves_the_checkpoint_before(shards: Path, tmp_path: Path) -> None:
    """The save of step 8 hangs in the background while training continues; then comes SIGKILL."""
    config = make_config(shards, tmp_path / "run")
    process = subprocess.Popen([sys.executable, "-c", SLOW_SAVE, config.model_dump_json()])
    folder = config.out / "checkpoints"
    log, saving = config.out / "log.jsonl", folder / "step-000008.partial/saving"
    deadline = time.monotonic() + 240
    # Step 10 saves too and waits for step 8, so steps 9 and 10 are made by then. On a busy machine
    # they may be made before the thread that saves has begun.
    while not (saving.exists() and '"step": 10' in log.read_text("utf-8")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    assert '"step": 11' not in log.read_text("utf-8")  # no more steps can be lost
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sorted(path.name for path in folder.iterdir()) == ["step-000005", "step-000008.partial"]
    assert checkpoint.read_record(folder / "step-000005").step == 5
    assert train.train(config) is not None
    whole = make_config(shards, tmp_path / "whole")
    train.train(whole)
    assert final_weights(config.out) == final_weights(whole.out)


def test_a_save_slower_than_its_interval_is_reported(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The save of step 5 ends 1.2 seconds after that of step 8 was due."""
    complete, wait, released = checkpoint._complete, checkpoint.Saver.wait, threading.Event()

    def slow(partial: Path, final: Path, record: checkpoint.Record) -> None:
        assert record.step != 5 or released.wait(120)
        complete(partial, final, record)

    def releasing(saver: checkpoint.Saver, until_done: bool = True) -> float:
        if until_done and list(tmp_path.glob("run/checkpoints/step-000005.partial")):
            threading.Timer(1.2, released.set).start()
        return wait(saver, until_done)

    monkeypatch.setattr(checkpoint, "_complete", slow)
    monkeypatch.setattr(checkpoint.Saver, "wait", releasing)
    screen = io.StringIO()
    train.train(make_config(shards, tmp_path / "run"), screen=screen)
    assert re.search(
        r"\nwaited \d s for the save before: raise checkpoint.every_steps", screen.getvalue()
    )


def test_a_save_that_fails_is_reported_in_one_line(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    config = make_config(shards, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "replace_text", full)
        with pytest.raises(SealError, match="disk full: free space and run the same command"):
            train.train(config)
    assert train.train(config) is not None


def test_a_lost_shard_is_named(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(shards, tmp_path / "shards"))
    ready = train.setup

    def setup_and_delete(*args: object) -> Run:
        run = ready(*args)  # type: ignore[arg-type]
        (copy / "train/replay/english/part-00000.npy").unlink()
        return run

    monkeypatch.setattr(train, "setup", setup_and_delete)
    with pytest.raises(DataError, match=r"replay/english/part-00000\.npy: No such file"):
        train.train(make_config(copy, tmp_path / "run"))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "lower train.micro_batch_sequences"),
        (MemoryError(), "lower train.micro_batch_sequences"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk full"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.npy"), "a.npy: No such file"),
    ],
)
def test_faults_of_the_machine_have_a_cure(error: Exception, line: str) -> None:
    """The error itself, and wrapped by torch as an error of some rank's save."""
    nested = CheckpointException("save", {1: (error, None)})  # type: ignore[dict-item]
    for reported in (user_error(error), user_error(nested)):
        assert isinstance(reported, SealError)
        assert line in str(reported)
        assert "\n" not in str(reported)


def test_other_errors_are_unchanged() -> None:
    error = RuntimeError("shapes differ")
    assert user_error(error) is error


def test_a_step_that_is_not_finite_right_after_a_save(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is that of the step, not of the checkpoint that exists; the same when run again."""

    def breaking(run: Run) -> object:
        if run.record.step == 5:
            raise NotFiniteError("step 6: loss nan")
        return train_step(run)

    config = make_config(shards, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", breaking)
        for _ in range(2):
            with pytest.raises(NotFiniteError, match="step 6: loss nan"):
                train.train(config)
    assert [p.name for p in (config.out / "checkpoints").iterdir()] == ["step-000005"]
    assert train.train(config) is not None


def test_the_same_steps_are_spikes_after_a_resume(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a window of four steps and a tiny deviation make many steps spikes."""
    monkeypatch.setattr("sealtrain.step.SPIKE_MIN_STEPS", 4)
    monkeypatch.setattr("sealtrain.step.SPIKE_WINDOW_STEPS", 4)
    section = {"spike_sigmas": 1e-6, "max_skipped_steps": 12}
    names, keep = ("whole", "broken"), {"every_steps": 5, "keep_last": 9}
    whole, broken = (
        make_config(shards, tmp_path / name, train=section, optim={"lr": 0.3}, checkpoint=keep)
        for name in names
    )
    train.train(whole)
    train.train(broken)
    for step in (8, 10, 12):
        shutil.rmtree(broken.out / f"checkpoints/step-{step:06d}")
    train.train(broken)
    logs = [(c.out / "log.jsonl").read_text("utf-8").splitlines() for c in (whole, broken)]
    steps = [[x for x in map(json.loads, log) if x["event"] == "step"] for log in logs]
    assert any(line["skipped"] for line in steps[0][5:])
    assert steps[0] == steps[1]
    assert final_weights(whole.out) == final_weights(broken.out)


def test_bfloat16_moments_are_saved_and_resumed_bit_for_bit(shards: Path, tmp_path: Path) -> None:
    plain = make_config(shards, tmp_path / "plain")
    whole = make_config(shards, tmp_path / "whole", optim={"moments": "bfloat16"})
    broken = make_config(shards, tmp_path / "broken", optim={"moments": "bfloat16"})
    results = [train.train(config) for config in (plain, whole, broken)]
    shutil.rmtree(broken.out / "checkpoints/step-000012")
    train.train(broken)
    assert final_weights(broken.out) == final_weights(whole.out)
    folder = checkpoint.latest(whole.out)
    assert folder is not None
    tensors = {k: t for path in (folder / "state").iterdir() for k, t in load_file(path).items()}
    kinds = {name.split(".")[1]: t.dtype for name, t in tensors.items() if "optimizer." in name}
    assert kinds == {"exp_avg": torch.bfloat16, "exp_avg_sq": torch.bfloat16, "step": torch.float32}
    assert {t.dtype for name, t in tensors.items() if name.startswith("model.")} == {torch.float32}
    for key, loss in results[0].after.items():  # type: ignore[union-attr]
        assert results[1].after[key].loss == pytest.approx(loss.loss, rel=5e-3)  # type: ignore[union-attr]


def test_the_log_has_the_speed(shards: Path, tmp_path: Path) -> None:
    screen = io.StringIO()
    config = make_config(shards, tmp_path / "run")
    train.train(config, screen=screen)
    lines = map(json.loads, (config.out / "log.jsonl").read_text("utf-8").splitlines())
    speeds = [line for line in lines if line["event"] == "speed"]
    assert [line["step"] for line in speeds] == [10, 12]
    for line in speeds:
        assert 0 <= line["loader_wait"] <= 1
        assert (line["slowest_rank"], line["rank_wait"]) == (0, 0.0)
        assert "mfu" not in line  # no GPU, no peak
    assert "not compiled: no GPU" in screen.getvalue()


def test_checkpoints_are_in_the_order_of_their_steps(tmp_path: Path) -> None:
    """Seven digits sort before six by name."""
    names = ["step-999999", "step-1000000", "step-1000001.partial", "step-000100"]
    for name in names:
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    folders = checkpoint.step_folders(tmp_path / "checkpoints")
    assert [path.name for path in folders] == ["step-000100", "step-999999", "step-1000000"]
    assert checkpoint.latest(tmp_path) == folders[-1]
