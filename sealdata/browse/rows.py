"""The files of a build's pairs, and what filters and rules mean in each, as expressions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from sealdata.browse.request import Query
from sealdata.files.parquet import scan, schema_of
from sealdata.filter_stages import RULE_STAGES
from sealdata.labels.browse_labels import Labels
from sealdata.report.bound_rules import non_rule_expr, num_scored_expr
from sealdata.report.ledger import dropped_files, kept_files
from sealdata.stages.rules import Bounds, Rule

AT = "_at"  # index of a row in its file


@dataclass(frozen=True)
class RowFile:
    """One parquet file of kept or dropped pairs of one language."""

    path: Path
    lang: str  # the side that is not English
    kept: bool

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """Its columns."""
        return schema_of(self.path)

    def scan(self) -> pl.LazyFrame:
        """Its rows, with their index."""
        return scan(self.path).with_row_index(AT)


def row_files(out: Path, languages: Sequence[str]) -> list[RowFile]:
    """All files of a build: by language, kept pairs before dropped ones."""
    return [
        RowFile(path, lang, kept)
        for lang in languages
        for paths, kept in ((kept_files(out, lang), True), (dropped_files(out, lang), False))
        for path in paths
    ]


def may_match(file: RowFile, query: Query) -> bool:
    """Whether the file can have rows of the query at all."""
    if query.lang and file.lang != query.lang:
        return False
    if query.reason and file.kept:
        return False
    return all(_is_number(file, score) for score in query.ranges)


def filters(file: RowFile, query: Query, labels: Labels, but: str = "") -> list[pl.Expr]:
    """What rows of the query fulfil, without search and outcome; the range of ``but`` is left out.

    A range goes from its first value to below its second one, as the bars of a histogram do.
    """
    conditions = []
    if query.source:
        conditions.append(pl.col("source") == query.source)
    if query.reason:
        conditions.append(pl.col("reasons").list.contains(query.reason))
    if query.label:
        rows = labels.rows(query.label)
        by_source = [(pl.col("source") == name) & pl.col("row").is_in(rows[name]) for name in rows]
        conditions.append(pl.any_horizontal(by_source) if by_source else pl.lit(False))
    return conditions + [in_range(query, score) for score in query.ranges if score != but]


def in_range(query: Query, score: str) -> pl.Expr:
    """Whether a row lies in the query's range of a score; true without a range."""
    low, high = query.ranges.get(score, (None, None))
    if low is None and high is None:
        return pl.lit(True)
    inside = pl.lit(True) if low is None else pl.col(score) >= low
    return (inside if high is None else inside & (pl.col(score) < high)).fill_null(False)


@dataclass(frozen=True)
class Outcomes:
    """The rules of the recipe, and those of the moved limits, as expressions.

    Building the expressions of all rules takes milliseconds: files that are alike share them.
    """

    before: list[Rule]  # in the order of the filter stages
    after: list[Rule]
    _known: dict[tuple[Any, ...], pl.Expr] = field(default_factory=dict)

    @property
    def moved(self) -> bool:
        """Whether a limit differs at all."""
        return self.before != self.after

    def kept_after(self, file: RowFile) -> pl.Expr:
        """Whether a row would be kept by the moved limits, as far as its stored scores say.

        Nothing but a rule is undone: a duplicate stays dropped, and so does a pair beyond a cap.
        """
        key = (file.lang, file.kept, *file.schema)
        if key not in self._known:
            self._known[key] = self._kept_after(file)
        return self._known[key]

    def _kept_after(self, file: RowFile) -> pl.Expr:
        old = [rule.params(file.lang) for rule in self.before]
        new = [rule.params(file.lang) for rule in self.after]
        if old == new:
            return pl.lit(file.kept)
        # A kept pair has passed all rules that are as they were.
        rules = [rule for rule in self.after if not file.kept or rule.params(file.lang) not in old]
        failed = pl.lit(False)
        for number, stage in enumerate(RULE_STAGES):
            tests = [fails_in(file, rule) for rule in rules if rule.stage == stage]
            fails = [test for test in tests if test is not None]
            if fails:
                # A score that was not computed, because the pair had been dropped before, fails
                # no rule. Looking up the stage of a row takes longer than all rules.
                reached = pl.lit(True) if file.kept else num_scored_expr() > number
                failed = failed | (pl.any_horizontal(fails) & reached)
        return ~failed if file.kept else ~failed & ~non_rule_expr(self.before)

    def unseen(self, file: RowFile) -> pl.Expr:
        """Whether a row was dropped before a stage with rules had scored it."""
        stages = [
            RULE_STAGES.index(rule.stage)
            for rule in self.after
            if rule.sources or rule.bounds_in(file.lang) is not None
        ]
        return pl.lit(False) if file.kept else num_scored_expr() <= max(stages, default=0)


def fails_in(file: RowFile, rule: Rule) -> pl.Expr | None:
    """Whether a row fails the rule; None if it is off there, or if the file lacks the score."""
    if rule.score not in file.schema:
        return None
    return rule.fails(file.lang, file.schema[rule.score])


def distance(file: RowFile, rules: Sequence[Rule], score: str) -> pl.Expr | None:
    """How far a row's score is from the nearest limit on it; None without a limit."""
    on_score = [rule for rule in rules if rule.score == score]
    bounds = [b for rule in on_score for b in (rule.bounds_in(file.lang), *rule.sources.values())]
    if not any(map(_limits, bounds)) or not _is_number(file, score):
        return None
    value = pl.col(score).cast(pl.Float64)

    def nearest(bounds: Bounds | None) -> pl.Expr:
        distances = [(value - limit).abs() for limit in _limits(bounds)]
        return pl.min_horizontal(distances) if distances else pl.lit(None, pl.Float64)

    return pl.min_horizontal(rule.by_source(file.lang, nearest) for rule in on_score)


def _limits(bounds: Bounds | None) -> list[float]:
    return [limit for limit in bounds or () if limit is not None and abs(limit) != float("inf")]


def _is_number(file: RowFile, score: str) -> bool:
    return score in file.schema and file.schema[score].is_numeric()
