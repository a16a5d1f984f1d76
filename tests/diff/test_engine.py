"""Sample, fit, apply, evidence: the same whatever the tiles; what the engine refuses, and what it decides."""

from dataclasses import fields, replace

import numpy as np
import pytest
from diff_cases import gathered, judged
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.diff import (
    DiffOptions,
    Layers,
    apply,
    engine_halo_px,
    fit,
    measure,
    purity,
    sample_features,
    settledness,
    stride_px,
    with_witnesses,
)
from changedetect.diff.engine import RESTLESS, SETTLED_CORRELATION, WITNESS_SHARE
from changedetect.diff.features import features_at, features_of, halo_px, smoothing_px
from changedetect.errors import ConfigError, PairError
from changedetect.model import UNKNOWN, Pair

EDGES = st.sets(st.integers(1, 79), max_size=3).map(lambda inner: [0, *sorted(inner), 80])
ARRAYS = ("before", "after", "before_smooth", "after_smooth", "valid")


@pytest.fixture(scope="module")
def holed(make_pair, scenery, roof) -> Pair:
    """Scenery with a new roof, and a tenth of the pixels and one block unseen."""
    before, after = scenery(seed=11)
    after[:, 30:42, 42:56] = roof
    valid = np.random.default_rng(0).random(before.shape[1:]) > 0.1
    valid[60:72, 8:20] = False
    return make_pair(before, after, valid)


@pytest.fixture(scope="module")
def fitted(holed, make_sample):
    return fit(make_sample(holed), DiffOptions(), calibrated=True)


@pytest.mark.parametrize("sample_px", [400, 1500, 10**6])
@settings(max_examples=8, deadline=None)
@given(rows=EDGES, cols=EDGES)
def test_the_sample_does_not_depend_on_the_tiles(sample_px, holed, cut, rows, cols) -> None:
    whole = sample_features(cut(holed, (0, 80), (0, 80), 0), sample_px)
    tiled = sample_features(cut(holed, rows, cols, halo_px(10.0)), sample_px)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(tiled, name), getattr(whole, name))


@pytest.mark.parametrize("sample_px", [400, 1500])
def test_the_sample_is_every_nth_pixel_of_the_grid(sample_px, holed, cut) -> None:
    step = stride_px((80, 80), sample_px)
    assert step > 1
    features, thin = features_of(holed), np.s_[..., ::step, ::step]
    sample = sample_features(cut(holed, (0, 33, 80), (0, 47, 80), halo_px(10.0)), sample_px)
    for name in ARRAYS[:4]:
        expected = getattr(features, name)[thin][:, features.valid[thin]]
        np.testing.assert_array_equal(getattr(sample, name), expected)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1000, 10**6))
def test_a_stride_takes_about_as_many_as_asked(height: int, width: int, sample_px: int) -> None:
    step = stride_px((height, width), sample_px)
    assert height * width / step**2 <= sample_px
    assert step == 1 or height * width / (step - 1) ** 2 > sample_px


def test_no_tile_is_an_error() -> None:
    with pytest.raises(PairError, match="without a tile"):
        sample_features([], 1000)


@settings(max_examples=8, deadline=None)
@given(rows=EDGES, cols=EDGES)
def test_judging_tiles_equals_judging_the_whole(holed, fitted, cut, rows, cols) -> None:
    whole = judged(fitted, holed)
    for spec, part in cut(holed, rows, cols, engine_halo_px(10.0, DiffOptions())):
        tile = judged(fitted, part)
        for field in fields(Layers):
            got, expected = getattr(tile, field.name)[spec.inner], getattr(whole, field.name)[spec.rows, spec.cols]
            np.testing.assert_array_equal(got, expected, err_msg=field.name)


def test_a_roof_is_a_candidate_and_the_unseen_is_unknown(holed, fitted) -> None:
    layers = judged(fitted, holed)
    np.testing.assert_array_equal(layers.changed == UNKNOWN, ~holed.valid)
    for plane in (layers.strong, layers.candidate, layers.structured):
        assert not plane[~holed.valid].any()
    seen = holed.valid[32:40, 44:54]
    assert layers.candidate[32:40, 44:54][seen].all()
    assert not (layers.candidate & ~layers.strong).any()
    assert not (layers.strong & (layers.changed != 1)).any()
    assert (layers.changed[:25] == 1).mean() < 0.05


