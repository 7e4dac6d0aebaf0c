"""Every command line in the documentation is one that the programs accept."""

import re
import shlex

import click
import pytest

from sealcli import sealdata, sealtrain
from tests.docs.style import ROOT

PROGRAMS = {"sealdata": sealdata.main, "sealtrain": sealtrain.main}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def command_lines(text: str) -> list[list[str]]:
    """Words of the commands of our programs in blocks of code, from the program's name on."""
    start = re.compile(r"(?:^|\$ +|\| |--no-python )((?:sealdata|sealtrain) .*)")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    code = [re.sub(r"\\\n\s*", " ", block) for kind, block in blocks if kind in ("", "console")]
    commands = [start.search(line) for block in code for line in block.splitlines()]
    bare = [re.sub(r"\s+[<>|#] .*|\s+# .*", "", match[1]) for match in commands if match]
    return [shlex.split(command) for command in bare]


def unknown_parts(words: list[str]) -> list[str]:
    """Subcommands and options of a command line that do not exist."""
    command: click.Command = PROGRAMS[words[0]]
    rest = words[1:]
    while isinstance(command, click.Group) and rest:
        name = rest.pop(0)
        if name.startswith("["):  # a line of usage
            return []
        # Not `commands`: the words after `sealdata components` are names of components.
        subcommand = command.get_command(click.Context(command), name)
        if subcommand is None:
            return [name]
        command = subcommand
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    return [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_exist(page):
    lines = command_lines(page.read_text("utf-8"))
    assert not [(words, unknown_parts(words)) for words in lines if unknown_parts(words)]


def test_commands_are_found():
    text = (
        "```\ncat x | sealdata score --no < y > z  # a\nt --no-python sealtrain run b --gpus 1\n```"
    )
    assert command_lines(text) == [
        ["sealdata", "score", "--no"],
        ["sealtrain", "run", "b", "--gpus", "1"],
    ]
    assert unknown_parts(["sealdata", "score", "--no"]) == ["--no"]
    assert unknown_parts(["sealdata", "nothing"]) == ["nothing"]
    assert not unknown_parts(["sealdata", "models", "fetch", "a", "--accept-license"])
    lines = [words for page in PAGES for words in command_lines(page.read_text("utf-8"))]
    assert len(lines) > 50
