"""`sealdata components`: the list, one component in full, and checks of plugin files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sealcli import sealdata
from sealdata.component import KINDS, available

PLUGIN = Path(__file__).parent / "sealdata" / "plugins" / "my_parts.py"
BROKEN = """
from typing import ClassVar
from sealdata.scorers import Scorer
class Half(Scorer):
    '''Leaves pairs out.'''
    columns: ClassVar[dict[str, str]] = {"x": "a number of something, 0 or more"}
    need: int
    def score(self, pairs):
        return pairs.head(1).select(x=1)
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(sealdata.main, ["components", *map(str, arguments)])


def test_all_are_listed_with_their_options() -> None:
    rows = json.loads(run("--json").stdout)
    listed = {(row["kind"], row["name"]) for row in rows}
    assert listed == {(kind[:-1], name) for kind in KINDS for name in available(kind)}
    by_name = {row["name"]: row for row in rows if row["kind"] == "reader"}
    assert by_name["tsv"]["options"] == [
        {
            "name": "layout",
            "type": "text",
            "default": '"nllb"',
            "range": "",
            "meaning": by_name["tsv"]["options"][0]["meaning"],
        }
    ]
    lines = run().stdout.splitlines()
    assert '    layout: text, default "nllb"' in lines
    assert "    pattern: text, required" in lines
    assert all(row["summary"] and row["documentation"] for row in rows)


def test_one_in_full() -> None:
    text = run("program").stdout
    assert "cleaner program, built in: [clean.program]" in text
    assert "scorer program, built in: [score.program]" in text
    assert "program.value  the number that the program prints" in text
    assert "timeout      float" in text
    assert json.loads(run("--json", "length").stdout)[0]["stage"] == "rules"
    assert json.loads(run("length", "--json").stdout)[0]["columns"]["src_chars"]


def test_a_plugin_is_listed_with_its_origin() -> None:
    text = run("vowel_count", "--plugin", PLUGIN).stdout
    assert text.startswith("scorer vowel_count, my_parts.py ")
    assert "weights  table" in text
    assert "of the sides" in text
    assert (
        "vowel_count   Vowels of the English side  (my_parts.py " in run("--plugin", PLUGIN).stdout
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ratoi"], 2, "no component named 'ratoi'; did you mean 'ratio'?"),
        (["check", "absent.py"], 2, "plugin absent.py cannot be read: No such file"),
        (["check", PLUGIN, "--options", "x = 1"], 2, "--options: x must be a table"),
        (["check", PLUGIN, "--options", "x"], 2, "--options is not TOML"),
    ],
)
def test_mistakes_are_one_line(arguments: list[object], code: int, message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_check_is_a_line_and_a_failure_exits_with_1(tmp_path: Path) -> None:
    done = run("check", PLUGIN)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("ok    ") == len(done.stdout.splitlines()) - 1
    assert "ok    scorer vowel_count  has a docstring" in done.stdout
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    failed = run("check", path, "--options", "half = { need = 1 }")
    assert failed.exit_code == 1
    assert "FAIL  scorer half  has one row per pair, and the same types (odd): 1 rows for 63" in (
        failed.stdout
    )
    assert failed.stderr.startswith(f"sealdata: {path}: ")
    rows = json.loads(run("check", path, "--json", "--options", "half = { need = 1 }").stdout)
    problems = {row["check"]: row["problem"] for row in rows}
    assert problems["has one row per pair, and the same types (odd)"] == "1 rows for 63 pairs"
    missing = run("check", path)
    assert missing.exit_code == 2
    assert "scorer 'half': 'need' is required; options are given by --options" in missing.stderr
    other = run("check", path, "--options", "halv = { need = 1 }")
    assert "--options: no component 'halv'; it has half" in other.stderr
