"""What each source brought and what is left of it: tokens, and the errors of its funnel."""

import math
from collections.abc import Sequence

import polars as pl

from sealdata.build_manifest import FunnelRow
from sealdata.filter_stages import STAGE_NAMES
from sealdata.report.audit_rows import Evidence, Z, share_error
from sealdata.report.schema import SourceRest, TokenEstimate


def source_facts(
    evidence: Evidence, lang: str, funnel: Sequence[FunnelRow], tokens: pl.Expr | None
) -> list[SourceRest]:
    """One row for each of ``lang`` in ``funnel``.

    ``tokens`` estimates the training tokens of a pair; None where nothing is known.
    """
    sums = _sums(evidence, lang, tokens)
    return [_facts(row, evidence.exact, sums) for row in funnel if row.lang == lang]


def _sums(evidence: Evidence, lang: str, tokens: pl.Expr | None) -> dict[str, dict[str, float]]:
    """By source: readable rows on disk, their tokens and squares, and those of kept ones."""
    kept = pl.col("stage").is_null()
    groups = []
    for frame in evidence.frames(lang, ["src", "tgt"] if tokens is not None else []):
        found = frame.select("source", rows=pl.col("stage").ne_missing("ingest"))
        if tokens is not None:
            values = frame.select(read=tokens, kept=pl.when(kept).then(tokens)).fill_null(0.0)
            squares = values.select((pl.all() ** 2).name.suffix("_squares"))
            found = pl.concat([found, values, squares], how="horizontal")
        groups.append(found.group_by("source").sum())
    total = pl.concat(groups).group_by("source").sum().to_dicts() if groups else []
    return {row["source"]: row for row in total}


def _facts(row: FunnelRow, exact: bool, sums: dict[str, dict[str, float]]) -> SourceRest:
    own = sums.get(row.source, {})
    sampled, readable = int(own.get("rows", 0)), row.records - row.lost("ingest")

    def error(count: int) -> float:
        if exact or not readable:
            return 0.0
        return share_error(count / readable, sampled, readable) * readable / row.records

    return SourceRest(
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
        read=_tokens(own, "read", sampled, readable),
        kept=_tokens(own, "kept", sampled, readable),
    )


def _tokens(own: dict[str, float], name: str, sampled: int, readable: int) -> TokenEstimate | None:
    """A total from the tokens of the rows on disk. Source of the error: Cochran 1977, chapter 2."""
    if name not in own or not sampled:
        return None
    mean = own[name] / sampled
    variance = max(0.0, own[f"{name}_squares"] / sampled - mean**2)
    finite = math.sqrt(max(0.0, 1 - sampled / readable)) if readable else 0.0
    error = Z * readable * math.sqrt(variance / sampled) * finite
    return TokenEstimate(tokens=round(mean * readable), error=round(error))
