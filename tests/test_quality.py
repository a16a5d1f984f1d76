"""The record of a pair: its numbers, what it warns of, and when it gives up."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from shapely.geometry import box

from changedetect.comparison import Reading, read_both_ways
from changedetect.config import RunConfig
from changedetect.ground import ground_of_pair
from changedetect.model import BandAsset, Pair, Scene
from changedetect.outputs.files import plain
from changedetect.prepare.alignment import Alignment, Measured, Shift
from changedetect.quality import LEAST_FACTOR, PairQuality, assess, lowered, season_factor
from changedetect.testing import simulated_pair

SUMMERS = (["2022-08-01", "2022-08-10", "2022-08-20"], ["2023-08-04", "2023-08-12", "2023-08-18"])


@pytest.fixture(scope="module")
def pair() -> Pair:
    return simulated_pair(4, (64, 64), [(np.s_[20:30, 30:44], "white_roof")])[0]


@pytest.fixture(scope="module")
def reading(pair) -> Reading:
    return read_both_ways(ground_of_pair(pair, RunConfig()), RunConfig())[0]


def scene(day: str, sun: float | None = 50.0) -> Scene:
    asset = BandAsset(href="/nowhere.tif")
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return Scene(
        scene_id=day, sensor="sentinel-2-l2a", datetime=moment, footprint=box(0, 0, 1, 1), bands={}, qa=asset,
        sun_elevation_deg=sun,
    )  # fmt: skip


def scenes(before, after, suns=(50.0, 50.0)) -> tuple[list[Scene], list[Scene]]:
    first, second = ([scene(day, sun) for day in days] for days, sun in zip((before, after), suns, strict=True))
    return first, second


def alignment(dy: float, dx: float, *, applied: bool, reason: str = "off by too much") -> Alignment:
    shift = Shift(dy_px=dy, dx_px=dx)
    measured = Measured(shift=shift, uncertainty_px=0.01, spread_px=0.05, blocks=9, agreeing=1.0, sharpness_of_peak=1.0)
    verdict = "aligned" if applied else "beyond_limit"
    return Alignment(
        applied=applied, verdict=verdict, reason=reason, measured=measured, residual_before=0.3, residual_after=0.2
    )


REFUTED = replace(alignment(4, 3, applied=False, reason="off by chance"), verdict="refuted")


def noisy(reading: Reading, noise: float) -> Reading:
    bands = tuple(replace(band, noise_floor=noise) for band in reading.fitted.radiometry)
    return replace(reading, fitted=replace(reading.fitted, radiometry=bands))


def seen(reading: Reading, share: float) -> Reading:
    passed = reading.layers.passed.copy()
    passed.ravel()[int(share * passed.size) :] = 0
    return replace(reading, layers=replace(reading.layers, passed=passed))


def test_the_numbers_are_those_of_the_pair(pair, reading):
    quality = assess(reading, pair, scenes(*SUMMERS, (50.0, 57.0)), alignment(0.25, -0.5, applied=True), 0.1)
    assert quality.clear_fraction == 1
    assert (quality.looks_before, quality.looks_after) == (4, 4)
    assert quality.season_gap_d == pytest.approx(1, abs=0.5)
    assert quality.sun_gap_deg == 7
    assert (quality.shift_dy_px, quality.shift_dx_px, quality.shift_applied) == (0.25, -0.5, True)
    assert quality.shift_uncertainty_px == 0.01
    assert quality.relative_blur_px == 0.1
    assert list(quality.noise_floor) == list(pair.bands) == list(quality.normalisation_residual)
    assert all(0 < noise < 0.1 for noise in quality.noise_floor.values())
    assert quality.rank_correlation == reading.fitted.correlation
    assert quality.confidence_factor == 1
    assert not quality.poor
    assert quality.reason == ""


def test_a_good_pair_is_warned_of_nothing(pair, reading):
    clean = replace(noisy(reading, 0.004), fitted=replace(noisy(reading, 0.004).fitted, correlation=0.8))
    assert assess(clean, pair, scenes(*SUMMERS), alignment(0.3, 0, applied=True), 0.2).warnings == ()


def test_of_rasters_nothing_is_said_that_is_not_known(pair, reading):
    quality = assess(noisy(reading, 0.004), pair)
    unknown = ("season_gap_d", "sun_gap_deg", "shift_dy_px", "shift_uncertainty_px", "relative_blur_px")
    assert all(getattr(quality, name) is None for name in unknown)
    assert quality.confidence_factor == 1
    assert not quality.shift_applied
    assert not any("look" in warning and "clear" in warning for warning in quality.warnings)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("seasons differ by 16", {"scenes": scenes(["2022-08-01"] * 3, ["2023-01-15"] * 3)}),
        ("the sun stood 20 degrees", {"scenes": scenes(*SUMMERS, (50.0, 30.0))}),
        ("1 clear look before", {"scenes": scenes(*SUMMERS), "looks": 1}),
        ("2 clear looks before", {"scenes": scenes(*SUMMERS), "looks": 2}),
        ("0.50 pixels apart and were not aligned (off by too much)", {"alignment": alignment(0.3, 0.4, applied=False)}),
        ("could not be measured (off by chance)", {"alignment": REFUTED}),
        ("one date is sharper by 0.6 pixels", {"blur": 0.6}),
        ("only 30% of the site is clear", {"seen": 0.3}),
        ("changed by 0.030 of reflectance", {"noise": 0.03}),
        ("rank correlation 0.10", {"correlation": 0.1}),
        ("only 20% of what changed strongly", {"purity": 0.2}),
    ],
)
def test_it_warns_in_words(pair, reading, words, arguments):
    fitted = replace(reading.fitted, correlation=arguments.get("correlation", 0.8))
    changed = replace(reading, fitted=fitted, purity=arguments.get("purity", 0.9), settled=True)
    changed = noisy(seen(changed, arguments.get("seen", 1.0)), arguments.get("noise", 0.004))
    looks = np.full_like(pair.before.looks, arguments.get("looks", 4))
    picture = replace(pair, before=replace(pair.before, looks=looks))
    told = (arguments.get("scenes", ((), ())), arguments.get("alignment"), arguments.get("blur"))
    quality = assess(changed, picture, *told)
    assert [warning for warning in quality.warnings if words in warning], quality.warnings
    assert len(quality.warnings) == 1
    assert not quality.poor


@pytest.mark.parametrize(
    ("words", "share", "noise", "shift"),
    [
        ("only 5% of the site is clear", 0.05, 0.004, None),
        ("3.0 pixels apart and were not aligned (off by too much)", 1.0, 0.004, alignment(0, 3, applied=False)),
        ("as much as new concrete", 1.0, 0.06, None),
    ],
)
def test_a_pair_too_bad_is_poor_and_says_why(pair, reading, words, share, noise, shift):
    quality = assess(noisy(seen(reading, share), noise), pair, alignment=shift)
    assert quality.poor
    assert words in quality.reason
    assert not any(words in warning for warning in quality.warnings)


def test_dates_that_hardly_look_alike_are_poor_where_their_shift_is_unknown(reading, pair):
    unlike = replace(reading, fitted=replace(reading.fitted, correlation=0.1))
    quality = assess(unlike, pair, alignment=REFUTED)
    assert quality.poor
    assert quality.reason.startswith("the dates hardly look alike (rank correlation 0.10), and how far they lie apart")
    assert not assess(unlike, pair, alignment=alignment(0, 0.3, applied=True)).poor
    assert not assess(reading, pair, alignment=REFUTED).poor


def test_a_shift_that_was_applied_makes_nothing_poor(pair, reading):
    assert not assess(reading, pair, alignment=alignment(0, 3, applied=True)).poor


def test_seasons_lower_confidence_steadily_and_never_below_half():
    factors = [season_factor(gap) for gap in range(183)]
    assert factors[:31] == [1.0] * 31
    assert all(one >= other for one, other in pairwise(factors))
    assert factors[-1] == pytest.approx(LEAST_FACTOR, abs=1e-3)
    assert season_factor(None) == 1


def test_confidence_is_lowered_and_nothing_else(reading):
    assert lowered(reading, 1.0) is reading
    half = lowered(reading, 0.5)
    before, after = reading.found.judgement, half.found.judgement
    assert len(before.confidence) > 0
    np.testing.assert_array_equal(after.confidence, 0.5 * before.confidence)
    assert after.kinds == before.kinds
    assert half.layers is reading.layers


def test_it_is_ready_for_json(pair, reading):
    quality: PairQuality = assess(reading, pair, scenes(*SUMMERS), alignment(0.25, -0.5, applied=True))
    told = json.loads(json.dumps(plain(quality), allow_nan=False))
    assert told["shift_dx_px"] == -0.5
    assert told["noise_floor"].keys() == set(pair.bands)
    assert told["warnings"] == list(quality.warnings)
