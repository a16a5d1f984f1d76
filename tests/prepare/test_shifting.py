import numpy as np
import pytest
from registration_cases import AFTER, BEFORE, SIDE, clear, pair_of, seen, tile_of
from scipy import ndimage as ndi

from changedetect.prepare.alignment import Alignment, Measured, Shift
from changedetect.prepare.shifting import KERNEL_REACH_PX, align, kernel, moved, resample, shift_halo_px
from changedetect.tiling import cut


def told(dy, dx, *, applied=True):
    measured = Measured(
        shift=Shift(dy_px=dy, dx_px=dx),
        uncertainty_px=0.01,
        spread_px=0.05,
        blocks=30,
        agreeing=1.0,
        sharpness_of_peak=1.0,
    )
    return Alignment(
        applied=applied, verdict="aligned", reason="told", measured=measured, residual_before=0.5, residual_after=0.4
    )


def inside(array, margin=8):
    return array[..., margin:-margin, margin:-margin]


def test_a_pair_that_is_left_alone_is_the_very_same():
    pair = pair_of(seen(BEFORE), seen(AFTER))
    assert align(pair, told(1, 1, applied=False)) is pair


def test_whole_pixels_are_moved_and_not_interpolated():
    pair = pair_of(seen(BEFORE), seen(AFTER))
    there = align(pair, told(2, -1))
    assert np.array_equal(there.before.data, pair.before.data)
    assert np.array_equal(there.after.data[:, :-2, 1:], pair.after.data[:, 2:, :-1])
    assert not there.after.valid[-2:].any()
    assert not there.after.valid[:, 0].any()
    assert np.isnan(there.after.data[:, -2:]).all()
    assert not there.after.looks[-2:].any()


@pytest.mark.parametrize("shift", [(0.25, -0.5), (1.4, 0.1), (-2.5, 3)])
def test_aligned_ground_lies_over_itself(shift):
    before, after = (seen(BEFORE, place, noise=0) for place in ((0, 0), shift))
    there = align(pair_of(before, after), told(*shift))
    apart = inside(there.after.data - there.before.data)
    unaligned = inside(after - before)
    # What is left is aliasing, which differs between two samplings of the same ground.
    assert apart.std() < 0.16 * unaligned.std()


def test_both_dates_stay_equally_sharp():
    image = seen(BEFORE, noise=0)
    there = align(pair_of(image, image), told(0.5, -0.4))
    spread = [
        inside(date.data - ndi.uniform_filter(date.data, (0, 3, 3))).std() for date in (there.before, there.after)
    ]
    assert spread[0] == pytest.approx(spread[1], rel=0.02)
    # What texture is measured on, 3 x 3 pixels, keeps nearly all of its contrast.
    assert spread[0] > 0.95 * inside(image - ndi.uniform_filter(image, (0, 3, 3))).std()


def test_the_kernel_is_sharp_and_exact_on_a_constant():
    steps = np.arange(-KERNEL_REACH_PX, KERNEL_REACH_PX + 1)
    for offset in (0.1, -0.25):
        weights = kernel(offset)
        assert weights.sum() == pytest.approx(1)
        response = np.abs((weights * np.exp(2j * np.pi * 0.35 * steps)).sum())
        assert response > 0.98
        assert np.allclose(weights, kernel(-offset)[::-1])


def test_an_interpolated_wave_is_where_it_should_be():
    x = np.arange(64.0)
    wave = np.broadcast_to(np.sin(0.9 * x), (1, 40, 64)).astype(np.float32)
    out, _ = resample(wave, np.ones((40, 64), dtype=bool), (0.0, 0.25))
    assert np.allclose(inside(out), inside(np.broadcast_to(np.sin(0.9 * (x + 0.25)), (1, 40, 64))), atol=0.02)


def test_masks_move_by_whole_pixels_and_do_not_grow():
    mask = clear(5, 0.3)
    there = align(pair_of(seen(BEFORE), seen(AFTER), mask, mask), told(1.3, 0.2))
    assert np.array_equal(there.before.valid, mask)
    assert np.array_equal(there.after.valid[:-1], mask[1:])
    for date in (there.before, there.after):
        assert np.isfinite(date.data[:, date.valid]).all()
        assert np.isnan(date.data[:, ~date.valid]).all()
        assert np.array_equal(date.looks > 0, date.valid)


def test_what_is_masked_has_no_influence():
    mask = clear(5, 0.3)
    ground = seen(BEFORE)
    dark, bright = (
        align(pair_of(ground, np.where(mask, ground, value), None, mask), told(0.3, 0.3)) for value in (0, 9)
    )
    assert np.array_equal(dark.after.data, bright.after.data, equal_nan=True)


def test_a_constant_stays_constant_around_holes():
    flat = np.full((4, SIDE, SIDE), 0.3, dtype=np.float32)
    there = align(
        pair_of(flat, flat, clear(5, 0.5), np.random.default_rng(1).random((SIDE, SIDE)) < 0.8), told(0.5, 0.5)
    )
    for date in (there.before, there.after):
        assert np.allclose(date.data[:, date.valid], 0.3, atol=1e-5)


@pytest.mark.parametrize("shift", [(0.3, -0.45), (4.6, -4.9)])
@pytest.mark.parametrize("tile_px", [29, 64])
def test_tiles_merged_equal_the_whole_byte_for_byte(shift, tile_px):
    pair = pair_of(seen(BEFORE), seen(AFTER), clear(5, 0.3), clear(6, 0.3))
    merged = align(pair, told(*shift))
    for spec in cut(pair.geobox, tile_px, shift_halo_px(5.0)):
        tile = align(tile_of(pair, spec), told(*shift))
        for one, other in ((tile.before, merged.before), (tile.after, merged.after)):
            assert one.data[:, *spec.inner].tobytes() == other.data[:, spec.rows, spec.cols].tobytes()
            assert np.array_equal(one.valid[spec.inner], other.valid[spec.rows, spec.cols])
            assert np.array_equal(one.looks[spec.inner], other.looks[spec.rows, spec.cols])


def test_moving_farther_than_the_image_leaves_nothing():
    assert not moved(np.ones((4, 4), dtype=bool), (5, 0)).any()
    assert not moved(np.ones((4, 4), dtype=bool), (0, -9)).any()
