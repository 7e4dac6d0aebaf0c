"""The tutorial runs as it is written, and prints what it shows."""

import re

import pytest
from click.testing import CliRunner

from sealcli import sealdata, sealtrain
from tests.docs.style import ROOT

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
PROGRAMS = {"sealdata": sealdata.main, "sealtrain": sealtrain.main}


def expected_lines(block: str, program: str) -> list[str]:
    """What a block shows; of training only the words, as losses differ between processors."""
    lines = [line.strip() for line in block.splitlines()[1:] if line.strip() not in ("", "…")]
    return [words(line) for line in lines] if program == "sealtrain" else lines


def words(text: str) -> str:
    return " ".join(re.sub(r"[-\d.,%]+", " ", text).split())


@pytest.mark.slow
def test_the_tutorial_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in re.findall(r"```toml\n(# (\S+)\n.*?)```", PAGE, flags=re.DOTALL):
        (tmp_path / text).write_text(name, "utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"tutorial.toml", "tutorial-run.toml"}
    blocks = re.findall(r"```console\n(\$ .*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        program, *arguments = block.splitlines()[0].removeprefix("$ ").split()
        done = CliRunner().invoke(PROGRAMS[program], arguments)
        assert done.exit_code == 0, done.output
        shown = words(done.stdout) if program == "sealtrain" else done.stdout
        for line in expected_lines(block, program):
            assert line in shown, (arguments, line)
