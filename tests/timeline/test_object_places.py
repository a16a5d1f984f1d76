"""Where an object is measured, and against what."""

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage as ndi
from shapely.geometry import box
from timeline_cases import MEADOW, ROOF, SOIL

from changedetect.timeline import (
    choose_ring,
    glimpsed,
    measure,
    own_share,
    place_of,
    unmixed,
    usual_of,
    with_core,
)

GRID = GeoBox((60, 60), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32634")
BANDS = ("blue", "green", "red", "nir")
OBJECT = box(500_260, 4_999_700, 500_320, 4_999_760)  # rows 24-30, columns 26-32


def ground(west, east, inside=None, seed=0):
    """Two fields side by side, and something in the western one's place."""
    data = np.empty((4, 60, 60), dtype=np.float32)
    data[:, :, :40], data[:, :, 40:] = west[:, None, None], east[:, None, None]
    if inside is not None:
        data[:, 24:30, 26:32] = inside[:, None, None]
    return data + np.random.default_rng(seed).normal(0, 0.003, data.shape).astype(np.float32)


def place(outline=OBJECT):
    return place_of(outline, GRID, np.ones((60, 60), dtype=bool))


def on(data, where):
    return data[:, where.rows, where.cols]


def test_an_object_lies_where_it_is():
    found = place()
    whole = np.zeros((60, 60), dtype=bool)
    whole[found.rows, found.cols] = found.body
    assert whole[24:30, 26:32].all()
    assert whole.sum() == 36
    assert not (found.around & found.body).any()


def test_an_object_smaller_than_a_pixel_is_the_pixels_it_touches():
    assert place(box(500_261, 4_999_731, 500_263, 4_999_733)).body.sum() == 1


def test_the_ring_is_of_the_same_cover():
    found = place()
    before = np.stack([on(ground(MEADOW, SOIL, seed=1), found), on(ground(SOIL, MEADOW, seed=2), found)])
    after = np.stack([on(ground(MEADOW, SOIL, ROOF, seed=3), found)])
    ring = choose_ring(found, before, after)
    assert ring.own.sum() >= 12
    assert ring.reserve.sum() >= 3 * ring.own.sum()
    assert not (ring.own & ring.reserve).any()
    columns = np.flatnonzero(ring.own.any(axis=0)) + found.cols.start
    assert columns.max() < 40


def test_a_coarse_look_shows_the_object_once_its_surroundings_are_taken_out():
    found = place()
    fine = on(ground(MEADOW, SOIL, ROOF), found)
    coarse = fine
    for _ in range(3):  # pixels of 30 m, and bilinear interpolation between them
        coarse = ndi.uniform_filter(coarse, (0, 3, 3))
    ring = choose_ring(found, on(ground(MEADOW, SOIL), found)[None], fine[None])
    usual = usual_of(fine[None], BANDS, ring)
    sharp, blurred = (measure(data, BANDS, found, ring, usual) for data in (fine, coarse))
    share = own_share(found, 3.0)
    assert 0.5 < share < 0.75
    assert own_share(found, 1.0) == 1
    np.testing.assert_allclose(unmixed(blurred, share).inside, sharp.inside, atol=0.01)
    assert np.abs(blurred.inside - sharp.inside).max() > 0.05


def test_the_ring_does_without_a_window_that_saw_nothing_around():
    found = place()
    before = np.stack([on(ground(MEADOW, SOIL, seed=seed), found) for seed in range(3)])
    ring = choose_ring(found, before, np.full_like(before, np.nan))
    assert ring.own.any()
    assert not (ring.own & found.body).any()


def test_ground_that_changed_too_is_no_ring():
    quiet = np.ones((60, 60), dtype=bool)
    quiet[:, :30] = False
    found = place_of(OBJECT, GRID, quiet)
    assert not found.around[:, : 30 - found.cols.start].any()
    looks = on(ground(MEADOW, SOIL), found)[None]
    assert not choose_ring(place_of(OBJECT, GRID, np.zeros_like(quiet)), looks, looks).own.any()


def test_an_object_is_measured_where_it_changed():
    wide = place(box(500_200, 4_999_640, 500_380, 4_999_820))  # three times as wide as what changed
    before, after = (
        np.stack([on(ground(MEADOW, SOIL, inside, seed=seed), wide)]) for inside, seed in ((None, 1), (ROOF, 2))
    )
    core = with_core(wide, before, after)
    assert core.body.sum() == 324
    assert core.inside.sum() == 36


@pytest.fixture
def learnt():
    found = place()
    before = np.stack([on(ground(MEADOW, SOIL, seed=seed), found) for seed in (1, 2)])
    after = np.stack([on(ground(MEADOW, SOIL, ROOF, seed=seed), found) for seed in (3, 4)])
    ring = choose_ring(found, before, after)
    return found, ring, usual_of(np.concatenate([before, after]), BANDS, ring)


def test_means_inside_and_on_the_ring(learnt):
    found, ring, usual = learnt
    seen = measure(on(ground(MEADOW, SOIL, ROOF, seed=5), found), BANDS, found, ring, usual)
    assert seen.usable
    np.testing.assert_allclose(seen.inside, ROOF, atol=0.002)
    np.testing.assert_allclose(seen.ring, MEADOW, atol=0.004)


@pytest.mark.parametrize("hidden", ["own", "reserve"])
def test_where_a_cloud_hides_the_ring_its_reserve_stands_in(learnt, hidden):
    """It lies partly on another cover; what it differs by is made up for."""
    found, ring, usual = learnt
    data = on(ground(MEADOW, SOIL, ROOF, seed=5), found)
    data[:, getattr(ring, hidden)] = np.nan
    seen = measure(data, BANDS, found, ring, usual)
    assert seen.exact is (hidden == "reserve")
    np.testing.assert_allclose(seen.ring, MEADOW, atol=0.004)
    data[:, ring.own | ring.reserve] = np.nan
    assert not measure(data, BANDS, found, ring, usual).usable


def test_an_object_mostly_under_cloud_is_not_measured(learnt):
    found, ring, usual = learnt
    data = on(ground(MEADOW, SOIL, ROOF, seed=5), found)
    data[:, :, found.body.any(axis=0).argmax() : found.body.any(axis=0).argmax() + 4] = np.nan
    seen = measure(data, BANDS, found, ring, usual)
    assert not seen.usable
    assert seen.clear_fraction == pytest.approx(1 / 3)


@pytest.mark.parametrize(("light", "veil"), [(1.0, 0.2), (0.4, 0.0)])
def test_a_cloud_or_shadow_that_was_missed_shows_on_the_ground_beside(learnt, light, veil):
    found, ring, usual = learnt
    data = on(ground(MEADOW, SOIL, seed=5), found)
    under = found.near | found.body
    data[:, under] = data[:, under] * light + veil
    assert not measure(data, BANDS, found, ring, usual).usable
    everywhere = on(ground(MEADOW, SOIL, seed=5), found) * light + veil
    assert measure(everywhere, BANDS, found, ring, usual).usable


def test_an_object_is_glimpsed_where_clouds_leave_it_alone():
    found = place()
    data = on(ground(MEADOW, SOIL, ROOF), found)
    beside = ~found.body
    np.testing.assert_allclose(glimpsed(data, beside, found), ROOF, atol=0.005)
    over = beside.copy()
    over[found.body] = np.arange(found.body.sum()) < 3
    assert np.isnan(glimpsed(data, over, found)).all()
