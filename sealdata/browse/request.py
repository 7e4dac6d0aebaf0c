"""What the page asks for: filters, moved limits and order, checked before anything is read."""

import unicodedata
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sealdata.errors import ConfigError
from sealdata.labels.browse_labels import FILTERS, LABELS
from sealdata.text.regex import fault

MAX_TEXT = 1_000  # characters of a search
PAGE_ROWS = 50
MAX_RANKED = 20_000  # rows of a sorted result that can be paged through; they are kept in memory

Side = Literal["both", "src", "tgt"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MovedLimit(_Table):
    """New bounds of one rule; a side that is not named stays, and None takes its limit away."""

    rule: int = Field(ge=-1)  # index into the recipe's rules; -1: a new rule
    score: str  # the score column
    lang: str = ""  # FLORES-200 code; empty: the rule's own limits
    min: float | None = None
    max: float | None = None


class Query(_Table):
    """Which pairs, by which limits, in which order."""

    text: str = Field("", max_length=MAX_TEXT)  # empty: all pairs
    regex: bool = False  # `text` is a regular expression
    side: Side = "both"  # where to search
    lang: str = ""  # FLORES-200 code
    source: str = ""
    reason: str = ""  # one of all reasons of the pair
    label: str = ""  # of LABELS or FILTERS
    ranges: dict[str, tuple[float | None, float | None]] = {}  # score -> from, to below
    score: str = ""  # of the histogram and of the order
    limits: tuple[MovedLimit, ...] = ()
    outcome: Literal["all", "kept", "dropped", "added", "removed"] = "all"
    sort: Literal["build", "distance", "low", "high"] = "build"
    page: int = Field(0, ge=0, le=10_000_000)

    def pattern(self) -> str:
        """The search as a regular expression without regard to case; empty if there is none.

        Literal text is found in composed and decomposed form: corpora have both.

        Raises:
            ConfigError: not a regular expression of Rust's ``regex``.
        """
        if not self.text:
            return ""
        if not self.regex:
            forms = dict.fromkeys(unicodedata.normalize(form, self.text) for form in ("NFC", "NFD"))
            return f"(?i){'|'.join(pl.escape_regex(form) for form in forms)}"
        pattern = f"(?i){self.text}"
        if reason := fault(pattern):
            raise ConfigError(f"not a regular expression: {reason}")
        return pattern


def parse_query(text: str) -> Query:
    """The query of a request.

    Raises:
        ConfigError: it is not one.
    """
    try:
        query = Query.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the query"
        raise ConfigError(f"{where}: {first['msg']}") from None
    if query.label not in ("", *FILTERS, *LABELS):
        raise ConfigError(f"no label {query.label!r}; known: {', '.join(LABELS)}")
    return query
