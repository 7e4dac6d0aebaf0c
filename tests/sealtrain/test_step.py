"""One step: its update, its learning rate, what is skipped, and other ways to compute it."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_shards import TEMPLATE, make_config

from sealtrain import parallel
from sealtrain.errors import DataError
from sealtrain.optim import learning_rate
from sealtrain.step import NotFiniteError, setup, spike_limits, train_step


def test_an_update_uses_the_scheduled_rate_and_clipped_gradients(
    shards: Path, tmp_path: Path
) -> None:
    """After one step the first moments are 0.1 times the gradients, whose norm is the limit."""
    run = setup(make_config(shards, tmp_path, optim={"clip_norm": 0.25}), parallel.start())
    metrics = train_step(run)
    assert metrics.grad_norm > 0.25  # before clipping
    moments = [run.optimizer.state[p]["exp_avg"] for p in run.model.parameters()]
    norm = torch.cat([moment.flatten() for moment in moments]).norm().item()
    assert norm == pytest.approx(0.1 * 0.25, rel=1e-4)
    assert metrics.lr == learning_rate(run.config.optim, 0, 12) == 5e-3
    assert [group["lr"] for group in run.optimizer.param_groups] == [5e-3, 5e-3]


def test_the_prompt_template_is_that_of_the_first_stream(shards: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(shards, tmp_path / "shards"))
    for name in ("eng_Latn-tha_Thai", "tha_Thai-eng_Latn"):
        path = copy / f"train/parallel/{name}/manifest.json"
        manifest = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**manifest, "templates": ["{first} {second}"]}), "utf-8")
    record = setup(make_config(copy, tmp_path / "run"), parallel.start()).record
    assert record.template == TEMPLATE
    names = {"eng_Latn": "English", "tha_Thai": "Thai", "ind_Latn": "Indonesian"}
    assert record.language_names == names


def test_spike_limits() -> None:
    """Mean and deviation of 64 alternating values are exact; values that are not finite are out."""
    calm = [(2.0, 1.0), (4.0, 3.0)] * 32
    assert spike_limits(calm, 6.0) == (3.0 + 6.0, 2.0 + 6.0)
    assert spike_limits([*calm, (float("nan"), 1.0)], 6.0) == (9.0, 8.0)
    assert spike_limits(calm[:63], 6.0) == (sys.float_info.max, sys.float_info.max)


def test_a_spike_updates_nothing_and_counts_as_a_step(shards: Path, tmp_path: Path) -> None:
    section = {"spike_sigmas": 6.0, "max_skipped_steps": 1}
    run = setup(make_config(shards, tmp_path / "run", train=section), parallel.start())
    run.record.recent = [(0.1, 0.1), (0.3, 0.3)] * 32
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    metrics = train_step(run)
    assert "a spike: above 0.8 or 0.8" in metrics.skipped
    batch = range(run.config.train.batch_sequences)
    read = [stream.sequence(number) for stream, number in map(run.order.locate, batch)]
    named = re.findall(r"(\S+\.npy):(\d+)", metrics.skipped)
    assert len(named) == len(read) > 1
    for ids, (file, token) in zip(read, named, strict=True):
        assert np.array_equal(np.fromfile(file, "<u2")[int(token) :][: len(ids)], ids)
    assert run.record.step == 1
    assert run.record.recent[-1] == (metrics.loss, metrics.grad_norm)
    for name, parameter in run.model.named_parameters():
        assert torch.equal(parameter.detach(), before[name])
    with pytest.raises(NotFiniteError, match=r"step 2: loss .*a spike"):
        train_step(run)
    run.record.recent = []
    assert train_step(run).skipped == ""


def test_a_step_that_is_not_finite_updates_nothing(shards: Path, tmp_path: Path) -> None:
    run = setup(make_config(shards, tmp_path / "run"), parallel.start())
    train_step(run)
    head = run.model.lm_head.weight
    with torch.no_grad():
        head[3, 0] = float("inf")
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    with pytest.raises(DataError, match=r"step 2: loss nan.*eng_Latn-ind_Latn/part-00000\.npy:\d"):
        train_step(run)
    for name, parameter in run.model.named_parameters():
        assert torch.equal(parameter.detach(), before[name])


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [({"activation_checkpointing": True}, 1e-6), ({"precision": "bfloat16"}, 2e-2)],
)
def test_recomputed_activations_and_bfloat16_change_only_rounding(
    shards: Path, tmp_path: Path, changes: dict[str, object], tolerance: float
) -> None:
    plain = setup(make_config(shards, tmp_path / "a"), parallel.start())
    other = setup(make_config(shards, tmp_path / "b", train=changes), parallel.start())
    for _ in range(3):
        expected, actual = train_step(plain), train_step(other)
        assert actual.loss == pytest.approx(expected.loss, rel=tolerance)
        assert actual.grad_norm == pytest.approx(expected.grad_norm, rel=10 * tolerance)
    assert {p.dtype for p in other.model.parameters()} == {torch.float32}
