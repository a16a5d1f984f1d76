import json
from dataclasses import asdict

import numpy as np
import pytest
from registration_cases import AFTER, APRIL, BEFORE, SIDE, clear, pair_of, seen, tile_of, whole

from changedetect.errors import PairError
from changedetect.prepare.blocks import block_places, sample_blocks
from changedetect.prepare.registration import _judged, estimate_shift, fit_alignment
from changedetect.tiling import cut

SHIFTS = [(0, 0), (0.1, -0.1), (0.25, 0), (0, 0.5), (1, -0.5), (2, 1.25), (-3, 3)]


def fitted(pair):
    return fit_alignment(sample_blocks(whole(pair)))


def error(alignment, shift):
    found = alignment.measured.shift
    return max(abs(found.dy_px - shift[0]), abs(found.dx_px - shift[1]))


@pytest.mark.parametrize("shift", SHIFTS)
def test_known_shifts_are_found(shift):
    pair = pair_of(seen(BEFORE), seen(AFTER, shift))
    assert error(fitted(pair), shift) <= 0.05


@pytest.mark.parametrize("shift", SHIFTS)
def test_known_shifts_are_found_through_clouds_on_changed_ground(shift):
    before, after = (seen(*date, changed=0.2) for date in ((BEFORE,), (AFTER, shift)))
    pair = pair_of(before, np.where(clear(6, 0.25), after, 0.9), clear(5, 0.25), clear(6, 0.25))
    assert error(fitted(pair), shift) <= 0.1


@pytest.mark.parametrize(
    "told",
    [
        {"noise": 3.0},
        {"blur_px": 0.6},
        {"day": APRIL},
        {"gain": (0.8, 1.25, 0.9, 1.1), "offset": (0.05, -0.05, 0.02, 0)},
    ],
    ids="-".join,
)
def test_noise_blur_season_and_radiometry_do_not_matter(told):
    shift = (0.25, -0.5)
    after = seen(told.pop("day", AFTER), shift, **{key: told[key] for key in told if key in ("noise", "blur_px")})
    gain, offset = (np.array(told.get(key, value))[..., None, None] for key, value in (("gain", 1.0), ("offset", 0.0)))
    assert error(fitted(pair_of(seen(BEFORE), (after * gain + offset).astype(np.float32))), shift) <= 0.1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_shift_is_left_alone(seed):
    alignment = fitted(pair_of(seen(BEFORE, seed=seed), seen(AFTER, seed=seed)))
    assert alignment.verdict == "in_place"
    assert not alignment.applied
    assert error(alignment, (0, 0)) <= 0.05


def test_a_fixed_hole_does_not_hold_the_ground_in_place():
    mask = clear(5, 0.35)
    pair = pair_of(seen(BEFORE), seen(AFTER, (0.5, 0.5)), mask, mask)
    assert error(fitted(pair), (0.5, 0.5)) <= 0.06


def test_swapping_the_dates_negates_the_shift():
    pair = pair_of(seen(BEFORE), seen(AFTER, (1, -0.5)), clear(5, 0.2), clear(6, 0.2))
    there, back = fitted(pair).measured.shift, fitted(pair.swapped()).measured.shift
    assert there.dy_px == pytest.approx(-back.dy_px, abs=0.005)
    assert there.dx_px == pytest.approx(-back.dx_px, abs=0.005)


def test_what_is_applied_takes_away_residual():
    alignment = fitted(pair_of(seen(BEFORE), seen(AFTER, (0.25, 0.5))))
    assert alignment.applied
    assert alignment.residual_after < 0.97 * alignment.residual_before
    assert alignment.measured.uncertainty_px < 0.05
    assert "0.2" in alignment.reason
    assert "down" in alignment.reason
    assert json.loads(json.dumps(asdict(alignment)))["verdict"] == "aligned"


