import json
from dataclasses import asdict

import numpy as np
import pytest
from registration_cases import AFTER, APRIL, BEFORE, SIDE, clear, pair_of, seen, tile_of, whole

from changedetect.prepare.blocks import sample_blocks
from changedetect.prepare.registration import fit_alignment
from changedetect.prepare.sharpness import REACH_PX, blur_kernel, fit_sharpness, match_sharpness
from changedetect.tiling import cut


def measured(pair):
    blocks = sample_blocks(whole(pair))
    return fit_sharpness(blocks, fit_alignment(blocks))


@pytest.mark.parametrize(("blur_px", "seed"), [(0.4, 1), (0.6, 2), (0.9, 1)])
def test_a_known_blur_is_measured(blur_px, seed):
    pair = pair_of(seen(BEFORE, seed=seed), seen(AFTER, (0.5, 0.25), seed=seed, blur_px=blur_px))
    told = measured(pair)
    assert told.blur_px == pytest.approx(blur_px, abs=0.1)
    assert told.blurred == "before"
    assert set(told.bands_px) == set(pair.bands)


def test_the_blurred_date_is_told_from_the_sharp_one():
    told = measured(pair_of(seen(BEFORE, blur_px=0.6), seen(AFTER)))
    assert told.blur_px == pytest.approx(-0.6, abs=0.1)
    assert told.blurred == "after"
    assert "after is the sharper date" in told.reason


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("told", [{}, {"noise": 2.0}, {"changed": 0.2}, {"day": APRIL}], ids="-".join)
def test_equal_optics_are_left_alone(told, seed):
    more = {"seed": seed, "changed": told.get("changed", 0.0)}
    after = seen(told.get("day", AFTER), (0.3, 0.2), noise=told.get("noise", 0.5), **more)
    pair = pair_of(seen(BEFORE, **more), after)
    sharpness = measured(pair)
    assert abs(sharpness.blur_px) <= 0.25
    assert sharpness.blurred is None
    assert match_sharpness(pair, sharpness) is pair


def test_blurring_the_sharper_date_brings_it_to_the_other():
    pair = pair_of(seen(BEFORE), seen(AFTER, blur_px=0.7), clear(5, 0.2), clear(6, 0.2))
    there = match_sharpness(pair, measured(pair))
    assert np.array_equal(there.after.data, pair.after.data, equal_nan=True)
    assert np.array_equal(there.before.valid, pair.before.valid)
    assert np.isnan(there.before.data[:, ~there.before.valid]).all()
    assert abs(measured(there).blur_px) <= 0.2


def test_it_is_ready_for_provenance():
    told = json.loads(json.dumps(asdict(measured(pair_of(seen(BEFORE), seen(AFTER))))))
    assert "left alone" in told["reason"]


@pytest.mark.parametrize("hidden", [False, True])
def test_ground_that_shows_nothing_is_not_matched(hidden):
    flat = np.full((4, SIDE, SIDE), 0.2, dtype=np.float32)
    told = measured(pair_of(flat, flat, np.zeros((SIDE, SIDE), dtype=bool) if hidden else None))
    assert told.blur_px is None
    assert told.blurred is None


@pytest.mark.parametrize("sigma_px", [0.3, 0.6, 1.0])
def test_the_blur_passes_what_a_gaussian_does(sigma_px):
    weights, steps = blur_kernel(sigma_px), np.arange(-REACH_PX, REACH_PX + 1)
    frequency = np.array([0.0, 0.1, 0.25, 0.4])
    response = (weights * np.cos(2 * np.pi * frequency[:, None] * steps)).sum(axis=1)
    assert np.allclose(response, np.exp(-2 * (np.pi * sigma_px * frequency) ** 2), atol=0.02)


@pytest.mark.parametrize("tile_px", [29, 64])
def test_tiles_merged_equal_the_whole_byte_for_byte(tile_px):
    pair = pair_of(seen(BEFORE), seen(AFTER, blur_px=0.7), clear(5, 0.3), clear(6, 0.3))
    sharpness = measured(pair)
    merged = match_sharpness(pair, sharpness).before.data
    for spec in cut(pair.geobox, tile_px, REACH_PX):
        tile = match_sharpness(tile_of(pair, spec), sharpness).before.data
        assert tile[:, *spec.inner].tobytes() == merged[:, spec.rows, spec.cols].tobytes()
