"""Facts about similarity scores: percentiles, means by group, and the highest pairs."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl
import polars_hash as plh

from sealdata.programs.program import LineProgram
from sealdata.report.audit_rows import AuditRows, Z, share_error
from sealdata.report.bound_rules import scorer_class
from sealdata.report.margin_agreement import interval
from sealdata.report.other_views import domain
from sealdata.report.samples import show
from sealdata.report.schema import SimilarityFacts

MAX_DRAWN = 20_000  # rows of a language in the figures, those with the lowest hashes
# Both tails are fine-grained: limits are set at the low end, copies stand at the high end.
PERCENTILES = (0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
TOP = 10  # domains and highest rows in the facts
# Characters of the English side. The last bound is the longest side that a reader accepts.
LENGTHS = (0, 20, 40, 60, 80, 120, 160, 240, 400, 20_000)
MIN_PAIRS = 20  # for a correlation


def similarity_facts(
    audit_rows: AuditRows, lang: str, columns: Sequence[str], score_names: Sequence[str]
) -> list[SimilarityFacts]:
    """The facts of each similarity score, and of the margin that the corpus was published with."""
    names = [
        name
        for name in score_names
        if name in columns and (_is_similarity(name) or name == "stored.margin")
    ]
    if not names:
        return []
    # One sample for all scores of the language, so that their figures are about the same rows.
    drawn, share = _drawn(audit_rows, lang, names)
    return [fact for name in names for fact in _facts(drawn, share, lang, name, list(columns))]


def _is_similarity(score: str) -> bool:
    """Whether a built-in scorer compares meanings. Programs share its stage for their cost."""
    cls = scorer_class(score.partition(".")[0])
    return cls is not None and cls.stage == "similarity" and not issubclass(cls, LineProgram)


def _drawn(audit_rows: AuditRows, lang: str, names: list[str]) -> tuple[pl.DataFrame, float]:
    """At most MAX_DRAWN rows that have any of the scores, chosen by hash over all batches.

    The second value is their share of the pairs that they represent.
    """
    best: list[pl.DataFrame] = []
    total = 0
    for frame in audit_rows.frames(lang):
        present = [name for name in names if name in frame.columns]
        # A batch of a source that the scorer did not see.
        if not present:
            continue
        # The hash is of source and row only, so the sample does not depend on batches or files.
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        rows = frame.filter(pl.any_horizontal(pl.col(present).is_not_null()))
        total += rows.height
        ranked = rows.with_columns(hash=key.nchash.xxh3_64())
        # At most MAX_DRAWN rows and one batch are in memory.
        best = [pl.concat([*best, ranked], how="diagonal_relaxed").bottom_k(MAX_DRAWN, by="hash")]
    if not total:
        return pl.DataFrame(), 1.0
    # In an audit each row on disk represents ``weight`` pairs, so the share of pairs is smaller.
    return best[0].sort("hash"), best[0].height / total / audit_rows.weight(lang)


def _facts(
    drawn: pl.DataFrame, share: float, lang: str, name: str, columns: list[str]
) -> Iterator[SimilarityFacts]:
    if name not in drawn.columns:
        return
    # Infinite margins have no place in a mean.
    rows = drawn.filter(pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64).is_finite())
    if rows.is_empty():
        return
    score = rows[name].cast(pl.Float64)
    # "nearest" returns a score that occurs.
    cuts = {f"{p:g}": _round(score.quantile(p / 100, "nearest")) for p in PERCENTILES}
    # The rows are in the order of hashes, so the first of the tail are a random choice from it.
    tail = rows.filter(score >= (score.quantile(0.99, "lower") or 0.0))
    of = round(rows.height / share)
    yield SimilarityFacts(
        score=name,
        lang=lang,
        rows=rows.height,
        of=of,
        percentiles=cuts,
        # The error of a percentile is one of its rank, largest at the median.
        rank_error=share_error(0.5, rows.height, of) if of > rows.height else 0.0,
        # Cosines of short sentences differ from those of long ones, so one limit may cost one kind
        # more.
        by_length=_by_length(rows, name, share),
        by_domain=_by_domain(rows, name, share),
        **_against(rows, name, share),
        top=[show(row, columns, f"top 1 % of {name}") for row in tail.head(TOP).to_dicts()],
    )


def _means(groups: pl.DataFrame, share: float) -> Iterator[tuple[float | int | str | None, ...]]:
    """The columns of each group, with the number, mean and error of the mean of its scores.

    The scores are the last column. The error is Z standard errors, corrected for a finite
    population; None for a single score.
    """
    # A few dozen groups at most, so a loop in Python is fast enough.
    for *group, scores in groups.iter_rows():
        values = pl.Series(scores, dtype=pl.Float64)
        # None for a single score, whose spread is unknown.
        spread = values.std()
        assert spread is None or isinstance(spread, float)
        # Cochran 1977: a sample of everything has no error.
        finite = math.sqrt(max(0.0, 1 - share))
        error = 0.0 if finite == 0 else None
        if spread is not None:
            error = _round(Z * spread / math.sqrt(values.len()) * finite)
        yield *group, values.len(), _round(values.mean()), error


def _by_length(rows: pl.DataFrame, name: str, share: float) -> list[tuple[object, ...]]:
    length = pl.col("src").str.len_chars()
    means: list[tuple[object, ...]] = []
    for low, high in pairwise(LENGTHS):
        within = rows.filter((length >= low) & (length < high))
        # One row with all scores of the range, in the form that ``_means`` reads.
        groups = within.select(low=low, high=high, scores=pl.col(name).implode()).head(1)
        means += _means(groups, share) if within.height else ()
    return means


def _by_domain(rows: pl.DataFrame, name: str, share: float) -> list[tuple[object, ...]]:
    groups = (
        rows.select(domain(rows.columns), pl.col(name))
        # Corpora without addresses have no domains, and then no table.
        .drop_nulls("domain")
        .group_by("domain")
        .agg(name)
        .sort([pl.col(name).list.len(), "domain"], descending=[True, False])
    )
    return list(_means(groups.head(TOP), share))


def _against(rows: pl.DataFrame, name: str, share: float) -> dict[str, object]:
    """Means of the score by tenths of the stored margin, and their rank correlation."""
    both = rows.select(score=pl.col(name), stored=pl.col("stored_margin")).drop_nulls()
    if name == "stored.margin" or both.height < MIN_PAIRS:
        return {"against": [], "correlation": None, "interval": None}
    # Ranks, because the two margins have different scales.
    ranks = both.select(pl.corr("score", "stored", method="spearman")).item()
    # Tenths by rank have equally many rows, whatever the distribution of the margin.
    tenths = both.sort("stored").with_columns(tenth=pl.int_range(pl.len()) * 10 // pl.len())
    groups = tenths.group_by("tenth", maintain_order=True).agg(
        pl.min("stored"), pl.max("stored").alias("high"), "score"
    )
    against = [
        (_round(low), _round(high), *mean)
        for low, high, *mean in _means(groups.drop("tenth"), share)
    ]
    is_known = ranks == ranks  # NaN if one of them does not vary
    return {
        "against": against,
        "correlation": _round(ranks) if is_known else None,
        "interval": interval(ranks, both.height) if is_known else None,
    }


def _round(value: object) -> float:
    assert isinstance(value, int | float), value
    return float(f"{value:.4g}")
