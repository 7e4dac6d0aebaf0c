"""What a run reports: speed, waiting ranks, time left, and lines that replace each other."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sealtrain import progress
from sealtrain.parallel import World
from sealtrain.progress import Metrics, Progress


def test_speed_and_waits_of_three_ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two steps of 40 tokens in 4 seconds; this is rank 1, and the other rows come by the sum."""
    now = 100.0
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now)
    world = World(1, 3, torch.device("cpu"))
    others = torch.tensor([[0.5, 0.25], [0.0, 0.0], [0.125, 0.75]])  # shares of the time
    monkeypatch.setattr(world, "sum", lambda values: values + others)
    report = Progress(world, num_steps=10, every_steps=2)
    report.screen, report.log = io.StringIO(), tmp_path / "log.jsonl"
    report.utilisation = lambda speed: {"mfu": speed / 80}
    events: list[tuple[str, int, dict[str, Any]]] = []
    report.track = lambda *event: events.append(event)
    world.data_wait_seconds, world.rank_wait_seconds = 1.0, 2.0
    for step in (1, 2):
        now += 2
        report.step(Metrics(step, 1.5, 1e-3, 0.5, num_tokens=40, num_labels=30))
    assert report.screen.getvalue() == (
        "step 2/10  loss 1.500  lr 1.00e-03  20 tokens/s  MFU 25.0%  0:00:16 left\n"
    )
    lines = [json.loads(line) for line in report.log.read_text("utf-8").splitlines()]
    assert [(line["event"], line["step"]) for line in lines] == [
        ("step", 1), ("step", 2), ("speed", 2)
    ]  # fmt: skip
    assert lines[2] == {
        "event": "speed",
        "step": 2,
        "tokens_per_second": 20.0,
        "mfu": 0.25,
        "loader_wait": 0.5,  # rank 0
        "slowest_rank": 0,  # the others wait for it
        "rank_wait": 0.25,  # mean of 0.25, 0.5 and 0.75, less 0.25
    }
    assert [(name, step) for name, step, _ in events] == [("step", 1), ("step", 2), ("speed", 2)]
    assert (world.data_wait_seconds, world.rank_wait_seconds) == (0.0, 0.0)
    assert report.num_tokens == 0


def test_validation_counts_for_the_time_left_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now)
    report = Progress(World(0, 1, torch.device("cpu")), num_steps=10, every_steps=2)
    report.screen = io.StringIO()
    for step in (1, 2):
        now += 2
        if step == 1:
            with report.stopped_clock():
                now += 4
        report.step(Metrics(step, 1.5, 1e-3, 0.5, num_tokens=40, num_labels=30))
    assert "20 tokens/s  0:00:32 left" in report.screen.getvalue()
    assert report.seconds_stopped == 0.0


@pytest.mark.parametrize(
    ("is_terminal", "text"), [(True, "\r\x1b[Ka\r\x1b[Kb\n"), (False, "a\nb\n")]
)
def test_a_line_is_replaced_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, text: str
) -> None:
    report = Progress(World(0, 1, torch.device("cpu")), 1, 1)
    report.screen = io.StringIO()
    monkeypatch.setattr(report.screen, "isatty", lambda: is_terminal)
    report.say("a", over=True)
    report.say("b")
    assert report.screen.getvalue() == text
