"""The reference says what the code is: complete, described, and as committed."""

import importlib
import re
import sys

import pytest

from sealcli import sealdata, sealtrain
from sealdata.component import KINDS, available, component_class
from sealdata.recipe.tables import Recipe
from sealtrain.config import Config
from tests.docs.style import ROOT

sys.path.insert(0, str(ROOT / "docs"))  # where `python docs/generate.py` finds its modules
generate = importlib.import_module("generate")
code_facts = importlib.import_module("code_facts")
PAGES = generate.pages()
DESCRIBED = [name for name in PAGES if name != "audit-json.md"]


def test_committed_pages_are_those_of_the_code():
    folder = ROOT / "docs" / "reference"
    assert {path.name for path in folder.iterdir()} == set(PAGES)
    stale = [name for name in PAGES if (folder / name).read_text("utf-8") != PAGES[name]]
    assert not stale, "run: python docs/generate.py"


@pytest.mark.parametrize("kind", KINDS)
def test_every_component_and_score_is_there(kind):
    for name in available(kind):
        assert f"\n## {name}\n" in PAGES[f"{kind}.md"]
        if kind == "scorers":
            cls = component_class(kind, name)
            for column in {**cls.columns, **cls.corpus_columns}:
                assert f"| `{name}.{column}` |" in PAGES["scorers.md"]


def options(command, path):
    """All names of options below a command, with the command's name."""
    for inner in getattr(command, "commands", {}).values():
        yield from options(inner, f"{path} {inner.name}")
    for parameter in command.params:
        is_option = parameter.opts[0].startswith("-")
        yield path, parameter.opts[0] if is_option else parameter.human_readable_name


@pytest.mark.parametrize("program", [sealdata.main, sealtrain.main])
def test_every_command_and_option_is_there(program):
    sections = PAGES[f"{program.name}.md"].split("\n## ")
    by_name = {section.partition("\n")[0]: section for section in sections}
    for path, option in options(program, program.name):
        assert option.lower() in by_name[path].lower(), (path, option)


@pytest.mark.parametrize(("page", "model"), [("recipe.md", Recipe), ("training-config.md", Config)])
def test_every_key_is_there(page, model):
    for part in code_facts.models_in(model):
        rows = code_facts.fields(part)
        assert rows in PAGES[page]
        assert all(f"| `{key}` |" in rows for key in part.model_fields)


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_row_has_a_meaning(name):
    rows = re.findall(r"^\| `([^`]*)` \|.*\| *\|$", PAGES[name], flags=re.MULTILINE)
    assert not rows, "put a comment beside the field, or a help text"
