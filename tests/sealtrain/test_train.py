"""Whole runs of a tiny model: learning, resuming bit for bit, stopping, and errors."""

import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_shards import LENGTH, make_config

from sealcli.show_train import validation_table
from sealtrain import checkpoint, compare, parallel, train, translate
from sealtrain.checkpoint import Record
from sealtrain.config import Config
from sealtrain.data import open_streams
from sealtrain.errors import ConfigError, DataError
from sealtrain.export import export
from sealtrain.plot import plot_runs
from sealtrain.step import NotFiniteError, Run, setup, train_step

pytestmark = pytest.mark.slow


def steps_of(out: Path) -> list[dict[str, Any]]:
    lines = (out / "log.jsonl").read_text("utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == "step"]


def weights_of(out: Path) -> dict[str, bytes]:
    """Bytes of every weight and moment in the newest checkpoint, by name."""
    folder = checkpoint.latest(out)
    assert folder is not None
    tensors = {k: t for path in (folder / "state").iterdir() for k, t in load_file(path).items()}
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def record_of(out: Path) -> Record:
    """The record of the newest checkpoint."""
    folder = checkpoint.latest(out)
    assert folder is not None
    return checkpoint.read_record(folder)


def changed(config: Config, section: str, **values: object) -> Config:
    part = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: part})


class Killed(BaseException):
    """In place of SIGKILL: nothing in the program catches it."""


