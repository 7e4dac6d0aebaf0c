"""The order of the marks on a letter, for scripts in which Unicode normalisation leaves it open."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl


def span(*codes: int | tuple[int, int]) -> str:
    """The characters with these code points and ranges of code points, ends included."""
    pairs = (code if isinstance(code, tuple) else (code, code) for code in codes)
    return "".join(chr(code) for first, last in pairs for code in range(first, last + 1))


@dataclass(frozen=True)
class MarkOrder:
    """The order in which the marks that follow a letter are stored.

    A unit is one mark, or what ``pairs`` matches: a sign and the letter that it puts below. A mark
    that stands twice in one place was typed twice and is seen once: it is stored once.
    """

    ranks: tuple[str, ...]  # the marks that come first, second, …; "": a rank that only pairs have
    pairs: str = ""  # regular expression of the units that are more than a mark
    rank_of: Callable[[int, str], float | None] = field(default=lambda position, unit: None)
    # (position in the run, unit) -> its rank, where the first character does not tell it

    @property
    def disorder(self) -> str:
        """A regular expression of polars that occurs in every text in which single marks are in the
        wrong order or repeated. Pairs are for the caller to add."""
        wrong = (
            f"[{''.join(self.ranks[rank + 1 :])}][{marks}]"
            for rank, marks in enumerate(self.ranks[:-1])
            if marks
        )
        return "|".join((*wrong, *(mark * 2 for mark in "".join(self.ranks))))

    def sorted(self, text: str) -> str:
        """``text`` with every run of marks in order, in Unicode NFC."""
        return unicodedata.normalize("NFC", self._run.sub(lambda run: self._order(run[0]), text))

    @cached_property
    def _unit(self) -> re.Pattern[str]:
        single = f"[{''.join(self.ranks)}]"
        return re.compile(f"(?:{self.pairs}|{single})" if self.pairs else single)

    @cached_property
    def _run(self) -> re.Pattern[str]:
        return re.compile(f"(?:{self._unit.pattern}){{2,}}")

    @cached_property
    def _places(self) -> dict[str, int]:
        return {mark: rank for rank, marks in enumerate(self.ranks) for mark in marks}

    def _order(self, run: str) -> str:
        units = list(enumerate(self._unit.findall(run)))
        return "".join(_once(unit for _, unit in sorted(units, key=self._rank)))

    def _rank(self, item: tuple[int, str]) -> float:
        rank = self.rank_of(*item)
        return self._places[item[1][0]] if rank is None else rank


def _once(units: Iterable[str]) -> Iterator[str]:
    """Without the marks that repeat the one before; a letter written below is not a mark."""
    last = ""
    for unit in units:
        if unit != last or len(unit) > 1:
            yield unit
        last = unit


def until_settled(step: Callable[[str], str], text: pl.Series) -> pl.Series:
    """Every text after as many ``step``s as change it."""

    def settle(settled: str) -> str:
        while (after := step(settled)) != settled:
            settled = after
        return settled

    return pl.Series(text.name, map(settle, text.to_list()), dtype=pl.String)
