"""The catalogue of components: built in and from outside, with their options and columns."""

import difflib
import re
from typing import NamedTuple

from sealdata.component import (
    KINDS,
    PLUGIN_KINDS,
    Component,
    Plugins,
    available,
    component_class,
)
from sealdata.errors import ConfigError
from sealdata.plugins.metric import Metric
from sealdata.plugins.option_facts import default_of, docstring, field_comments, limits, type_name
from sealdata.scorers import Scorer

# How a recipe asks for a component of each kind.
RECIPE_LINES = {
    "readers": '[[source]] reader = "{}"',
    "cleaners": "[clean.{}]",
    "scorers": "[score.{}]",
    "tokenizers": '[tokenizer] kind = "{}"',
    "metrics": "[metric.{}]",
}
_HIDDEN = {"path", "languages"}  # fields that the program fills in, not the recipe


class Option(NamedTuple):
    """One option of a component."""

    name: str
    type: str  # in words: "list of text"
    default: str  # as TOML has it, or "required"
    range: str  # "> 0", or empty
    meaning: str


class Entry(NamedTuple):
    """One component."""

    kind: str
    name: str
    summary: str  # the first sentence of its documentation
    documentation: str  # Markdown
    recipe: str  # how a recipe asks for it
    origin: str  # "built in", or where a plugin comes from
    options: list[Option]
    columns: dict[str, str]  # of a scorer or metric: column or figure -> what it is
    stage: str  # filter stage of a scorer, else empty


def catalogue(plugins: Plugins) -> list[Entry]:
    """All components, by kind and name."""
    return [
        entry(kind, name, component_class(kind, name, plugins))
        for kind in (*KINDS, *PLUGIN_KINDS)
        for name in sorted({*available(kind), *plugins.get(kind, {})})
    ]


def entries_named(name: str, plugins: Plugins) -> list[Entry]:
    """The components of any kind with this name.

    Raises:
        ConfigError: there is none; the message names the nearest of any kind.
    """
    names = {kind: {*available(kind), *plugins.get(kind, {})} for kind in (*KINDS, *PLUGIN_KINDS)}
    kinds = [kind for kind in (*KINDS, *PLUGIN_KINDS) if name in names[kind]]
    if not kinds:
        all_names = sorted(set().union(*names.values()))
        nearest = difflib.get_close_matches(name, all_names, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(all_names)}"
        raise ConfigError(f"no component named {name!r}; {hint}")
    return [entry(kind, name, component_class(kind, name, plugins)) for kind in kinds]


def entry(kind: str, name: str, cls: type[Component]) -> Entry:
    """What a component says of itself."""
    said = field_comments(cls)
    documentation = docstring(cls)
    # A summary ends with its paragraph, and its sentence ends before a capital letter.
    paragraph = " ".join(documentation.split("\n\n")[0].split())
    scorer = cls if issubclass(cls, Scorer) else None
    columns = {**scorer.columns, **scorer.corpus_columns} if scorer else {}
    if issubclass(cls, Metric):
        columns = dict(cls.figures)
    return Entry(
        kind=kind.removesuffix("s"),
        name=name,
        summary=paragraph.split(". ")[0].rstrip("."),
        documentation=documentation,
        recipe=RECIPE_LINES[kind].format(name),
        origin=" ".join((cls.origin.name, cls.origin.version)) if cls.origin else "built in",
        options=[
            Option(
                name=option,
                type=re.sub(r"\bstr\b", "text", type_name(info.annotation)),
                default=default_of(info).strip("`"),
                range=limits(info),
                meaning=" ".join(said[option].split()),
            )
            for option, info in cls.model_fields.items()
            if option not in _HIDDEN
        ],
        columns=columns,
        stage=scorer.stage if scorer else "",
    )
