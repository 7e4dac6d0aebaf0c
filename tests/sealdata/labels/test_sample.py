"""The sample of pairs to label: sizes of strata are counted, and every stratum gets labels."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.labels.sample import BINS, MIN_LABELS, allocate, bin_edges, draw


def rows(scores: list[float | None], **columns: object) -> pl.DataFrame:
    """Kept pairs with these scores."""
    return pl.DataFrame(
        {
            "source": "web",
            "row": range(len(scores)),
            "src": "one",
            "tgt": "satu",
            "s.x": scores,
            **columns,
        },
        schema_overrides={"row": pl.UInt64, "s.x": pl.Float64},
    ).with_columns(stage=pl.lit(None, pl.String), reason=pl.lit(None, pl.String))


def dropped(number: int, stage: str, reason: str, start: int = 10_000) -> pl.DataFrame:
    frame = rows([None] * number).with_columns(
        stage=pl.lit(stage), reason=pl.lit(reason), row=pl.col("row") + start
    )
    return frame.cast({"row": pl.UInt64})


@pytest.mark.parametrize(
    ("sizes", "number", "power", "expected"),
    [
        ([100, 100, 100, 100, 100], 100, 1.0, [20, 20, 20, 20, 20]),
        ([1000, 10], 20, 1.0, [15, 5]),
        ([10_000, 100], 110, 0.5, [100, 10]),
        ([3, 1000], 20, 0.5, [3, 17]),
        ([3, 4], 20, 0.5, [3, 4]),
        ([0, 9], 5, 0.5, [0, 5]),
        ([50, 40, 30], 2, 0.5, [1, 1, 0]),
        ([], 5, 0.5, []),
    ],
)
def test_allocation(sizes: list[int], number: int, power: float, expected: list[int]) -> None:
    assert allocate(sizes, number, power) == expected


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.integers(0, 500), max_size=12),
    st.integers(1, 300),
    st.sampled_from([0.5, 1.0]),
)
def test_allocation_uses_all_and_starves_no_stratum(
    sizes: list[int], number: int, power: float
) -> None:
    counts = allocate(sizes, number, power)
    assert sum(counts) == min(number, sum(sizes))
    assert all(count <= size for count, size in zip(counts, sizes, strict=True))
    if number >= MIN_LABELS * len(sizes):
        assert all(c >= min(MIN_LABELS, s) for c, s in zip(counts, sizes, strict=True))


def test_edges_part_kept_pairs_into_equal_bins() -> None:
    frame = rows([n / 1000 for n in range(1000)])
    assert bin_edges([frame], "s.x", 1) == [0.2, 0.4, 0.599, 0.799]
    assert bin_edges([rows([0.5] * 50)], "s.x", 1) == [0.5]
    assert bin_edges([rows([None, float("nan"), float("inf")])], "s.x", 1) == []
    assert bin_edges([frame], "t.y", 1) == []
    assert bin_edges([], "s.x", 1) == []
    lost = dropped(5000, "lid", "wrong").with_columns(pl.lit(9.0).alias("s.x"))
    assert bin_edges([frame, lost], "s.x", 1) == [0.2, 0.4, 0.599, 0.799], "dropped pairs count"


@pytest.mark.parametrize(
    "scores",
    [
        [n / 100 for n in range(100)],
        [0.5] * 60 + [n / 100 for n in range(40)],  # ties
        [0.5] * 100,
        [None] * 30 + [n / 70 for n in range(70)],
        [float("nan")] * 10 + [float("inf")] * 20 + [n / 70 for n in range(70)],
        [None] * 100,
    ],
)
def test_weights_stand_for_all_pairs_whatever_the_scores(scores: list[float | None]) -> None:
    """Bins of equal scores, or without a score, have the weights of their own sizes."""
    frame = rows(scores)
    edges = bin_edges([frame], "s.x", 1)
    drawn, strata = draw([frame], "ind_Latn", "s.x", edges, 40, 1)
    assert drawn.height == 40
    assert drawn["weight"].sum() == pytest.approx(100)
    value = pl.col("s.x").fill_nan(None)
    for stratum in strata:
        if stratum.bin < 0:
            inside = value.is_null()
        elif not edges:  # no pair has the score: all are one bin
            inside = pl.lit(True)
        else:
            low = value >= stratum.low if stratum.low is not None else value.is_not_null()
            inside = low & (value < stratum.high if stratum.high is not None else pl.lit(True))
        assert stratum.pairs == frame.filter(inside).height
        in_bin = drawn.filter(pl.col("bin") == stratum.bin)
        assert in_bin.height == in_bin.filter(inside).height == stratum.drawn
        weight = stratum.pairs / stratum.drawn
        assert in_bin["weight"].to_list() == pytest.approx([weight] * stratum.drawn)
    assert len(strata) <= BINS + 1


def test_half_is_kept_and_half_is_dropped_by_rules() -> None:
    frames = [
        rows([n / 500 for n in range(500)]),
        dropped(4000, "rules", "long", 10_000),
        dropped(1000, "lid", "wrong", 20_000),
        dropped(3, "similarity", "far", 30_000),
        dropped(900, "dedup", "duplicate", 40_000),
        dropped(900, "ingest", "bad_columns", 50_000),
        dropped(40, "rules", "empty_side", 60_000).with_columns(tgt=pl.lit("")),
    ]
    drawn, strata = draw(frames, "ind_Latn", "s.x", bin_edges(frames, "s.x", 1), 100, 1)
    counts = {s.dropped_by: s.drawn for s in strata if s.dropped_by}
    assert counts == {"long": 31, "wrong": 16, "far": 3}
    assert [s.drawn for s in strata if s.dropped_by is None] == [10] * 5
    assert {s.dropped_by: s.pairs for s in strata if s.dropped_by} == {
        "long": 4000,
        "wrong": 1000,
        "far": 3,
    }
    assert drawn.filter(pl.col("stage").is_null()).height == 50


@pytest.mark.parametrize(("kept", "lost", "expected"), [(10, 500, (10, 90)), (500, 10, (90, 10))])
def test_a_half_with_too_few_pairs_leaves_its_rest_to_the_other(
    kept: int, lost: int, expected: tuple[int, int]
) -> None:
    frames = [rows([0.1] * kept), dropped(lost, "lid", "wrong")]
    drawn, _ = draw(frames, "ind_Latn", "s.x", [], 100, 1)
    sides = drawn["stage"].is_null()
    assert (sides.sum(), (~sides).sum()) == expected


def test_a_row_of_a_sample_stands_for_many_pairs() -> None:
    drawn, [stratum] = draw([rows([0.1] * 50)], "ind_Latn", "s.x", [], 10, 1, rows_per_row=20.0)
    assert stratum.pairs == 1000
    assert drawn["weight"].to_list() == [100.0] * 10


def test_the_order_of_frames_changes_nothing() -> None:
    frame = rows([n / 300 for n in range(300)])
    parts = [frame[:100], frame[100:250], frame[250:]]
    edges = bin_edges(parts, "s.x", 1)
    one, _ = draw(parts, "ind_Latn", "s.x", edges, 50, 1)
    other, _ = draw(parts[::-1], "ind_Latn", "s.x", edges, 50, 1)
    assert sorted(one["row"]) == sorted(other["row"])
    assert bin_edges(parts[::-1], "s.x", 1) == edges
    third, _ = draw(parts, "ind_Latn", "s.x", edges, 50, 2)
    assert sorted(one["row"]) != sorted(third["row"])


def test_strata_of_which_nothing_is_drawn_are_listed() -> None:
    frames = [dropped(10, "rules", f"r{n}", 1000 * n) for n in range(9)]
    drawn, strata = draw(frames, "ind_Latn", "s.x", [], 4, 1)
    assert drawn.height == 4
    assert sorted(s.drawn for s in strata) == [0] * 5 + [1] * 4


def test_nothing_to_draw() -> None:
    drawn, strata = draw([dropped(5, "dedup", "duplicate")], "ind_Latn", "s.x", [], 4, 1)
    assert drawn.is_empty()
    assert strata == []
