"""Benchmarks by lm-eval: what it is called with, and what is said when it cannot be."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from sealcli.bench import REGION
from sealcli.sealtrain import main


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """In place of lm-eval, which is no dependency of the tests: what it was asked for."""
    made: list[Any] = []

    def simple_evaluate(model: str, args: dict[str, str], tasks: list[str], **more: Any) -> Any:
        made.append((model, args["pretrained"], tasks, more))
        if tasks == ["xnli_th"]:
            raise ConnectionError("Couldn't reach 'xnli' on the Hub")
        return {
            "results": {tasks[0]: {"alias": "x", "acc,none": 0.5, "acc_stderr,none": 0.025}},
            "versions": {tasks[0]: 1},
            "more": object(),
        }

    names = [*REGION.split(), "mine"]
    harness, tasks = ModuleType("lm_eval"), ModuleType("lm_eval.tasks")
    harness.simple_evaluate = simple_evaluate  # type: ignore[attr-defined]
    tasks.TaskManager = lambda: SimpleNamespace(all_tasks=names)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lm_eval", harness)
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", tasks)
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """As far as it is looked at here: an exported folder."""
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_the_region_s_tasks_are_the_default(calls: list[Any], model: Path) -> None:
    result = CliRunner().invoke(main, ["bench", str(model), "--limit", "5", "--json"])
    assert result.exit_code == 0, result.output
    assert '"acc,none": 0.5' in result.stdout
    [(kind, pretrained, tasks, more)] = calls
    assert (kind, pretrained) == ("hf", str(model))
    assert tasks == REGION.split()
    assert more == {"num_fewshot": None, "limit": 5}
    assert {"xcopa_th", "xnli_vi", "belebele_khm_Khmr", "hellaswag"} <= set(tasks)


def test_scores_stand_in_a_table(calls: list[Any], model: Path) -> None:
    result = CliRunner().invoke(main, ["bench", str(model), "--tasks", "xcopa_th"])
    assert result.stdout.splitlines() == [
        "task      metric   score  standard error",
        "--------  ------  ------  --------------",
        "xcopa_th     acc  0.5000          0.0250",
    ]


def test_lm_eval_itself_knows_the_region_s_tasks() -> None:
    """Where it is installed."""
    tasks = pytest.importorskip("lm_eval.tasks")
    assert set(REGION.split()) <= set(tasks.TaskManager().all_tasks)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ("xcopa_th,xcopa_tl", "lm-eval has no task 'xcopa_tl'; `lm-eval ls tasks` lists them"),
        ("xnli_th", "the data of a benchmark cannot be read: Couldn't reach 'xnli' on the Hub"),
    ],
)
def test_one_line_says_what_is_wrong(
    calls: list[Any], model: Path, tasks: str, message: str
) -> None:
    result = CliRunner().invoke(main, ["bench", str(model), "--tasks", tasks])
    assert result.exit_code in (1, 2)
    assert result.stderr.strip() == f"sealtrain: {message}"


def test_without_lm_eval(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    result = CliRunner().invoke(main, ["bench", str(model)])
    assert result.exit_code in (1, 2)
    expected = 'sealtrain: benchmarks need lm-eval: pip install "sealdata[lm-eval]"'
    assert result.stderr.strip() == expected
