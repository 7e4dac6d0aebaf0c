"""Rules over score columns: limits, missing scores, per-language limits, stages and reasons."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from sealdata.files.frames import write_frame
from sealdata.filter_stages import FILTER_STAGES
from sealdata.stages.rules import DropMask, Evaluation, Rule, RuleEvaluator, ScoreStore
from sealdata.workflow.stage import OutputRef


def rule(reason="r", low=None, high=None, drop=False, languages=None, score="a.x", stage="rules"):
    return Rule(reason, score, stage, (low, high), drop, languages or {})


NAN = float("nan")


@pytest.mark.parametrize(
    ("made", "values", "failed"),
    [
        (rule(low=1.0), [0.9, 1.0, 1.1], [True, False, False]),  # a limit is inclusive
        (rule(high=1.0), [0.9, 1.0, 1.1], [False, False, True]),
        (rule(low=0.5, high=1.0), [0.4, 0.7, 1.1], [True, False, True]),
        (rule(low=1.0), [None, NAN, 2.0], [False, False, False]),  # missing passes by default
        (rule(low=1.0, drop=True), [None, NAN, 2.0], [True, True, False]),
        (rule(low=1.0, languages={"lao_Laoo": (5.0, None)}), [2.0, 6.0], [True, False]),
        (rule(low=1.0, languages={"lao_Laoo": None}), [0.0, 9.0], [False, False]),  # off
        (rule(low=1.0, languages={"tha_Thai": (5.0, None)}), [2.0, 0.0], [False, True]),
    ],
)
def test_limits(made, values, failed):
    scores = pl.DataFrame({"a.x": pl.Series(values, dtype=pl.Float64)})
    assert made.failed(scores, "lao_Laoo").to_list() == failed


def test_limits_of_sources():
    """Three sources: one has a limit of its own, one has the rule off, one has the language's."""
    made = replace(
        rule(high=9.0, drop=True, languages={"lao_Laoo": (None, 7.0)}),
        sources={"tight": (None, 4.0), "free": None},
    )
    rows = {"source": ["tight", "tight", "free", "other", "other", "free"]}
    scores = pl.DataFrame(rows | {"a.x": [4.0, 5.0, 99.0, 7.0, 8.0, None]})
    assert made.failed(scores, "lao_Laoo").to_list() == [False, True, False, False, True, False]
    assert made.columns == ["a.x", "source"]
    # Bound to one source it needs no column of sources, and no other source is in its key.
    expected = {"tight": [(None, 4.0), True], "free": [None, True], "other": [(None, 7.0), True]}
    for name, params in expected.items():
        single = made.for_source(name, "lao_Laoo")
        assert single.columns == ["a.x"]
        assert single.params("lao_Laoo") == ["r", "a.x", *params]
    nulls = pl.DataFrame({"a.x": [None]}, schema={"a.x": pl.Float64})
    assert made.for_source("free", "lao_Laoo").failed(nulls, "lao_Laoo").to_list() == [False]
    assert made.for_source("tight", "lao_Laoo").failed(nulls, "lao_Laoo").to_list() == [True]
    # Where all sources are judged together, their limits are a part of what can change.
    assert made.params("lao_Laoo") != replace(made, sources={}).params("lao_Laoo")


def test_integer_scores_need_no_nan():
    scores = pl.DataFrame({"a.x": pl.Series([1, 5, None], dtype=pl.UInt32)})
    assert rule(high=3).failed(scores, "lao_Laoo").to_list() == [False, True, False]


@pytest.fixture
def evaluator(tmp_path: Path) -> RuleEvaluator:
    """Four pairs: clean; too short and a copy; a duplicate in the wrong language; low cosine."""
    write_frame(pl.DataFrame({"src": ["a", "b", "c", "d"]}), tmp_path / "clean/part-00000.parquet")
    scored = {"scored": [True] * 4}
    stores = {
        "length": {"chars": [9, 1, 9, 9]},
        "copy": {"overlap": [0.0, 1.0, 0.0, 0.0]},
        "lid": {"prob": [0.9, 0.1, 0.1, 0.9]},
        "laser": {"cosine": [0.8, 0.1, 0.1, 0.2]},
    }
    for name, columns in stores.items():
        write_frame(pl.DataFrame({**columns, **scored}), tmp_path / name / "part-00000.parquet")
    write_frame(
        pl.DataFrame({"flag": [False, True, True, False]}), tmp_path / "d/part-00000.parquet"
    )
    return RuleEvaluator(
        rules=(
            rule("too_short", low=2, score="length.chars"),
            rule("copy", high=0.9, score="copy.overlap"),
            rule("wrong_language", low=0.5, score="lid.prob", stage="lid"),
            rule("low_similarity", low=0.5, score="laser.cosine", stage="similarity"),
        ),
        stores={
            name: ScoreStore(stage, tmp_path / name, {"version": 1})
            for name, stage in zip(stores, ("rules", "rules", "lid", "similarity"), strict=True)
        },
        masks=(DropMask("dedup", "duplicate", OutputRef("d", tmp_path / "d")),),
        tgt_lang="lao_Laoo",
        cleaned=OutputRef("clean", tmp_path / "clean"),
    )