@pytest.mark.parametrize("shift", [(0, 6), (5, -5)])
def test_a_shift_beyond_the_limit_is_refused_in_words(shift):
    alignment = fitted(pair_of(seen(BEFORE), seen(AFTER, shift)))
    assert alignment.verdict == "beyond_limit"
    assert not alignment.applied
    assert "off by more than 5 px" in alignment.reason
    assert error(alignment, shift) <= 0.1


def test_the_limit_can_be_lowered():
    blocks = sample_blocks(whole(pair_of(seen(BEFORE), seen(AFTER, (2, 1.25)))))
    assert fit_alignment(blocks, limit_px=2.0).verdict == "beyond_limit"


def test_unrelated_dates_are_not_aligned():
    rng = np.random.default_rng(3)
    pair = pair_of(*(rng.normal(0.2, 0.05, (4, SIDE, SIDE)).astype(np.float32) for _ in range(2)))
    alignment = fitted(pair)
    assert not alignment.applied
    assert alignment.residual_before > 0.95


def test_blocks_that_contradict_each_other_are_not_aligned():
    straight, crooked = seen(AFTER, (0, 0.5)), seen(AFTER, (0, -0.5))
    strips = np.arange(SIDE) // 48 % 2 == 0
    alignment = fitted(pair_of(seen(BEFORE), np.where(strips, straight, crooked)))
    assert not alignment.applied
    assert alignment.verdict in ("disagrees", "refuted")


def test_a_shift_that_makes_it_worse_elsewhere_is_no_measurement():
    known = fitted(pair_of(seen(BEFORE), seen(AFTER, (2, 1.25)))).measured
    verdicts = [_judged(known, (0.5, after), 5.0)[0] for after in (0.3, 0.499, 0.501, 0.51)]
    assert verdicts == ["aligned", "no_gain", "no_gain", "refuted"]


@pytest.mark.parametrize("value", [0.0, 0.2])
def test_ground_without_structure_is_unmeasured(value):
    flat = np.full((4, SIDE, SIDE), value, dtype=np.float32)
    assert fitted(pair_of(flat, flat)).verdict == "unmeasured"


def test_ground_that_is_hardly_seen_is_unmeasured():
    alignment = fitted(pair_of(seen(BEFORE), seen(AFTER, (1, 0)), clear(1, 0.97)))
    assert alignment.verdict == "unmeasured"
    assert "blocks" in alignment.reason


def test_a_kernel_on_arrays():
    everywhere = np.ones((SIDE, SIDE), dtype=bool)
    shift = estimate_shift(seen(BEFORE), seen(AFTER, (0.25, 0.5)), everywhere)
    assert (shift.dy_px, shift.dx_px) == (pytest.approx(0.25, abs=0.05), pytest.approx(0.5, abs=0.05))


@pytest.mark.parametrize("tile_px", [37, 64])
def test_the_cut_into_tiles_does_not_matter(tile_px):
    pair = pair_of(seen(BEFORE), seen(AFTER, (0.25, 0.5)), clear(5, 0.2), clear(6, 0.2))
    tiles = ((spec, tile_of(pair, spec)) for spec in cut(pair.geobox, tile_px, 5))
    assert fit_alignment(sample_blocks(tiles)) == fitted(pair)


@pytest.mark.parametrize("shape", [(20, 20), (64, 64), (100, 400), (400, 100), (3000, 3000), (10, 5000)])
def test_blocks_are_few_apart_and_inside(shape):
    pair = pair_of(np.zeros((3, 4, 4), dtype=np.float32), np.zeros((3, 4, 4), dtype=np.float32))
    places = block_places(pair.geobox.zoom_to(shape))
    owned = np.zeros(shape, dtype=np.uint8)
    for rows, cols in places:
        owned[rows, cols] += 1
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= cols.start < cols.stop <= shape[1]
    assert owned.max() == 1
    assert 1 <= len(places) <= 36


def test_a_site_without_tiles_is_an_error():
    with pytest.raises(PairError, match="without a tile"):
        sample_blocks([])
