"""The margins that a corpus was published with, against those over the pairs of this build."""

import math
from collections import Counter

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh

from sealdata.build_manifest import MarginRow
from sealdata.report.audit_rows import AuditRows
from sealdata.report.schema import MarginFacts

MARGIN, STORED = "laser.margin", "stored_margin"
MAX_DRAWN = 20_000  # pairs of a source in the figures, those with the lowest hashes
MIN_PAIRS = 20  # for a correlation
_Z = 1.96  # quantile of the normal distribution for an interval of 95 %
CELLS = 24  # hexagons across the chart
_TAIL = 0.005  # share at either end of a margin that counts at the edge of the chart

Numbers = npt.NDArray[np.float64]


def margin_facts(audit_rows: AuditRows, lang: str) -> list[MarginFacts]:
    """Each source of a language whose pairs have both margins.

    Two things lower the correlation: the two margins have other pools of neighbours, and the range
    of the stored margin is cut if only pairs above a limit were published.
    """
    best: dict[str, pl.DataFrame] = {}
    counts: Counter[str] = Counter()
    for frame in audit_rows.frames(lang, [MARGIN, STORED]):
        if not {MARGIN, STORED} <= set(frame.columns):
            continue
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        both = frame.select("source", stored=STORED, again=MARGIN, hash=key.nchash.xxh3_64())
        for (name,), pairs in both.drop_nulls().group_by("source", maintain_order=True):
            source = str(name)
            counts[source] += pairs.height
            drawn = [best[source]] if source in best else []
            best[source] = pl.concat([*drawn, pairs]).bottom_k(MAX_DRAWN, by="hash")
    return [
        _facts(lang, source, audit_rows.estimate(lang, counts[source]), best[source].sort("hash"))
        for source in sorted(best)
    ]


def summary(facts: MarginFacts) -> MarginRow:
    """The part of the facts that stands in the manifest of the build."""
    return MarginRow(**{name: getattr(facts, name) for name in MarginRow.model_fields})


def _facts(lang: str, source: str, of: int, drawn: pl.DataFrame) -> MarginFacts:
    correlation = drawn.select(pl.corr("stored", "again", method="spearman")).item()
    is_known = drawn.height >= MIN_PAIRS and correlation is not None and not math.isnan(correlation)
    low, high = interval(correlation, drawn.height) if is_known else (None, None)
    stored, again = (drawn[name].cast(pl.Float64).to_numpy() for name in ("stored", "again"))
    ranges = [_range(values) for values in (stored, again)]
    return MarginFacts(
        source=source,
        lang=lang,
        of=of,
        rows=drawn.height,
        correlation=round(correlation, 4) if is_known else None,
        low=low,
        high=high,
        stored_range=ranges[0],
        again_range=ranges[1],
        cells=hexagons(stored, again, *ranges) if is_known else [],
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

    The centre of a hexagon lies ``column / 2`` widths to the right of the chart's corner, and
    ``row * sqrt(3) / 2`` widths above it. Every other row is shifted by half a width. Pairs beyond
    a range count at its edge.

    Source: Carr et al. 1987, "Scatterplot matrix techniques for large N": a point belongs to the
    nearer one of its neighbours in two rectangular grids.
    """
    x = np.clip((across - x_range[0]) / (x_range[1] - x_range[0]), 0, 1) * CELLS
    y = np.clip((up - y_range[0]) / (y_range[1] - y_range[0]), 0, 1) * CELLS
    high = math.sqrt(3)  # distance of the rows of a grid whose columns are 1 apart
    first_grid = np.round(x), np.round(y / high)
    second_grid = np.floor(x) + 0.5, np.floor(y / high) + 0.5
    distance = [(x - i) ** 2 + 3 * (y / high - j) ** 2 for i, j in (first_grid, second_grid)]
    nearer = distance[0] <= distance[1]
    columns, rows = (
        np.round(2 * np.where(nearer, a, b)).astype(np.int64)
        for a, b in zip(first_grid, second_grid, strict=True)
    )
    distinct, counts = np.unique(np.stack([columns, rows], axis=1), axis=0, return_counts=True)
    return [(int(c), int(r), int(n)) for (c, r), n in zip(distinct, counts, strict=True)]
