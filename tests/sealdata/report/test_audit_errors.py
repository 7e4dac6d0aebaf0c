"""Every figure that a sample estimates states an error, and the truth lies within it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sealdata.build_manifest import FunnelRow
from sealdata.files.frames import write_frame
from sealdata.report.audit_rows import AuditRows, share_error
from sealdata.report.lid_agreement import agreement_facts
from sealdata.report.other_views import confusion_facts, domain_facts
from sealdata.report.schema import PartFacts
from sealdata.report.similarity import similarity_facts
from sealdata.report.source_facts import source_facts

LANG = "jav_Latn"
COLUMNS = ["lid.tgt_top", "lid.tgt_prob", "stored.margin", "laser.cosine"]
TOKENS = pl.col("src").str.len_bytes() / 4 + pl.col("tgt").str.len_bytes() / 2


def corpus(rows: int) -> pl.DataFrame:
    """Pairs of two sources whose properties have no period in common with a sample's step."""
    index = pl.int_range(rows)
    mixed = (index * 7919) % 1000 / 1000  # spread over 0 to 1
    words = pl.when(index % 11 == 0).then(pl.lit("Jesus said ")).otherwise(pl.lit("They said "))
    host = pl.when(mixed < 0.3).then(pl.lit("https://wol.jw.org/")).when(mixed < 0.8)
    return pl.select(
        source=pl.when(index % 3 == 0).then(pl.lit("few")).otherwise(pl.lit("many")),
        row=index,
        src=words + (index % 97).cast(pl.String) + pl.lit("x").repeat_by(index % 90).list.join(""),
        tgt=pl.lit("y").repeat_by(index % 83).list.join(""),
        src_url=pl.lit(None, pl.String),
        tgt_url=host.then(pl.lit("http://news.example/a")),
        stored_margin=(1 + mixed / 4).cast(pl.Float32),
        stored_tgt_lid=mixed.cast(pl.Float32),
        stage=pl.when(index % 13 < 4).then(pl.lit("rules")),
        reason=pl.when(index % 13 < 4).then(pl.lit("r")),
        reasons=pl.when(index % 13 < 4)
        .then(pl.lit(["r"]))
        .otherwise(pl.lit([], pl.List(pl.String))),
        **{
            "lid.tgt_top": pl.when(index % 5 < 2).then(pl.lit("ind_Latn")).otherwise(pl.lit(LANG)),
            "lid.tgt_prob": (index % 101 / 100).cast(pl.Float32),
            "stored.margin": (1 + mixed / 4).cast(pl.Float32),
            "laser.cosine": (mixed * (index % 29) / 29).cast(pl.Float32),
        },
    )


@pytest.mark.parametrize(
    ("share", "sampled", "population", "error"),
    [
        # centre 3.317888 / 106.635776 = 0.0311142, width 0.0433122: both count for a share of 0
        (0.0, 100, 10**12, 0.0744264),
        (0.5, 50, 100, 0.1210195),  # half of all rows are known: the error is sqrt(1/2) of 0.17115
        (0.5, 100, 100, 0.0),
        (0.0, 0, 100, 1.0),
    ],
)
def test_the_error_of_a_share(share: float, sampled: int, population: int, error: float) -> None:
    assert share_error(share, sampled, population) == pytest.approx(error, abs=1e-7)


def test_the_highest_pairs_are_of_the_last_percent(both: tuple[AuditRows, AuditRows]) -> None:
    [fact] = similarity_facts(both[1], LANG, COLUMNS, ["laser.cosine"])
    scores = [row.scores["laser.cosine"] for row in fact.top]
    assert len(scores) == 10
    assert all(isinstance(s, float) and s >= fact.percentiles["99"] for s in scores)


@pytest.fixture
def both(tmp_path: Path) -> tuple[AuditRows, AuditRows]:
    """A tenth of 6,000 rows as a sample, and all of them."""
    rows = corpus(6000)
    write_frame(rows, tmp_path / "all.parquet")
    write_frame(rows.sample(600, seed=11), tmp_path / "some.parquet")
    some = AuditRows({LANG: [tmp_path / "some.parquet"]}, {LANG: 6000})
    return some, AuditRows({LANG: [tmp_path / "all.parquet"]})


def funnel(audit_rows: AuditRows) -> list[FunnelRow]:
    rows = pl.concat(audit_rows.frames(LANG, ["source"]))
    actual = []
    for source, records in (("few", 2000), ("many", 4000)):
        lang_row = rows.filter(pl.col("source") == source)
        lost = round(lang_row["stage"].count() * records / lang_row.height)
        actual.append(
            FunnelRow(
                source=source,
                lang=LANG,
                records=records,
                dropped={"rules": {"r": lost}},
                train=records - lost,
                validation=0,
            )
        )
    return actual


