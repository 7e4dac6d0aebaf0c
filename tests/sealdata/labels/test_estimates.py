"""Labels become shares: which labels count, for how many pairs, and how far annotators agree."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sealdata.errors import DataError
from sealdata.labels.agreement import cohens_kappa
from sealdata.labels.browse_labels import Labels, text_digest
from sealdata.labels.estimates import (
    AnnotatorLabels,
    annotation_facts,
    read_labels,
)
from sealdata.labels.sample import SampleStratum, bin_edges, draw
from sealdata.labels.sheet import LABELS


def stratum(pairs: int, drawn: int, reason: str | None = None, index: int = 0) -> SampleStratum:
    bounds = (None, 0.5) if reason is None and index == 0 else (None, None)
    return SampleStratum(
        lang="tha_Thai",
        dropped_by=reason,
        bin=index,
        low=0.5 if index == 1 else bounds[0],
        high=bounds[1],
        pairs=pairs,
        drawn=drawn,
    )


# Ids 1 to 4 were kept (two bins), 5 and 6 were dropped as too long, 7 and 8 for their language.
STRATA = [
    stratum(900, 2),
    stratum(100, 2, index=1),
    stratum(300, 2, "too_long"),
    stratum(100, 2, "wrong_language"),
]
KEY = pl.DataFrame(
    {
        "id": range(1, 9),
        "lang": "tha_Thai",
        "dropped_by": [None] * 4 + ["too_long"] * 2 + ["wrong_language"] * 2,
        "bin": [0, 0, 1, 1, 0, 0, 0, 0],
        "source": "web",
        "row": range(10, 18),
        "src": [f"one {n}" for n in range(8)],
        "tgt": [f"satu {n}" for n in range(8)],
    },
    schema_overrides={"bin": pl.Int32},
)


def sheet(path: Path, labels: str) -> Path:
    lines = [f"{number}\t{label}" for number, label in enumerate(labels.split(), 1) if label != "-"]
    path.write_text("\n".join(["id\tlabel", *lines]) + "\n", "utf-8")
    return path


def test_shares_weigh_pairs_by_their_strata(tmp_path: Path) -> None:
    labels = read_labels([sheet(tmp_path / "ann.tsv", "CC X CB CS CC X ? WL")], KEY)
    facts = annotation_facts(KEY, STRATA, labels, "s.x")
    assert (facts.drawn, facts.judged, facts.unsure) == (8, 7, 1)
    found = {
        (s.lang, s.kept, s.dropped_by): (s.pairs, s.labelled, s.correct, round(s.share, 6))
        for s in facts.shares
    }
    expected = {
        (True, None): (1000, 4, 3, 0.55),  # 900 x 1/2 + 100 x 1
        (False, "all"): (400, 3, 1, 0.375),  # 300 x 1/2 + 100 x 0
        (False, "too_long"): (300, 2, 1, 0.5),
        (False, "wrong_language"): (100, 1, 0, 0.0),
    }
    assert found == {
        (lang, *name): share for lang in ("all", "tha_Thai") for name, share in expected.items()
    }
    recall = {fact.lang: fact.share for fact in facts.recall}
    assert recall == {lang: pytest.approx(550 / 700) for lang in ("all", "tha_Thai")}
    by_score = [(f.score, f.low, f.high, f.rows, f.correct) for f in facts.by_score]
    assert by_score == [("s.x", None, 0.5, 2, 1), ("s.x", 0.5, None, 2, 2)]


def test_only_good_pairs_are_correct(tmp_path: Path) -> None:
    """Kreutzer et al. 2022 count CC, CB and CS as correct."""
    labels = read_labels([sheet(tmp_path / "ann.tsv", " ".join(LABELS))], KEY)
    facts = annotation_facts(KEY, STRATA, labels, "s.x")
    assert {s.dropped_by: s.correct for s in facts.shares if s.lang == "all"} == {
        None: 3,
        "all": 0,
        "too_long": 0,
    }
    assert facts.labels == {f"{name} ({meaning})": 1 for name, meaning in LABELS.items()}


def test_the_first_annotator_who_can_judge_a_pair_decides(tmp_path: Path) -> None:
    first = sheet(tmp_path / "ann.tsv", "CC ? - X CC X CC CC")
    second = sheet(tmp_path / "ben.tsv", "X CC CC X CC X CC X")
    labels = read_labels([first, second], KEY)
    facts = annotation_facts(KEY, STRATA, labels, "s.x")
    kept = facts.share_of("all", kept=True)
    assert kept is not None
    assert (kept.labelled, kept.correct) == (4, 3)
    [pair] = facts.agreement
    # Both judged 1 and 4 to 8, and disagree on 1 and 8.
    assert (pair.first, pair.second, pair.shared, pair.agreed) == ("ann", "ben", 6, 4)
    assert pair.kappa == pytest.approx((4 / 6 - 4 / 9) / (5 / 9))
    assert [(a.name, a.labelled, a.unsure) for a in facts.annotators] == [
        ("ann", 7, 1),
        ("ben", 8, 0),
    ]


@pytest.mark.parametrize(
    ("judged", "kappa"),
    [
        # Cohen 1960 by hand: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no.
        ([(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15, 0.4),
        ([(1, 0), (0, 1)], -1.0),
        ([(1, 1), (0, 0)], 1.0),
        ([(1, 1)] * 9, None),
    ],
)
def test_kappa(judged: list[tuple[int, int]], kappa: float | None) -> None:
    found = cohens_kappa([(bool(one), bool(other)) for one, other in judged])
    assert found == (None if kappa is None else pytest.approx(kappa))


def test_labels_of_browse_count_only_if_their_pairs_were_drawn(tmp_path: Path) -> None:
    for annotator, row, label, text in [
        ("ann", 10, "good", text_digest("one 0", "satu 0")),
        ("ann", 12, "bad", text_digest("one 2", "satu 2")),
        ("ann", 12, "misaligned", text_digest("one 2", "satu 2")),  # the last one holds
        ("ann", 13, "good", text_digest("one 3", "an older text")),
        ("ann", 14, "good", text_digest("one 4", "satu 4")),
        ("ann", 14, None, text_digest("one 4", "satu 4")),  # taken back
        ("ann", 99, "bad", text_digest("not", "drawn")),
        ("", 10, "wrong_language", text_digest("one 0", "satu 0")),
    ]:
        Labels(tmp_path, annotator).add("web", row, "tha_Thai", label, text)
    labels = read_labels([tmp_path / "labels.jsonl"], KEY)
    assert [a.facts().model_dump() for a in labels] == [
        {"name": "ann", "labelled": 2, "unsure": 0, "not_drawn": 1, "changed": 1},
        {"name": "browse", "labelled": 1, "unsure": 0, "not_drawn": 0, "changed": 0},
    ]
    facts = annotation_facts(KEY, STRATA, labels, "s.x")
    kept = facts.share_of("all", kept=True)
    assert kept is not None
    assert (kept.labelled, kept.correct, kept.share) == (2, 1, 0.9)
    assert facts.labels == {"good": 1, "misaligned": 1, "wrong_language": 1}
    assert facts.recall == []
    assert [(a.shared, a.agreed) for a in facts.agreement] == [(1, 0)]


def test_what_is_wrong_with_labels_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ann.tsv"
    path.write_text("id\tlabel\n99\tCC\n", "utf-8")
    with pytest.raises(DataError, match="row 99 that was not drawn: the sheet belongs to another"):
        read_labels([path], KEY)
    path = tmp_path / "labels.jsonl"
    path.write_text("")
    with pytest.raises(DataError, match=r"labels\.jsonl has no label"):
        read_labels([path], KEY)
    with pytest.raises(DataError, match="no pair of the sheet was judged"):
        annotation_facts(KEY, STRATA, read_labels([sheet(tmp_path / "b.tsv", "? ?")], KEY), "s.x")


def test_two_sheets_of_one_name_are_two_annotators(tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(sheet(tmp_path / folder / "annotation.tsv", "CC CC"))
    names = [annotator.name for annotator in read_labels(paths, KEY)]
    assert names == ["annotation", str(paths[1])]


def test_labels_of_others_are_not_shown(tmp_path: Path) -> None:
    Labels(tmp_path, "ann").add("web", 1, "tha_Thai", "good", "a")
    Labels(tmp_path, "ben").add("web", 1, "tha_Thai", "bad", "a")
    Labels(tmp_path).add("web", 1, "tha_Thai", "misaligned", "a")
    shown = {name: Labels(tmp_path, name).get("web", 1) for name in ("ann", "ben", "", "cleo")}
    assert {name: label and label.name for name, label in shown.items()} == {
        "ann": "good",
        "ben": "bad",
        "": "misaligned",
        "cleo": None,
    }
    old = {"source": "web", "row": 2, "lang": "tha_Thai", "label": "bad", "text": "", "time": ""}
    with (tmp_path / "labels.jsonl").open("a") as handle:
        handle.write(json.dumps(old) + "\n")
    assert Labels(tmp_path).rows("any") == {"web": [1, 2]}, "files without annotators are read"


def population() -> pl.DataFrame:
    """6,000 pairs: kept ones by a score with ties and gaps, others dropped for three reasons.

    ``tgt`` says which pairs are correct, as annotators would.
    """
    random = np.random.default_rng(11)
    rows = 6_000
    kept = np.arange(rows) < 4_000
    score = np.where(random.random(rows) < 0.3, 0.5, random.random(rows))
    reasons = random.choice(["often", "seldom", "rare"], rows, p=[0.8, 0.19, 0.01])
    chance = np.select(
        [kept, reasons == "often", reasons == "seldom"], [0.85 + 0.15 * score, 0.1, 0.4], 0.9
    )
    frame = pl.DataFrame(
        {
            "source": "web",
            "row": pl.Series(range(rows), dtype=pl.UInt64),
            "src": "one",
            "tgt": np.where(random.random(rows) < chance, "good", "bad"),
            "s.x": score,
            "kept": kept,
            "reason": reasons,
        }
    )
    return frame.with_columns(
        pl.when(pl.col("row") % 17 != 0).then(pl.col("s.x")),  # the others have no score
        stage=pl.when(~pl.col("kept")).then(pl.lit("rules")),
        reason=pl.when(~pl.col("kept")).then(pl.col("reason")),
    )


@pytest.mark.parametrize("labelled", [200, 60])
def test_drawn_labels_estimate_the_population(labelled: int) -> None:
    """From the draw to the interval, over 40 seeds: unbiased, and covered as often as stated."""
    frame = population()
    good = pl.col("tgt") == "good"
    shares = frame.group_by("kept").agg(good.mean())
    true = dict(shares.iter_rows())
    recall = frame.filter(good).select(pl.col("kept").mean()).item()
    covered = {"kept": 0, "dropped": 0, "recall": 0}
    errors = {True: 0.0, False: 0.0}
    seeds = 40
    for seed in range(seeds):
        edges = bin_edges([frame], "s.x", seed)
        drawn, strata = draw([frame], "tha_Thai", "s.x", edges, 200, seed)
        # As in a sheet, the order says nothing, and the last pairs may have no label.
        key = drawn.sample(fraction=1, shuffle=True, seed=seed).with_row_index("id")
        key = key.cast({"id": pl.Int64})
        annotator = AnnotatorLabels("ann")
        annotator.labels = {
            number: "CC" if text == "good" else "X"
            for number, text in key.head(labelled).select("id", "tgt").iter_rows()
        }
        facts = annotation_facts(key, strata, [annotator], "s.x")
        for kept, name in ((True, "kept"), (False, "dropped")):
            share = facts.share_of("all", kept)
            assert share is not None
            covered[name] += share.interval[0] <= true[kept] <= share.interval[1]
            errors[kept] += (share.share - true[kept]) / seeds
        fact = facts.recall[0]
        covered["recall"] += fact.interval[0] <= recall <= fact.interval[1]
    assert min(covered.values()) >= 0.93 * seeds, covered
    assert abs(errors[True]) < 0.012
    assert abs(errors[False]) < 0.03
