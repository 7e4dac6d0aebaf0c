"""Histograms of every score per language over edges all languages share, exact at every edge."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sealdata.filter_stages import RULE_STAGES
from sealdata.report.audit_rows import Evidence
from sealdata.report.bound_rules import (
    failures,
    held_by_others,
    num_scored_stages_of,
    stage_of,
)
from sealdata.report.schema import Counts, Histogram, Limit, ScoreFacts
from sealdata.stages.rules import Rule

BINS = 40  # about; the step is a round number
RANGE_ROWS = 200_000  # rows looked at, evenly spaced, to choose a range; counts use all rows
TAIL = 0.005  # share of rows at either end that the range may leave to the open bins
FAR = 3  # a limit this many times the bulk's width away from it is reached by widening bins
LADDER = (1, 1.5, 2, 3, 5, 7)  # and these times powers of ten are their edges

Values = NDArray[Any]


def score_facts(
    evidence: Evidence,
    columns: dict[str, pl.DataType],
    rules: Sequence[Rule],
    meanings: dict[str, str],
    tokens: dict[str, pl.Expr],
) -> list[ScoreFacts]:
    """Counts of each numeric score in ``columns`` over all rows of the evidence, read once.

    ``tokens`` estimates the training tokens of a row, by language; empty where nothing is known.
    """
    numeric = {name: dtype for name, dtype in columns.items() if dtype.is_numeric()}
    spaced = _evenly_spaced(evidence, list(numeric))
    bars, edges = {}, {}
    for name, dtype in numeric.items():
        marks = _marks([rule for rule in rules if rule.score == name])
        bars[name] = _bars(spaced[name], marks, dtype.is_integer())
        edges[name] = np.unique([*bars[name], *marks])
    counted = {
        lang: _count(evidence, lang, edges, rules, tokens.get(lang)) for lang in evidence.files
    }
    return [
        ScoreFacts(
            name=name,
            meaning=meanings.get(name, ""),
            edges=edges[name].tolist(),
            bars=bars[name].tolist(),
            languages={lang: found[name] for lang, found in counted.items()},
        )
        for name in numeric
    ]


def limits(rules: Sequence[Rule], score: str, lang: str) -> list[Limit]:
    """The bounds that the rules set on a score for one language, without rules that are off."""
    found = []
    for number, rule in enumerate(rules):
        bounds = rule.languages.get(lang, rule.bounds)
        if rule.score == score and bounds is not None and bounds != (None, None):
            low, high = bounds
            found.append(
                Limit(
                    rule=number,
                    reason=rule.reason,
                    min=low,
                    max=high,
                    missing_drops=rule.missing_drops,
                    outside=0,
                )
            )
    return found


def cells(values: Values, edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where values lie among E edges: 2i + 1 is edge i itself, 2i what lies below it, 2E above all.

    Compared in the scores' own precision, as rules do: 0.7 as float32 is not below the limit 0.7.
    """
    own = edges.astype(values.dtype)
    left: NDArray[np.intp] = np.searchsorted(own, values, side="left")
    return left + np.searchsorted(own, values, side="right")


def nice_edges(low: float, high: float, integer: bool, bins: int = BINS) -> NDArray[np.float64]:
    """Multiples of a round step (1, 2, 2.5 or 5 times a power of ten) around [low, high].

    The last edge is above ``high``; about ``bins`` bins; for whole numbers no step is below 1.
    """
    largest = max(abs(low), abs(high))
    span = high - low
    if span <= max(1e-4 * largest, 1e-9):  # one value, as far as float32 can tell
        span = max(largest, 1.0)
    rough = span / bins
    power = 10.0 ** math.floor(math.log10(rough))
    factors = (1, 2, 5, 10) if integer else (1, 2, 2.5, 5, 10)
    step = next(factor * power for factor in factors if factor * power >= rough * (1 - 1e-9))
    if integer:
        step = max(1.0, round(step))
    first, last = math.floor(low / step + 1e-9), math.floor(high / step + 1e-9) + 1
    return np.array([float(f"{index * step:.12g}") for index in range(first, last + 1)])


def score_values(scores: pl.Series) -> tuple[Values, NDArray[np.bool_]]:
    """Scores in the column's own precision (whole numbers as float64), and which are there."""
    present = scores.is_not_null()
    if scores.dtype.is_float():
        present = present & scores.is_not_nan().fill_null(False)
    values = scores.fill_null(0).to_numpy()
    if not scores.dtype.is_float():
        values = values.astype(np.float64)
    return values, present.to_numpy()


