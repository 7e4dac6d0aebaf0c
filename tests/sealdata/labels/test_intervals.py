"""Intervals of shares: they cover as often as they say, and say something with 200 labels."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealdata.labels import intervals
from sealdata.labels.intervals import (
    Share,
    Stratum,
    exact_interval,
    kept_of_correct,
    stratified_share,
)

LARGE = 10**9


@pytest.mark.parametrize(
    ("correct", "labelled", "low", "high"),
    [  # Clopper and Pearson 1934, by the quantiles of the beta distribution in R
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (98, 100, 0.9296, 0.9976),
        (100, 100, 0.9638, 1.0),
    ],
)
def test_of_a_large_population_the_limits_are_those_of_clopper_and_pearson(
    correct: int, labelled: int, low: float, high: float
) -> None:
    limits = exact_interval(correct, labelled, LARGE)
    assert limits == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 30), st.data())
def test_a_small_population_is_counted_out(pairs: int, data: st.DataObject) -> None:
    """The tails are those of all possible samples, by binomial coefficients."""
    labelled = data.draw(st.integers(1, pairs))
    correct = data.draw(st.integers(0, labelled))

    def tail(good: int, seen: range) -> float:
        ways = [math.comb(good, x) * math.comb(pairs - good, labelled - x) for x in seen]
        return sum(ways) / math.comb(pairs, labelled)

    possible = [
        good
        for good in range(correct, pairs - (labelled - correct) + 1)
        if tail(good, range(correct, labelled + 1)) > 0.025
        and tail(good, range(correct + 1)) > 0.025
    ]
    value = correct / labelled
    expected = min(possible[0] / pairs, value), max(possible[-1] / pairs, value)
    assert exact_interval(correct, labelled, pairs) == pytest.approx(expected)


def test_what_is_labelled_in_full_is_known() -> None:
    assert exact_interval(3, 4, 4) == (0.75, 0.75)
    share = stratified_share([Stratum(4, 4, 3), Stratum(6, 6, 6)])
    assert share == Share(0.9, (0.9, 0.9))


def test_strata_weigh_by_their_pairs() -> None:
    share = stratified_share([Stratum(900, 10, 10), Stratum(100, 10, 0)])
    assert share is not None
    assert share.value == pytest.approx(0.9)


def test_strata_at_the_same_rate_are_one_sample() -> None:
    share = stratified_share([Stratum(10**6, 20, 20)] * 5)
    assert share is not None
    assert share.interval == exact_interval(100, 100, 5 * 10**6)


def test_a_stratum_without_a_label_may_have_any_share() -> None:
    assert stratified_share([Stratum(10, 0, 0)]) is None
    full = stratified_share([Stratum(80, 80, 80)])
    share = stratified_share([Stratum(80, 80, 80), Stratum(20, 0, 0)])
    assert full == Share(1.0, (1.0, 1.0))
    assert share == Share(1.0, (pytest.approx(0.8), 1.0))
    share = stratified_share([Stratum(80, 80, 0), Stratum(20, 0, 0)])
    assert share == Share(0.0, (0.0, pytest.approx(0.2)))


def test_a_sheet_half_done_stands_for_all_of_it() -> None:
    """Where the order of the sheet is random, the labels that are there are a random sample."""
    strata = [Stratum(1000, 3, 3, drawn=10), Stratum(1000, 0, 0, drawn=10)]
    share = stratified_share(strata)
    assert share is not None
    assert share == Share(1.0, exact_interval(3, 3, 2000))
    # A language that no one labelled, or a stratum drawn at another rate, is not random.
    for other in (Stratum(2000, 0, 0, drawn=20, lang="jav_Latn"), Stratum(2000, 0, 0, drawn=1)):
        share = stratified_share([*strata, other])
        assert share is not None
        assert share.interval[0] == pytest.approx(exact_interval(3, 3, 2000)[0] / 2)


STRATA = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 10**6)).map(
        lambda t: Stratum(t[0] + t[1] + t[2], t[0] + t[1], t[0])
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)  # the machine may be busy
@given(STRATA)
def test_an_interval_holds_its_estimate(strata: list[Stratum]) -> None:
    share = stratified_share(strata)
    if any(stratum.labelled for stratum in strata):
        assert share is not None
        low, high = share.interval
        assert 0 <= low <= share.value + 1e-12
        assert share.value - 1e-12 <= high <= 1
        wrong = [Stratum(s.pairs, s.labelled, s.labelled - s.correct) for s in strata]
        mirrored = stratified_share(wrong)
        assert mirrored is not None
        assert mirrored.interval == pytest.approx((1 - high, 1 - low), abs=1e-6)


# Name -> strata of (pairs, labels, true share), and the width that an interval may have on average.
POPULATIONS = {
    "precision 0.5": ([(20_000, 20, 0.5)] * 5, 0.21),
    "precision 0.9": ([(20_000, 20, 0.9)] * 5, 0.14),
    "precision 0.99": ([(20_000, 20, 0.99)] * 5, 0.06),
    "precision 0.999": ([(20_000, 20, 0.999)] * 5, 0.045),
    "precision rises with the score": ([(20_000, 20, p) for p in (0.8, 0.95, 0.98, 0.99, 1)], 0.11),
    "four reasons": ([(50_000, 40, 0.1), (10_000, 25, 0.3), (1_000, 20, 0.7), (40, 15, 0.9)], 0.21),
    "rare strata": (
        [(90_000, 50, 0.98), (5_000, 10, 0.5), (500, 5, 0.9), (100, 5, 0.2), (6, 5, 0.5)],
        0.14,
    ),
    "20 strata of 5 labels": ([(5_000, 5, 0.99)] * 20, 0.06),
    "12 languages": (
        [(100 * 2**n, 20, 0.8 + 0.19 * (n % 3) / 2) for n in range(12)],
        0.25,
    ),
    "few labels where most pairs are": ([(90_000, 10, 0.8), (1_000, 90, 0.99)], 0.52),
    "20 strata that grow by a third": ([(int(3000 * 1.35**n), 5, 0.9) for n in range(20)], 0.27),
    "half of a small corpus": ([(30, 15, 0.9)] * 2, 0.18),
}
SAMPLES = 1_000


@pytest.mark.parametrize("name", POPULATIONS)
def test_intervals_cover_as_often_as_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is 93 %: of 1,000 samples, 95 % has a standard error of 0.7 points."""
    monkeypatch.setattr(intervals, "exact_interval", cache(exact_interval))
    random = np.random.default_rng(17)
    strata, max_width = POPULATIONS[name]
    good = [round(pairs * share) for pairs, _, share in strata]
    true = sum(good) / sum(pairs for pairs, _, _ in strata)
    draws = [
        random.hypergeometric(right, pairs - right, labels, SAMPLES)
        for right, (pairs, labels, _) in zip(good, strata, strict=True)
    ]
    covered, width, error = 0, 0.0, 0.0
    for sample in zip(*draws, strict=True):
        share = stratified_share(
            [
                Stratum(pairs, labels, int(correct))
                for (pairs, labels, _), correct in zip(strata, sample, strict=True)
            ]
        )
        assert share is not None
        low, high = share.interval
        covered += low - 1e-9 <= true <= high + 1e-9
        width += high - low
        error += share.value - true
    print(f"{name}: {covered / SAMPLES:.1%} covered, {width / SAMPLES:.3f} wide")
    assert covered / SAMPLES >= 0.93
    assert width / SAMPLES <= max_width
    assert abs(error / SAMPLES) < 0.01, "the estimate is biased"


