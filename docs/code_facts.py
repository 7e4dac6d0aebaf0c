"""What code says of itself, as Markdown tables and pages."""

import re
from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from sealdata.plugins.option_facts import (
    default_of,
    docstring,
    field_comments,
    limits,
    models_of,
    type_name,
)

NOTE = "<!-- Written by `python docs/generate.py`; edit the code it reads, not this page. -->\n"


# --- Markdown ---


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty without rows."""
    body = [" | ".join(_cell(cell) for cell in row) for row in rows]
    rule = " | ".join("---" for _ in head)
    return "\n".join(f"| {line} |" for line in [" | ".join(head), rule, *body]) if body else ""


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def page(title: str, *blocks: str) -> str:
    """A page: a title and blocks, those that are empty left out."""
    return (
        "\n\n".join([f"# {title}", NOTE.strip(), *(b.strip() for b in blocks if b.strip())]) + "\n"
    )


def fields(cls: type[BaseModel], skipped: Iterable[str] = ()) -> str:
    """The table of a model's fields."""
    said = field_comments(cls)
    return table(
        ["key", "type", "default", "range", "meaning"],
        [
            [f"`{name}`", type_name(info.annotation), default_of(info), limits(info), said[name]]
            for name, info in cls.model_fields.items()
            if name not in skipped
        ],
    )


def facts(cls: type[BaseModel], heading: str) -> str:
    """A section on one model of a JSON file."""
    said = field_comments(cls)
    rows = [
        [f"`{name}`", type_name(info.annotation), said[name]]
        for name, info in cls.model_fields.items()
    ]
    return "\n\n".join([heading, docstring(cls), table(["field", "type", "meaning"], rows)])


def models_in(cls: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all that its fields hold, in the order of the fields."""
    models: dict[type[BaseModel], None] = {cls: None}
    for info in cls.model_fields.values():
        for inner in models_of(info.annotation):
            models |= dict.fromkeys(models_in(inner))
    return list(models)
