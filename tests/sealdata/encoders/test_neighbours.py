"""Neighbours and margins at their ends: fewer neighbours than wanted, no positive mean."""

import numpy as np
import pytest

from sealdata.encoders.approximate import near_cosines, write_index
from sealdata.encoders.neighbours import margins, unit


def test_fewer_candidates_than_neighbours_wanted_leave_the_front_empty(tmp_path):
    pytest.importorskip("faiss")
    pool = unit(np.random.default_rng(5).normal(size=(512, 16)).astype(np.float32))
    path = tmp_path / "index"
    write_index(512, lambda start, stop: pool[start:stop], lambda rows: pool[rows], path)
    cosines = near_cosines(pool[:3], path, lambda rows: pool[rows], 600)
    assert np.isneginf(cosines[:, :88]).all()
    assert np.isfinite(cosines).sum() > 600
    assert (cosines[:, 1:] >= cosines[:, :-1]).all()
    assert cosines[:, -1] == pytest.approx([1, 1, 1], abs=1e-5)  # each finds itself


def test_a_ratio_needs_a_positive_mean_and_a_distance_does_not():
    cosines, around = np.array([0.5, 0.5, 0.5]), np.array([0.25, 0.0, -0.25])
    np.testing.assert_equal(margins("ratio", cosines, around), [2.0, np.nan, np.nan])
    np.testing.assert_equal(margins("distance", cosines, around), [0.25, 0.5, 0.75])
