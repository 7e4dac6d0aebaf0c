"""The page on `import sealdata`, and the notebook made of the how-to page on it."""

import inspect
import json
import re
from typing import Any

from code_facts import docstring, page

import sealdata


def python_page() -> str:
    """Every public name with its signature and docstring; of classes also the methods."""
    sections = []
    for name in sealdata.__all__:
        thing = getattr(sealdata, name)
        said = _described(name, thing) if inspect.isfunction(thing) or name == "Build" else ""
        if name == "Recipe":  # each of its tables has a section on a page of its own
            said = "All tables and keys: [Recipe](recipe.md)."
        sections.append(f"## {name}\n\n{said or docstring(thing)}")
        if name == "Build":
            sections += [
                f"### Build.{key}\n\n{_described(f'Build.{key}', member)}"
                for key, member in vars(thing).items()
                if not key.startswith("_")
            ]
    return page("Python", docstring(sealdata), *sections)


def _described(name: str, thing: Any) -> str:
    return f"```python\n{_signature(name, thing)}\n```\n\n{_sections(docstring(thing))}"


def _signature(name: str, thing: Any) -> str:
    if not callable(thing):  # a property
        return name
    signature = inspect.signature(thing)
    if name.count("."):
        parameters = list(signature.parameters.values())[1:]
        signature = signature.replace(parameters=parameters)
    text = f"{name}{signature}".replace("pathlib.Path", "Path").replace("typing.", "")
    return re.sub(r"(polars|sealdata)\.[\w.]+\.(\w+)", r"\2", text).replace("'", '"')


def _sections(text: str) -> str:
    """Markdown of a docstring: the entries of `Args:` and `Raises:` become lists."""
    lines = []
    for line in text.splitlines():
        if re.fullmatch(r"(Args|Raises)[\w ()]*:", line):
            lines.append(f"**{line.removesuffix(':')}**\n")
        elif match := re.match(r" {4}(\w+): (.*)", line):
            lines.append(f"- `{match[1]}`: {match[2]}")
        elif line.startswith(" " * 8):
            lines.append("  " + line.strip())
        else:
            lines.append(line.removeprefix(" " * 4))
    return "\n".join(lines)


def notebook(text: str) -> str:
    """A Jupyter notebook with the prose and the Python blocks of a Markdown page as its cells."""
    cells = []
    for number, part in enumerate(re.split(r"```python\n(.*?)```\n?", text, flags=re.DOTALL)):
        source = part.strip()
        if source:
            cell: dict[str, Any] = {"cell_type": "code" if number % 2 else "markdown"}
            cell |= {"id": f"cell-{number}", "metadata": {}, "source": source.splitlines(True)}
            cells.append(cell | ({"execution_count": None, "outputs": []} if number % 2 else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    facts = {"kernelspec": kernel, "language_info": {"name": "python"}}
    written = {"cells": cells, "metadata": facts, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"
