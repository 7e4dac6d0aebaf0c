"""The pairs and tokens of each source, read and kept, with the errors of its funnel."""

import math
from collections.abc import Sequence

import polars as pl

from sealdata.build_manifest import FunnelRow
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.audit_rows import AuditRows, Z, share_error
from sealdata.report.schema import SourceFacts, TokenEstimate


def source_facts(
    audit_rows: AuditRows, lang: str, funnel: Sequence[FunnelRow], tokens: pl.Expr | None
) -> list[SourceFacts]:
    """The facts of each row of ``funnel`` in the language ``lang``.

    ``tokens`` estimates the training tokens of a pair; None if no tokenizer was measured.
    """
    sums = _sums(audit_rows, lang, tokens)
    return [_facts(row, audit_rows.exact, sums) for row in funnel if row.lang == lang]


def _sums(audit_rows: AuditRows, lang: str, tokens: pl.Expr | None) -> dict[str, dict[str, float]]:
    """By source: readable rows on disk, and sums of tokens and of their squares, read and kept."""
    kept = pl.col("stage").is_null()
    groups = []
    for frame in audit_rows.frames(lang, ["src", "tgt"] if tokens is not None else []):
        sums = frame.select("source", rows=pl.col("stage").ne_missing("ingest"))
        if tokens is not None:
            values = frame.select(read=tokens, kept=pl.when(kept).then(tokens)).fill_null(0.0)
            squares = values.select((pl.all() ** 2).name.suffix("_squares"))
            sums = pl.concat([sums, values, squares], how="horizontal")
        groups.append(sums.group_by("source").sum())
    total = pl.concat(groups).group_by("source").sum().to_dicts() if groups else []
    return {row["source"]: row for row in total}


def _facts(row: FunnelRow, exact: bool, sums: dict[str, dict[str, float]]) -> SourceFacts:
    source_sums = sums.get(row.source, {})
    sampled, readable = int(source_sums.get("rows", 0)), row.records - row.lost("ingest")

    def error(count: int) -> float:
        if exact or not readable:
            return 0.0
        return share_error(count / readable, sampled, readable) * readable / row.records

    return SourceFacts(
        source=row.source,
        lang=row.lang,
        rows=readable,
        sampled=sampled,
        kept_error=error(row.kept),
        lost_errors={
            stage: error(row.lost(stage))
            for stage in STAGE_NAMES[1:]
            if not exact and row.lost(stage)
        },
        read=_tokens(source_sums, "read", sampled, readable),
        kept=_tokens(source_sums, "kept", sampled, readable),
    )


def _tokens(
    source_sums: dict[str, float], name: str, sampled: int, readable: int
) -> TokenEstimate | None:
    """The total number of tokens, from the rows on disk. Error: Cochran 1977, chapter 2."""
    if name not in source_sums or not sampled:
        return None
    mean = source_sums[name] / sampled
    variance = max(0.0, source_sums[f"{name}_squares"] / sampled - mean**2)
    finite = math.sqrt(max(0.0, 1 - sampled / readable)) if readable else 0.0
    error = Z * readable * math.sqrt(variance / sampled) * finite
    return TokenEstimate(tokens=round(mean * readable), error=round(error))
