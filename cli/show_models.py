"""Prints the catalogue of models, one model, and the terms of a licence."""

import json

from sealdata.errors import DataError
from sealdata.fetch.models.catalogue import ModelCard
from sealdata.fetch.models.store import find, models_folder, present

from .tables import table
from .terminal import echo


def show_models(cards: dict[str, ModelCard]) -> None:
    """A row per model, and the folder."""
    rows = [
        [name, card.use, card.title, card.licence, _size(card), "yes" if present(card) else ""]
        for name, card in cards.items()
    ]
    head = ["name", "use", "model", "licence", "size", "here"]
    echo(table(head, rows, text=["use", "model", "licence", "here"]))
    echo(f"folder: {models_folder()}", err=True)


def show_model(card: ModelCard) -> None:
    """All facts of the catalogue about a model, one a line."""
    echo(f"{card.title} ({card.name})\n")
    facts = {
        "use": card.use,
        "licence": card.terms,
        "labels": card.labels,
        "languages": " ".join(card.languages),
        "size": _size(card),
        "homepage": card.homepage,
    }
    for what, text in facts.items():
        if text:
            echo(f"{what:<11}{text}")
    for item in card.files.values():
        echo(f"{'fetch':<11}{item.url}")
    for path in _paths(card):
        echo(f"{'here':<11}{path}")


def show_terms(card: ModelCard) -> None:
    """The licence, before a model is fetched."""
    if not present(card):
        echo(f"{card.name}: {card.title}. Licence: {card.terms}", err=True)


def models_as_json(cards: dict[str, ModelCard]) -> str:
    """The cards with the paths of the files that are on this machine."""
    facts = {
        name: card.model_dump(mode="json") | {"here": _paths(card)} for name, card in cards.items()
    }
    return json.dumps(facts, ensure_ascii=False, indent=1)


def _paths(card: ModelCard) -> list[str]:
    try:
        return [str(path) for path in find(card.name).values()]
    except DataError:
        return []


def _size(card: ModelCard) -> str:
    """The published size in megabytes, or an approximate one."""
    sizes = [item.size for item in card.files.values()]
    if None in sizes:
        return f"about {card.about}" if card.about else "–"
    return f"{sum(filter(None, sizes)) / 1e6:,.1f} MB"
