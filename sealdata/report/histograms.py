"""Histograms of each score and language; all languages share edges, and counts are exact there."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sealdata.build_manifest import BuildManifest
from sealdata.filter_stages import RULE_STAGES
from sealdata.report.audit_rows import AuditRows
from sealdata.report.bound_rules import (
    dropped_by_non_rule,
    failures,
    meaning_of,
    num_scored_stages_of,
    stage_of,
)
from sealdata.report.schema import Counts, Histogram, Limit, ScoreFacts
from sealdata.stages.rules import Rule

BINS = 40  # approximately: the step is a round number
RANGE_ROWS = 200_000  # evenly spaced rows that the range is chosen from; counts use all rows
TAIL = 0.005  # share of rows at either end that may fall into the open bins
FAR = 3  # bins widen up to a limit that is this many widths of the bulk away from it
LADDER = (1, 1.5, 2, 3, 5, 7)  # edges of widening bins, times powers of ten

# float32 or float64 [rows], as the column has it.
Values = NDArray[Any]


def score_facts(
    audit_rows: AuditRows,
    columns: dict[str, pl.DataType],
    rules: Sequence[Rule],
    manifest: BuildManifest,
    tokens: dict[str, pl.Expr],
) -> list[ScoreFacts]:
    """Counts of each numeric score in ``columns`` over all rows, which are read once.

    ``tokens`` estimates the training tokens of a row, by language; it may lack languages.
    """
    # Text scores, such as the language found, have no histogram.
    numeric = {name: dtype for name, dtype in columns.items() if dtype.is_numeric()}
    # The range must be known before counting, so a part of the rows is read twice.
    spaced = _evenly_spaced(audit_rows, list(numeric))
    bars, edges = {}, {}
    for name, dtype in numeric.items():
        marks = _marks([rule for rule in rules if rule.score == name])
        # Bars are for the eye. Edges also have every limit, so that counts beyond a limit are
        # exact.
        bars[name] = _bars(spaced[name], marks, dtype.is_integer())
        edges[name] = np.unique([*bars[name], *marks])
    stages = {name: RULE_STAGES.index(stage_of(name, manifest)) for name in edges}
    # Each language is read once, whatever the number of scores.
    counted = {
        lang: _count(audit_rows, lang, edges, rules, stages, tokens.get(lang))
        for lang in audit_rows.files
    }
    return [
        ScoreFacts(
            name=name,
            meaning=meaning_of(name, manifest),
            edges=edges[name].tolist(),
            bars=bars[name].tolist(),
            languages={lang: histograms[name] for lang, histograms in counted.items()},
        )
        for name in numeric
    ]


def limits(rules: Sequence[Rule], score: str, lang: str) -> list[Limit]:
    """The bounds that rules set on a score in one language, without rules that are off there."""
    limits = []
    for number, rule in enumerate(rules):
        # None: the rule is off for this language. (None, None): it has no limit there.
        bounds = rule.bounds_in(lang)
        if rule.score == score and bounds is not None and bounds != (None, None):
            low, high = bounds
            limits.append(
                Limit(
                    rule=number,
                    reason=rule.reason,
                    min=low,
                    max=high,
                    missing_drops=rule.missing_drops,
                    # Filled in by ``_counted``, once the cells are summed.
                    outside=0,
                )
            )
    return limits


def cells(values: Values, edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """The cell of each value among E edges, 0 to 2E.

    Cell 2i + 1 is edge i itself, cell 2i the range below it, cell 2E the range above all edges.
    Values are compared in their own precision, as rules do: 0.7 as float32 is not below 0.7.
    """
    # As float32, 0.7 is a little less than as float64. The comparison must not depend on that.
    rounded_edges = edges.astype(values.dtype)
    # "left" counts edges below the value, "right" those below or equal. The sum separates "on an
    # edge".
    left: NDArray[np.intp] = np.searchsorted(rounded_edges, values, side="left")
    return left + np.searchsorted(rounded_edges, values, side="right")


def nice_edges(low: float, high: float, integer: bool, bins: int = BINS) -> NDArray[np.float64]:
    """Multiples of a round step (1, 2, 2.5 or 5 times a power of ten) around [low, high].

    The last edge is above ``high``. There are about ``bins`` bins; whole numbers have steps of 1 or
    more.
    """
    largest = max(abs(low), abs(high))
    span = high - low
    if span <= max(1e-4 * largest, 1e-9):  # a single value in the precision of float32
        span = max(largest, 1.0)
    rough = span / bins
    power = 10.0 ** math.floor(math.log10(rough))
    # A step of 2.5 would cut whole numbers into bins of two and three values.
    factors = (1, 2, 5, 10) if integer else (1, 2, 2.5, 5, 10)
    step = next(factor * power for factor in factors if factor * power >= rough * (1 - 1e-9))
    if integer:
        step = max(1.0, round(step))
    # The small number keeps a bound that is a multiple of the step in its own bin, despite binary
    # rounding.
    first, last = math.floor(low / step + 1e-9), math.floor(high / step + 1e-9) + 1
    # Twelve digits: 3 * 0.1 would otherwise print as 0.30000000000000004 in the report.
    return np.array([float(f"{index * step:.12g}") for index in range(first, last + 1)])


def score_values(scores: pl.Series) -> tuple[Values, NDArray[np.bool_]]:
    """Scores in the column's own precision (whole numbers as float64), and which are there."""
    # NaN and null are both "missing", as in the rules.
    present = scores.is_not_null()
    if scores.dtype.is_float():
        present = present & scores.is_not_nan().fill_null(False)
    # The filled value is never counted: ``present`` excludes its row.
    values = scores.fill_null(0).to_numpy()
    if not scores.dtype.is_float():
        values = values.astype(np.float64)
    return values, present.to_numpy()


