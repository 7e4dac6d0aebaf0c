"""Answers to queries: figures over all matching pairs, and one page of them, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import polars as pl

from sealdata.browse.request import MAX_RANKED, PAGE_ROWS, Query
from sealdata.browse.rows import (
    AT,
    Outcomes,
    RowFile,
    distance,
    filters,
    in_range,
    may_match,
)
from sealdata.browse.search import Search
from sealdata.errors import ConfigError
from sealdata.labels.browse_labels import Labels

_FILES = 32  # scanned together; more would hold more hits of a search at once


@dataclass(frozen=True)
class Pairs:
    """All pairs of a build, as the page sees them."""

    files: list[RowFile]
    labels: Labels
    bars: dict[str, list[float]]  # edges of the histogram of each numeric score
    search: Search = field(default_factory=Search)

    def figures(self, query: Query, outcomes: Outcomes) -> dict[str, Any]:
        """Counts of the query without its outcome, and the histogram without its score's range.

        ``counts`` is by outcome. ``unseen`` counts added pairs that a later filter stage had not
        scored. ``bars`` has [kept, dropped, kept after] by bar, with an open one at either end;
        ``missing`` the same for pairs without the score.
        """
        edges = self.bars.get(query.score, [])
        counts = dict.fromkeys(("all", "kept", "dropped", "added", "removed"), 0)
        unseen = 0
        bars = [[0, 0, 0] for _ in range(len(edges) + 1)]
        missing = [0, 0, 0]
        for row in self._groups(query, outcomes, edges):
            number, was, then = row["len"], row["kept"], row["after"]
            if row["inside"]:
                counts["all"] += number
                counts["kept" if was else "dropped"] += number
                counts["added"] += number if then and not was else 0
                counts["removed"] += number if was and not then else 0
                unseen += number if then and not was and row["unseen"] else 0
            bar = missing if row["bar"] is None else bars[row["bar"]]
            for column, counted in enumerate((was, not was, then)):
                bar[column] += number if counted else 0
        return {"counts": counts, "unseen": unseen, "bars": bars, "missing": missing}

    def _groups(
        self, query: Query, outcomes: Outcomes, edges: Sequence[float]
    ) -> Iterator[dict[str, Any]]:
        """Numbers of rows by bar, outcome before and after, and whether they are in the range."""
        names = ["bar", "kept", "after", "unseen", "inside"]
        inside = in_range(query, query.score)
        for batch in self._batches(query):
            frames = [
                self._matching(file, query, but=query.score).select(
                    AT,  # a column: a selection of literals has one row
                    bar=_bar(file, query.score, edges),
                    kept=pl.lit(file.kept),
                    after=outcomes.kept_after(file),
                    unseen=outcomes.unseen(file) if outcomes.moved else pl.lit(False),
                    inside=inside,
                )
                for file in batch
            ]
            grouped = pl.concat(frames).group_by(names).len()
            yield from grouped.collect(engine="streaming").iter_rows(named=True)

    def by_language(self, outcomes: Outcomes) -> dict[str, tuple[int, int]]:
        """Language -> pairs of the whole build that moved limits add, and that they remove."""
        changes: dict[str, tuple[int, int]] = {}
        for lang in dict.fromkeys(file.lang for file in self.files):
            counts = self.figures(Query(lang=lang), outcomes)["counts"]
            if counts["added"] or counts["removed"]:
                changes[lang] = counts["added"], counts["removed"]
        return changes

    def page(self, query: Query, outcomes: Outcomes) -> list[tuple[RowFile, pl.DataFrame]]:
        """The rows of the query's page, in order, each with its file; the last page has fewer.

        Raises:
            ConfigError: the order needs a score, or the page is too far down a sorted result.
        """
        start = query.page * PAGE_ROWS
        if query.sort == "build":
            indices = self._in_build_order(query, outcomes, start)
        else:
            indices = self._ranked(query, outcomes, start)
        runs = list(_runs(indices))
        scans = [self.files[number].scan().slice(index, rows) for number, index, rows in runs]
        frames = pl.collect_all(scans) if scans else []
        return [
            (self.files[number], row)
            for (number, _, _), frame in zip(runs, frames, strict=True)
            for row in frame.iter_slices(1)
        ]

    def _in_build_order(
        self, query: Query, outcomes: Outcomes, start: int
    ) -> list[tuple[int, int]]:
        """Numbers of files and rows. Files behind the page are not read."""
        indices: list[tuple[int, int]] = []
        passed = 0
        for number, file in enumerate(self.files):
            if not may_match(file, query) or not _may_have(file, query):
                continue
            needed = start + PAGE_ROWS - passed
            lazy = self._chosen(file, query, outcomes).select(AT).head(needed)
            matches = lazy.collect(engine="streaming")[AT].sort().to_list()
            indices += [(number, index) for index in islice(matches, max(0, start - passed), None)]
            passed += len(matches)
            if passed >= start + PAGE_ROWS:
                break
        return indices[:PAGE_ROWS]

    def _ranked(self, query: Query, outcomes: Outcomes, start: int) -> list[tuple[int, int]]:
        """The same by a score or by the distance from its limit; pairs without it come last."""
        if query.score not in self.bars:
            raise ConfigError("choose a score to sort by")
        limited = [distance(file, outcomes.after, query.score) for file in self.files]
        if query.sort == "distance" and all(key is None for key in limited):
            raise ConfigError(f"no limit on {query.score} to be near to; choose another order")
        stop = start + PAGE_ROWS
        if stop > MAX_RANKED:
            raise ConfigError(
                f"only the first {MAX_RANKED:,} pairs of a sorted result can be shown; filter more"
            )
        number_of = {file: number for number, file in enumerate(self.files)}
        order = ["key", "file", AT]
        best: list[pl.DataFrame] = []
        for batch in self._batches(query, with_outcome=True):
            frames = [
                self._chosen(file, query, outcomes).select(
                    AT, key=_key(file, query, outcomes), file=pl.lit(number_of[file], pl.UInt32)
                )
                for file in batch
            ]
            ranked = pl.concat(frames).sort(order, nulls_last=True).head(stop)
            best.append(ranked.collect(engine="streaming"))
            best = [pl.concat(best).sort(order, nulls_last=True).head(stop)]
        if not best:
            return []
        return list(best[0].select("file", AT).slice(start, PAGE_ROWS).iter_rows())

    def _batches(self, query: Query, with_outcome: bool = False) -> Iterator[list[RowFile]]:
        files = (
            file
            for file in self.files
            if may_match(file, query) and (not with_outcome or _may_have(file, query))
        )
        while batch := list(islice(files, _FILES)):
            yield batch

    def _matching(self, file: RowFile, query: Query, but: str = "") -> pl.LazyFrame:
        """The rows that fulfil everything but the outcome."""
        lazy = file.scan()
        hits = self.search.hits(file, query)
        if hits is not None and not hits.all():
            lazy = lazy.filter(pl.col(AT).is_in(hits.arg_true().implode()))
        conditions = filters(file, query, self.labels, but)
        return lazy.filter(*conditions) if conditions else lazy

    def _chosen(self, file: RowFile, query: Query, outcomes: Outcomes) -> pl.LazyFrame:
        lazy = self._matching(file, query)
        if query.outcome == "added":
            return lazy.filter(outcomes.kept_after(file))
        return lazy.filter(~outcomes.kept_after(file)) if query.outcome == "removed" else lazy


def _runs(indices: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Neighbouring rows of a file as one: the file, the first row, and how many there are."""
    start = 0
    for end in range(1, len(indices) + 1):
        number, index = indices[start]
        if end == len(indices) or indices[end] != (number, index + end - start):
            yield number, index, end - start
            start = end


