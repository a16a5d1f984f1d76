"""The contract of every detector, ours and other packages': adding one to `DETECTORS` adds its tests."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from changedetect.diff import DETECTORS, ENTRY_POINTS, Detector, DiffOptions, Features, Strength, detector_named, fit
from changedetect.diff.detectors import Ensemble, PrincipalComponents
from changedetect.diff.features import features_of
from changedetect.errors import ConfigError
from changedetect.model import Pair
from changedetect.types import BoolArray, FloatArray

PAINTED = np.s_[30:40, 42:54]
CORE = np.s_[33:37, 45:51]


@dataclass(frozen=True, slots=True, kw_only=True)
class LargestStep:
    """A plug-in as another package would write it: the largest change of any band."""

    name: str = "largest-step"
    changed_at: float = 3.0
    object_at: float = 5.0

    def fit(self, sample: Features, no_change: BoolArray) -> Strength:
        quiet = (sample.after_smooth - sample.before_smooth)[:, no_change]
        centre, spread = np.median(quiet, axis=1), quiet.std(axis=1) + 1e-6

        def step(features: Features) -> FloatArray:
            change = np.moveaxis(features.after_smooth - features.before_smooth, 0, -1)
            return np.asarray(np.abs((change - centre) / spread).max(axis=-1))

        median = max(float(np.median(step(sample))), 1e-6)
        return lambda features: np.where(features.valid, step(features) / median, np.nan)


@pytest.fixture(params=[*DETECTORS, "largest-step"])
def detector(request: pytest.FixtureRequest, plugged_in: None) -> Detector:  # noqa: ARG001 - sets the plug-in up
    return detector_named(request.param)


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(*, group: str) -> list[SimpleNamespace]:
        assert group == ENTRY_POINTS
        return [SimpleNamespace(name="largest-step", load=lambda: LargestStep)]

    monkeypatch.setattr("changedetect.plugins.entry_points", installed)


def strength_of(detector: Detector, pair: Pair, sample: Features) -> FloatArray:
    """(y, x) strength, by way of the engine's own normalisation."""
    fitted = fit(sample, DiffOptions(detector=detector.name), calibrated=True)
    return fitted.strength(features_of(pair, context=True).normalised(fitted.normalisation))


def test_an_image_against_itself_has_not_changed(detector: Detector, make_pair, make_sample, scenery) -> None:
    image, _ = scenery()
    pair = make_pair(image, image)
    assert strength_of(detector, pair, make_sample(pair)).max() < detector.changed_at


@pytest.mark.parametrize("name", DETECTORS)
def test_an_image_against_itself_at_another_gain_has_not_changed(name, make_pair, make_sample, scenery) -> None:
    image, _ = scenery()
    pair = make_pair(np.float32(1.3) * image, image)
    assert strength_of(DETECTORS[name], pair, make_sample(pair)).max() < DETECTORS[name].changed_at


def test_a_painted_roof_is_strong_enough_for_an_object(detector, make_pair, make_sample, scenery, roof) -> None:
    before, after = scenery()
    after[:, *PAINTED] = roof
    pair = make_pair(before, after)
    strength = strength_of(detector, pair, make_sample(pair))
    assert strength[CORE].min() > detector.object_at
    far = np.ones(strength.shape, bool)
    far[25:45, 37:59] = False
    assert (strength[far] > detector.object_at).mean() < 0.01


def test_median_strength_is_one_on_noise(detector, make_pair, make_sample, scenery) -> None:
    pair = make_pair(*scenery(seed=4))
    strength = strength_of(detector, pair, make_sample(pair))
    assert np.median(strength) == pytest.approx(1, rel=1e-3)
    assert (strength > detector.object_at).mean() < 0.02


def test_gain_and_offset_of_the_earlier_date_do_not_matter(detector, make_pair, make_sample, scenery, roof) -> None:
    before, after = scenery(seed=5)
    after[:, *PAINTED] = roof
    gain = np.array([0.8, 1.1, 1.2, 0.9, 1.05, 0.7], np.float32)[:, None, None]
    offset = np.array([0.05, 0.0, 0.02, 0.08, -0.02, 0.06], np.float32)[:, None, None]
    plain, moved = make_pair(before, after), make_pair((gain * np.sqrt(before) + offset) ** 2, after)
    one, other = (strength_of(detector, pair, make_sample(pair)) for pair in (plain, moved))
    np.testing.assert_allclose(other, one, rtol=0.02, atol=0.02)


