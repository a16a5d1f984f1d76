"""What surroundings explain: against scipy's own regression ring by ring, tile against whole, and what it is for."""

import numpy as np
import pytest
from diff_cases import judged
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage as ndi
from scipy.stats import linregress

from changedetect.diff import DiffOptions, engine_halo_px, fit, needs_context, sample_features
from changedetect.diff.context import context_of, rings_halo_px, rings_px
from changedetect.diff.detectors import Ensemble, Surroundings, Whitened, looks_around
from changedetect.diff.features import features_at, features_of, halo_px
from changedetect.diff.local import box_sum
from changedetect.errors import ConfigError
from changedetect.model import Pair
from changedetect.types import BoolArray, FloatArray

CONTEXT = DiffOptions(detector="context")
EDGES = st.sets(st.integers(1, 119), max_size=2).map(lambda inner: [0, *sorted(inner), 120])


@pytest.fixture(scope="module")
def holed(make_pair, scenery, roof) -> Pair:
    """Scenery with a new roof, and a tenth of the pixels and one block unseen."""
    before, after = scenery(seed=11, side=120)
    after[:, 30:42, 42:56] = roof
    valid = np.random.default_rng(0).random(before.shape[1:]) > 0.1
    valid[60:72, 8:20] = False
    return make_pair(before, after, valid)


def expected(x: FloatArray, y: FloatArray, valid: BoolArray, at: tuple[int, int]) -> tuple[float, float]:
    """Error and its standard error of one band of one pixel, `y` by `x`, at 10 m smoothed by one pixel."""
    away = np.maximum(*(np.abs(place - own) for place, own in zip(np.indices(valid.shape), at, strict=True)))
    errors, variances = [], []
    for inner, outer in ((10, 20), (20, 30)):
        ring = valid & (away > inner) & (away <= outer)
        independent = ring.sum() / (4 * np.pi)
        if independent < 3:
            continue
        line = linregress(x[ring].astype(float), y[ring].astype(float))
        scatter = np.var(y[ring] - line.intercept - line.slope * x[ring], dtype=float)
        leverage = (x[at] - x[ring].mean(dtype=float)) ** 2 / x[ring].var(dtype=float)
        errors.append(y[at] - line.intercept - line.slope * x[at])
        variances.append(scatter * (1 + (1 + leverage) / independent))
    return float(np.mean(errors)), float(np.sqrt(np.mean(variances)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), half_px=st.integers(0, 9))
def test_a_box_is_a_sum_over_a_square(seed: int, half_px: int) -> None:
    values = np.random.default_rng(seed).random((13, 17))
    side = 2 * half_px + 1
    summed = ndi.convolve(values, np.ones((side, side)), mode="constant")
    np.testing.assert_allclose(box_sum(values, half_px), summed, rtol=1e-12)


@pytest.mark.parametrize("near", [(0, 0), (60, 60), (119, 33), (58, 13), (66, 14), (36, 50)])
def test_each_date_is_foretold_by_a_line_over_the_ring(holed, near: tuple[int, int]) -> None:
    features = features_of(holed, context=True)
    places = np.argwhere(features.valid)
    at = tuple(places[np.abs(places - near).sum(axis=1).argmin()])
    dates = (features.before_smooth, features.after_smooth)
    for way, (x, y) in enumerate((dates, dates[::-1])):
        for band in (0, 3):
            error, spread = expected(x[band], y[band], features.valid, at)
            assert features.context.missed[way, band][at] == pytest.approx(error, rel=1e-4, abs=1e-6)
            assert features.context.spread[way, band][at] == pytest.approx(spread, rel=1e-4)


@settings(max_examples=6, deadline=None)
@given(rows=EDGES, cols=EDGES)
def test_tiles_with_their_halo_know_what_the_whole_knows(holed, cut, rows, cols) -> None:
    whole = features_of(holed, context=True).context
    for spec, part in cut(holed, rows, cols, halo_px(10.0, context=True)):
        tile = features_of(part, context=True).context.picked(*spec.inner)
        for name in ("missed", "spread"):
            np.testing.assert_array_equal(getattr(tile, name), getattr(whole.picked(spec.rows, spec.cols), name))


def test_judging_tiles_equals_judging_the_whole(holed, make_sample, cut) -> None:
    fitted = fit(make_sample(holed), CONTEXT, calibrated=True)
    whole = judged(fitted, holed).passed
    for spec, part in cut(holed, (0, 25, 41, 120), (0, 7, 70, 120), engine_halo_px(10.0, CONTEXT)):
        np.testing.assert_array_equal(judged(fitted, part).passed[spec.inner], whole[spec.rows, spec.cols])


