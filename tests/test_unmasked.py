"""Clouds found on a thinned picture are left out of the ground itself."""

import numpy as np
import pytest

from changedetect import RunConfig, ground, prepare
from changedetect.ground import ground_of_pair, preview
from changedetect.prepare.shadows import Clouded
from changedetect.testing import simulated_pair
from changedetect.unmasked import cleared


@pytest.mark.parametrize("shape", [(50, 120), (120, 50), (120, 120)])
def test_what_is_covered_on_the_picture_is_left_out_below_it(shape, monkeypatch):
    monkeypatch.setattr(ground, "PREVIEW_PX", 15)  # every eighth row and column
    pair, _ = simulated_pair(1, shape, [])
    whole = ground_of_pair(pair, RunConfig())
    covered = np.zeros(preview(whole).before.valid.shape, dtype=bool)
    covered[-1, -1] = True
    found = Clouded(covered=covered, throw_m=(300.0, 0.0), clouds=3)
    monkeypatch.setattr(prepare, "clouds_by_shadows", lambda _: (None, found))
    clear, accounts = cleared(whole, RunConfig())
    ((spec, left),) = clear.pairs()
    expected = np.kron(covered, np.ones((8, 8), dtype=bool))[: shape[0], : shape[1]]
    np.testing.assert_array_equal(left.after.valid[spec.inner], pair.after.valid & ~expected)
    np.testing.assert_array_equal(left.before.valid[spec.inner], pair.before.valid)
    assert accounts["after"].covered_fraction == pytest.approx(covered.mean())