def test_drop_reasons_name_the_first_failure_and_all(evaluator):
    evaluation = evaluator.evaluate("part-00000")
    assert evaluation.surviving.to_list() == [True, False, False, False]
    assert evaluation.drop_reasons().rows() == [
        (None, None, []),
        ("rules", "too_short", ["too_short", "copy", "duplicate"]),
        ("dedup", "duplicate", ["duplicate"]),
        ("similarity", "low_similarity", ["low_similarity"]),
    ]


@pytest.mark.parametrize("rows", [0, 2])
def test_drop_reasons_without_any_rule(rows):
    """A recipe may have no rules, and a part nobody dropped anything of."""
    none = Evaluation(pl.DataFrame(), (), pl.repeat(True, rows, eager=True))
    assert none.drop_reasons().rows() == [(None, None, [])] * rows


def test_a_dropped_pair_has_no_later_scores(evaluator):
    """Not even if a run with other thresholds has computed them."""
    scores = evaluator.evaluate("part-00000").scores
    assert scores["lid.prob"].to_list() == [0.9, None, None, 0.9]
    assert scores["laser.cosine"].to_list() == [0.8, None, None, 0.2]


@pytest.mark.parametrize(
    ("before", "surviving"),
    [
        ("rules", [True, True, True, True]),
        ("dedup", [True, False, True, True]),
        ("lid", [True, False, False, True]),
        ("similarity", [True, False, False, True]),
        (None, [True, False, False, False]),
    ],
)
def test_each_stage_sees_what_earlier_ones_left(evaluator, before, surviving):
    assert evaluator.evaluate("part-00000", before).surviving.to_list() == surviving


def test_every_kind_of_mask_is_applied_at_its_own_stage(evaluator, tmp_path):
    """One pair per stage decided by a mask: each survives until its stage, and not after it."""
    stages = [stage.name for stage in FILTER_STAGES if stage.decided_by == "mask"]
    parts = tmp_path / "clean" / "part-00001.parquet"
    write_frame(pl.DataFrame({"src": stages}), parts)
    masks = []
    for index, name in enumerate(stages):
        flags = [row == index for row in range(len(stages))]
        write_frame(pl.DataFrame({"flag": flags}), tmp_path / name / "part-00001.parquet")
        masks.append(DropMask(name, f"by_{name}", OutputRef(name, tmp_path / name)))
    masks.reverse()  # the table has the order, not the list
    bare = RuleEvaluator((), {}, tuple(masks), "lao_Laoo", evaluator.cleaned)
    for index, name in enumerate(stages):
        survivors = bare.evaluate("part-00001", before=name).surviving.to_list()
        assert survivors == [row >= index for row in range(len(stages))], name
    reasons = bare.evaluate("part-00001").drop_reasons()
    assert reasons["stage"].to_list() == stages
    assert reasons["reason"].to_list() == [f"by_{name}" for name in stages]


def test_params_are_those_of_the_language_and_of_earlier_stages(evaluator):
    """A limit of another language changes no key; one of this language does."""

    def params(languages, before=None):
        changed = rule("too_short", low=2, score="length.chars", languages=languages)
        rules = (changed, *evaluator.rules[1:])
        return RuleEvaluator(
            rules, evaluator.stores, evaluator.masks, "lao_Laoo", evaluator.cleaned
        ).params(before)

    assert params({}) == params({"tha_Thai": (9, None)})
    assert params({}) != params({"lao_Laoo": (9, None)})
    assert params({}) != params({"lao_Laoo": None})
    assert [stage for stage, _, _ in params({})] == ["rules", "lid", "similarity"]
    assert [stage for stage, _, _ in params({}, before="lid")] == ["rules"]
    assert params({}, before="rules") == []
    assert evaluator.inputs() == ("clean", "d")


def test_a_missing_score_stays_missing(evaluator, tmp_path):
    """A scorer that has no answer for a pair must not look as if it had answered 0."""
    frame = pl.DataFrame({"prob": [0.9, None, 0.9, None], "scored": [True] * 4})
    write_frame(frame, tmp_path / "lid" / "part-00000.parquet")
    evaluation = evaluator.evaluate("part-00000")
    assert evaluation.scores["lid.prob"].to_list() == [0.9, None, None, None]
    assert evaluation.drop_reasons()["reason"].to_list() == [
        None,
        "too_short",
        "duplicate",
        "low_similarity",
    ]
