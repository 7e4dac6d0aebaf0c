"""The data cards of upstream corpora, and the licence that follows from several of them."""

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
from sealdata.fetch.licences import OWN_TERMS
from sealdata.languages import resolve

_FRONT_MATTER = re.compile(r"---\n(.*?)\n---\n(.*)", re.DOTALL)

# What a licence demands; the identifiers are those of the Hugging Face Hub.
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
    OWN_TERMS: frozenset(),  # the note of the card has the demands
}


class CorpusCard(BaseModel):
    """The front matter of ``data_cards/NAME.md``; the text below it is for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    licence: str  # a key of LICENCES
    licence_note: str = ""  # on parts of the corpus with other terms
    licence_url: str = ""
    citation: str = ""  # BibTeX
    urls: dict[str, str] = {}  # kind of page (homepage, download, paper) -> address
    languages: list[str]  # FLORES-200 codes, English included
    counts: dict[str, int] = {}  # sentence pairs with English by language, as published
    unique_counts: dict[str, int] = {}  # the same without duplicates
    parts: dict[str, int] = {}  # records by file, subcorpus or split, if there are several
    downloads: dict[str, Download] = {}  # by language pair (eng_Latn-jav_Latn) or by content
    origin: str  # how the sentences were collected and aligned, in a sentence or two
    producers: str  # who wrote and translated the text
    defects: list[str] = []  # known defects
    personal_data: str

    @property
    def page(self) -> str:
        """The address of its homepage, else of any page; empty if the card has none."""
        return self.urls.get("homepage") or next(iter(self.urls.values()), "")

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


def corpus_card_names() -> list[str]:
    """Names of the cards of upstream corpora that come with the package, sorted."""
    names = (entry.name for entry in _folder().iterdir())
    stems = {name.removesuffix(".md") for name in names if name.endswith(".md")}
    return sorted(stems - set(BUILT_HERE))


def read_corpus_card(name: str) -> CorpusCard:
    """The card of an upstream corpus by its name (the stem of its file).

    Raises:
        ConfigError: there is no such card.
        DataError: its front matter is missing or wrong.
    """
    entry = _folder() / f"{name}.md"
    if not entry.is_file() or name in BUILT_HERE:
        raise ConfigError(f"no data card named {name!r}; known: {', '.join(corpus_card_names())}")
    return parse_corpus_card(entry.read_text("utf-8"), f"data_cards/{name}.md")


def parse_corpus_card(text: str, where: str) -> CorpusCard:
    """The front matter of a card's text; ``where`` names it in errors.

    Raises:
        DataError: it is missing or not valid YAML, or a key or value is wrong.
    """
    front, _ = split_front_matter(text, where)
    try:
        return CorpusCard.model_validate(front)
    except ValidationError as error:
        raise DataError(f"{where}: {explain(error, CorpusCard)}") from None
    except ConfigError as error:
        raise DataError(f"{where}: {error}") from None


def split_front_matter(text: str, where: str) -> tuple[dict[str, Any], str]:
    """The YAML between the ``---`` lines at the head of a Markdown text, and the rest.

    Raises:
        DataError: it is missing or not a YAML mapping.
    """
    match = _FRONT_MATTER.match(text)
    if not match:
        raise DataError(f"{where} does not begin with YAML front matter between '---' lines")
    try:
        front = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise DataError(f"{where}: front matter is not valid YAML: {line}") from None
    if not isinstance(front, dict):
        raise DataError(f"{where}: front matter is not a mapping")
    return front, match[2]


def strictest(licences: dict[str, str | None]) -> tuple[str, str]:
    """The licence that a work made of several sources can have, and the reason in a sentence.

    ``licences`` maps sources to identifiers of the Hub; None if a source states no licence. The
    result is such an identifier too. It is ``other`` if no single licence meets all demands, and
    ``unknown`` if a source states none.
    """
    silent = sorted(source for source, licence in licences.items() if licence is None)
    if silent:
        return "unknown", f"No licence is stated for {', '.join(silent)}."
    stated = sorted({licence for licence in licences.values() if licence is not None})
    if OWN_TERMS in stated:
        sources = sorted(source for source, licence in licences.items() if licence == OWN_TERMS)
        return OWN_TERMS, f"{', '.join(sources)} has terms of its own; see its card."
    demands = frozenset[Demand]().union(*(LICENCES[licence] for licence in stated))
    if "no-derivatives" in demands:
        return "other", (
            "A source forbids adapted works; a person must decide whether a selection is one."
        )
    meeting = [licence for licence in stated if LICENCES[licence] == demands]
    if not meeting:
        return "other", (
            f"The sources' licences ({', '.join(stated)}) demand {', '.join(sorted(demands))} "
            "together; none of them meets all these demands."
        )
    sharing = [licence for licence in stated if "share-alike" in LICENCES[licence]]
    if len(sharing) > 1:
        return "other", f"{' and '.join(sharing)} each demand their own terms for the whole."
    if len(stated) == 1:
        return stated[0], f"All sources are under {stated[0]}."
    return meeting[-1], f"The strictest of the sources' licences ({', '.join(stated)})."


def _folder() -> Traversable:
    """The installed cards, or those of the repository that the package runs from."""
    try:
        return files("sealcards")
    except ModuleNotFoundError:
        return Path(sealdata.__file__).parent.parent / "data_cards"