def _may_have(file: RowFile, query: Query) -> bool:
    """Whether the file can have rows of the query's outcome."""
    kept = {"kept": True, "removed": True, "dropped": False, "added": False}
    return kept.get(query.outcome, file.kept) == file.kept


def _bar(file: RowFile, score: str, edges: Sequence[float]) -> pl.Expr:
    """The bar that a row's score lies in, 0 below all edges; null without the score."""
    dtype = file.schema.get(score)
    if dtype is None or not edges:
        return pl.lit(None, pl.Int16)
    value = pl.col(score)
    # Edges in the precision of the column, as rules compare: 0.7 as float32 is not below 0.7.
    marks = pl.Series(edges, dtype=pl.Float64).cast(dtype if dtype.is_float() else pl.Float64)
    if not dtype.is_float():
        value = value.cast(pl.Float64)
    bar = pl.lit(marks).search_sorted(value.fill_nan(None), side="right").cast(pl.Int16)
    return pl.when(value.is_null() | value.is_nan()).then(None).otherwise(bar)


def _key(file: RowFile, query: Query, outcomes: Outcomes) -> pl.Expr:
    """What the query sorts by, ascending."""
    if query.sort == "distance":
        key = distance(file, outcomes.after, query.score)
    elif query.score in file.schema:
        key = pl.col(query.score).cast(pl.Float64)
        key = -key if query.sort == "high" else key
    else:
        key = None
    return pl.lit(None, pl.Float64) if key is None else key.fill_nan(None)
