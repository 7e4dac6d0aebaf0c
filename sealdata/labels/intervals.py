"""Confidence intervals for shares that people's labels estimate, in strata of known sizes."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

TAIL = 0.025  # probability beyond either limit of a 95 % interval
# Strata whose weights differ by less than this factor count as sampled at the same rate.
SAME_RATE = 1.3
Interval = tuple[float, float]


class Stratum(NamedTuple):
    """A group of pairs from which a random sample was drawn, and what was labelled of it."""

    pairs: int  # that the stratum holds, or is estimated to hold
    labelled: int  # of those drawn
    correct: int  # of the labelled pairs
    drawn: int = 0  # 0: as many as are labelled
    lang: str = ""

    @property
    def weight(self) -> float:
        """Pairs for each drawn pair; infinite if none was drawn."""
        drawn = self.drawn or self.labelled
        return self.pairs / drawn if drawn else math.inf


class Share(NamedTuple):
    """A share in 0 to 1, with its 95 % interval."""

    value: float
    interval: Interval


def exact_interval(correct: int, labelled: int, pairs: int) -> Interval:
    """The 95 % interval of the share of ``pairs`` that are correct, as a sample of them shows.

    It inverts the two tails of the hypergeometric distribution: a share is in the interval unless
    it makes the sample, or one still further away, less likely than 2.5 %. It covers at least
    95 %, at every size and share, and ends at the estimate where every pair is labelled.

    Source: Clopper and Pearson 1934; Buonaccorsi 1987, for finite populations.
    """
    if labelled == 0:
        return 0.0, 1.0
    value = correct / labelled
    if labelled >= pairs:
        return value, value
    # Beyond that, the correction for a finite population is less than 0.01 %.
    pairs = min(pairs, 10_000 * labelled)
    last = pairs - (labelled - correct)
    low, high = 0, pairs
    if correct:
        low = _bisect(correct, last, lambda good: _tail(good, correct, labelled, pairs, 1) > TAIL)
    if correct < labelled:
        # The last number of correct pairs whose lower tail is wide enough.
        too_many = _bisect(
            correct, last + 1, lambda good: _tail(good, correct, labelled, pairs, -1) <= TAIL
        )
        high = too_many - 1
    return min(low / pairs, value), max(high / pairs, value)


def _bisect(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number from ``low`` on for which ``holds``; ``high`` if there is none before."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _tail(good: int, seen: int, draws: int, pairs: int, sign: int) -> float:
    """The probability of at least (sign 1) or at most (-1) ``seen`` good pairs among ``draws``."""
    import numpy as np

    first, last = max(0, draws - (pairs - good)), min(draws, good)
    x = np.arange(first, last, dtype=np.float64)
    # Ratios of neighbours need no binomials, whose logarithms lose digits in large populations.
    ratios = (good - x) * (draws - x) / ((x + 1) * (pairs - good - draws + x + 1))
    logs = np.concatenate(([0.0], np.cumsum(np.log(ratios))))
    weights = np.exp(logs - logs.max())
    index = seen - first
    part = weights[max(0, index) :] if sign > 0 else weights[: max(0, index + 1)]
    return float(part.sum() / weights.sum())


def stratified_share(strata: Sequence[Stratum]) -> Share | None:
    """The share over all strata, weighted by their pairs; None without a label.

    Strata that were sampled at about the same rate are one sample. The exact limits of the samples
    are combined by the method of variance estimates recovery (MOVER): the squares of their
    distances from the estimates add up. Unlike a variance estimated from the labels, they are not 0
    where all labels of a sample are the same.

    Labels may be missing at random, as in a sheet that is half done: the labels of a sample stand
    for all of it. A sample without a label may have any share. It is assumed to be like the others,
    and its interval, 0 to 1, widens the result.

    Source: Zou, Huang and Zhang 2009, for a linear function of binomial proportions.
    docs/how-to/label-pairs.md has the measured coverage.
    """
    total = sum(stratum.pairs for stratum in strata)
    samples = _samples(strata)
    if not samples:
        return None
    covered = sum(s.pairs for s in samples)
    value = _rounded(sum(s.pairs * s.share for s in samples) / covered)
    rows = [(s.pairs / covered, s.share, s.limits()) for s in samples]
    low = value - math.hypot(*(w * (share - limits[0]) for w, share, limits in rows))
    high = value + math.hypot(*(w * (limits[1] - share) for w, share, limits in rows))
    # Whole distances, not their squares: an unknown share is not a random draw.
    unknown = 1 - covered / total
    low, high = (1 - unknown) * low, (1 - unknown) * high + unknown
    return Share(value, (max(0.0, _rounded(low)), min(1.0, _rounded(high))))


class _Sample(NamedTuple):
    pairs: int
    labelled: int
    share: float

    def limits(self) -> Interval:
        """The exact interval; a share between two whole numbers has the wider limit of both."""
        hits = self.share * self.labelled
        # Rounding errors must not make a whole number of pairs a broken one.
        low, _ = exact_interval(math.floor(hits + 1e-9), self.labelled, self.pairs)
        _, high = exact_interval(math.ceil(hits - 1e-9), self.labelled, self.pairs)
        return min(low, self.share), max(high, self.share)


def _samples(strata: Sequence[Stratum]) -> list[_Sample]:
    """Strata as samples, with those together of which about the same share of pairs was drawn.

    Such a sample varies less than a simple one of its size. Source: Hoeffding 1956.
    """
    planned = []
    # Languages stay apart: an annotator may know one, and leave out the pairs of the others.
    for lang in dict.fromkeys(stratum.lang for stratum in strata):
        lang_strata = [stratum for stratum in strata if stratum.lang == lang]
        for group in _alike(lang_strata, [stratum.weight for stratum in lang_strata]):
            labelled = sum(s.labelled for s in group)
            if labelled:
                # Source: Hajek 1971, for the ratio of weighted sums.
                correct = sum(s.weight * s.correct for s in group if s.labelled)
                share = correct / sum(s.weight * s.labelled for s in group if s.labelled)
                planned.append(_Sample(sum(s.pairs for s in group), labelled, _rounded(share)))
    samples = []
    for same in _alike(planned, [sample.pairs / sample.labelled for sample in planned]):
        pairs = sum(s.pairs for s in same)
        share = _rounded(sum(s.pairs * s.share for s in same) / pairs)
        samples.append(_Sample(pairs, sum(s.labelled for s in same), share))
    return samples


_Item = TypeVar("_Item")


def _alike(items: Sequence[_Item], weights: Sequence[float]) -> list[list[_Item]]:
    """Groups in which no weight is above SAME_RATE times the smallest one."""
    groups: list[list[_Item]] = []
    smallest = 0.0
    for weight, item in sorted(zip(weights, items, strict=True), key=lambda row: row[0]):
        if groups and weight <= SAME_RATE * smallest:
            groups[-1].append(item)
        else:
            groups.append([item])
            smallest = weight
    return groups


def _rounded(share: float) -> float:
    """Without rounding errors: all pairs correct is 1, and nothing less."""
    return round(share, 12)


def kept_of_correct(
    kept: Share, kept_pairs: float, dropped: Share, dropped_pairs: float
) -> Share | None:
    """The share of all correct pairs that are kept (recall); None if no correct pair was seen.

    Its interval follows from those of the two independent shares.

    Source: Donner and Zou 2012, for the interval of a ratio (MOVER-R).
    """
    good, lost = kept.value * kept_pairs, dropped.value * dropped_pairs
    if good + lost == 0:
        return None
    good_low, good_high = (limit * kept_pairs for limit in kept.interval)
    lost_low, lost_high = (limit * dropped_pairs for limit in dropped.interval)
    # The ratio of lost to kept correct pairs, from which the share follows.
    low = _ratio_limit(good, lost, good_high, lost_low, -1)
    high = _ratio_limit(good, lost, good_low, lost_high, 1)
    return Share(good / (good + lost), (1 / (1 + high), 1 / (1 + low)))


def _ratio_limit(
    below: float, above: float, below_limit: float, above_limit: float, sign: int
) -> float:
    """A limit of ``above`` / ``below``, from the limits of both that lie in its direction."""
    product = above * below
    denominator = below_limit * (2 * below - below_limit)
    if below == 0 or denominator <= 0:
        # A denominator of at most twice its estimate: nothing bounds the ratio on this side.
        return math.inf if sign > 0 else 0.0
    root = product**2 - above_limit * denominator * (2 * above - above_limit)
    return max(0.0, (product + sign * math.sqrt(max(0.0, root))) / denominator)
