"""The catalogue of pretrained models: use, licence and address of each."""

import difflib
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from sealdata.errors import ConfigError
from sealdata.fetch.files import Download


class ModelCard(BaseModel):
    """One model of ``catalogue.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # What recipes and ``sealdata models fetch`` call it.
    name: str
    # For people.
    title: str
    use: Literal["language ID", "similarity"]
    licence: str
    licence_url: str
    # A restriction that the name of the licence does not show.
    licence_note: str = ""
    accept: bool = False  # the licence forbids a common use, so that the user must accept it
    # Where the publisher describes the model.
    homepage: str
    labels: str = ""  # the form of the labels of a language-ID model
    languages: tuple[str, ...] = ()  # FLORES-200 codes that an encoder is for
    bundled: str = ""  # package/path of the file, if an installed package contains it
    stand_in: str = ""  # a bundled, less accurate model that can replace this one
    about: str = ""  # approximate size, if the exact size is not published
    files: dict[str, Download]  # by role: model; or checkpoint, spm, vocabulary

    @property
    def terms(self) -> str:
        """The licence in one line: name, note, address."""
        note = f", {self.licence_note}" if self.licence_note else ""
        return f"{self.licence}{note} ({self.licence_url})"


@cache
def catalogue() -> dict[str, ModelCard]:
    """All models by name, in the order of the file."""
    table = tomllib.loads(
        files("sealdata.fetch.models").joinpath("catalogue.toml").read_text("utf-8")
    )
    cards: dict[str, ModelCard] = {}
    for row in table["model"]:
        for card in _cards(row):
            # An error in the package's own file, which no user can mend.
            assert card.name not in cards, f"two models are named {card.name}"
            cards[card.name] = card
    return cards


def model_card(name: str) -> ModelCard:
    """The model called ``name``.

    Raises:
        ConfigError: there is no such model; the message names the nearest.
    """
    cards = catalogue()
    if name not in cards:
        # Lower than difflib's 0.6, because names are short and one wrong letter weighs much.
        nearest = difflib.get_close_matches(name, cards, n=3, cutoff=0.4)
        hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
        raise ConfigError(f"no model named {name!r}{hint}. `sealdata models list` shows all")
    return cards[name]


def _cards(row: dict[str, Any]) -> Iterator[ModelCard]:
    """The models of a table: a single one, or one for each of its languages."""
    if "each" not in row:
        yield ModelCard.model_validate(row)
        return
    # Encoders of LASER3 differ only in the language in their names and addresses.
    for lang in row["each"]:
        fields = {key: _filled(value, lang) for key, value in row.items() if key != "each"}
        yield ModelCard.model_validate({**fields, "languages": (lang,)})


def _filled(value: Any, lang: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, lang) for key, inner in value.items()}
    return value.replace("{lang}", lang) if isinstance(value, str) else value
