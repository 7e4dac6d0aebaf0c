"""Rules over score columns: limits, missing scores, per-language limits, gates and reasons."""

from pathlib import Path

import polars as pl
import pytest

from sealdata.files.frames import write_frame
from sealdata.stages.rules import Judge, Judged, Rule


def rule(reason="r", low=None, high=None, drop=False, languages=None, score="a.x", phase="text"):
    return Rule(reason, score, phase, (low, high), drop, languages or {})


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


def test_integer_scores_need_no_nan():
    scores = pl.DataFrame({"a.x": pl.Series([1, 5, None], dtype=pl.UInt32)})
    assert rule(high=3).failed(scores, "lao_Laoo").to_list() == [False, True, False]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
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
    return Judge(
        rules=(
            rule("too_short", low=2, score="length.chars"),
            rule("copy", high=0.9, score="copy.overlap"),
            rule("wrong_language", low=0.5, score="lid.prob", phase="language"),
            rule("low_similarity", low=0.5, score="laser.cosine", phase="similarity"),
        ),
        stores={name: tmp_path / name for name in stores},
        phases={"length": "text", "copy": "text", "lid": "language", "laser": "similarity"},
        masks=(("dedup", "duplicate", tmp_path / "d"),),
        tgt_lang="lao_Laoo",
        cleaned=tmp_path / "clean",
    )


def test_verdicts_name_the_first_failure_and_all(judge):
    judged = judge.judge("part-00000")
    assert judged.alive.to_list() == [True, False, False, False]
    assert judged.verdicts().rows() == [
        (None, None, []),
        ("rules", "too_short", ["too_short", "copy", "duplicate"]),
        ("dedup", "duplicate", ["duplicate"]),
        ("similarity", "low_similarity", ["low_similarity"]),
    ]


@pytest.mark.parametrize("rows", [0, 2])
def test_verdicts_without_any_rule(rows):
    """A recipe may have no rules, and a part nobody dropped anything of."""
    none = Judged(pl.DataFrame(), (), pl.repeat(True, rows, eager=True))
    assert none.verdicts().rows() == [(None, None, [])] * rows


def test_a_gate_hides_later_scores(judge):
    """What an earlier gate dropped has no later score, even if an older run once computed it."""
    scores = judge.judge("part-00000").scores
    assert scores["lid.prob"].to_list() == [0.9, None, None, 0.9]
    assert scores["laser.cosine"].to_list() == [0.8, None, None, 0.2]


@pytest.mark.parametrize(
    ("until", "alive"),
    [
        ("text", [True, True, True, True]),
        ("language", [True, False, False, True]),
        ("similarity", [True, False, False, True]),
        (None, [True, False, False, False]),
    ],
)
def test_each_gate_sees_what_the_earlier_ones_left(judge, until, alive):
    assert judge.judge("part-00000", until).alive.to_list() == alive