@pytest.mark.parametrize(("kept", "dropped"), [(0.97, 0.2), (0.99, 0.01), (0.5, 0.5), (1.0, 0.3)])
def test_the_interval_of_recall_covers_too(
    kept: float, dropped: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "exact_interval", cache(exact_interval))
    random = np.random.default_rng(5)
    pairs = 80_000, 20_000
    right = [round(n * share) for n, share in zip(pairs, (kept, dropped), strict=True)]
    true = right[0] / sum(right)
    covered = 0
    for sample in zip(
        *(random.hypergeometric(r, n - r, 100, 400) for r, n in zip(right, pairs, strict=True)),
        strict=True,
    ):
        shares = [
            stratified_share([Stratum(n, 100, int(correct))])
            for n, correct in zip(pairs, sample, strict=True)
        ]
        assert shares[0] is not None
        assert shares[1] is not None
        recall = kept_of_correct(shares[0], pairs[0], shares[1], pairs[1])
        assert recall is not None
        covered += recall.interval[0] <= true <= recall.interval[1]
    assert covered / 400 >= 0.93


def test_recall_at_its_ends() -> None:
    all_kept = kept_of_correct(Share(1, (0.9, 1)), 100, Share(0, (0, 0.1)), 100)
    assert all_kept is not None
    assert all_kept.value == 1
    assert all_kept.interval == (pytest.approx(0.90867, abs=1e-5), 1.0)
    none_kept = kept_of_correct(Share(0, (0, 0.1)), 100, Share(1, (0.9, 1)), 100)
    assert none_kept is not None
    assert none_kept.value == 0
    assert kept_of_correct(Share(0, (0, 0.1)), 100, Share(0, (0, 0.1)), 100) is None
