"""Known shifts between simulated dates are found and undone; what can't be helped is left alone."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import ndimage as ndi

from changedetect import tiling
from changedetect.model import Pair
from changedetect.prepare import align, fit_alignment, sample_blocks, shift_halo_px
from changedetect.prepare.registration import LIMIT_PX, estimate_shift
from changedetect.testing import simulated_pair

PAIR, _ = simulated_pair(7, (192, 224))
_STATIC, _ = simulated_pair(7, (192, 224), [])


def shifted(pair, dy, dx):
    """The pair with the later date's content moved down and right, and its edge lost."""
    data = np.stack([ndi.shift(band, (dy, dx), order=5, mode="nearest") for band in pair.after.data])
    valid = np.ones(data.shape[1:], dtype=bool)
    edge = int(np.ceil(max(abs(dy), abs(dx)))) + 1
    valid[:edge], valid[-edge:], valid[:, :edge], valid[:, -edge:] = False, False, False, False
    return replace(pair, after=replace(pair.after, data=np.where(valid, data, np.nan).astype(np.float32), valid=valid))


def measured(pair):
    return fit_alignment(sample_blocks([(spec, pair) for spec in tiling.cut(pair.geobox, 4096)]))


@pytest.mark.parametrize(
    ("dy", "dx"), [(0, 0), (0.1, 0), (0.25, -0.25), (0.5, 0.3), (-1, 0), (0, 1.5), (2, -1), (-3, 3)]
)
def test_a_known_shift_is_found_to_a_tenth_of_a_pixel(dy, dx):
    moved = shifted(PAIR, dy, dx)
    # What the simulator's own misregistration adds, measured without the shift.
    own = measured(PAIR).measured.shift
    found = measured(moved).measured.shift
    assert abs(found.dy_px - own.dy_px - dy) <= 0.1
    assert abs(found.dx_px - own.dx_px - dx) <= 0.1


def test_clouds_and_a_fifth_of_changed_ground_do_not_mislead():
    moved = shifted(PAIR, 0.6, -0.4)
    rng = np.random.default_rng(0)
    valid, data = moved.after.valid.copy(), moved.after.data.copy()
    for _ in range(12):
        row, col = rng.integers(0, 170, 2)
        valid[row : row + 22, col : col + 22] = False
    data[:, 20:100, 30:130] = rng.uniform(0.1, 0.4, (data.shape[0], 10, 10)).repeat(8, axis=1).repeat(10, axis=2)
    data[:, ~valid] = np.nan
    moved = replace(moved, after=replace(moved.after, data=data.astype(np.float32), valid=valid))
    found = measured(moved).measured.shift
    own = measured(PAIR).measured.shift
    assert np.hypot(found.dy_px - own.dy_px - 0.6, found.dx_px - own.dx_px + 0.4) <= 0.1


def test_gain_offset_and_noise_do_not_matter():
    moved = shifted(PAIR, 0.5, 0.25)
    gain = np.array([0.8, 1.25, 1.1, 0.9, 1.2, 0.85], dtype=np.float32)[:, None, None]
    noise = np.random.default_rng(1).normal(0, 0.003, moved.after.data.shape)
    other = replace(moved, after=replace(moved.after, data=(moved.after.data * gain + 0.04 + noise).astype(np.float32)))
    one, two = measured(moved).measured.shift, measured(other).measured.shift
    assert np.hypot(one.dy_px - two.dy_px, one.dx_px - two.dx_px) <= 0.05


def test_exchanged_dates_have_the_opposite_shift():
    moved = shifted(PAIR, 0.7, -1.2)
    one, two = measured(moved).measured.shift, measured(moved.swapped()).measured.shift
    assert one.dy_px == pytest.approx(-two.dy_px, abs=0.02)
    assert one.dx_px == pytest.approx(-two.dx_px, abs=0.02)


def test_alignment_undoes_the_shift():
    moved = shifted(_STATIC, 1.4, -0.6)
    alignment = measured(moved)
    assert alignment.applied
    assert alignment.residual_after < alignment.residual_before
    left = measured(align(moved, alignment)).measured.shift
    assert left.length_px < 0.1


@pytest.mark.parametrize(("dy", "dx"), [(0.05, 0.1), (0, 0)])
def test_dates_in_place_are_left_as_they_are(dy, dx):
    moved = shifted(_STATIC, dy, dx)
    alignment = measured(moved)
    assert not alignment.applied
    assert align(moved, alignment) is moved


def test_a_shift_beyond_the_limit_is_refused_in_words():
    moved = shifted(PAIR, 6.5, 0)
    alignment = measured(moved)
    assert not alignment.applied
    assert alignment.reason
    assert json.loads(json.dumps(asdict(alignment)))["applied"] is False


def test_ground_without_structure_is_not_measured():
    flat = np.full_like(PAIR.before.data, 0.2)
    pair = Pair(before=replace(PAIR.before, data=flat), after=replace(PAIR.after, data=flat.copy()))
    alignment = measured(pair)
    assert not alignment.applied
    assert alignment.reason


def test_tiles_aligned_and_merged_equal_the_whole():
    moved = shifted(PAIR, 0.8, -1.7)
    alignment = measured(moved)
    assert alignment.applied
    whole = align(moved, alignment)
    for spec in tiling.cut(moved.geobox, 70, shift_halo_px(LIMIT_PX)):
        rows, cols = spec.padded
        dates = {
            name: replace(
                date,
                geobox=spec.geobox,
                data=date.data[:, rows, cols],
                valid=date.valid[rows, cols],
                looks=date.looks[rows, cols],
            )
            for name, date in (("before", moved.before), ("after", moved.after))
        }
        tile = align(Pair(**dates), alignment)
        for part, date in ((tile.before, whole.before), (tile.after, whole.after)):
            own = (spec.rows, spec.cols)
            assert np.array_equal(part.valid[spec.inner], date.valid[own])
            assert np.array_equal(part.data[:, *spec.inner], date.data[:, *own], equal_nan=True)
            assert np.array_equal(part.looks[spec.inner], date.looks[own])


def test_the_kernel_estimates_arrays_without_a_grid():
    moved = shifted(PAIR, 0.4, 0.0)
    found = estimate_shift(moved.before.data, np.nan_to_num(moved.after.data), moved.valid)
    own = estimate_shift(PAIR.before.data, PAIR.after.data, PAIR.valid)
    assert found.dy_px - own.dy_px == pytest.approx(0.4, abs=0.1)
