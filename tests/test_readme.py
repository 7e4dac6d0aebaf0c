"""What the README says works: its recipe builds, its commands exist."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from sealcli import sealdata, sealtrain
from sealdata.files.places import sample_dir

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


def test_the_recipe_for_real_nllb_builds(tmp_path):
    """With the bundled files under the names that the README gives to the fetched ones."""
    recipe = next(block for block in blocks("toml") if block.startswith("# nllb-id.toml"))
    (tmp_path / "nllb-id.toml").write_text(recipe, encoding="utf-8")
    (tmp_path / "data" / "nllb-opus").mkdir(parents=True)
    corpus = sample_dir() / "corpus"
    shutil.copy(corpus / "en-id.txt.zip", tmp_path / "data" / "nllb-opus")
    shutil.copy(corpus / "replay-english.jsonl.gz", tmp_path / "data" / "replay.jsonl.gz")
    shutil.copytree(sample_dir() / "tokenizers" / "bpe", tmp_path / "models" / "olmo2")
    for split in ("dev", "devtest"):
        flores = tmp_path / "data" / "flores-200" / "flores200_dataset" / split
        shutil.copytree(sample_dir() / "eval", flores)
    arguments = ["build", str(tmp_path / "nllb-id.toml"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(sealdata.main, [*arguments, "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "Indonesian" in done.stdout


@pytest.mark.parametrize("program", [sealdata, sealtrain])
def test_every_command_of_the_readme_exists(program):
    name = program.main.name
    used = set(re.findall(rf"^(?:\$ )?{name} ([a-z]+)", README, flags=re.MULTILINE))
    assert used
    assert used <= set(program.main.commands)


@pytest.mark.parametrize("program", [sealdata, sealtrain])
def test_every_command_shows_an_example(program):
    for name in program.main.commands:
        shown = CliRunner().invoke(program.main, [name, "--help"])
        assert shown.exit_code == 0
        assert "Example" in shown.output, name
