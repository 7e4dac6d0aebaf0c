"""Similarity from both ends: percentiles, means by length, domain and stored margin, the tail."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl
import polars_hash as plh

from sealdata.report.audit_rows import Evidence, Z, share_error
from sealdata.report.bound_rules import stage_of
from sealdata.report.margin_agreement import interval
from sealdata.report.other_views import domain
from sealdata.report.samples import show
from sealdata.report.schema import SimilarityFacts

DRAWN = 20_000  # rows per language that are looked at, those with the lowest hashes
PERCENTILES = (0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
TOP = 10  # domains and tail rows shown
LENGTHS = (0, 20, 40, 60, 80, 120, 160, 240, 400, 20_000)
LEAST = 20  # pairs that a correlation is stated for


def similarity_facts(
    evidence: Evidence, lang: str, columns: Sequence[str], score_names: Sequence[str]
) -> list[SimilarityFacts]:
    """Each similarity score, and the margin that the corpus came with, from both ends."""
    names = [
        name
        for name in score_names
        if name in columns and (stage_of(name) == "similarity" or name == "stored.margin")
    ]
    if not names:
        return []
    drawn, share = _drawn(evidence, lang, names)
    return [fact for name in names for fact in _facts(drawn, share, lang, name, list(columns))]


def _drawn(evidence: Evidence, lang: str, names: list[str]) -> tuple[pl.DataFrame, float]:
    """At most DRAWN rows that have any of the scores, chosen by hash over all batches; and their
    share of the pairs that they stand for."""
    best: list[pl.DataFrame] = []
    total = 0
    for frame in evidence.frames(lang):
        known = [name for name in names if name in frame.columns]
        if not known:
            continue
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        rows = frame.filter(pl.any_horizontal(pl.col(known).is_not_null()))
        total += rows.height
        ranked = rows.with_columns(hash=key.nchash.xxh3_64())
        best = [pl.concat([*best, ranked], how="diagonal_relaxed").bottom_k(DRAWN, by="hash")]
    if not total:
        return pl.DataFrame(), 1.0
    return best[0].sort("hash"), best[0].height / total / evidence.weight(lang)


def _facts(
    drawn: pl.DataFrame, share: float, lang: str, name: str, columns: list[str]
) -> Iterator[SimilarityFacts]:
    if name not in drawn.columns:
        return
    rows = drawn.filter(pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64).is_finite())
    if rows.is_empty():
        return
    score = rows[name].cast(pl.Float64)
    cuts = {f"{p:g}": _round(score.quantile(p / 100, "nearest")) for p in PERCENTILES}
    tail = rows.filter(score >= (score.quantile(0.99, "lower") or 0.0))
    of = round(rows.height / share)
    yield SimilarityFacts(
        score=name,
        lang=lang,
        rows=rows.height,
        of=of,
        percentiles=cuts,
        rank_error=share_error(0.5, rows.height, of) if of > rows.height else 0.0,
        by_length=_by_length(rows, name, share),
        by_domain=_by_domain(rows, name, share),
        **_against(rows, name, share),
        top=[show(row, columns, f"top 1 % of {name}") for row in tail.head(TOP).to_dicts()],
    )


def _means(groups: pl.DataFrame, share: float) -> Iterator[tuple[float | int | str | None, ...]]:
    """The columns of each group, the last of which is its scores, with their number, mean and the
    error of the mean: Z standard errors, of a share of a finite population."""
    for *group, scores in groups.iter_rows():
        values = pl.Series(scores, dtype=pl.Float64)
        spread = values.std()
        assert spread is None or isinstance(spread, float)
        finite = math.sqrt(max(0.0, 1 - share))
        error = 0.0 if finite == 0 else None
        if spread is not None:
            error = _round(Z * spread / math.sqrt(values.len()) * finite)
        yield *group, values.len(), _round(values.mean()), error


def _by_length(rows: pl.DataFrame, name: str, share: float) -> list[tuple[object, ...]]:
    length = pl.col("src").str.len_chars()
    found: list[tuple[object, ...]] = []
    for low, high in pairwise(LENGTHS):
        within = rows.filter((length >= low) & (length < high))
        groups = within.select(low=low, high=high, scores=pl.col(name).implode()).head(1)
        found += _means(groups, share) if within.height else ()
    return found


def _by_domain(rows: pl.DataFrame, name: str, share: float) -> list[tuple[object, ...]]:
    groups = (
        rows.select(domain(rows.columns), pl.col(name))
        .drop_nulls("domain")
        .group_by("domain")
        .agg(name)
        .sort([pl.col(name).list.len(), "domain"], descending=[True, False])
    )
    return list(_means(groups.head(TOP), share))


def _against(rows: pl.DataFrame, name: str, share: float) -> dict[str, object]:
    """The score in tenths of the margin that the corpus stores."""
    both = rows.select(score=pl.col(name), stored=pl.col("stored_margin")).drop_nulls()
    if name == "stored.margin" or both.height < LEAST:
        return {"against": [], "correlation": None, "interval": None}
    ranks = both.select(pl.corr("score", "stored", method="spearman")).item()
    tenths = both.sort("stored").with_columns(tenth=pl.int_range(pl.len()) * 10 // pl.len())
    groups = tenths.group_by("tenth", maintain_order=True).agg(
        pl.min("stored"), pl.max("stored").alias("high"), "score"
    )
    against = [
        (_round(low), _round(high), *mean)
        for low, high, *mean in _means(groups.drop("tenth"), share)
    ]
    known = ranks == ranks  # neither varies otherwise
    return {
        "against": against,
        "correlation": _round(ranks) if known else None,
        "interval": interval(ranks, both.height) if known else None,
    }


def _round(value: object) -> float:
    assert isinstance(value, int | float), value
    return float(f"{value:.4g}")
