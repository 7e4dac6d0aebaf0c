"""The examples of "Extend without a fork" run: patterns, a program, and a plugin file."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sealcli import sealdata
from sealdata.notebook.scoring import evaluate
from sealdata.pipeline.plan import Plan
from sealdata.recipe.tables import Recipe
from tests.docs.style import ROOT

PAGE = (ROOT / "docs/how-to/extend-without-a-fork.md").read_text("utf-8")
TOML = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ROWS = [
    ("• Good morning.", "Selamat pagi."),
    ("Please Accept all cookies.", "Terima semua kuki."),
    ("Oh heck, it rains.", "Oh, hujan."),
    ("Is it so?", "Begitu."),
    ("Wait... HTTP://x.org", "Tunggu... HTTP://x.org"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page shows, with all its tables in one recipe."""
    folder = tmp_path_factory.mktemp("extend")
    program, plugin, metrics = PYTHON
    (folder / "profanity.py").write_text(program, "utf-8")
    (folder / "my_scorers.py").write_text(plugin, "utf-8")
    (folder / "my_metrics.py").write_text(metrics, "utf-8")
    return folder


def merged(folder: Path) -> Recipe:
    table: dict[str, Any] = {
        "name": "page",
        "source": [{"name": "s", "reader": "tsv", "path": "s", "src_lang": "en", "tgt_lang": "id"}],
        "tokenizer": {"path": "sample:tokenizers/bpe"},
        "rule": [],
    }
    for block in TOML:
        for key, value in block.items():
            if key == "rule":
                table["rule"] += value
            elif key == "plugins":
                table.setdefault(key, {"paths": []})["paths"] += value["paths"]
            else:
                table.setdefault(key, {}).update(value)
    return Recipe.model_validate(table)


def test_the_tables_do_what_the_page_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars as pl

    monkeypatch.chdir(folder)
    data = pl.DataFrame(ROWS, schema=["src", "tgt"], orient="row")
    outcome = evaluate(data, merged(folder), tgt_lang="ind_Latn")
    assert outcome["reason"].to_list() == [None, "boilerplate", "profanity", "question", None]
    assert outcome["cleaned_src"].to_list()[0] == "Good morning."
    assert outcome["cleaned_tgt"].to_list()[4] == "Tunggu… http://x.org"


def test_the_metric_of_the_page_computes(folder: Path) -> None:
    plan = Plan(merged(folder), folder)
    reasons = [
        {"reason": "a", "first": 3},
        {"reason": "b", "first": 2},
        {"reason": "a", "first": 1},
    ]
    facts = {"reasons": reasons, "metrics": {"records": 8}}
    assert plan.metrics["largest_loss"].values(facts) == {"share": 0.5}


@pytest.mark.parametrize("name", ["my_scorers.py", "my_metrics.py"])
def test_the_plugins_of_the_page_pass_the_check(name: str, folder: Path) -> None:
    done = CliRunner().invoke(sealdata.main, ["components", "check", str(folder / name)])
    assert done.exit_code == 0, done.output
    assert "FAIL" not in done.output
    assert re.search(rf"{name}: all \d+ checks hold", done.output)
