"""Templates of Markdown: the card and the summary of training content."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sealdata.report.dataset_card_merge import to_write
from sealdata.report.markup import bounds, hundredths


def render(template: str, values: dict[str, Any]) -> str:
    """The text of a template of this package; ``values`` are its variables."""
    return _environment().get_template(template).render(values)


@cache  # a template is compiled once per process
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sealdata.report"),
        autoescape=False,  # Markdown, which has no text of a corpus
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(cell=cell, hundredths=hundredths)
    environment.globals.update(to_write=to_write, bounds=bounds)
    return environment


def cell(text: str) -> str:
    """Foreign text, escaped for a table cell or a paragraph of Markdown."""
    flat = " ".join(text.split())
    for char in "\\`*_<>[]|":
        flat = flat.replace(char, f"\\{char}")
    return flat
