"""Cards of upstream corpora: what they state, and which licence results from several."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

import sealdata
from sealdata.component import explain
from sealdata.errors import ConfigError, DataError
from sealdata.fetch.files import Download
from sealdata.languages import resolve

_FRONT_MATTER = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)
OWN_TERMS = "other"  # the Hub's word for terms that no identifier names

# What a licence asks for; the identifiers are those of the Hugging Face Hub.
Demand = Literal["attribution", "share-alike", "non-commercial", "no-derivatives"]
LICENCES: dict[str, frozenset[Demand]] = {
    "cc0-1.0": frozenset(),
    "pddl": frozenset(),
    "odc-by": frozenset({"attribution"}),
    "cc-by-3.0": frozenset({"attribution"}),
    "cc-by-4.0": frozenset({"attribution"}),
    "cc-by-sa-3.0": frozenset({"attribution", "share-alike"}),
    "cc-by-sa-4.0": frozenset({"attribution", "share-alike"}),
    "odbl": frozenset({"attribution", "share-alike"}),
    "cc-by-nc-4.0": frozenset({"attribution", "non-commercial"}),
    "cc-by-nc-sa-4.0": frozenset({"attribution", "share-alike", "non-commercial"}),
    "cc-by-nd-4.0": frozenset({"attribution", "no-derivatives"}),
    "cc-by-nc-nd-4.0": frozenset({"attribution", "non-commercial", "no-derivatives"}),
    OWN_TERMS: frozenset(),  # what they ask for, the card's note says
}


class SourceCard(BaseModel):
    """The front matter of ``data_cards/NAME.md``; the text below it is for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    licence: str  # a key of LICENCES
    licence_note: str = ""  # where parts of a corpus differ
    licence_url: str = ""
    citation: str = ""  # BibTeX
    urls: dict[str, str] = {}  # what it is (homepage, download, paper) -> address
    languages: list[str]  # FLORES-200 codes, English included
    counts: dict[str, int] = {}  # sentence pairs with English by language, as published
    unique_counts: dict[str, int] = {}  # the same without duplicates
    parts: dict[str, int] = {}  # records by file, subcorpus or split, where there are such
    downloads: dict[str, Download] = {}  # by language pair (eng_Latn-jav_Latn), or by what it is
    origin: str  # how the sentences and their alignment came to be, in a sentence or two
    producers: str  # who wrote and translated the text
    defects: list[str] = []  # known ones
    personal_data: str

    @field_validator("licence")
    @classmethod
    def _known_licence(cls, licence: str) -> str:
        if licence not in LICENCES:
            raise ValueError(f"unknown licence {licence!r}; known: {', '.join(LICENCES)}")
        return licence

    @field_validator("counts", "unique_counts")
    @classmethod
    def _known_counts(cls, counts: dict[str, int]) -> dict[str, int]:
        return {resolve(code).code: count for code, count in counts.items()}

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, codes: list[str]) -> list[str]:
        return [resolve(code).code for code in codes]


BUILT_HERE = ("sealdata-sample",)  # cards of datasets, not of upstream corpora


def card_names() -> list[str]:
    """Names of the cards of upstream corpora that come with the package, sorted."""
    names = (entry.name for entry in _folder().iterdir())
    stems = {name.removesuffix(".md") for name in names if name.endswith(".md")}
    return sorted(stems - set(BUILT_HERE))


def read_card(name: str) -> SourceCard:
    """The card of an upstream corpus by its name (the stem of its file).

    Raises:
        ConfigError: there is no such card.
        DataError: its front matter is missing or wrong.
    """
    entry = _folder() / f"{name}.md"
    if not entry.is_file() or name in BUILT_HERE:
        raise ConfigError(f"no data card named {name!r}; known: {', '.join(card_names())}")
    return parse_card(entry.read_text("utf-8"), f"data_cards/{name}.md")


def parse_card(text: str, where: str) -> SourceCard:
    """The front matter of a card's text; ``where`` names it in errors.

    Raises:
        DataError: it is missing, no valid YAML, or a key or value is wrong.
    """
    front, _ = split_front_matter(text, where)
    try:
        return SourceCard.model_validate(front)
    except ValidationError as error:
        raise DataError(f"{where}: {explain(error, SourceCard)}") from None
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from None


def split_front_matter(text: str, where: str) -> tuple[dict[str, Any], str]:
    """The YAML between the ``---`` lines at the head of a Markdown text, and the rest.

    Raises:
        DataError: there is none, or it is no YAML mapping.
    """
    match = _FRONT_MATTER.match(text)
    if not match:
        raise DataError(f"{where} does not begin with YAML front matter between '---' lines")
    try:
        front = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise DataError(f"{where}: front matter is no valid YAML: {line}") from None
    if not isinstance(front, dict):
        raise DataError(f"{where}: front matter is no mapping")
    return front, match[2]


def strictest(licences: dict[str, str | None]) -> tuple[str, str]:
    """The licence a work made of sources under ``licences`` (source -> identifier) can have.

    Returns a Hub identifier and the reason in a sentence. ``other`` where no single licence meets
    all demands, ``unknown`` where a source states none.
    """
    silent = sorted(source for source, licence in licences.items() if licence is None)
    if silent:
        return "unknown", f"No licence is stated for {', '.join(silent)}."
    stated = sorted({licence for licence in licences.values() if licence is not None})
    if OWN_TERMS in stated:
        own = sorted(source for source, licence in licences.items() if licence == OWN_TERMS)
        return OWN_TERMS, f"{', '.join(own)} has terms that no identifier names; see its card."
    demands = frozenset[Demand]().union(*(LICENCES[licence] for licence in stated))
    if "no-derivatives" in demands:
        return "other", (
            "A source forbids adapted works; whether a selection is one is for a person to judge."
        )
    meeting = [licence for licence in stated if LICENCES[licence] == demands]
    if not meeting:
        return "other", (
            f"The sources' licences ({', '.join(stated)}) demand {', '.join(sorted(demands))} "
            "together, which none of them grants alone."
        )
    sharing = [licence for licence in stated if "share-alike" in LICENCES[licence]]
    if len(sharing) > 1:
        return "other", f"{' and '.join(sharing)} each want the whole under their own terms."
    if len(stated) == 1:
        return stated[0], f"All sources are under {stated[0]}."
    return meeting[-1], f"The strictest of the sources' licences ({', '.join(stated)})."


def _folder() -> Traversable:
    """The installed cards, or those of the repository the package is run from."""
    try:
        return files("sealcards")
    except ModuleNotFoundError:
        return Path(sealdata.__file__).parent.parent / "data_cards"
