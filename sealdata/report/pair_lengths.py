"""Facts about the lengths of unique pairs and of duplicates."""

import polars as pl

from sealdata.filter_stages import stages_before
from sealdata.report.audit_rows import AuditRows
from sealdata.report.schema import PairLengthFacts

PERCENTILES = (10, 50, 90)
DUPLICATE_REASONS = ("duplicate", "near_duplicate")  # of the stages dedup and near-dedup
_SIDES = ("src", "tgt")
_EMPTY = pl.Schema({"src": pl.UInt32(), "tgt": pl.UInt32(), "duplicate": pl.Boolean()})


def pair_length_facts(audit_rows: AuditRows, lang: str) -> list[PairLengthFacts]:
    """Characters of the pairs that were compared: those without and those with a duplicate reason.

    In an audit of a recipe all sampled pairs were compared. In a build the pairs of earlier
    filter stages were not, so they are left out. Memory holds one batch and one row per length.
    """
    counts: list[pl.DataFrame] = []
    duplicate = pl.any_horizontal(pl.col("reasons").list.contains(r) for r in DUPLICATE_REASONS)
    earlier = ("ingest",) if not audit_rows.exact else stages_before("dedup")
    compared = ~pl.col("stage").fill_null("").is_in(earlier)
    for frame in audit_rows.frames(lang, list(_SIDES)):
        sides = pl.col(_SIDES).str.len_chars()
        rows = frame.filter(compared).select(sides, duplicate=duplicate)
        added = pl.concat([*counts, *(_counts(rows, side) for side in _SIDES)])
        counts = [added.group_by("side", "duplicate", "length").agg(pl.sum("rows"))]
    table = counts[0] if counts else _counts(pl.DataFrame(schema=_EMPTY), "src")
    return [_facts(audit_rows, lang, table, flag) for flag in (False, True)]


def _counts(rows: pl.DataFrame, side: str) -> pl.DataFrame:
    """Rows by ``side``, ``duplicate`` and ``length``."""
    length = pl.col(side).fill_null(0).cast(pl.UInt32)
    return (
        rows.group_by("duplicate", length.alias("length"))
        .agg(pl.len().cast(pl.UInt64).alias("rows"), side=pl.lit(side).first())
        .select("side", "duplicate", "length", "rows")
    )


def _facts(audit_rows: AuditRows, lang: str, table: pl.DataFrame, flag: bool) -> PairLengthFacts:
    group_rows = table.filter(pl.col("duplicate") == flag)
    sides = {side: group_rows.filter(pl.col("side") == side).sort("length") for side in _SIDES}
    rows = int(sides["src"]["rows"].sum())
    return PairLengthFacts(
        lang=lang,
        group="duplicate" if flag else "unique",
        rows=audit_rows.estimate(lang, rows),
        sampled=rows,
        **{side: percentiles(sides[side]["length"], sides[side]["rows"]) for side in _SIDES},
    )


def percentiles(lengths: pl.Series, rows: pl.Series) -> dict[str, int]:
    """PERCENTILES of lengths [N], in rising order, that ``rows`` [N] rows have each; {} of none.

    The p-th percentile is the smallest length that at least p % of the rows do not exceed.
    """
    total = int(rows.sum())
    if not total:
        return {}
    below = rows.cum_sum() * 100
    return {f"{p}": int(lengths[int((below < p * total).sum())]) for p in PERCENTILES}
