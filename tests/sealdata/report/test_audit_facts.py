"""Audit facts: histograms equal a recount, samples come from all strata, totals tie."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealdata.build_manifest import BuildManifest, FailureRow, FunnelRow, read_build_manifest
from sealdata.errors import DataError
from sealdata.files.frames import write_frame
from sealdata.files.records import write_json
from sealdata.report import ledger, samples
from sealdata.report.bound_rules import bind, manifest_rules
from sealdata.report.facts import audit_facts, write_facts
from sealdata.report.histograms import bar_edges, cells, limits, nice_edges
from sealdata.report.html import write_report
from sealdata.report.ledger import dropped_files, kept_files
from sealdata.report.metrics import metrics_of
from sealdata.report.other_views import match_facts
from sealdata.report.samples import WITHHELD, show
from sealdata.report.schema import AuditFacts, Basis

Build = tuple[Path, BuildManifest]


@pytest.mark.parametrize(
    ("low", "high", "integer", "step", "first", "last"),
    [
        (0.0, 1.0, False, 0.025, 0.0, 1.025),
        (1.0, 3.9, False, 0.1, 1.0, 4.0),
        (3, 17, True, 1, 3, 18),
        (0, 400, True, 10, 0, 410),
        (0.7, 0.7, False, 0.025, 0.7, 0.725),
    ],
)
def test_edges_are_round(
    low: float, high: float, integer: bool, step: float, first: float, last: float
) -> None:
    edges = nice_edges(low, high, integer)
    assert np.allclose(np.diff(edges), step)
    assert edges[0] == pytest.approx(first)
    assert edges[-1] == pytest.approx(last)


@given(st.floats(-1e6, 1e6, allow_subnormal=False), st.floats(0, 1e6), st.booleans())
def test_edges_enclose_the_range(low: float, span: float, integer: bool) -> None:
    if integer:
        low, span = float(round(low)), float(round(span))
    edges = nice_edges(low, low + span, integer)
    slack = 1e-6 * max(1.0, abs(low), span)
    assert edges[0] <= low + slack
    assert edges[-1] >= low + span - slack
    assert 2 <= len(edges) <= 90
    assert (np.diff(edges) > 0).all()


def test_bars_widen_up_to_a_limit_far_above_the_bulk() -> None:
    """Sentences of up to 120 characters and a limit of 2,000: 25 even bars, then ever wider."""
    edges = bar_edges(2, 120, [2, 2000], integer=True).tolist()
    assert edges[:26] == list(range(0, 130, 5))
    assert edges[26:] == [150, 200, 300, 500, 700, 1000, 1500, 2000, 3000]


@pytest.mark.parametrize(
    ("low", "high", "marks"), [(0.2, 1.0, [0.5]), (0, 0, [3]), (0.8, 1.2, [-0.5, 1.06])]
)
def test_bars_are_even_where_limits_are_near(low: float, high: float, marks: list[float]) -> None:
    steps = np.diff(bar_edges(low, high, marks, integer=False))
    assert np.allclose(steps, steps[0])


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.lists(st.floats(0, 1e6), max_size=3), st.booleans())
def test_bars_enclose_bulk_and_limits(
    low: float, span: float, marks: list[float], integer: bool
) -> None:
    if integer:
        low, span, marks = float(round(low)), float(round(span)), [float(round(m)) for m in marks]
    edges = bar_edges(low, low + span, marks, integer)
    slack = 1e-6 * max(1.0, low, span, *marks)
    assert edges[0] <= min([low, *marks]) + slack
    assert edges[-1] >= max([low + span, *marks]) - slack
    assert (np.diff(edges) > 0).all()


def test_histograms_equal_a_recount(build: Build) -> None:
    out, manifest = build
    facts = audit_facts(out, manifest)
    assert [score.name for score in facts.scores] == [
        "length.src_chars",
        "ratio.chars",
        "lid.tgt_prob",
        "laser.cosine",
    ]
    for score in facts.scores:
        for lang, actual in score.languages.items():
            kept = pl.read_parquet(kept_files(out, lang))[score.name]
            lost = pl.read_parquet(dropped_files(out, lang))[score.name]
            every = pl.concat([kept, lost])
            for column, counts in ((kept, actual.kept), (every, actual.every)):
                precise = column.dtype if column.dtype.is_float() else pl.Float64
                edges = pl.Series(score.edges).cast(precise)
                points = [int((column == edge).sum()) for edge in edges]
                between = [
                    int(((column > low) & (column < high)).sum())
                    for low, high in pairwise([-float("inf"), *edges, float("inf")])
                ]
                assert counts.cells[1::2] == points
                assert counts.cells[::2] == between
                assert counts.num_scored == column.len() - column.null_count()


@pytest.mark.parametrize(
    ("value", "cell"), [(0.4, 0), (0.5, 1), (0.6, 2), (0.7, 3), (0.9, 4), (1.0, 5), (7.0, 6)]
)
def test_cells_hold_what_is_between_edges_and_what_is_on_them(value: float, cell: int) -> None:
    edges = np.array([0.5, 0.7, 1.0])
    for dtype in (np.float32, np.float64):
        assert cells(np.array([value], dtype), edges).tolist() == [cell]


def test_others_are_rows_that_no_other_rule_drops(build: Build) -> None:
    out, manifest = build
    facts = audit_facts(out, manifest)
    cosine = next(score for score in facts.scores if score.name == "laser.cosine")
    actual = cosine.languages["tha_Thai"]
    ledger_rows = pl.read_parquet(dropped_files(out, "tha_Thai"))
    alone = ledger_rows.filter(pl.col("reason") == "low_similarity").height
    assert actual.others.num_scored == actual.kept.num_scored + alone
    tokens = actual.others_tokens
    assert tokens is not None
    assert sum(tokens.cells) > 2 * actual.others.num_scored


def test_limits_count_what_lies_outside(build: Build) -> None:
    facts = audit_facts(*build)
    cosine = next(score for score in facts.scores if score.name == "laser.cosine")
    limit = cosine.languages["tha_Thai"].limits[0]
    assert (limit.reason, limit.min, limit.max) == ("low_similarity", 0.6, None)
    lost = build[1].funnel[0].dropped["similarity"]["low_similarity"]
    assert limit.outside == lost  # a float32 score of exactly 0.6 passes, as it does in the rule


def test_limits_follow_the_language(build: Build) -> None:
    rules = bind(manifest_rules(build[1]), build[1])
    actual = {
        lang: [
            (limit.rule, limit.reason, limit.max) for limit in limits(rules, "ratio.chars", lang)
        ]
        for lang in build[1].languages
    }
    assert actual == {
        "jav_Latn": [(1, "length_ratio", 2.5)],
        "mya_Mymr": [(1, "length_ratio", 3.5)],
        "tha_Thai": [],
    }


def test_infinite_and_absent_scores_are_counted(build: Build) -> None:
    out, manifest = build
    path = kept_files(out, "tha_Thai")[0]
    frame = pl.read_parquet(path)
    odd = [float("inf"), float("nan"), None] + [1.0] * (frame.height - 3)
    frame.with_columns(pl.Series("ratio.chars", odd, pl.Float32)).write_parquet(path)
    facts = audit_facts(out, manifest)
    actual = facts.scores[1].languages["tha_Thai"]
    assert actual.kept.cells[-1] == 1
    assert actual.kept.missing == 2
    assert "inf" in {s.scores.get("ratio.chars") for s in facts.samples["tha_Thai"].kept}


def test_samples_come_from_every_stratum_and_not_from_the_head(build: Build) -> None:
    drawn = audit_facts(*build).samples["mya_Mymr"]
    assert {row.reasons[0] for row in drawn.dropped[:4]} == {
        "bad_columns",
        "duplicate",
        "low_similarity",
        "wrong_language",
    }
    assert drawn.num_kept == build[1].funnel[1].kept
    rows = [row.row for row in drawn.kept]
    assert rows != sorted(rows)
    raw = next(row for row in drawn.dropped if row.reasons == ["bad_columns"])
    assert (raw.src, raw.raw) == (None, "only one column <b>here</b>")
    values = [row.scores["laser.cosine"] for row in drawn.kept]
    low, high = min(values), max(values)  # type: ignore[type-var]
    assert low < 0.65  # type: ignore[operator]
    assert high > 0.9  # type: ignore[operator]


def test_long_texts_of_samples_are_cut() -> None:
    row = {"source": "s", "row": 1, "stage": None, "src": "x" * 401, "tgt": "y" * 400}
    sample = samples.show(row, [])
    assert (sample.src, sample.tgt) == ("x" * 400 + "…", "y" * 400)


def test_unreadable_records_are_counted_in_a_sample_too(build: Build) -> None:
    languages = dict.fromkeys(build[1].languages, 70)
    basis = Basis(exact=False, confidence=0.99, rows=languages, sampled=dict.fromkeys(languages, 9))
    values, errors = metrics_of(audit_facts(*build).model_copy(update={"basis": basis}))
    assert values["lost_share.ingest"] == 3 / 213
    assert {"lost_share.ingest", "lost_share.ingest.tha_Thai"} & set(errors) == set()
    assert {"lost_share.lid", "lost_share.lid.tha_Thai", "kept_share"} <= set(errors)


def test_samples_keep_to_a_number_of_bytes(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the bytes: half of each list, its first rows, which come from all strata in turn."""
    whole = audit_facts(*build).samples
    rows = [row for drawn in whole.values() for row in (*drawn.kept, *drawn.dropped)]
    monkeypatch.setattr(samples, "MAX_BYTES", sum(map(samples._bytes, rows)) // 2)
    for lang, drawn in audit_facts(*build).samples.items():
        assert drawn.kept == whole[lang].kept[: len(drawn.kept)]
        assert len(drawn.kept) == pytest.approx(len(whole[lang].kept) / 2, abs=1)
        assert len(drawn.dropped) == pytest.approx(len(whole[lang].dropped) / 2, abs=1)
        assert drawn.num_kept == whole[lang].num_kept


def test_facts_do_not_depend_on_batches(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audit_facts(*build)
    monkeypatch.setattr(ledger, "BATCH_ROWS", 7)
    assert audit_facts(*build) == whole


def test_reasons_come_in_gate_order_with_ingest(build: Build) -> None:
    thai = [row for row in audit_facts(*build).reasons if row.lang == "tha_Thai"]
    assert [(r.stage, r.reason, r.first, r.any, r.only) for r in thai] == [
        ("ingest", "bad_columns", 1, 1, 1),
        ("dedup", "duplicate", 1, 1, 1),
        ("lid", "wrong_language", 20, 20, 20),
        ("similarity", "low_similarity", 15, 15, 15),
    ]


def test_audit_json_reads_back(build: Build) -> None:
    facts = audit_facts(*build)
    path = build[0] / "report" / "audit.json"
    write_facts(facts, path)
    assert AuditFacts.model_validate(json.loads(path.read_text("utf-8"))) == facts


def test_a_language_that_lost_everything(build: Build) -> None:
    out, manifest = build
    for path in kept_files(out, "jav_Latn"):
        path.unlink()
    facts = audit_facts(out, manifest)
    assert facts.samples["jav_Latn"].kept == []
    assert facts.scores[0].languages["jav_Latn"].kept.num_scored == 0


def test_a_damaged_file_is_named(build: Build) -> None:
    out, manifest = build
    kept_files(out, "jav_Latn")[0].write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match=r"cannot read .*eng_Latn-jav_Latn"):
        audit_facts(out, manifest)


def test_the_funnel_must_tie() -> None:
    with pytest.raises(ValueError, match="10 records, but 3 dropped and 6 kept"):
        FunnelRow(
            source="a",
            lang="tha_Thai",
            records=10,
            dropped={"lid": {"x": 3}},
            train=5,
            validation=1,
        )
    with pytest.raises(ValueError, match="no stage is called 'lidd'"):
        FunnelRow(
            source="a",
            lang="tha_Thai",
            records=1,
            dropped={"lidd": {"x": 1}},
            train=0,
            validation=0,
        )
    with pytest.raises(ValueError, match="only <= first <= any"):
        FailureRow(lang="tha_Thai", reason="x", first=3, any=2, only=1)


def test_a_manifest_on_disk(build: Build) -> None:
    out, manifest = build
    write_json(out / "manifest.json", manifest.model_dump(mode="json"))
    assert read_build_manifest(out) == manifest
    write_json(out / "manifest.json", {"name": "x"})
    with pytest.raises(DataError, match=r"is not a build manifest \(sealdata: Field required\)"):
        read_build_manifest(out)


def test_matches_with_evaluation_text_are_named_and_not_repeated(build: Build) -> None:
    """The report of a build is published with it; the text stays in matches/."""
    out, manifest = build
    match = {
        "source": "tha-web",
        "row": 3,
        "kind": "exact",
        "score": 1.0,
        "side": "tgt",
        "set": "flores",
        "file": "dev",
        "line": 1,
        "column": "",
        "reference": "กรุณาล้างมือก่อนรับประทานอาหาร",
        "src": "Please wash your hands.",
        "tgt": "กรุณาล้างมือก่อน รับประทานอาหาร",
    }
    path = out / "matches" / "eng_Latn-tha_Thai" / "part-00000.parquet"
    write_frame(pl.DataFrame([match]), path)
    [actual] = audit_facts(out, manifest).matches
    assert (actual.lang, actual.source, actual.row, actual.side) == (
        "tha_Thai",
        "tha-web",
        3,
        "tgt",
    )
    assert (actual.set, actual.file, actual.line) == ("flores", "dev", 1)
    assert (actual.text, actual.reference) == (None, None)
    [lang_row] = match_facts([path], "tha_Thai")  # of an audit, which is not published
    assert (lang_row.text, lang_row.reference) == (match["tgt"], match["reference"])


def test_samples_withhold_evaluation_text() -> None:
    row = {
        "source": "s",
        "row": 1,
        "stage": "decontaminate",
        "src": "One.",
        "tgt": "Satu.",
        "raw": None,
    }
    leaked = show(row | {"reasons": ["too_short", "eval_leak"]}, [])
    assert (leaked.src, leaked.tgt, leaked.raw) == (WITHHELD, WITHHELD, None)
    assert show(row | {"reasons": ["too_short"]}, []).src == "One."


@pytest.mark.parametrize("outcome", ["train", "lid"])
def test_a_duplicate_stands_beside_the_pair_it_equals(build: Build, outcome: str) -> None:
    """That pair was kept, or a later stage dropped it; an earlier stage did not."""
    out, manifest = build
    [path] = dropped_files(out, "tha_Thai")
    ledger_rows = pl.read_parquet(path)
    heavy = pl.col("src").str.starts_with("The court")  # no two of these are equal
    if outcome == "train":
        kept = next(p for p in kept_files(out, "tha_Thai") if p.name.startswith("train"))
        first = pl.read_parquet(kept).filter(heavy).row(0, named=True)
    else:
        first = ledger_rows.filter(heavy, stage="lid").row(0, named=True)
    dropped = pl.col("stage").is_in(["dedup", "ingest"])
    again = ledger_rows.with_columns(
        src=pl.when(dropped).then(pl.lit(first["src"].upper() + " !")).otherwise("src"),
        tgt=pl.when(dropped).then(pl.lit(f"«{first['tgt']}»")).otherwise("tgt"),
        stage=pl.when(pl.col("stage") == "ingest").then(pl.lit("rules")).otherwise("stage"),
    )
    write_frame(again, path)
    duplicate = again.filter(stage="dedup").row(0, named=True)
    [actual] = [
        example
        for example in audit_facts(out, manifest).duplicate_examples
        if example.lang == "tha_Thai"
    ]
    assert (actual.lang, actual.row, actual.src) == ("tha_Thai", duplicate["row"], duplicate["src"])
    assert (actual.first_source, actual.first_row) == (first["source"], first["row"])
    assert (actual.first_src, actual.first_tgt) == (first["src"], first["tgt"])
    assert actual.first_outcome == outcome
    page = out / "page.html"
    write_report(audit_facts(out, manifest), page, out)
    assert f"tha-web #{first['row']}, {outcome}<p" in page.read_text("utf-8")


@pytest.mark.parametrize("written", [None, 1, 3])
def test_a_manifest_of_another_format_says_what_to_do(
    build: Build, tmp_path: Path, written: int | None
) -> None:
    content = build[1].model_dump(mode="json")
    assert content.pop("format") == 2
    if written is not None:
        content["format"] = written
    write_json(tmp_path / "manifest.json", content)
    said = rf"has format {written or 1}, written by SealData .*; this version reads format 2: run"
    with pytest.raises(DataError, match=said):
        read_build_manifest(tmp_path)
