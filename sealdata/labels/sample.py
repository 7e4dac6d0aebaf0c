"""The sample of pairs that people label: kept and dropped ones, in strata of known sizes."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl
from pydantic import BaseModel, ConfigDict

from sealdata.filter_stages import RULE_STAGES
from sealdata.shards.shuffle import row_keys

BINS = 5  # of the score that decides, by quantiles of the kept pairs
# Pairs of each stratum, at least. A share of fewer pairs would mean nothing.
MIN_LABELS = 5
EDGE_ROWS = 20_000  # kept pairs whose scores make the edges of bins: each holds 20 ± 1 %
STRATUM = ["dropped_by", "bin"]


class SampleStratum(BaseModel):
    """Pairs of a language that are kept and in one bin of the score, or dropped for one reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lang: str
    dropped_by: str | None  # the reason; None for kept pairs
    bin: int  # from the lowest scores up; -1 for kept pairs without the score, 0 for dropped ones
    low: float | None  # of the score; None at an open end
    high: float | None  # of the next bin
    pairs: int  # that it holds, counted, or estimated in an audit of a recipe
    drawn: int  # of them


def bin_edges(frames: Iterable[pl.DataFrame], score: str, seed: int) -> list[float]:
    """Inner edges of BINS bins with about equally many kept pairs; [] without finite scores.

    Memory is bounded: the edges come from EDGE_ROWS pairs, drawn by hash.
    """
    best: list[pl.DataFrame] = []
    for frame in frames:
        if score not in frame.columns:
            continue
        value = pl.col(score).cast(pl.Float64).alias("value")
        # One infinite value would make an edge that separates nothing.
        scored = frame.with_columns(value).filter(_kept() & pl.col("value").is_finite())
        fresh = scored.select("value", key=row_keys(scored, seed))
        best = [pl.concat([*best, fresh]).bottom_k(EDGE_ROWS, by="key")]
    if not best or best[0].is_empty():
        return []
    # "nearest" takes a score that occurs, so an edge can be shown as it is.
    cuts = [best[0]["value"].quantile(i / BINS, "nearest") for i in range(1, BINS)]
    # Many equal scores make equal edges. Fewer bins are left then, and they differ in size.
    return sorted({float(f"{cut:.6g}") for cut in cuts if cut is not None})


def draw(
    frames: Iterable[pl.DataFrame],
    lang: str,
    score: str,
    edges: Sequence[float],
    number: int,
    seed: int,
    rows_per_row: float = 1.0,
) -> tuple[pl.DataFrame, list[SampleStratum]]:
    """``number`` pairs of ``lang``: half of them kept ones, half dropped by rules.

    Kept pairs come from bins of ``score`` in proportion to their sizes, dropped ones from their
    reasons in proportion to the square roots of theirs. No stratum gets fewer than MIN_LABELS, if
    it has as many. If one half has too few pairs, the other gets the rest. Memory is bounded.

    Columns added: ``lang``; ``dropped_by``, the reason (null for a kept pair); ``bin`` of the
    stratum; ``weight``, pairs that the row represents. Returned besides are all strata, also those
    of which nothing was drawn. A row of a sample stands for ``rows_per_row`` pairs.

    Source: Bankier 1988, for allocation by a power of the sizes.
    """
    best: list[pl.DataFrame] = []
    sizes: Counter[tuple[str | None, int]] = Counter()
    turn = pl.col("key").rank("ordinal").over(STRATUM)
    for frame in frames:
        pairs = _strata(frame, score, edges)
        # The key depends on seed, source and row, so the order in which frames come does not change
        # the draw.
        fresh = pairs.with_columns(key=row_keys(pairs, seed))
        # Counted and not assumed: ties make bins of different sizes.
        for reason, index, count in fresh.group_by(STRATUM).len().iter_rows():
            sizes[reason, index] += count
        # Sources may have different score columns. Missing ones become null.
        best = [pl.concat([*best, fresh], how="diagonal_relaxed").filter(turn <= number)]
    if not sizes:
        return pl.DataFrame(), []
    strata = [
        SampleStratum(
            lang=lang,
            dropped_by=reason,
            bin=index,
            # Bin i lies between edge i - 1 and edge i. The ends are open.
            low=edges[index - 1] if reason is None and index > 0 else None,
            high=edges[index] if reason is None and 0 <= index < len(edges) else None,
            pairs=round(sizes[reason, index] * rows_per_row),
            drawn=count,
        )
        for (reason, index), count in _drawn_per_stratum(sizes, number).items()
    ]
    table = pl.DataFrame(
        [(s.dropped_by, s.bin, s.drawn, s.pairs / max(1, s.drawn)) for s in strata],
        schema={
            "dropped_by": pl.String,
            "bin": pl.Int32,
            "drawn": pl.Int64,
            "weight": pl.Float64,
        },
        orient="row",
    )
    rows = (
        best[0]
        .join(table, on=STRATUM, nulls_equal=True, how="left")
        .filter(turn <= pl.col("drawn"))
        .with_columns(lang=pl.lit(lang))
        .drop("drawn")
    )
    return rows, strata