def _evenly_spaced(audit_rows: AuditRows, columns: list[str]) -> pl.DataFrame:
    """About RANGE_ROWS rows, evenly spaced because corpora are often sorted."""
    step = max(1, sum(audit_rows.heights.values()) // RANGE_ROWS)
    frames = [
        frame.select(pl.col(name) for name in columns if name in frame.columns).gather_every(step)
        for lang in audit_rows.files
        for frame in audit_rows.frames(lang, columns)
    ]
    # The empty frame has all columns, so a score that no row has still gets a range.
    empty = pl.DataFrame({name: [] for name in columns}, schema=dict.fromkeys(columns, pl.Float64))
    return pl.concat([*frames, empty], how="diagonal_relaxed")


def _marks(rules: Sequence[Rule]) -> list[float]:
    # Limits of all languages go into the edges, because the languages share them.
    bounds = [rule.bounds for rule in rules]
    bounds += [
        bounds_of_lang
        for rule in rules
        for bounds_of_lang in rule.languages.values()
        if bounds_of_lang is not None
    ]
    return [mark for pair in bounds for mark in pair if mark is not None]


def bar_edges(
    low: float, high: float, marks: Sequence[float], integer: bool
) -> NDArray[np.float64]:
    """Evenly spaced edges over the bulk of the scores, [low, high], and over every limit.

    A limit far above the bulk (2,000 characters if most sentences have 120) would leave two bars
    for all rows. The bins up to such a limit widen by LADDER; figures.py marks where that begins.
    """
    low, top = min([low, *marks]), max([high, *marks])
    # Equal bins do unless the limit is far away. A ladder of powers needs positive numbers.
    if top - high <= FAR * (high - low) or not 0 < high < top < 1000 * high:
        return nice_edges(low, top, integer)
    # Three quarters of the bins are for the bulk, the rest for the widening tail.
    bulk = nice_edges(low, high, integer, BINS * 3 // 4)
    powers = range(math.floor(math.log10(bulk[-1])), math.ceil(math.log10(top)) + 1)
    ladder = [float(f"{rung * 10.0**power:.12g}") for power in powers for rung in LADDER]
    tail = [edge for edge in ladder if edge > bulk[-1]]
    # One edge above the limit is kept, so that the limit lies inside the chart.
    beyond = next(number for number, edge in enumerate(tail) if edge > top)
    return np.array([*bulk, *tail[: beyond + 1]])


def _bars(sample: pl.Series, marks: list[float], integer: bool) -> NDArray[np.float64]:
    values, present = score_values(sample)
    finite = values[present & np.isfinite(values)]
    # A few extreme values would otherwise squeeze all others into one bar.
    low, high = np.quantile(finite, [TAIL, 1 - TAIL]) if len(finite) else (0.0, 1.0)
    return bar_edges(float(low), float(high), marks, integer)


class _Sums:
    """Sums per cell over batches."""

    def __init__(self, size: int) -> None:
        # float64, because token sums are estimates and not whole numbers.
        self.cells = np.zeros(size)
        self.missing = 0.0

    def add(
        self,
        row_cells: NDArray[np.intp],
        present: NDArray[np.bool_],
        chosen: NDArray[np.bool_],
        worth: NDArray[np.float64] | None = None,
    ) -> None:
        """Count the ``chosen`` rows, or sum their tokens (``worth``)."""
        there, absent = chosen & present, chosen & ~present
        if worth is None:
            self.cells += np.bincount(row_cells[there], minlength=len(self.cells))
            self.missing += int(absent.sum())
        else:
            self.cells += np.bincount(row_cells[there], worth[there], minlength=len(self.cells))
            self.missing += float(worth[absent].sum())

    def counts(self, weight: float) -> Counts:
        return Counts(
            # A sampled row stands for ``weight`` pairs, a row of a build for itself.
            cells=[round(value * weight) for value in self.cells],
            missing=round(self.missing * weight),
        )


# "every" has all scored rows, "kept" those in the result, "others" those that no other rule or
# stage drops.
_KINDS = ("every", "kept", "others")


def _count(
    audit_rows: AuditRows,
    lang: str,
    # By score: E edges make 2E + 1 cells, so that rows on a limit are counted apart.
    edges: dict[str, NDArray[np.float64]],
    rules: Sequence[Rule],
    stages: dict[str, int],  # by score: index into RULE_STAGES
    tokens: pl.Expr | None,
) -> dict[str, Histogram]:
    """The histograms of one language, all scores in one pass."""
    sums = {
        name: {
            kind: _Sums(2 * len(score_edges) + 1)
            for kind in (*_KINDS, *(f"{k}_tokens" for k in _KINDS))
        }
        for name, score_edges in edges.items()
    }
    unscored = dict.fromkeys(edges, 0)
    for frame in audit_rows.frames(
        lang, [*edges, "src", "tgt"] if tokens is not None else [*edges]
    ):
        # Rules are applied again to the stored scores, so that the page can move a limit.
        failed = failures(frame, rules, lang)
        masked = dropped_by_non_rule(frame, rules).to_numpy()
        scored = num_scored_stages_of(frame).to_numpy()
        worth = None if tokens is None else frame.select(tokens.fill_null(0)).to_series().to_numpy()
        # bool [rules, rows]. One matrix, because each score needs another subset of the rules.
        any_failed = np.zeros((len(rules), frame.height), bool)
        for number, flag in enumerate(failed):
            any_failed[number] = flag.to_numpy()
        kept = frame["stage"].is_null().to_numpy()
        for name, score_edges in edges.items():
            # Files of a source that lacks the column: its scorer did not run on it.
            if name not in frame.columns:
                unscored[name] += frame.height
                continue
            values, present = score_values(frame[name])
            row_cells = cells(values, score_edges)
            # A row is scored if it has the score, or if its stage was reached and the score is
            # undefined.
            reached = present | (scored > stages[name])
            unscored[name] += int((~reached).sum())
            # What would remain if only the limits of this score moved.
            elsewhere = [number for number, rule in enumerate(rules) if rule.score != name]
            others = reached & ~masked & ~any_failed[elsewhere].any(axis=0)
            for kind, chosen in zip(_KINDS, (reached, kept, others), strict=True):
                sums[name][kind].add(row_cells, present, chosen)
                if worth is not None:
                    sums[name][f"{kind}_tokens"].add(row_cells, present, chosen, worth)
    # One weight per language: all parts of a language are sampled in the same proportion.
    weight = audit_rows.weight(lang)
    return {
        name: Histogram(
            **{kind: sums_of_kind[kind].counts(weight) for kind in _KINDS},
            **{
                f"{kind}_tokens": None
                if tokens is None
                else sums_of_kind[f"{kind}_tokens"].counts(weight)
                for kind in _KINDS
            },
            # Rows without the score, because they were dropped before its stage. They are in no
            # cell.
            unscored=round(unscored[name] * weight),
            limits=[
                _counted(limit, edges[name], sums_of_kind["every"].counts(weight), audit_rows, lang)
                for limit in limits(rules, name, lang)
            ],
        )
        for name, sums_of_kind in sums.items()
    }


def _counted(
    limit: Limit, edges: NDArray[np.float64], every: Counts, audit_rows: AuditRows, lang: str
) -> Limit:
    """The limit with the number of scored rows outside it."""
    outside = 0
    if limit.min is not None:
        # Cell 2i + 1 is the edge itself. Limits are inclusive, so rows on it are inside.
        outside += sum(every.cells[: 2 * int(np.searchsorted(edges, limit.min)) + 1])
    if limit.max is not None:
        outside += sum(every.cells[2 * int(np.searchsorted(edges, limit.max)) + 2 :])
    error = audit_rows.part_error(lang, outside, audit_rows.population(lang))
    return limit.model_copy(update={"outside": outside, "outside_error": error})