def _evenly_spaced(evidence: Evidence, columns: list[str]) -> pl.DataFrame:
    """About RANGE_ROWS rows spread evenly over all rows: corpora come sorted."""
    every = max(1, sum(evidence.heights.values()) // RANGE_ROWS)
    frames = [
        frame.select(pl.col(name) for name in columns if name in frame.columns).gather_every(every)
        for lang in evidence.files
        for frame in evidence.frames(lang, columns)
    ]
    empty = pl.DataFrame({name: [] for name in columns}, schema=dict.fromkeys(columns, pl.Float64))
    return pl.concat([*frames, empty], how="diagonal_relaxed")


def _marks(rules: Sequence[Rule]) -> list[float]:
    bounds = [rule.bounds for rule in rules]
    bounds += [own for rule in rules for own in rule.languages.values() if own is not None]
    return [mark for pair in bounds for mark in pair if mark is not None]


def bar_edges(
    low: float, high: float, marks: Sequence[float], integer: bool
) -> NDArray[np.float64]:
    """Evenly spaced edges over the bulk of the scores, [low, high], and over every limit.

    A limit far above the bulk (2,000 characters, where sentences have 120) would press all rows
    into two bars: up to it the bins widen by LADDER, and figures.py marks where that begins.
    """
    low, top = min([low, *marks]), max([high, *marks])
    if top - high <= FAR * (high - low) or not 0 < high < top < 1000 * high:
        return nice_edges(low, top, integer)
    bulk = nice_edges(low, high, integer, BINS * 3 // 4)
    powers = range(math.floor(math.log10(bulk[-1])), math.ceil(math.log10(top)) + 1)
    ladder = [float(f"{rung * 10.0**power:.12g}") for power in powers for rung in LADDER]
    tail = [edge for edge in ladder if edge > bulk[-1]]
    beyond = next(number for number, edge in enumerate(tail) if edge > top)
    return np.array([*bulk, *tail[: beyond + 1]])


def _bars(sample: pl.Series, marks: list[float], integer: bool) -> NDArray[np.float64]:
    values, present = score_values(sample)
    found = values[present & np.isfinite(values)]
    low, high = np.quantile(found, [TAIL, 1 - TAIL]) if len(found) else (0.0, 1.0)
    return bar_edges(float(low), float(high), marks, integer)


class _Sums:
    """Sums per cell over batches."""

    def __init__(self, size: int) -> None:
        self.cells = np.zeros(size)
        self.missing = 0.0

    def add(
        self,
        at: NDArray[np.intp],
        present: NDArray[np.bool_],
        chosen: NDArray[np.bool_],
        worth: NDArray[np.float64] | None = None,
    ) -> None:
        """Count the ``chosen`` rows, or sum what they are worth."""
        there, absent = chosen & present, chosen & ~present
        if worth is None:
            self.cells += np.bincount(at[there], minlength=len(self.cells))
            self.missing += int(absent.sum())
        else:
            self.cells += np.bincount(at[there], worth[there], minlength=len(self.cells))
            self.missing += float(worth[absent].sum())

    def counts(self, weight: float) -> Counts:
        return Counts(
            cells=[round(value * weight) for value in self.cells],
            missing=round(self.missing * weight),
        )


_KINDS = ("every", "kept", "others")


def _count(
    evidence: Evidence,
    lang: str,
    edges: dict[str, NDArray[np.float64]],
    rules: Sequence[Rule],
    tokens: pl.Expr | None,
) -> dict[str, Histogram]:
    """The histograms of one language, all scores in one pass."""
    sums = {
        name: {
            kind: _Sums(2 * len(own) + 1) for kind in (*_KINDS, *(f"{k}_tokens" for k in _KINDS))
        }
        for name, own in edges.items()
    }
    unscored = dict.fromkeys(edges, 0)
    stages = {name: RULE_STAGES.index(stage_of(name)) for name in edges}
    for frame in evidence.frames(lang, [*edges, "src", "tgt"] if tokens is not None else [*edges]):
        failed = failures(frame, rules, lang)
        masked = held_by_others(frame, rules).to_numpy()
        scored = num_scored_stages_of(frame).to_numpy()
        worth = None if tokens is None else frame.select(tokens.fill_null(0)).to_series().to_numpy()
        any_failed = np.zeros((len(rules), frame.height), bool)
        for number, flag in enumerate(failed):
            any_failed[number] = flag.to_numpy()
        kept = frame["stage"].is_null().to_numpy()
        for name, own in edges.items():
            if name not in frame.columns:
                unscored[name] += frame.height
                continue
            values, present = score_values(frame[name])
            at = cells(values, own)
            reached = present | (scored > stages[name])
            unscored[name] += int((~reached).sum())
            elsewhere = [number for number, rule in enumerate(rules) if rule.score != name]
            others = reached & ~masked & ~any_failed[elsewhere].any(axis=0)
            for kind, chosen in zip(_KINDS, (reached, kept, others), strict=True):
                sums[name][kind].add(at, present, chosen)
                if worth is not None:
                    sums[name][f"{kind}_tokens"].add(at, present, chosen, worth)
    weight = evidence.weight(lang)
    return {
        name: Histogram(
            **{kind: found[kind].counts(weight) for kind in _KINDS},
            **{
                f"{kind}_tokens": None if tokens is None else found[f"{kind}_tokens"].counts(weight)
                for kind in _KINDS
            },
            unscored=round(unscored[name] * weight),
            limits=[
                _counted(limit, edges[name], found["every"].counts(weight), evidence, lang)
                for limit in limits(rules, name, lang)
            ],
        )
        for name, found in sums.items()
    }


def _counted(
    limit: Limit, edges: NDArray[np.float64], every: Counts, evidence: Evidence, lang: str
) -> Limit:
    """The limit with the number of scored rows outside it."""
    outside = 0
    if limit.min is not None:
        outside += sum(every.cells[: 2 * int(np.searchsorted(edges, limit.min)) + 1])
    if limit.max is not None:
        outside += sum(every.cells[2 * int(np.searchsorted(edges, limit.max)) + 2 :])
    error = evidence.part_error(lang, outside, evidence.population(lang))
    return limit.model_copy(update={"outside": outside, "outside_error": error})
