"""The language-ID probabilities that a corpus was published with, against those of this build."""

import math
from collections.abc import Sequence

import polars as pl

from sealdata.report.audit_rows import AuditRows
from sealdata.report.schema import AgreementFacts

LIMITS = (0.3, 0.5, 0.7, 0.9)  # probabilities at which the two are compared


def agreement_facts(
    audit_rows: AuditRows, lang: str, columns: Sequence[str]
) -> list[AgreementFacts]:
    """For each side with both probabilities, how often they fall on the same side of a limit.

    All rows that have both count. A stored probability above 1 (NLLB's rounding) counts as 1. The
    two usually come from different models, so that they need not agree.
    """
    facts = []
    for side in ("src", "tgt"):
        stored, again = f"stored_{side}_lid", f"lid.{side}_prob"
        if again not in columns:
            continue
        totals = [_totals(pl.DataFrame(schema={"stored": pl.Float64, "again": pl.Float64}))]
        for frame in audit_rows.frames(lang, [stored, again]):
            if {stored, again} <= set(frame.columns):
                both = frame.select(
                    stored=pl.col(stored).cast(pl.Float64).clip(0, 1),
                    again=pl.col(again).cast(pl.Float64),
                )
                totals.append(_totals(both.drop_nulls().drop_nans()))
        total = pl.concat(totals).sum().row(0, named=True)
        if total["rows"]:
            facts.append(_facts(audit_rows, lang, side, total))
    return facts


def _totals(both: pl.DataFrame) -> pl.DataFrame:
    """One row of sums and counts, which add up over batches."""
    stored, again = pl.col("stored"), pl.col("again")
    counts = {
        f"{name} {limit}": pl.when(above & below).then(1).otherwise(0).sum().cast(pl.Int64)
        for limit in LIMITS
        for name, above, below in (
            ("stored", stored >= limit, again < limit),
            ("again", stored < limit, again >= limit),
        )
    }
    return both.select(
        rows=pl.len().cast(pl.Int64),
        s=stored.sum(),
        a=again.sum(),
        ss=(stored * stored).sum(),
        aa=(again * again).sum(),
        sa=(stored * again).sum(),
        **counts,
    )


def _error(audit_rows: AuditRows, lang: str, rows: float, total: dict[str, int | float]) -> float:
    """The largest error of the shares at any limit."""
    counts = [total[f"{name} {limit}"] for name in ("stored", "again") for limit in LIMITS]
    counts += [total[f"stored {limit}"] + total[f"again {limit}"] for limit in LIMITS]
    of = audit_rows.estimate(lang, rows)
    return max(audit_rows.part_error(lang, audit_rows.estimate(lang, n), of) for n in counts)


def _facts(
    audit_rows: AuditRows, lang: str, side: str, total: dict[str, int | float]
) -> AgreementFacts:
    rows = total["rows"]
    spread = math.sqrt(
        max(0.0, total["ss"] - total["s"] ** 2 / rows)
        * max(0.0, total["aa"] - total["a"] ** 2 / rows)
    )
    shared = total["sa"] - total["s"] * total["a"] / rows
    return AgreementFacts(
        lang=lang,
        side=side,
        rows=audit_rows.estimate(lang, rows),
        error=_error(audit_rows, lang, rows, total),
        correlation=round(shared / spread, 4) if spread > 1e-9 * rows else None,
        at_limits={
            f"{limit:g}": {
                "agree": round(1 - (total[f"stored {limit}"] + total[f"again {limit}"]) / rows, 6),
                "stored": round(total[f"stored {limit}"] / rows, 6),
                "again": round(total[f"again {limit}"] / rows, 6),
            }
            for limit in LIMITS
        },
    )
