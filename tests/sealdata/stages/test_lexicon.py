"""The lexicon of a build: what is drawn, what is learnt, and what it says of pairs and runs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from sealdata.files.frames import read_frame, write_frame
from sealdata.pairs import make_pairs
from sealdata.pipeline.lexicon_stages import _knows
from sealdata.scorers.lexicon import Lexicon
from sealdata.stages.lexicon import LEXICON, SURE, Draw, Learn, ScorePairs, best_window, shares
from sealdata.stages.rules import DropMask, RuleEvaluator
from sealdata.workflow.stage import OutputRef
from tests.sealdata.lexicon.made_up import made_up

NUM_PAIRS = 1500
SLIPPED = range(600, 612)  # targets of these rows stand one line too low
FOREIGN = [100, 300, 500]  # targets of these rows belong to rows far away
GONE = 50  # a mask drops this row


@pytest.fixture(scope="module")
def pairs():
    src, tgt = made_up("Thai", NUM_PAIRS)
    tgt[SLIPPED.start : SLIPPED.stop] = tgt[SLIPPED.start - 1 : SLIPPED.stop - 1]
    for row in FOREIGN:
        tgt[row] = tgt[row + 701]
    return make_pairs(list(zip(src, tgt, strict=True)), tgt_lang="tha_Thai")


def evaluator_of(folder: Path, parts: dict[str, pl.DataFrame]) -> RuleEvaluator:
    """Of parts written into ``folder``; the mask drops the row GONE of the source."""
    for part, frame in parts.items():
        write_frame(frame, folder / "cleaned" / f"{part}.parquet")
        flag = frame.select(flag=pl.col("row") == GONE)
        write_frame(flag, folder / "mask" / f"{part}.parquet")
    mask = DropMask("dedup", "duplicate", OutputRef("mask", folder / "mask"))
    cleaned = OutputRef("cleaned", folder / "cleaned")
    return RuleEvaluator((), {}, (mask,), "tha_Thai", cleaned)


def judged(folder: Path, parts: dict[str, pl.DataFrame], min_pairs: int = 1000) -> pl.DataFrame:
    """All columns of the three steps, over the parts in order."""
    for name in ("cleaned", "mask", "drawn", "learnt", "scores"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    evaluator = evaluator_of(folder, parts)
    draw = Draw(evaluator, "similarity", 1.0)
    for part in parts:
        draw(part, folder / "drawn")
    learn = Learn((tuple(folder / "drawn" / f"{part}.parquet" for part in parts),), 1200, min_pairs)
    record = learn(LEXICON, folder / "learnt")
    learnt = folder / "learnt" if record.facts["learnt"] else None
    step = ScorePairs(evaluator, "similarity", learnt)
    records = [step(part, folder / "scores") for part in reversed(parts)]
    assert all(record.rows_in == record.rows_out for record in records)
    return pl.concat(read_frame(folder / "scores" / f"{part}.parquet") for part in parts)


def test_wrong_pairs_and_runs_that_slipped(pairs, tmp_path):
    scores = judged(tmp_path, {"all": pairs})
    evidence, slip = scores["evidence"].to_numpy(), scores["slip"].to_numpy()
    assert scores.schema == dict.fromkeys(("evidence", "slip", "gap"), pl.Float32)
    assert np.isnan([evidence[GONE], slip[GONE], scores["gap"].to_numpy()[GONE]]).all()
    right = np.setdiff1d(np.arange(NUM_PAIRS), [*SLIPPED, *FOREIGN, GONE])
    assert scores.null_count().row(0) == (1, 1, 1)
    assert (evidence[right] < 0.4).mean() <= 0.01
    assert (evidence[FOREIGN] < 0.4).all()
    assert (slip[list(SLIPPED)] > 0.3).all()
    assert (slip[evidence >= SURE] == 0).all()
    near = [SLIPPED.start - 2, SLIPPED.start - 1, SLIPPED.stop, SLIPPED.stop + 1]
    assert (slip[np.setdiff1d(right, near)] < 0.3).all()


def test_parts_change_nothing_but_neighbours_across_their_ends(pairs, tmp_path):
    one = judged(tmp_path / "one", {"all": pairs})
    two = judged(tmp_path / "two", {"a": pairs[:605], "b": pairs[605:]})
    for name in ("evidence", "gap"):
        assert one[name].equals(two[name])
    inside = [*range(603), *range(608, NUM_PAIRS)]
    assert one["slip"][inside].equals(two["slip"][inside])
    files = [
        sorted(path.name for path in (tmp_path / n / "learnt").iterdir()) for n in ("one", "two")
    ]
    assert files[0] == files[1]
    for name in files[0]:
        assert (tmp_path / "one/learnt" / name).read_bytes() == (
            tmp_path / "two/learnt" / name
        ).read_bytes(), name


def test_too_few_pairs_are_not_judged(pairs, tmp_path):
    scores = judged(tmp_path, {"all": pairs.head(999)})
    assert scores.null_count().row(0) == (999, 999, 999)
    assert list((tmp_path / "learnt").iterdir()) == []


@pytest.mark.parametrize(
    ("surviving", "learn_from", "is_judged"),
    [([400, 599], [], False), ([400, 600], [], True), ([3], ["a"], True), ([], [], False)],
)
def test_a_small_source_is_not_judged_unless_the_recipe_names_its_teachers(
    surviving, learn_from, is_judged
):
    records = [SimpleNamespace(facts={"surviving": count}) for count in surviving]
    source = SimpleNamespace(scored={"similarity": SimpleNamespace(records=records)})
    assert _knows(Lexicon(learn_from=learn_from), source, "similarity") == is_judged


LONG = ("word " * 3000).strip()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("The shop is closed.", "ร้านปิด")] * 1200,  # one sentence teaches nothing
        [("", "")] * 1200,
        [("...", "!!!")] * 1200,
        [(f"{n}", f"{n}") for n in range(1200)],
        [(LONG, "คำ" * 3000)] * 2 + [("\0\ud7ff", "\U0010ffff")] * 1000,
        [(f"a{n}b {n}", "ก") for n in range(1200)],
    ],
    ids=["none", "same", "empty", "marks", "numbers", "long", "alike"],
)
def test_corpora_that_teach_nothing_are_not_judged(rows, tmp_path):
    scores = judged(tmp_path, {"a": make_pairs(rows[:1]), "b": make_pairs(rows[1:])})
    assert scores.null_count().row(0) == (len(rows),) * 3


def test_a_share_is_drawn_by_hash(pairs, tmp_path):
    parts = {"all": pairs}
    for name in ("cleaned", "mask", "drawn"):
        (tmp_path / name).mkdir()
    evaluator = evaluator_of(tmp_path, parts)
    heights = {}
    for share in (0.0, 0.3, 1.0):
        Draw(evaluator, "similarity", share)("all", tmp_path / "drawn")
        heights[share] = read_frame(tmp_path / "drawn" / "all.parquet")
    assert [heights[share].height for share in (0.0, 1.0)] == [0, NUM_PAIRS - 1]
    assert 380 <= heights[0.3].height <= 520
    assert heights[0.3].equals(heights[1.0].head(heights[0.3].height))
    assert heights[1.0]["key"].is_sorted()


@pytest.mark.parametrize(
    ("heights", "total", "taken"),
    [
        ([], 10, []),
        ([5, 3], 10, [5, 3]),
        ([100, 3], 10, [7, 3]),
        ([100, 3, 50], 10, [4, 3, 3]),
        ([100, 100, 100], 10, [3, 3, 4]),
        ([0, 7], 5, [0, 5]),
    ],
)
def test_small_sources_teach_all_they_have(heights, total, taken):
    assert shares(heights, total) == taken


def test_the_window_with_the_largest_mean():
    gain = np.array([0.0, 3, 3, 3, 0, 0, -3, 6])
    means = [2, 3, 3, 3, 2, 1, 1, 2]  # of the last row: 6 and two beyond the end
    assert best_window(gain).tolist() == means
    assert best_window(np.zeros(0)).tolist() == []
