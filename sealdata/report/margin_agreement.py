"""The margin that a corpus was published with, against the one computed anew over its own pairs."""

import math
from collections import Counter

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh

from sealdata.build_manifest import MarginRow
from sealdata.report.audit_rows import Evidence
from sealdata.report.schema import MarginFacts

MARGIN, STORED = "laser.margin", "stored_margin"
DRAWN = 20_000  # pairs of a source that are looked at, those with the lowest hashes
LEAST = 20  # pairs that a correlation is stated for
_Z = 1.96  # of the normal distribution: the interval is one of 95 %
CELLS = 24  # hexagons across the chart
_TAIL = 0.005  # of either margin that may lie beyond the chart, at its edge, on either side

Numbers = npt.NDArray[np.float64]


def margin_facts(evidence: Evidence, lang: str) -> list[MarginFacts]:
    """Each source of a language whose pairs have both margins.

    The pools of neighbours differ, and where only pairs above a limit of the stored margin were
    published, its range is cut: both lower the correlation.
    """
    best: dict[str, pl.DataFrame] = {}
    counts: Counter[str] = Counter()
    for frame in evidence.frames(lang, [MARGIN, STORED]):
        if not {MARGIN, STORED} <= set(frame.columns):
            continue
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        both = frame.select("source", stored=STORED, again=MARGIN, hash=key.nchash.xxh3_64())
        for (name,), own in both.drop_nulls().group_by("source", maintain_order=True):
            source = str(name)
            counts[source] += own.height
            known = [best[source]] if source in best else []
            best[source] = pl.concat([*known, own]).bottom_k(DRAWN, by="hash")
    return [
        _facts(lang, source, evidence.estimate(lang, counts[source]), best[source].sort("hash"))
        for source in sorted(best)
    ]


def summary(facts: MarginFacts) -> MarginRow:
    """What the build's manifest says of it."""
    return MarginRow(**{name: getattr(facts, name) for name in MarginRow.model_fields})


def _facts(lang: str, source: str, of: int, drawn: pl.DataFrame) -> MarginFacts:
    correlation = drawn.select(pl.corr("stored", "again", method="spearman")).item()
    known = drawn.height >= LEAST and correlation is not None and not math.isnan(correlation)
    low, high = interval(correlation, drawn.height) if known else (None, None)
    stored, again = (drawn[name].cast(pl.Float64).to_numpy() for name in ("stored", "again"))
    ranges = [_range(values) for values in (stored, again)]
    return MarginFacts(
        source=source,
        lang=lang,
        of=of,
        rows=drawn.height,
        correlation=round(correlation, 4) if known else None,
        low=low,
        high=high,
        stored_range=ranges[0],
        again_range=ranges[1],
        cells=hexagons(stored, again, *ranges) if known else [],
    )


def interval(correlation: float, rows: int) -> tuple[float, float]:
    """The 95 % interval of Spearman's rank correlation of ``rows`` >= 4 pairs.

    Source: Bonett and Wright 2000, "Sample size requirements for estimating Pearson, Kendall and
    Spearman correlations": Fisher's z with a variance of (1 + r^2 / 2) / (n - 3).
    """
    inside = min(max(correlation, -1 + 1e-9), 1 - 1e-9)
    width = _Z * math.sqrt((1 + inside**2 / 2) / (rows - 3))
    low, high = (math.tanh(math.atanh(inside) + sign * width) for sign in (-1, 1))
    return round(low, 4), round(high, 4)


def _range(values: Numbers) -> tuple[float, float]:
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    return float(f"{low:.4f}"), float(f"{max(high, low + 1e-3):.4f}")


def hexagons(
    across: Numbers, up: Numbers, x_range: tuple[float, float], y_range: tuple[float, float]
) -> list[tuple[int, int, int]]:
    """Pairs by hexagon of a square chart that is ``CELLS`` hexagons wide: (column, row, pairs).

    The centre of a hexagon lies ``column / 2`` widths of one to the right of the chart's corner and
    ``row * sqrt(3) / 2`` above it; every other row stands half a width to the right. What lies
    beyond a range counts at its edge.

    Source: Carr et al. 1987, "Scatterplot matrix techniques for large N": a point belongs to the
    nearer one of its neighbours in two rectangular grids.
    """
    x = np.clip((across - x_range[0]) / (x_range[1] - x_range[0]), 0, 1) * CELLS
    y = np.clip((up - y_range[0]) / (y_range[1] - y_range[0]), 0, 1) * CELLS
    high = math.sqrt(3)  # rows of one grid lie so far apart where columns are 1 apart
    one = np.round(x), np.round(y / high)
    other = np.floor(x) + 0.5, np.floor(y / high) + 0.5
    distance = [(x - i) ** 2 + 3 * (y / high - j) ** 2 for i, j in (one, other)]
    nearer = distance[0] <= distance[1]
    columns, rows = (
        np.round(2 * np.where(nearer, a, b)).astype(np.int64)
        for a, b in zip(one, other, strict=True)
    )
    found, counts = np.unique(np.stack([columns, rows], axis=1), axis=0, return_counts=True)
    return [(int(c), int(r), int(n)) for (c, r), n in zip(found, counts, strict=True)]
