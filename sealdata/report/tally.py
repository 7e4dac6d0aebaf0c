"""Which reasons pairs have, alone and together: first, any, only, and the overlap of any two."""

import math
from collections import Counter
from collections.abc import Iterable

import polars as pl

from sealdata.report.audit_rows import Evidence

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


Overlap = dict[str, dict[str, int]]  # reason -> reason -> pairs with both


def overlap_errors(
    evidence: Evidence, tables: dict[str, Overlap]
) -> dict[str, dict[str, dict[str, float]]]:
    """Half the width of the interval of each cell that holds pairs; {} where all were counted.

    ``tables`` are estimates by language and for "all". A cell's error is that of its share of the
    pairs with the reason of the row; on the diagonal it is in pairs. For "all", shares are the
    languages' shares weighed by their pairs, both estimated: the delta method.
    """
    if evidence.exact:
        return {}
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in tables}
    for one, row in tables["all"].items():
        own = [lang for lang in evidence.files if tables[lang][one][one]]
        widths = {lang: _width(evidence, lang, tables[lang][one][one]) for lang in evidence.files}
        for lang in own:
            here = tables[lang][one]
            found[lang][one] = {
                other: evidence.part_error(lang, both, here[one])
                for other, both in here.items()
                if both
            } | {one: widths[lang]}
        found["all"][one] = {}
        for other, both in row.items():
            if other == one and both:
                found["all"][one][one] = math.hypot(*widths.values())
            elif both:
                share = both / row[one]
                parts = []
                for lang in own:
                    have, shared = tables[lang][one][one], tables[lang][one][other]
                    parts.append(have * evidence.part_error(lang, shared, have))
                    parts.append((shared / have - share) * widths[lang])
                found["all"][one][other] = math.hypot(*parts) / row[one]
    return found


def _width(evidence: Evidence, lang: str, pairs: int) -> float:
    """The error of an estimated number of pairs."""
    population = evidence.population(lang)
    return evidence.error(lang, pairs / population) * population if population else 0.0


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
