"""Counts of the reasons that pairs have, of each reason and of each two together."""

import math
from collections import Counter
from collections.abc import Iterable

import polars as pl

from sealdata.report.audit_rows import AuditRows

Combination = tuple[str | None, tuple[str, ...]]  # (stage of the first reason, all reasons)


def tally(audit_rows: AuditRows, lang: str) -> Counter[Combination]:
    """Rows on disk by their reasons; kept pairs are under (None, ())."""
    counts: Counter[Combination] = Counter()
    for frame in audit_rows.frames(lang, ["reasons"]):
        groups = frame.select("stage", pl.col("reasons").list.join("\t")).group_by(pl.all()).len()
        for stage, reasons, rows in groups.rows():
            counts[stage, tuple(reasons.split("\t")) if reasons else ()] += rows
    return counts


def by_source(
    audit_rows: AuditRows, lang: str
) -> dict[str, Counter[tuple[str | None, str | None]]]:
    """source -> (stage, first reason) -> rows on disk."""
    counts: dict[str, Counter[tuple[str | None, str | None]]] = {}
    for frame in audit_rows.frames(lang, ["source"]):
        for source, stage, reason, rows in (
            frame.group_by("source", "stage", "reason").len().sort("source", "stage").rows()
        ):
            counts.setdefault(source, Counter())[stage, reason] += rows
    return counts


def overlap(counts: Counter[Combination], reasons: Iterable[str]) -> dict[str, dict[str, int]]:
    """Rows that have both reasons; on the diagonal, rows that have the reason."""
    table = {reason: dict.fromkeys(reasons, 0) for reason in reasons}
    for (_, row_reasons), rows in counts.items():
        for reason in row_reasons:
            for other in row_reasons:
                table[reason][other] += rows
    return table


Overlap = dict[str, dict[str, int]]  # reason -> reason -> pairs with both


def overlap_errors(
    audit_rows: AuditRows, tables: dict[str, Overlap]
) -> dict[str, dict[str, dict[str, float]]]:
    """Half the width of the interval of each cell that holds pairs; {} if all were counted.

    ``tables`` are estimates by language and for "all". The error of a cell is that of its share of
    the pairs with the row's reason; on the diagonal it is in pairs. For "all", the shares of the
    languages are weighted by their pairs. Both are estimated, so that the delta method applies.
    """
    if audit_rows.exact:
        return {}
    errors: dict[str, dict[str, dict[str, float]]] = {name: {} for name in tables}
    for reason, row in tables["all"].items():
        langs = [lang for lang in audit_rows.files if tables[lang][reason][reason]]
        widths = {
            lang: _width(audit_rows, lang, tables[lang][reason][reason])
            for lang in audit_rows.files
        }
        for lang in langs:
            counts = tables[lang][reason]
            errors[lang][reason] = {
                other: audit_rows.part_error(lang, shared, counts[reason])
                for other, shared in counts.items()
                if shared
            } | {reason: widths[lang]}
        errors["all"][reason] = {}
        for other, shared in row.items():
            if other == reason and shared:
                errors["all"][reason][reason] = math.hypot(*widths.values())
            elif shared:
                share = shared / row[reason]
                parts = []
                for lang in langs:
                    have, lang_shared = tables[lang][reason][reason], tables[lang][reason][other]
                    parts.append(have * audit_rows.part_error(lang, lang_shared, have))
                    parts.append((lang_shared / have - share) * widths[lang])
                errors["all"][reason][other] = math.hypot(*parts) / row[reason]
    return errors


def _width(audit_rows: AuditRows, lang: str, pairs: int) -> float:
    """The error of an estimated number of pairs."""
    population = audit_rows.population(lang)
    return audit_rows.error(lang, pairs / population) * population if population else 0.0


def spread(total: int, shares: dict[str, float]) -> dict[str, int]:
    """Whole numbers in proportion to ``shares`` that sum to ``total`` (largest remainders)."""
    whole = sum(shares.values())
    if whole == 0:
        return dict.fromkeys(shares, 0)
    exact = {name: total * share / whole for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    left = total - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:left]:
        counts[name] += 1
    return counts
