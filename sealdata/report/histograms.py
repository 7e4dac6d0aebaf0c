"""Histograms of every score per language, kept and dropped, over edges all languages share."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sealdata.recipe import Bounds, RuleTable
from sealdata.report.ledger import batches, dropped_files, kept_files
from sealdata.report.schema import Histogram, Limit, ScoreFacts

BINS = 40  # about; the step is a round number
RANGE_ROWS = 200_000  # rows looked at, evenly spaced, to choose a range; counts use all rows
TAIL = 0.005  # share of rows at either end that the range may leave to the open bins

Values = NDArray[Any]


def score_facts(
    out: Path,
    languages: Sequence[str],
    columns: dict[str, pl.DataType],
    rules: Sequence[RuleTable],
    meanings: dict[str, str],
) -> list[ScoreFacts]:
    """Exact counts of each numeric score in ``columns``, over all rows on disk."""
    numeric = {name: dtype for name, dtype in columns.items() if dtype.is_numeric()}
    files = {lang: (kept_files(out, lang), dropped_files(out, lang)) for lang in languages}
    every = [path for pair in files.values() for paths in pair for path in paths]
    spaced = _evenly_spaced(every, list(numeric))
    facts = []
    for name, dtype in numeric.items():
        own = [rule for rule in rules if rule.score == name]
        edges = _edges(spaced[name], own, dtype.is_integer())
        counted = {
            lang: _histogram(name, edges, own, lang, *paths) for lang, paths in files.items()
        }
        facts.append(
            ScoreFacts(
                name=name, meaning=meanings.get(name, ""), edges=edges.tolist(), languages=counted
            )
        )
    return facts


def limits(rules: Sequence[RuleTable], lang: str) -> list[tuple[str, float | None, float | None]]:
    """(reason, min, max) of the rules as they hold for one language, without those that are off."""
    found = []
    for rule in rules:
        bounds = rule.languages.get(lang)
        if bounds is None:
            found.append((rule.reason, rule.min, rule.max))
        elif not bounds.off:
            found.append((rule.reason, bounds.min, bounds.max))
    return found


def nice_edges(low: float, high: float, integer: bool) -> NDArray[np.float64]:
    """Multiples of a round step (1, 2, 2.5 or 5 times a power of ten) around [low, high].

    The last edge is above ``high``; about BINS bins; for whole numbers no step is below 1.
    """
    largest = max(abs(low), abs(high))
    span = high - low
    if span <= max(1e-4 * largest, 1e-9):  # one value, as far as float32 can tell
        span = max(largest, 1.0)
    rough = span / BINS
    power = 10.0 ** math.floor(math.log10(rough))
    factors = (1, 2, 5, 10) if integer else (1, 2, 2.5, 5, 10)
    step = next(factor * power for factor in factors if factor * power >= rough * (1 - 1e-9))
    if integer:
        step = max(1.0, round(step))
    first, last = math.floor(low / step + 1e-9), math.floor(high / step + 1e-9) + 1
    return np.array([float(f"{index * step:.12g}") for index in range(first, last + 1)])


def _evenly_spaced(files: list[Path], columns: list[str]) -> pl.DataFrame:
    """About RANGE_ROWS rows spread evenly over all files: corpora come sorted."""
    heights = [frame.height for frame in batches(files, columns[:1])] if columns else []
    every = max(1, sum(heights) // RANGE_ROWS)
    frames = [frame.gather_every(every) for frame in batches(files, columns)]
    return pl.concat(frames) if frames else pl.DataFrame({name: [] for name in columns})


def _edges(sample: pl.Series, rules: Sequence[RuleTable], integer: bool) -> NDArray[np.float64]:
    """Edges over the bulk of ``sample`` and over every limit that a rule sets."""
    values = _values(sample)
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, [TAIL, 1 - TAIL]) if len(values) else (0.0, 1.0)
    tables: list[RuleTable | Bounds] = [*rules]
    tables += [own for rule in rules for own in rule.languages.values()]
    marks = [mark for table in tables for mark in (table.min, table.max) if mark is not None]
    return nice_edges(min([low, *marks]), max([high, *marks]), integer)


def _values(scores: pl.Series) -> Values:
    """Scores that are there, in the column's own precision, as rules compare them.

    0.7 as float32 is not below the limit 0.7; as float64 it would be. Whole numbers become float64.
    """
    values: Values = scores.drop_nulls().to_numpy()
    if not scores.dtype.is_float():
        return values.astype(np.float64)
    present: Values = values[~np.isnan(values)]
    return present


def _histogram(
    name: str,
    edges: NDArray[np.float64],
    rules: Sequence[RuleTable],
    lang: str,
    kept: list[Path],
    dropped: list[Path],
) -> Histogram:
    bounds = limits(rules, lang)
    outside = dict.fromkeys((reason for reason, _, _ in bounds), 0)
    counts = {"kept": np.zeros(len(edges) + 1, int), "dropped": np.zeros(len(edges) + 1, int)}
    missing = {"kept": 0, "dropped": 0}
    for side, files in (("kept", kept), ("dropped", dropped)):
        for frame in batches(files, [name]):
            values = _values(frame[name])
            missing[side] += frame.height - len(values)
            at = np.searchsorted(edges.astype(values.dtype), values, side="right")
            counts[side] += np.bincount(at, minlength=len(edges) + 1)
            for reason, low, high in bounds:
                outside[reason] += _num_outside(values, low, high)
    return Histogram(
        kept=counts["kept"].tolist(),
        dropped=counts["dropped"].tolist(),
        missing_kept=missing["kept"],
        missing_dropped=missing["dropped"],
        limits=[Limit(reason=r, min=lo, max=hi, outside=outside[r]) for r, lo, hi in bounds],
    )


def _num_outside(values: Values, low: float | None, high: float | None) -> int:
    below = 0 if low is None else int((values < values.dtype.type(low)).sum())
    above = 0 if high is None else int((values > values.dtype.type(high)).sum())
    return below + above
