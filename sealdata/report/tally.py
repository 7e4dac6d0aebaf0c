"""Which reasons pairs have, alone and together: first, any, only, and the overlap of any two."""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from sealdata.report.evidence import Evidence

Combination = tuple[str | None, tuple[str, ...]]  # (stage of the first reason, all reasons)


def tally(evidence: Evidence, lang: str) -> Counter[Combination]:
    """Rows on disk by the reasons they have; kept pairs are under (None, ())."""
    counts: Counter[Combination] = Counter()
    for frame in evidence.frames(lang, ["reasons"]):
        groups = frame.select("stage", pl.col("reasons").list.join("\t")).group_by(pl.all()).len()
        for stage, reasons, rows in groups.rows():
            counts[stage, tuple(reasons.split("\t")) if reasons else ()] += rows
    return counts


def by_source(evidence: Evidence, lang: str) -> dict[str, Counter[tuple[str | None, str | None]]]:
    """source -> (stage, first reason) -> rows on disk."""
    counts: dict[str, Counter[tuple[str | None, str | None]]] = {}
    for frame in evidence.frames(lang, ["source"]):
        for source, stage, reason, rows in (
            frame.group_by("source", "stage", "reason").len().sort("source", "stage").rows()
        ):
            counts.setdefault(source, Counter())[stage, reason] += rows
    return counts


def overlap(counts: Counter[Combination], reasons: Iterable[str]) -> dict[str, dict[str, int]]:
    """Rows that have both reasons; on the diagonal, rows that have the one."""
    table = {one: dict.fromkeys(reasons, 0) for one in reasons}
    for (_, found), rows in counts.items():
        for one in found:
            for other in found:
                table[one][other] += rows
    return table


def spread(total: int, shares: dict[str, float]) -> dict[str, int]:
    """Whole numbers in proportion to ``shares`` that add up to ``total`` (largest remainders)."""
    whole = sum(shares.values())
    if whole == 0:
        return dict.fromkeys(shares, 0)
    exact = {name: total * share / whole for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    left = total - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:left]:
        counts[name] += 1
    return counts
