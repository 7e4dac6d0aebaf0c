"""Other views: similarity from both ends, what language ID heard, where pairs come from."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl
import polars_hash as plh

from sealdata.report.evidence import Evidence
from sealdata.report.ledger import batches
from sealdata.report.religion import has_words, of_hosts
from sealdata.report.rulebook import phase_of
from sealdata.report.samples import MAX_TEXT, show
from sealdata.report.schema import ConfusionFacts, DomainFacts, MatchFacts, SimilarityFacts

DRAWN = 20_000  # rows per language that similarity is looked at on, those with the lowest hashes
PERCENTILES = (0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
TOP = 10  # domains, labels and tail rows shown
LENGTHS = (0, 20, 40, 60, 80, 120, 160, 240, 400, 20_000)
_HOST = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?(?:www\.)?([^/:?#]+)"


def domain(columns: Sequence[str]) -> pl.Expr:
    """The host of the other side's URL, else of the English side's; null where there is none."""
    hosts = [
        pl.col(name).str.extract(_HOST).str.to_lowercase()
        for name in ("tgt_url", "src_url")
        if name in columns
    ]
    return pl.coalesce(*hosts, pl.lit(None, pl.String)).alias("domain")


def domain_facts(evidence: Evidence, lang: str) -> DomainFacts:
    """Counts of every row's domain; the most frequent are named, and religious text is."""
    groups: list[pl.DataFrame] = []
    total = 0
    religious = [0, 0]
    for frame in evidence.frames(lang, ["src_url", "tgt_url", "src"]):
        total += frame.height
        words = frame.filter(has_words(pl.col("src")))
        religious[0] += words.height
        religious[1] += words["stage"].null_count()
        found = frame.select(domain(frame.columns), kept=pl.col("stage").is_null())
        groups.append(found.drop_nulls("domain").group_by("domain").agg(pl.len(), pl.sum("kept")))
        if len(groups) > 16:
            groups = [_merged(groups)]
    merged = (
        _merged(groups)
        if groups
        else pl.DataFrame(schema={"domain": pl.String, "len": pl.UInt32, "kept": pl.UInt32})
    )
    top = merged.sort(["len", "domain"], descending=[True, False]).head(TOP)
    scripture = merged.filter(of_hosts(pl.col("domain"))).select(pl.sum("len", "kept"))

    def estimated(rows: int, kept: int) -> tuple[int, int]:
        return evidence.estimate(lang, rows), evidence.estimate(lang, kept)

    return DomainFacts(
        lang=lang,
        rows=evidence.estimate(lang, int(merged["len"].sum() or 0)),
        of=evidence.estimate(lang, total),
        top=[(name, *estimated(rows, kept)) for name, rows, kept in top.rows()],
        scripture=estimated(*scripture.row(0)),
        religious=estimated(*religious),
        religious_error=evidence.error(lang, religious[0] / max(total, 1)),
    )


def _merged(groups: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(groups).group_by("domain").agg(pl.sum("len"), pl.sum("kept"))


def confusion_facts(evidence: Evidence, lang: str, columns: Sequence[str]) -> list[ConfusionFacts]:
    """What each side was taken for, over every row that language ID saw."""
    facts = []
    for side in ("src", "tgt"):
        name = f"lid.{side}_top"
        if name not in columns:
            continue
        counts: dict[str, int] = {}
        for frame in evidence.frames(lang, [name]):
            if name in frame.columns:
                for label, rows in frame[name].drop_nulls().value_counts().rows():
                    counts[label] = counts.get(label, 0) + rows
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        facts.append(
            ConfusionFacts(
                lang=lang,
                side=side,
                rows=evidence.estimate(lang, sum(counts.values())),
                taken_for=[(x, evidence.estimate(lang, rows)) for x, rows in ordered[:TOP]],
            )
        )
    return facts


def similarity_facts(
    evidence: Evidence, lang: str, columns: Sequence[str], score_names: Sequence[str]
) -> list[SimilarityFacts]:
    """Each similarity score, and the margin that the corpus came with, from both ends."""
    names = [
        name
        for name in score_names
        if name in columns and (phase_of(name) == "similarity" or name == "stored.margin")
    ]
    if not names:
        return []
    drawn = _drawn(evidence, lang, names)
    return [facts for name in names for facts in _similarity(drawn, lang, name, list(columns))]


def _drawn(evidence: Evidence, lang: str, names: list[str]) -> pl.DataFrame:
    """At most DRAWN rows that have any of the scores, chosen by hash over all batches."""
    best: list[pl.DataFrame] = []
    for frame in evidence.frames(lang):
        known = [name for name in names if name in frame.columns]
        if not known:
            continue
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String))
        rows = frame.filter(pl.any_horizontal(pl.col(known).is_not_null()))
        ranked = rows.with_columns(hash=key.nchash.xxh3_64())
        best = [pl.concat([*best, ranked], how="diagonal_relaxed").bottom_k(DRAWN, by="hash")]
    return best[0].sort("hash") if best else pl.DataFrame()


