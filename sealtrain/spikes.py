"""What a loss spike is; loaded where `train.spike_sigmas` asks."""

import math
import sys
from collections.abc import Sequence
from statistics import fmean, pstdev

ENOUGH = 64  # steps before which no step is called a spike


def limits_of(recent: Sequence[tuple[float, float]], sigmas: float) -> tuple[float, float]:
    """Loss and gradient norm above which a step is a spike: so many standard deviations above the
    mean of the steps remembered, skipped ones among them unless they were not finite.

    Sums are exact, so that every rank gets the same numbers on any processor.

    Source: the rule of OLMo-core's SkipStepOptimizer, 6 deviations over 128 steps.
    """
    finite = [pair for pair in recent if all(map(math.isfinite, pair))]
    if len(finite) < ENOUGH:
        return sys.float_info.max, sys.float_info.max
    losses, norms = zip(*finite, strict=True)
    return fmean(losses) + sigmas * pstdev(losses), fmean(norms) + sigmas * pstdev(norms)