@pytest.mark.parametrize("step", [1, 7, 71])
def test_context_of_a_few_pixels_is_that_of_all(holed, cut, step: int) -> None:
    rows, cols = slice(3, 120, step), slice(0, 120, step)
    whole = features_of(holed, context=True).picked(rows, cols).context
    some = features_at(holed, rows, cols, context=True).context
    sample = sample_features(cut(holed, (0, 33, 120), (0, 47, 120), halo_px(10.0, context=True)), 900, context=True)
    every = features_of(holed, context=True).picked(slice(0, 120, 4), slice(0, 120, 4))
    for name in ("missed", "spread"):
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name))
        np.testing.assert_array_equal(getattr(sample.context, name), getattr(every.context, name)[..., every.valid])


def test_swapping_the_dates_swaps_what_is_foretold(holed) -> None:
    forth, back = features_of(holed, context=True), features_of(holed.swapped(), context=True)
    for name in ("missed", "spread"):
        np.testing.assert_array_equal(getattr(forth.swapped().context, name), getattr(back.context, name))


def test_a_season_of_a_neighbourhood_is_nothing_and_a_hall_in_it_much(make_pair, make_sample, scenery, roof) -> None:
    before, after = scenery(seed=21, side=160)
    dried = np.s_[:, :, :64]
    after[dried] = (0.75 * np.sqrt(after[dried]) + np.reshape([0.02, 0.03, 0.08, 0.0, 0.1, 0.09], (6, 1, 1))) ** 2
    hall, core = np.s_[74:82, 10:18], np.s_[76:80, 12:16]
    after[:, *hall] = roof
    pair = make_pair(before, after)
    sample = make_sample(pair)
    inside = np.zeros((160, 160), dtype=bool)
    inside[:, :30] = True  # where the rings see nothing else
    inside[70:86, 6:22] = False
    strengths = {}
    for detector in (Whitened(), Surroundings()):
        fitted = fit(sample, DiffOptions(detector=detector.name), calibrated=True)
        strengths[detector.name] = fitted.strength(features_of(pair, context=True).normalised(fitted.normalisation))
    assert (strengths["whitened"][inside] > Whitened().object_at).mean() > 0.5
    assert (strengths["context"][inside] > Surroundings().object_at).mean() < 0.01
    assert strengths["context"][core].min() > 2 * Surroundings().object_at


def test_without_neighbours_nothing_is_said(make_pair, make_sample, scenery) -> None:
    before, after = scenery(seed=22)
    lonely = np.zeros((80, 80), dtype=bool)
    lonely[:, 40:], lonely[5:7, 5:7] = True, True
    after[:, 5:7, 5:7] = 0.9
    pair = make_pair(before, after, lonely)
    fitted = fit(make_sample(pair), CONTEXT, calibrated=True)
    strength = fitted.strength(features_of(pair, context=True).normalised(fitted.normalisation))
    assert strength[5:7, 5:7] == pytest.approx(1, rel=0.05)
    few = context_of((before[:, ::20, ::20], after[:, ::20, ::20]), np.ones((4, 4), dtype=bool), 10.0, 1.0)
    assert np.isnan(few.missed).all()


@pytest.mark.parametrize("pixel_m", [3.0, 10.0, 15.0, 20.0, 30.0, 60.0, 100.0, 250.0])
def test_rings_exclude_each_other_and_the_halo_covers_them(pixel_m: float) -> None:
    (inner, middle), (same, outer) = rings_px(pixel_m)
    assert inner < middle == same < outer == rings_halo_px(pixel_m)
    assert rings_halo_px(0.9 * pixel_m) >= outer
    dates = np.random.default_rng(0).random((2, 1, 2 * outer + 21, 2 * outer + 21), dtype=np.float32)
    seen, moved = np.ones(dates.shape[2:], dtype=bool), dates.copy()
    moved[..., outer + 10, outer + 10] += 1
    one, other = (context_of((before, after), seen, pixel_m, 0.5).spread[0, 0] for before, after in (dates, moved))
    assert np.nonzero(np.nan_to_num(one) != np.nan_to_num(other))[0].min() == 10, "as far as the halo, and no farther"


def test_only_who_looks_around_pays_for_it(holed) -> None:
    assert [name for name in ("ensemble", "whitened", "context") if needs_context(DiffOptions(detector=name))] == [
        "context"
    ]
    assert engine_halo_px(10.0, DiffOptions()) == 8
    assert engine_halo_px(10.0, CONTEXT) == 4 + 30
    assert features_of(holed).context is None
    assert looks_around(Ensemble(members=((Whitened(), 1.0), (Surroundings(), 1.0))))
    with pytest.raises(ConfigError, match="context=True"):
        Surroundings().fit(features_of(holed), holed.valid)