def allocate(sizes: Sequence[int], number: int, power: float) -> list[int]:
    """How many of ``number`` to draw from strata of these sizes, in proportion to size**power.

    Each gets MIN_LABELS first, or all of its pairs; no stratum gets more than it has. The numbers
    add up to ``number``, or to all pairs if these are fewer.
    """
    counts = [0] * len(sizes)

    def turn(index: int) -> tuple[float, float, int]:
        # Rounds up to the minimum, the largest stratum first. Then by the divisors of Sainte-Laguë.
        count = counts[index]
        if count < MIN_LABELS:
            return count, -sizes[index], index
        return MIN_LABELS, -(sizes[index] ** power) / (count + 0.5), index

    turns = [turn(index) for index, size in enumerate(sizes) if size]
    heapq.heapify(turns)
    for _ in range(min(number, sum(sizes))):
        index = turns[0][-1]
        counts[index] += 1
        if counts[index] < sizes[index]:
            heapq.heapreplace(turns, turn(index))
        else:
            heapq.heappop(turns)
    return counts


def _drawn_per_stratum(
    sizes: Counter[tuple[str | None, int]], number: int
) -> dict[tuple[str | None, int], int]:
    """Stratum -> pairs to draw."""
    ordered = sorted(sizes, key=lambda stratum: (stratum[0] or "", stratum[1]))
    halves = [s for s in ordered if s[0] is None], [s for s in ordered if s[0] is not None]
    kept, dropped = (sum(sizes[s] for s in half) for half in halves)
    of_kept = min(kept, max(math.ceil(number / 2), number - dropped))
    drawn: dict[tuple[str | None, int], int] = {}
    for half, wanted_rows, power in ((halves[0], of_kept, 1.0), (halves[1], number - of_kept, 0.5)):
        counts = allocate([sizes[s] for s in half], wanted_rows, power)
        drawn |= dict(zip(half, counts, strict=True))
    return drawn


def _kept() -> pl.Expr:
    return pl.col("stage").is_null()


def _strata(frame: pl.DataFrame, score: str, edges: Sequence[float]) -> pl.DataFrame:
    """The pairs of a frame that people can judge, with their strata.

    What other stages drop says nothing about the translation: a duplicate may be a good pair.
    """
    has_text = pl.all_horizontal(pl.col("src", "tgt").str.len_bytes() > 0)
    judged = frame.filter(has_text & (_kept() | pl.col("stage").is_in(RULE_STAGES)))
    # A build without rules may have no score. All kept pairs are then one bin.
    scored = score in frame.columns and bool(edges)
    bin_of_row = _bin(score, edges) if scored else pl.lit(0, pl.Int32)
    return judged.with_columns(
        dropped_by=pl.col("reason"), bin=pl.when(_kept()).then(bin_of_row).otherwise(0)
    )


def _bin(score: str, edges: Sequence[float]) -> pl.Expr:
    # A score equal to an edge belongs to the bin above it.
    value = pl.col(score).cast(pl.Float64).fill_nan(None)
    index = pl.lit(pl.Series(edges)).search_sorted(value, side="right")
    return pl.when(value.is_null()).then(-1).otherwise(index.cast(pl.Int32))
