"""Estimates from error matrices: the worked example of Olofsson et al. (2014), and an independent estimator.

The example (section 5, table 8, and p. 54 of doi:10.1016/j.rse.2014.02.015): 640 points over a map of 10 million
Landsat pixels of 900 m2, of which 200,000 are mapped as deforestation and 150,000 as forest gain.
"""

import numpy as np
import pytest

from changedetect.errors import ConfigError
from changedetect.evaluation import SampleOptions
from changedetect.evaluation.design import allocate, sample_size
from changedetect.evaluation.estimates import class_estimates, overall_accuracy

NAMES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]], dtype=float)
SHARES = np.array([0.020, 0.015, 0.320, 0.645])
PIXELS = 10_000_000


def half(estimate) -> float:
    return 1.96 * estimate.se


def test_the_paper_s_example_comes_out():
    overall = overall_accuracy(COUNTS, SHARES)
    assert (overall.value, half(overall)) == pytest.approx((0.947, 0.018), abs=5e-4)
    classes = class_estimates(COUNTS, SHARES, NAMES, PIXELS)
    users = [(round(one.users.value, 2), round(half(one.users), 2)) for one in classes]
    assert users == [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)]
    producers = [round(one.producers.value, 2) for one in classes]
    assert producers == [0.75, 0.85, 0.93, 0.96]
    assert half(classes[0].producers) == pytest.approx(0.21, abs=5e-3)
    assert (classes[0].mapped_m2, classes[0].area_m2.value) == pytest.approx((200_000, 235_086), abs=1)
    assert half(classes[0].area_m2) == pytest.approx(68_418, abs=2)
    assert classes[0].area_m2.value * 0.09 == pytest.approx(21_158, abs=1)  # hectares


def test_the_paper_s_sample_size_and_shares_come_out():
    shares = dict(zip(NAMES, SHARES.tolist(), strict=True))
    expected = dict(zip(NAMES, (0.7, 0.6, 0.9, 0.95), strict=True))
    assert sample_size(shares, SampleOptions(expected=expected)) == 641
    by_area = allocate(shares, 641, SampleOptions(allocation="proportional"))
    assert list(by_area.values()) == [13, 10, 205, 413]
    assert list(allocate(shares, 640, SampleOptions(allocation="equal")).values()) == [160] * 4
    # The authors gave the rare classes 75 each and rounded the rest, 162.5 and 327.5, to 165 and 325.
    assert list(allocate(shares, 640, SampleOptions(minimum=75)).values()) == [75, 75, 162, 328]


def stehman(counts, shares, y, x) -> tuple[float, float]:
    """Ratio of two indicators, point by point: Stehman (2014), doi:10.1080/01431161.2014.930207, eqs. 27 and 28."""
    tops, bottoms, variance, points = [], [], [], []
    for h, row in enumerate(counts.astype(int)):
        label = np.repeat(np.arange(len(row)), row)
        points.append((np.array([y(h, c) for c in label], float), np.array([x(h, c) for c in label], float)))
        tops.append(shares[h] * points[-1][0].mean())
        bottoms.append(shares[h] * points[-1][1].mean())
    ratio = sum(tops) / sum(bottoms)
    for share, (ys, xs) in zip(shares, points, strict=True):
        cov = np.cov(ys, xs)
        variance.append(share**2 * (cov[0, 0] + ratio**2 * cov[1, 1] - 2 * ratio * cov[0, 1]) / len(ys))
    return ratio, np.sqrt(sum(variance)) / sum(bottoms)


@pytest.mark.parametrize("extra", [0, 1])
def test_every_estimate_is_stehman_s(extra):
    rng = np.random.default_rng(extra)
    counts = rng.integers(1, 60, (3, 3 + extra)).astype(float)
    shares = np.array([0.03, 0.17, 0.8])

    def same(estimate, y, x):
        assert (estimate.value, estimate.se) == pytest.approx(stehman(counts, shares, y, x))

    same(overall_accuracy(counts, shares), lambda h, c: h == c, lambda _h, _c: 1)
    classes = class_estimates(counts, shares, "abcd"[: 3 + extra], 1.0)
    for j, one in enumerate(classes):
        same(one.area_m2, lambda _h, c, j=j: c == j, lambda _h, _c: 1)
        same(one.producers, lambda h, c, j=j: h == c == j, lambda _h, c, j=j: c == j)
        if j < 3:
            same(one.users, lambda h, c, j=j: h == c == j, lambda h, _c, j=j: h == j)
    assert sum(one.area_m2.value for one in classes) == pytest.approx(1)
    assert [one.users is None for one in classes] == [False] * 3 + [True] * extra


def test_a_class_that_no_point_shows_has_no_producer_s_accuracy():
    classes = class_estimates(np.array([[0.0, 9.0], [0.0, 90.0]]), np.array([0.1, 0.9]), ("new", "none"), 1000.0)
    assert (classes[0].producers, classes[0].users.value, classes[0].area_m2.value) == (None, 0, 0)
    assert classes[1].producers.value == pytest.approx(0.9)


def test_shares_of_points_add_up_and_none_is_left_without():
    shares = {"a": 1e-6, "b": 0.01, "none": 1 - 0.010001}
    for allocation in ("minimum", "equal", "proportional"):
        given = allocate(shares, 500, SampleOptions(allocation=allocation, minimum=40))
        assert sum(given.values()) == 500
        assert min(given.values()) >= (40 if allocation == "minimum" else 2)
    with pytest.raises(ConfigError, match=r"100 points are too few for 3 strata of at least 50: ask for 150"):
        allocate(shares, 100, SampleOptions())


@pytest.mark.parametrize(
    "wrong", [{"allocation": "random"}, {"target_se": 0}, {"expected": {"a": 2}}, {"points": 1}, {"minimum": 1}]
)
def test_designs_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        SampleOptions(**wrong)