def test_evidence_is_the_mean_over_each_object_whatever_the_tiles(holed, fitted, cut) -> None:
    labels = np.zeros((80, 80), dtype=np.int32)
    labels[30:42, 42:56], labels[5:20, 5:30], labels[60:72, 8:20] = 1, 2, 3
    whole = gathered(fitted, cut(holed, (0, 80), (0, 80), 0), labels)
    tiled = gathered(fitted, cut(holed, (0, 35, 80), (0, 10, 50, 80), engine_halo_px(10.0, DiffOptions())), labels)
    assert whole.pixels.tolist() == [168, 375, 144]
    assert whole.means.keys() == tiled.means.keys()
    for name, values in whole.means.items():
        np.testing.assert_allclose(tiled.means[name], values, rtol=1e-5, err_msg=name)
    strength = fitted.strength(features_of(holed).normalised(fitted.normalisation))
    assert whole.means["magnitude"][:2] == pytest.approx([np.nanmean(strength[labels == n]) for n in (1, 2)], rel=1e-5)
    assert np.isnan(whole.means["magnitude"][2])
    assert whole.means["ndvi_after"][0] < 0.1 < whole.means["ndvi_before"][0]


def test_reading_time_backward_shares_what_was_measured_forward(holed, make_sample) -> None:
    forward, backward = (
        fit(one, DiffOptions(), calibrated=True) for one in (make_sample(holed), make_sample(holed).swapped())
    )
    shared = apply(backward, measure(holed, forward.lines, forward.scales).swapped())
    alone = judged(backward, holed.swapped())
    for one in fields(Layers):
        np.testing.assert_array_equal(getattr(shared, one.name), getattr(alone, one.name), err_msg=one.name)


def test_an_image_against_itself_gives_nothing(make_pair, make_sample, scenery) -> None:
    image, _ = scenery(seed=12)
    pair = make_pair(image, image)
    layers = judged(fit(make_sample(pair), DiffOptions(), calibrated=True), pair)
    for plane in (layers.changed, layers.strong, layers.candidate, layers.structured):
        assert not plane.any()
    assert purity(layers) == 1


def test_too_few_common_pixels_are_refused(make_pair, make_sample, scenery) -> None:
    before, after = scenery()
    valid = np.zeros(before.shape[1:], dtype=bool)
    valid[:10, :39] = True
    with pytest.raises(PairError, match=r"only 390 pixels .* 400: widen"):
        fit(make_sample(make_pair(before, after, valid)), DiffOptions(), calibrated=True)


def test_thresholds_are_the_detectors_unless_the_user_says_otherwise(holed, make_sample) -> None:
    options = DiffOptions(detector="cva", changed_at=4.5)
    fitted = fit(make_sample(holed), options, calibrated=True)
    assert (fitted.changed_at, fitted.object_at) == (4.5, 3.1)


@pytest.mark.parametrize("wrong", [{"changed_at": 0.0}, {"object_at": -1.0}, {"sample_px": 10}])
def test_options_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(ConfigError, match=rf"diff\.{next(iter(wrong))} is {next(iter(wrong.values()))}"):
        DiffOptions(**wrong)


def test_raw_numbers_find_the_same_roof_as_reflectance(make_pair, make_sample, scenery, roof) -> None:
    before, after = scenery(seed=13)
    after[:, 30:42, 42:56] = roof
    found = []
    for factor, calibrated in ((1.0, True), (180.0, False)):
        pair = make_pair(np.float32(factor) * before, np.float32(factor) * after, calibrated=calibrated)
        found.append(judged(fit(make_sample(pair), DiffOptions(), calibrated=calibrated), pair).candidate)
    reflectance, raw = found
    assert raw[32:40, 44:54].all()
    assert (raw != reflectance).mean() < 0.01


def test_three_bands_without_red_or_nir_are_enough(make_pair, make_sample, scenery, roof) -> None:
    before, after = scenery(seed=14)
    after[:, 30:42, 42:56] = roof
    pair = make_pair(before[[0, 1, 4]], after[[0, 1, 4]], bands=("blue", "green", "swir16"))
    fitted = fit(make_sample(pair), DiffOptions(), calibrated=True)
    layers = judged(fitted, pair)
    assert fitted.green is None
    assert fitted.lines == ()
    assert layers.candidate[32:40, 44:54].all()
    assert not layers.structured.any()
    unlike = replace(fitted, correlation=0.0)
    assert settledness(unlike, layers, DiffOptions()) >= 1, "without a soil line there is no other rule"


def test_rank_correlation_tells_settled_ground_from_restless(make_pair, make_sample, scenery) -> None:
    before, after = scenery(seed=15)
    settled, restless = (make_sample(make_pair(before, date)) for date in (after, scenery(seed=16)[1]))
    still, moved = (fit(sample, DiffOptions(), calibrated=True) for sample in (settled, restless))
    assert moved.correlation < SETTLED_CORRELATION < still.correlation
    nothing = np.zeros((2, 2), dtype=bool)
    layers = Layers.of(
        changed=nothing, strong=nothing, candidate=nothing, structured=nothing, barren=nothing, beside=nothing
    )
    assert settledness(still, layers, DiffOptions()) >= 1
    assert settledness(moved, layers, DiffOptions()) < RESTLESS
    assert settledness(moved, layers, DiffOptions(rule="settled")) == 1
    assert settledness(still, layers, DiffOptions(rule="restless")) == 0
    green = Layers.of(
        changed=nothing, strong=~nothing, candidate=nothing, structured=nothing, barren=nothing, beside=nothing
    )
    assert purity(green) == 0
    assert settledness(still, green, DiffOptions()) == 0
    almost = replace(still, correlation=0.95 * SETTLED_CORRELATION)
    assert RESTLESS < settledness(almost, layers, DiffOptions()) < 1, "between the rules"