def run_until(config: Config, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run, and die inside a step after `step` steps were made."""

    def dying(run: Run) -> object:
        if run.record.step == step:
            raise Killed
        return train_step(run)

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", dying)
        with pytest.raises(Killed):
            train.train(config)


@pytest.fixture(scope="module")
def unbroken(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was not interrupted."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert train.train(make_config(shards, out)) is not None
    return out


def test_loss_falls_and_is_reported(shards: Path, tmp_path: Path) -> None:
    screen = io.StringIO()
    config = make_config(shards, tmp_path / "run")
    result = train.train(config, screen=screen)
    assert result is not None
    assert list(result.before) == [stream.key for stream in open_streams(shards, "validation")]
    for key, before in result.before.items():
        assert before.loss == pytest.approx(6.24, abs=0.02)  # ln 512: every token is equally likely
        assert result.after[key].loss < before.loss - 0.5
        assert result.after[key].bits_per_byte < before.bits_per_byte
    steps = steps_of(config.out)
    assert [line["step"] for line in steps] == list(range(1, 13))
    assert steps[0]["lr"] == 5e-3  # (t+1)/W of the peak
    assert steps[-1]["num_tokens"] == 4 * LENGTH
    assert 0 < steps[-1]["num_labels"] < 4 * LENGTH
    lines = screen.getvalue().splitlines()
    assert lines[0].startswith("from step 0 to 12 of 4 x 32 tokens: 21,648 parameters on 1 x")
    assert lines[1].startswith("step 10/12  loss ")
    assert "tokens/s" in lines[1]
    assert lines[-1].endswith("step-000012")
    assert validation_table(result).splitlines()[2].split("  ")[0] == "language"
    assert "Thai (tha_Thai)" in validation_table(result)
    assert "replay/english" in validation_table(result)


def test_the_last_checkpoints_are_kept_and_that_before_the_decay(unbroken: Path) -> None:
    kept = sorted(path.name for path in (unbroken / "checkpoints").iterdir())
    # of 5, 8, 10 and 12: the last two, and the one before the decay
    assert kept == ["step-000008", "step-000010", "step-000012"]


def test_checkpoints_at_an_interval_stay(shards: Path, tmp_path: Path) -> None:
    """Of 2, 4, 6, 7, 8, 10 and 12: the last two, multiples of 6, and the one before the decay."""
    keep = {"every_steps": 2, "keep_last": 2, "keep_every": 6}
    train.train(make_config(shards, tmp_path / "run", checkpoint=keep, optim={"decay_steps": 5}))
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["step-000006", "step-000007", "step-000010", "step-000012"]


def test_validation_at_intervals(shards: Path, tmp_path: Path) -> None:
    train.train(make_config(shards, tmp_path / "run", eval={"every_steps": 5}))
    lines = (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()
    events = [line for line in map(json.loads, lines) if line["event"] == "validation"]
    assert [event["step"] for event in events] == [0, 5, 10, 12]
    losses = [event["replay/english"] for event in events]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("step", [3, 7, 11])
def test_a_killed_run_ends_bit_identical(
    shards: Path, tmp_path: Path, unbroken: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(shards, tmp_path / "run")
    run_until(config, step, monkeypatch)
    assert len(steps_of(config.out)) == step
    with (config.out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"event": "st')  # a half-written line
    result = train.train(config)
    assert result is not None
    assert steps_of(config.out) == steps_of(unbroken)  # losses, norms and rates, bit for bit
    assert weights_of(config.out) == weights_of(unbroken)
    whole = record_of(unbroken)
    assert (result.before, result.after) == (whole.before, whole.after)


def test_killed_while_saving(
    shards: Path, tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A half-written checkpoint is not used."""
    config = make_config(shards, tmp_path / "run")
    real = checkpoint.replace_text
    saves = []

    def dying(path: Path, text: str) -> None:
        saves.append(path)
        if len(saves) == 2:
            raise Killed
        real(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "replace_text", dying)
        with pytest.raises(Killed):
            train.train(config)
    names = sorted(path.name for path in (config.out / "checkpoints").iterdir())
    assert names == ["step-000005", "step-000008.partial"]
    # one that no later save overwrites, as when checkpoint.every_steps has changed
    (config.out / "checkpoints/step-000007.partial/state").mkdir(parents=True)
    train.train(config)
    assert steps_of(config.out) == steps_of(unbroken)
    assert weights_of(config.out) == weights_of(unbroken)
    assert not list(config.out.glob("checkpoints/*.partial"))


def test_a_checkpoint_reaches_the_disk_before_it_has_its_name(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power failure could leave a complete-looking checkpoint with empty files."""
    synced: list[tuple[Path, bool]] = []  # with whether the checkpoint had its name by then
    config = make_config(shards, tmp_path / "run", checkpoint={"every_steps": 12, "keep_last": 9})
    final = config.out / "checkpoints/step-000012"
    monkeypatch.setattr(checkpoint, "sync", lambda path: synced.append((path, final.exists())))
    train.train(config)
    files = [path.relative_to(final) for path in final.rglob("*") if path.is_file()]
    assert len(files) == 4  # checkpoint.json, the model's config, the tokenizer and the tensors
    partial = final.with_name("step-000012.partial")
    before = {path for path, has_name in synced if not has_name}
    record = Path("checkpoint.json")
    assert {partial / path for path in files if path != record} < before
    assert partial / "checkpoint.json.partial" in before  # and renamed after that
    assert synced[-1] == (final.parent, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_request_saves_and_is_reported(
    shards: Path, tmp_path: Path, unbroken: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(shards, tmp_path / "run")
    handler = signal.getsignal(number)

    def signalled(run: Run) -> object:
        if run.record.step == 6:
            os.kill(os.getpid(), number)
        return train_step(run)

    screen = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", signalled)
        assert train.train(config, screen=screen) is None
    assert "stopped after step 7; run it again" in screen.getvalue()
    assert signal.getsignal(number) is handler
    assert train.train(config, must_resume=True) is not None
    assert steps_of(config.out) == steps_of(unbroken)
    assert weights_of(config.out) == weights_of(unbroken)


def test_sigterm_ends_the_process_with_0(shards: Path, tmp_path: Path, unbroken: Path) -> None:
    """In a process of its own."""
    config = make_config(shards, tmp_path / "run")
    program = (
        "import sys; from sealtrain.config import Config; from sealtrain.train import train;"
        "import sealtrain.train as t; import time; real = t.train_step;"
        "t.train_step = lambda run: (time.sleep(0.2), real(run))[1];"
        "import torch; torch.set_num_threads(int(sys.argv[2]));"
        "train(Config.model_validate_json(sys.argv[1]), screen=sys.stderr)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, config.model_dump_json(), str(torch.get_num_threads())],
        stderr=subprocess.PIPE,
        text=True,
    )
    log = config.out / "log.jsonl"
    while process.poll() is None and not (log.exists() and '"step": 2' in log.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "run it again to continue" in errors
    assert 2 <= len(steps_of(config.out)) < 12
    assert train.train(config) is not None
    assert weights_of(config.out) == weights_of(unbroken)


def test_the_micro_batch_changes_only_rounding(
    shards: Path, tmp_path: Path, unbroken: Path
) -> None:
    for micro in (1, 3):
        config = make_config(shards, tmp_path / str(micro), train={"micro_batch_sequences": micro})
        train.train(config)
        for step, reference in zip(steps_of(config.out), steps_of(unbroken), strict=True):
            assert step["loss"] == pytest.approx(reference["loss"], rel=1e-5)
            assert step["num_labels"] == reference["num_labels"]


def test_the_document_mask_changes_the_loss(shards: Path, tmp_path: Path, unbroken: Path) -> None:
    config = make_config(shards, tmp_path / "run", train={"document_mask": False})
    train.train(config)
    assert steps_of(config.out)[-1]["loss"] != steps_of(unbroken)[-1]["loss"]


def test_loss_on_the_target_side_only(shards: Path, tmp_path: Path, unbroken: Path) -> None:
    """The same sequences with fewer labels; replay keeps all its labels."""
    config = make_config(shards, tmp_path / "run", train={"loss_on": "target"})
    train.train(config)
    for step, reference in zip(steps_of(config.out), steps_of(unbroken), strict=True):
        assert 0 < step["num_labels"] < reference["num_labels"]
    copy = Path(shutil.copytree(shards, tmp_path / "shards"))
    for path in copy.glob("train/parallel/eng_Latn-tha_Thai/*.docs.parquet"):
        path.unlink()
    with pytest.raises(DataError, match=r"docs\.parquet: missing"):
        setup(make_config(copy, tmp_path / "no", train={"loss_on": "target"}), parallel.start())


def test_a_finished_run_is_left_alone(shards: Path, unbroken: Path) -> None:
    config, before = make_config(shards, unbroken), (unbroken / "log.jsonl").read_bytes()
    screen = io.StringIO()
    result = train.train(config, screen=screen)
    assert result == record_of(unbroken)
    assert "finished" in screen.getvalue()
    assert (unbroken / "log.jsonl").read_bytes() == before
    with pytest.raises(ConfigError, match=r"optim\.lr was 0\.01 and is 0\.02\): choose another"):
        train.train(changed(config, "optim", lr=0.02))


def test_another_config_is_refused(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(shards, tmp_path / "run")
    run_until(config, 6, monkeypatch)
    for section, key, value in [
        ("mixture", "replay", 0.5),
        ("train", "batch_sequences", 2),
        ("model", "hidden_size", 32),
    ]:
        with pytest.raises(ConfigError, match=rf"{section}\.{key} was .* and is {value}"):
            train.train(changed(config, section, **{key: value}))
    with pytest.raises(ConfigError, match="seed was 1 and is 2"):
        train.train(config.model_copy(update={"seed": 2}))
    assert train.train(changed(config, "checkpoint", every_steps=3)) is not None


def test_other_shards_are_refused(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(shards, tmp_path / "shards"))
    config = make_config(copy, tmp_path / "run")
    run_until(config, 6, monkeypatch)
    manifest = copy / "train/parallel/eng_Latn-tha_Thai/manifest.json"
    text = manifest.read_text("utf-8")
    manifest.write_text(text + " ", "utf-8")
    with pytest.raises(ConfigError, match=r"other shards \(parallel/eng_Latn-tha_Thai was"):
        train.train(config)
    manifest.write_text(text, "utf-8")
    shutil.rmtree(copy / "train/parallel/eng_Latn-ind_Latn")
    with pytest.raises(ConfigError, match=r"eng_Latn-ind_Latn was .* and is None"):
        train.train(config)


def test_resume_needs_a_checkpoint(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to resume: there is no checkpoint"):
        train.train(make_config(shards, tmp_path / "run"), must_resume=True)


def test_a_damaged_checkpoint_is_refused(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(shards, tmp_path / "run")
    run_until(config, 6, monkeypatch)
    folder = checkpoint.latest(config.out)
    assert folder is not None
    (path,) = (folder / "state").iterdir()
    payload = bytearray(path.read_bytes())
    payload[-1] ^= 1
    path.write_bytes(payload)
    with pytest.raises(DataError, match=r"safetensors: missing or damaged; delete .*step-000005"):
        train.train(config)
    record = folder / "checkpoint.json"
    record.write_text(record.read_text("utf-8")[:200], "utf-8")
    with pytest.raises(DataError, match=r"json: damaged, not JSON; delete .*step-000005"):
        train.train(config)
    record.unlink()
    with pytest.raises(DataError, match="not a sealtrain checkpoint"):
        train.train(config)


def test_steps_that_are_not_finite_are_skipped_up_to_a_limit(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps are skipped; the third stops the run, with finite weights saved."""
    config = make_config(shards, tmp_path / "run", train={"max_skipped_steps": 2})
    real, broken_steps = train.train_step, {3, 4, 7}

    def breaking(run: Run) -> object:
        if run.record.step not in broken_steps:
            return real(run)
        weight = run.model.lm_head.weight.data
        value = weight[3, 0].clone()
        weight[3, 0] = float("nan")
        try:
            return real(run)
        finally:
            weight[3, 0] = value

    monkeypatch.setattr(train, "train_step", breaking)
    screen = io.StringIO()
    with pytest.raises(NotFiniteError, match="step 8: loss nan"):
        train.train(config, screen=screen)
    steps = steps_of(config.out)
    assert [line["step"] for line in steps if line["skipped"]] == [4, 5]
    assert "step 4: loss nan" in screen.getvalue()
    saved = checkpoint.latest(config.out)
    assert saved is not None
    assert saved.name == "step-000007"
    weights = [t for path in (saved / "state").iterdir() for t in load_file(path).values()]
    assert all(torch.isfinite(t).all() for t in weights)


def test_a_run_with_a_skipped_step_is_resumed_exported_and_compared(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every checkpoint after the step holds its NaN; the log has lost a line, too."""
    config = make_config(shards, tmp_path / "run", train={"max_skipped_steps": 1})
    real = train.train_step

    def breaking(run: Run) -> object:
        if run.record.step == 9:
            raise Killed
        if run.record.step != 3:
            return real(run)
        weight = run.model.lm_head.weight.data
        value = weight[3, 0].clone()
        weight[3, 0] = float("nan")
        metrics = real(run)
        weight[3, 0] = value
        return metrics

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", breaking)
        with pytest.raises(Killed):
            train.train(config)
    log = config.out / "log.jsonl"
    lines = log.read_text("utf-8").splitlines()
    log.write_text("\n".join([lines[0], "{", *lines[1:], '{"event": "st']), "utf-8")
    assert train.train(config) is not None
    assert f"{log}: cut 1 unreadable lines at its end" in caplog.messages
    named = f"{log}: not readable: line 2; left out; the run continues from its checkpoint"
    assert named in caplog.messages
    recent = record_of(config.out).recent
    assert [number for number, pair in enumerate(recent) if math.isnan(pair[0])] == [3]
    assert [line["step"] for line in steps_of(config.out)] == list(range(1, 13))
    assert steps_of(config.out)[3]["loss"] == "NaN"
    assert translate.load(config.out).record.step == 12
    assert (export(config.out, tmp_path / "model") / "README.md").is_file()
    [setting] = compare.read_runs([config.out])
    assert setting.runs[0].num_tokens == 12 * 4 * LENGTH
    plot_runs([config.out], tmp_path / "run.svg")