def test_the_funnel_of_each_source(both: tuple[AuditRows, AuditRows]) -> None:
    some, whole = (source_facts(values, LANG, funnel(values), TOKENS) for values in both)
    assert [row.sampled for row in whole] == [2000, 4000]
    assert sum(row.sampled for row in some) == 600
    for seen, true, printed, counted in zip(some, whole, *map(funnel, both), strict=True):
        assert (true.kept_error, true.lost_errors) == (0, {})
        assert 0 < seen.kept_error == pytest.approx(seen.lost_errors["rules"], rel=0.2)
        assert abs(printed.kept - counted.kept) / counted.records <= seen.kept_error
        for name in ("read", "kept"):
            estimate, truth = getattr(seen, name), getattr(true, name)
            assert truth.error == 0
            assert 0 < estimate.error < truth.tokens / 5
            assert abs(estimate.tokens - truth.tokens) <= estimate.error
    frame = corpus(6000).filter(pl.col("source") == "few")
    assert whole[0].read is not None
    assert whole[0].read.tokens == round(frame.select(TOKENS.sum()).item())


def test_totals_of_tokens_lie_in_their_intervals_as_often_as_said(
    both: tuple[AuditRows, AuditRows], tmp_path: Path
) -> None:
    """At 99 %, 2.4 of 240 intervals miss on average; 10 or more miss once in 3,000 times."""
    true = source_facts(both[1], LANG, funnel(both[1]), TOKENS)
    audit_rows, missed = AuditRows({LANG: [tmp_path / "drawn.parquet"]}, {LANG: 6000}), 0
    for seed in range(60):
        write_frame(corpus(6000).sample(600, seed=seed), tmp_path / "drawn.parquet")
        seen = source_facts(audit_rows, LANG, funnel(both[1]), TOKENS)
        for record, other in zip(seen, true, strict=True):
            for name in ("read", "kept"):
                estimate, truth = getattr(record, name), getattr(other, name)
                missed += abs(estimate.tokens - truth.tokens) > estimate.error
    assert missed < 10


def test_a_source_that_the_sample_missed_is_not_known(both: tuple[AuditRows, AuditRows]) -> None:
    row = FunnelRow(source="x", lang=LANG, records=10, dropped={}, train=10, validation=0)
    [actual] = source_facts(both[0], LANG, [row], TOKENS)
    assert (actual.sampled, actual.kept_error, actual.read) == (0, 1.0, None)


def shares(audit_rows: AuditRows) -> Iterator[tuple[str, float, float]]:
    """Name, share and error of what is counted row by row."""

    def part(name: str, lang_row: PartFacts, of: int) -> Iterator[tuple[str, float, float]]:
        yield name, lang_row.rows / of, lang_row.error
        yield f"{name}, kept", lang_row.kept / lang_row.rows, lang_row.kept_error

    hosts = domain_facts(audit_rows, LANG)
    yield "addressed", hosts.rows / hosts.of, hosts.error
    yield from part("scripture", hosts.scripture, hosts.rows)
    yield from part("religious", hosts.religious, hosts.of)
    for host, lang_row in sorted(hosts.top.items()):
        yield from part(host, lang_row, hosts.rows)
    [heard] = confusion_facts(audit_rows, LANG, COLUMNS)
    for label, rows, error in sorted(heard.taken_for):
        yield label, rows / heard.rows, error
    [agreed] = agreement_facts(audit_rows, LANG, COLUMNS)
    for limit, index in agreed.at_limits.items():
        for name, share in index.items():
            yield f"{name} at {limit}", share, agreed.error


def test_shares_are_within_their_errors(both: tuple[AuditRows, AuditRows]) -> None:
    some, whole = (list(shares(values)) for values in both)
    assert len(some) == 23
    for (name, seen, error), (same, true, counted) in zip(some, whole, strict=True):
        assert (name, counted) == (same, 0.0)
        assert 0 < error < 0.2, name
        assert abs(seen - true) <= error, name


def test_means_and_percentiles_are_within_their_errors(both: tuple[AuditRows, AuditRows]) -> None:
    some, whole = (
        {fact.score: fact for fact in similarity_facts(item, LANG, COLUMNS, COLUMNS)}
        for item in both
    )
    for name, seen in some.items():
        true = whole[name]
        assert (seen.rows, seen.of, true.rows, true.of, true.rank_error) == (
            600,
            6000,
            6000,
            6000,
            0,
        )
        values = corpus(6000)[name]
        for percent, value in seen.percentiles.items():
            rank = (values < value).mean(), (values <= value).mean()
            assert isinstance(rank[0], float)
            assert isinstance(rank[1], float)
            target = float(percent) / 100
            assert rank[0] - seen.rank_error <= target <= rank[1] + seen.rank_error
        for record, other in ((seen.by_length, true.by_length), (seen.by_domain, true.by_domain)):
            actual: dict[Any, Any] = {tuple(row[:-3]): row[-3:] for row in other}
            for row in record:
                (_, mean, error), (_, truth, counted) = row[-3:], actual[tuple(row[:-3])]
                assert counted == 0
                assert error is None or abs(mean - truth) <= error