def test_a_flat_band_counts_as_unmoved(make_pair, make_sample, scenery) -> None:
    before, after = scenery(seed=15)
    before[:4], after[:4] = 0.2, 0.3
    assert fit(make_sample(make_pair(before, after)), DiffOptions(), calibrated=True).correlation == 1


def test_a_sample_swapped_is_the_sample_of_the_swapped_pair(holed, make_sample) -> None:
    one, other = make_sample(holed).swapped(), make_sample(holed.swapped())
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_witnesses_bring_their_whole_object_in() -> None:
    candidates = np.zeros((10, 20), dtype=bool)
    candidates[1:3, 1:6] = candidates[5:7, 1:6] = True
    structured = np.zeros_like(candidates)
    structured[1, 1:4] = structured[5, 1:3] = structured[8, 15] = True
    assert WITNESS_SHARE == 0.3
    out = with_witnesses(structured, candidates, RESTLESS)
    assert out[1:3, 1:6].all(), "three of ten pixels vouch for it"
    assert out[5:7, 1:6].sum() == 2, "two of ten do not"
    assert out[8, 15]
    assert out.sum() == 13
    assert with_witnesses(structured, candidates, 0.9)[5:7, 1:6].all(), "the more settled, the less is asked"
    assert with_witnesses(np.zeros_like(candidates), candidates, 1.0).sum() == candidates.sum()
    nowhere = np.zeros_like(candidates)
    np.testing.assert_array_equal(with_witnesses(structured, nowhere, 0.0), structured)
    half = np.indices(nowhere.shape).sum(axis=0) % 2 == 0
    np.testing.assert_array_equal(with_witnesses(half, nowhere, 0.0), half)


def test_what_one_date_sees_alone_never_counts(make_pair, scenery) -> None:
    before, after = scenery(seed=17)
    pair, hidden = make_pair(before, after), np.random.default_rng(0).random((80, 80)) < 0.1
    clouded = replace(pair.after, data=np.where(hidden, np.nan, after), valid=~hidden)
    one_sided, both = replace(pair, after=clouded), make_pair(before, after, ~hidden)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(features_of(one_sided), name), getattr(features_of(both), name))


def test_a_field_that_greened_is_strong_but_no_candidate(make_pair, make_sample, scenery) -> None:
    before, after = scenery(seed=18)
    soil, meadow = (0.07, 0.10, 0.14, 0.24, 0.32, 0.26), (0.03, 0.06, 0.04, 0.42, 0.20, 0.10)
    field = np.s_[:, 30:42, 42:56]
    before[field], after[field] = np.reshape(soil, (6, 1, 1)), np.reshape(meadow, (6, 1, 1))
    pair, inside = make_pair(before, after), np.s_[32:40, 44:54]
    layers = judged(fit(make_sample(pair), DiffOptions(), calibrated=True), pair)
    assert layers.strong[inside].all()
    assert not layers.candidate[inside].any()
    assert purity(layers) < 0.5
    back = pair.swapped()
    assert judged(fit(make_sample(back), DiffOptions(), calibrated=True), back).candidate[inside].all()


def test_features_are_square_roots_and_zero_where_unseen(holed) -> None:
    features = features_of(holed)
    np.testing.assert_allclose(features.after[:, holed.valid] ** 2, holed.after.data[:, holed.valid], rtol=1e-5)
    for name in ARRAYS[:4]:
        assert not getattr(features, name)[:, ~holed.valid].any()


@pytest.mark.parametrize(("pixel_m", "sigma_px"), [(3.0, 1.5), (10.0, 1.0), (20.0, 0.5), (30.0, 0.5)])
def test_smoothing_stays_within_its_limits(pixel_m: float, sigma_px: float) -> None:
    assert smoothing_px(pixel_m) == sigma_px
    assert engine_halo_px(pixel_m, DiffOptions()) >= halo_px(pixel_m)


@pytest.mark.parametrize("step", [1, 7, 16])
def test_features_of_a_few_pixels_are_those_of_all(make_pair, scenery, step):
    pair = make_pair(*scenery(seed=3))
    pair.before.valid[20:30, 5:40] = False
    rows, cols = slice(3, pair.valid.shape[0], step), slice(0, pair.valid.shape[1], step)
    whole, some = features_of(pair).picked(rows, cols), features_at(pair, rows, cols)
    for name in ("before", "after", "before_smooth", "after_smooth", "valid"):
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name))