def test_invalid_pixels_have_no_strength_and_leave_none_behind(detector, make_pair, make_sample, scenery) -> None:
    before, after = scenery(seed=6)
    valid = np.random.default_rng(0).random(before.shape[1:]) > 0.1
    valid[50:60, 50:60] = False
    pair = make_pair(before, after, valid)
    strength = strength_of(detector, pair, make_sample(pair))
    np.testing.assert_array_equal(np.isnan(strength), ~valid)
    assert strength.dtype.kind == "f"
    poisoned = make_pair(np.where(valid, before, 7), np.where(valid, after, -3), valid)
    np.testing.assert_array_equal(strength_of(detector, poisoned, make_sample(poisoned)), strength)


def test_strength_is_a_function_of_each_pixel_alone(detector, make_pair, make_sample, scenery) -> None:
    pair = make_pair(*scenery(seed=7))
    fitted = fit(make_sample(pair), DiffOptions(detector=detector.name), calibrated=True)
    features = features_of(pair, context=True).normalised(fitted.normalisation)
    part = features.picked(slice(11, 40), slice(23, 31))
    np.testing.assert_array_equal(fitted.strength(part), fitted.strength(features)[11:40, 23:31])


def test_two_fits_agree_exactly(detector, make_pair, make_sample, scenery) -> None:
    pair = make_pair(*scenery(seed=8))
    sample = make_sample(pair)
    np.testing.assert_array_equal(strength_of(detector, pair, sample), strength_of(detector, pair, sample))


def test_an_object_asks_for_more_than_a_change(detector: Detector) -> None:
    assert 1 < detector.changed_at < detector.object_at


def test_the_ensemble_is_the_weighted_geometric_mean_of_its_members(make_pair, make_sample, scenery) -> None:
    pair = make_pair(*scenery(seed=9))
    sample = make_sample(pair)
    strengths = [strength_of(member, pair, sample) for member, _ in Ensemble().members]
    mean = np.exp(np.average(np.log(strengths), axis=0, weights=[weight for _, weight in Ensemble().members]))
    pooled = strength_of(Ensemble(), pair, sample)
    np.testing.assert_allclose(pooled / np.median(pooled), mean / np.median(mean), rtol=1e-3)


def test_principal_components_are_those_of_the_residual(make_pair, make_sample, scenery) -> None:
    sample = make_sample(make_pair(*scenery(seed=10)))
    quiet = np.ones(sample.valid.shape, dtype=bool)
    strength = PrincipalComponents(explained=1.0).fit(sample, quiet)(sample)
    residual = (sample.after_smooth - sample.before_smooth).astype(np.float64)
    centred = residual - residual.mean(axis=1, keepdims=True)
    # With every component kept and the whole sample as its own noise it is the Mahalanobis distance.
    expected = np.sqrt(np.einsum("ip,ij,jp->p", centred, np.linalg.inv(np.cov(residual)), centred))
    np.testing.assert_allclose(strength / np.median(strength), expected / np.median(expected), rtol=0.02)


@pytest.mark.parametrize("name", DETECTORS)
def test_names_are_keys(name: str) -> None:
    assert DETECTORS[name].name == name
    assert detector_named(name) is DETECTORS[name]


def test_an_unknown_name_lists_those_there_are(plugged_in: None) -> None:  # noqa: ARG001 - sets the plug-in up
    with pytest.raises(ConfigError, match=r"'wavelet'.*context, cva, ensemble, irmad, largest-step, pca, whitened"):
        detector_named("wavelet")


def test_cva_is_the_length_of_robust_z_scores(make_pair, make_sample, scenery) -> None:
    sample = make_sample(make_pair(*scenery(seed=9)))
    quiet = np.arange(sample.before.shape[1]) % 3 > 0
    change = sample.after_smooth - sample.before_smooth
    centre = np.median(change[:, quiet], axis=1, keepdims=True)
    mad = np.median(np.abs(change[:, quiet] - centre), axis=1, keepdims=True)
    length = np.linalg.norm((change - centre) / (1.4826 * mad), axis=0)
    strength = DETECTORS["cva"].fit(sample, quiet)(sample)
    np.testing.assert_allclose(strength, length / np.median(length), rtol=1e-3)
