"""Numbers that are not finite, in records and logs, and lines of a log that are not readable."""

import json
import math
from pathlib import Path

import polars as pl
import pytest

from sealtrain import run_log
from sealtrain.checkpoint import Record
from sealtrain.compare import read_steps
from sealtrain.config import Optim
from sealtrain.plot import smooth
from sealtrain.records import to_json
from sealtrain.validate import TextLoss

STEP = {"loss": 2.5, "lr": 0.1, "grad_norm": 1.0, "num_tokens": 128}


@pytest.mark.parametrize(
    ("written", "value"),
    [('"NaN"', math.nan), ('"Infinity"', math.inf), ('"-Infinity"', -math.inf), ("2.5", 2.5)],
)
def test_every_number_survives_a_record(written: str, value: float) -> None:
    loss = TextLoss(num_labels=3, loss=value, bits_per_byte=1.0)
    text = loss.model_dump_json()
    assert f'"loss":{written},' in text
    assert repr(TextLoss.model_validate_json(text)) == repr(loss)
    assert to_json({"a": [value]}) == f'{{"a": [{written}]}}'


def test_null_of_an_earlier_version_is_nan() -> None:
    text = '{"num_labels": 3, "loss": null, "bits_per_byte": 1.0}'
    assert math.isnan(TextLoss.model_validate_json(text).loss)
    recent = Record.model_construct(recent=[(math.nan, 1.0)]).model_dump_json(include={"recent"})
    assert recent == '{"recent":[["NaN",1.0]]}'


def test_an_infinite_limit_of_a_config_survives_its_record() -> None:
    optim = Optim(lr=1e-3, warmup_steps=0, decay_steps=0, clip_norm=math.inf)
    assert Optim.model_validate_json(optim.model_dump_json()) == optim


def test_a_log_is_valid_json_and_has_the_same_numbers_again(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    run_log.append(path, "step", 1, STEP | {"loss": math.nan, "grad_norm": math.inf})
    run_log.append(path, "validation", 1, {"replay/english": -math.inf})

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    lines = path.read_text("utf-8").splitlines()
    assert json.loads(lines[0], parse_constant=refuse)["loss"] == "NaN"
    first, second = run_log.read(path).events
    assert math.isnan(first["loss"])
    assert first["grad_norm"] == math.inf
    assert second["replay/english"] == -math.inf
    path.write_text(json.dumps({"event": "step", "step": 1, **STEP, "loss": math.nan}) + "\n")
    assert math.isnan(run_log.read(path).events[0]["loss"])  # NaN without quotes: an older log


def line(step: int) -> bytes:
    return json.dumps({"event": "step", "step": step, **STEP}).encode() + b"\n"


@pytest.mark.parametrize(
    ("text", "steps", "damaged", "tail"),
    [
        (line(1) + line(2), [1, 2], [], []),
        (line(1) + line(2)[:20], [1], [], [2]),
        (line(1) + line(2)[:-1], [1], [], [2]),  # JSON by chance: the line end is missing
        (line(1) + b"\0\0\0\n" + b"\xff\n", [1], [], [2, 3]),
        (line(1) + b"{\n" + line(3) + b'[1]\n{"step": 1}\n' + line(4) + b"x", [1, 3, 4], [2, 4, 5],
         [7]),
        (b"", [], [], []),
    ],
)  # fmt: skip
def test_lines_that_are_not_readable_are_named(
    tmp_path: Path, text: bytes, steps: list[int], damaged: list[int], tail: list[int]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(text)
    log = run_log.read(path)
    assert [event["step"] for event in log.events] == steps
    assert (log.damaged, log.tail) == (damaged, tail)


def test_a_damaged_line_does_not_stop_a_reader(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "log.jsonl").write_bytes(line(1) + b"{\n" + line(3) + b"{")
    assert [step["step"] for step in read_steps(tmp_path)] == [1, 3]
    assert caplog.messages == [f"{tmp_path / 'log.jsonl'}: not readable: line 2; left out"]


def test_a_smoothed_curve_leaves_out_what_is_not_finite() -> None:
    smoothed = smooth(pl.Series([1.0, math.inf, math.nan, 1.0]))
    assert smoothed[0] == smoothed[3] == 1.0
