"""Benchmarks by lm-eval: how it is called, what is printed, and errors."""

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
    """The calls of lm-eval, which is replaced: the tests do not depend on it."""
    made: list[Any] = []

    def simple_evaluate(model: str, args: dict[str, str], tasks: list[str], **options: Any) -> Any:
        made.append((model, args["pretrained"], tasks, options))
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
    """A folder that looks exported: `bench` reads nothing else of it here."""
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_the_default_tasks_are_those_of_the_region(calls: list[Any], model: Path) -> None:
    result = CliRunner().invoke(main, ["bench", str(model), "--limit", "5", "--json"])
    assert result.exit_code == 0, result.output
    assert '"acc,none": 0.5' in result.stdout
    [(kind, pretrained, tasks, options)] = calls
    assert (kind, pretrained) == ("hf", str(model))
    assert tasks == REGION.split()
    assert options == {"num_fewshot": None, "limit": 5}
    assert {"xcopa_th", "xnli_vi", "belebele_khm_Khmr", "hellaswag"} <= set(tasks)


def test_scores_are_printed_as_a_table(calls: list[Any], model: Path) -> None:
    result = CliRunner().invoke(main, ["bench", str(model), "--tasks", "xcopa_th"])
    assert result.stdout.splitlines() == [
        "task      metric   score  standard error",
        "--------  ------  ------  --------------",
        "xcopa_th     acc  0.5000          0.0250",
    ]


def test_lm_eval_has_the_default_tasks() -> None:
    """Runs only where lm-eval is installed."""
    tasks = pytest.importorskip("lm_eval.tasks")
    assert set(REGION.split()) <= set(tasks.TaskManager().all_tasks)


@pytest.mark.parametrize(
    ("tasks", "exit_code", "message"),
    [
        ("xcopa_th,xcopa_tl", 2, "lm-eval has no task 'xcopa_tl'; `lm-eval ls tasks` lists them"),
        ("xnli_th", 1, "the data of a benchmark cannot be read: Couldn't reach 'xnli' on the Hub"),
    ],
)
def test_errors_are_one_line(
    calls: list[Any], model: Path, tasks: str, exit_code: int, message: str
) -> None:
    result = CliRunner().invoke(main, ["bench", str(model), "--tasks", tasks])
    assert result.exit_code == exit_code
    assert result.stderr.strip() == f"sealtrain: {message}"


def test_without_lm_eval(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    result = CliRunner().invoke(main, ["bench", str(model)])
    assert result.exit_code == 2
    expected = 'sealtrain: benchmarks need lm-eval: pip install "sealdata[lm-eval]"'
    assert result.stderr.strip() == expected