def _similarity(
    drawn: pl.DataFrame, lang: str, name: str, columns: list[str]
) -> Iterator[SimilarityFacts]:
    if name not in drawn.columns:
        return
    rows = drawn.filter(pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64).is_finite())
    if rows.is_empty():
        return
    score = rows[name].cast(pl.Float64)
    cuts = {f"{p:g}": _round(score.quantile(p / 100, "nearest")) for p in PERCENTILES}
    tail = rows.filter(score >= (score.quantile(0.99, "lower") or 0.0))
    yield SimilarityFacts(
        score=name,
        lang=lang,
        rows=rows.height,
        percentiles=cuts,
        by_length=_by_length(rows, name),
        by_domain=_by_domain(rows, name),
        **_against(rows, name),
        top=[show(row, columns, f"top 1 % of {name}") for row in tail.head(TOP).to_dicts()],
    )


def _by_length(rows: pl.DataFrame, name: str) -> list[tuple[int, int, int, float]]:
    length = rows["src"].str.len_chars()
    found = []
    for low, high in pairwise(LENGTHS):
        within = rows.filter((length >= low) & (length < high))[name]
        if within.len():
            found.append((low, high, within.len(), _round(within.mean())))
    return found


def _by_domain(rows: pl.DataFrame, name: str) -> list[tuple[str, int, float]]:
    groups = (
        rows.select(domain(rows.columns), pl.col(name))
        .drop_nulls("domain")
        .group_by("domain")
        .agg(pl.len(), pl.col(name).mean())
        .sort(["len", "domain"], descending=[True, False])
    )
    return [(host, count, _round(mean)) for host, count, mean in groups.head(TOP).rows()]


def _against(rows: pl.DataFrame, name: str) -> dict[str, object]:
    """The score in tenths of the margin that the corpus stores."""
    both = rows.select(score=pl.col(name), stored=pl.col("stored_margin")).drop_nulls()
    if name == "stored.margin" or both.height < 20:
        return {"against": [], "correlation": None}
    ranks = both.select(pl.corr("score", "stored", method="spearman")).item()
    tenths = both.sort("stored").with_columns(tenth=pl.int_range(pl.len()) * 10 // pl.len())
    groups = tenths.group_by("tenth", maintain_order=True).agg(
        pl.min("stored"), pl.max("stored").alias("high"), pl.len(), pl.mean("score")
    )
    against = [
        (_round(low), _round(high), count, _round(mean))
        for _, low, high, count, mean in groups.rows()
    ]
    return {"against": against, "correlation": None if ranks != ranks else _round(ranks)}


def _round(value: object) -> float:
    assert isinstance(value, int | float), value
    return float(f"{value:.4g}")


def match_facts(files: list[Path], lang: str, with_text: bool = True) -> list[MatchFacts]:
    """A few matches with evaluation text in ``files``, those with the lowest hashes."""
    best: list[pl.DataFrame] = []
    for frame in batches(files):
        key = plh.concat_str(pl.col("source"), pl.lit("/"), pl.col("row").cast(pl.String), "side")
        ranked = frame.with_columns(hash=key.nchash.xxh3_64())
        best = [pl.concat([*best, ranked]).bottom_k(TOP, by="hash")]
    rows = best[0].sort("hash").to_dicts() if best else []
    return [
        MatchFacts(
            lang=lang,
            **{
                name: row[name] for name in ("source", "row", "set", "side", "kind", "file", "line")
            },
            score=_round(row["score"]),
            reference=row["reference"][:MAX_TEXT] if with_text and row["reference"] else None,
            text=row[row["side"]][:MAX_TEXT] if with_text else None,
        )
        for row in rows
    ]
