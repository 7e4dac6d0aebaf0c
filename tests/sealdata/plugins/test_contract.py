"""The contract finds what is wrong: one broken component for each check."""

from typing import ClassVar

import polars as pl
import pytest

from sealdata.cleaners import Cleaner
from sealdata.filter_stages import RuleStage
from sealdata.plugins.check import checks_of
from sealdata.plugins.contract import run_checks, stated_range
from sealdata.readers import Batch, Reader, Source
from sealdata.scorers import Scorer

CHARS = pl.col("src").str.len_chars()


class Good(Scorer):
    """Characters of the English side."""

    columns: ClassVar[dict[str, str]] = {"x": "characters of the English side, 0 or more"}

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """UInt32."""
        return pairs.select(x=CHARS)


class NoDocs(Good):
    __doc__ = None


class Lax(Good):
    """Takes any option."""

    model_config: ClassVar = {"extra": "ignore"}


class Clock(Good):
    """Another fingerprint each time."""

    def fingerprint(self) -> dict[str, object]:
        """Wrong."""
        return super().fingerprint() | {"id": id(self)}


class BadColumn(Good):
    """A column with capitals."""

    columns: ClassVar[dict[str, str]] = {"X": "characters of the English side, 0 or more"}


class Vague(Good):
    """A column without a meaning."""

    columns: ClassVar[dict[str, str]] = {"x": "a number"}


class NoStage(Good):
    """A stage that does not exist."""

    stage: ClassVar[RuleStage] = "late"  # type: ignore[assignment]


class Short(Good):
    """Leaves rows out."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        return pairs.filter(CHARS > 0).select(x=CHARS)


class OtherTypes(Good):
    """A type that depends on the rows."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        return pl.DataFrame({"x": pairs["src"].str.len_chars().to_list()})


class Infinite(Good):
    """Divides by zero."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        return pairs.select(x=1.0 / CHARS)


class OutOfRange(Good):
    """More than it says."""

    columns: ClassVar[dict[str, str]] = {"x": "share of characters, 0 to 1"}


class Ranked(Good):
    """A score that depends on other pairs."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        return pairs.select(x=CHARS - CHARS.min())


class Ordered(Good):
    """A score that depends on the order."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        return pairs.select(x=pl.int_range(pl.len(), dtype=pl.UInt32))


class Counting(Good):
    """A score that depends on earlier calls."""

    calls: ClassVar[list[int]] = []

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        self.calls.append(1)
        return pairs.select(x=CHARS + len(self.calls))


class Raises(Good):
    """Does not run."""

    def score(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Wrong."""
        raise TypeError("no\n such thing")


class Growing(Cleaner):
    """Changes a text that it has cleaned."""

    def clean(self, text: pl.Series) -> pl.Series:
        """Wrong."""
        return text.fill_null("") + "x"


class Nulls(Cleaner):
    """Keeps nulls."""

    def clean(self, text: pl.Series) -> pl.Series:
        """Wrong."""
        return text


class Unique(Cleaner):
    """Drops texts."""

    def clean(self, text: pl.Series) -> pl.Series:
        """Wrong."""
        return text.fill_null("").filter(text != "")


class Skips(Reader):
    """Numbers records wrongly, and reads a missing file."""

    def batches(self, source: Source, batch_rows: int) -> list[Batch]:  # type: ignore[override]
        """Wrong."""
        return []


@pytest.mark.parametrize(
    ("cls", "check", "problem"),
    [
        (Good, "", ""),
        (NoDocs, "has a docstring", "the class has no docstring"),
        (Lax, "refuses unknown options", "an unknown option is taken without an error"),
        (Clock, "has one fingerprint", "equal options have two fingerprints"),
        (BadColumn, "says when it runs", "column 'X': small letters and _ only"),
        (Vague, "says when it runs", "column 'x': say unit, range and direction"),
        (NoStage, "says when it runs", "stage 'late' is none of rules, lid, similarity"),
        (Short, "has one row per pair", "rows for 63 pairs"),
        (OtherTypes, "same types (empty)", "types depend on the rows"),
        (Infinite, "same types (odd)", "x is NaN or infinite"),
        (OutOfRange, "stays in the ranges", "x is 12.0, and its meaning says 'share of"),
        (Ranked, "scores a pair by itself", "depends on other pairs"),
        (Ordered, "scores a pair by itself", "the scores depend on the order of the pairs"),
        (Counting, "keeps no state", "the second call returns other scores"),
        (Raises, "has one row per pair", "raises TypeError: no such thing"),
        (Growing, "changes nothing when it runs again", "'Hello there.x' becomes 'Hello there.xx'"),
        (Nulls, "none is null (null)", "a text became null"),
        (Unique, "returns one text for each", "texts for 21"),
        (Skips, "names a file that is missing", "a missing file is read as an empty one"),
    ],
)
def test_what_is_wrong_is_found(cls: type, check: str, problem: str) -> None:
    problems = [result for result in run_checks(checks_of(cls, {})) if result.problem]
    if not problem:
        assert problems == []
        return
    assert [r for r in problems if check in r.name and problem in r.problem], problems


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        ("share of it, 0 to 1", (0, 1)),
        ("characters, 0 or more", (0, float("inf"))),
        ("a cosine, -1 to 1; higher is better", (-1, 1)),
        ("1 if it has one, else 0", None),
        ("0 to 1, or 5 to 6", None),
    ],
)
def test_stated_ranges(meaning: str, expected: tuple[float, float] | None) -> None:
    assert stated_range(meaning) == expected
