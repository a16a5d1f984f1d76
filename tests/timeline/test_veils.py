"""Whether a look could show a thin cloud: mixtures of known opacity, and things that were built."""

import numpy as np
import pytest

from changedetect.timeline.veils import NO_VEIL, Veil, veil_over

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
COVERS = np.array(
    [
        [0.021, 0.054, 0.015, 0.510, 0.209, 0.080],  # crop
        [0.130, 0.155, 0.225, 0.386, 0.409, 0.288],  # ripe
        [0.087, 0.100, 0.122, 0.174, 0.263, 0.227],  # soil
    ]
)
CLOUD = np.array([0.86, 0.84, 0.83, 0.82, 0.55, 0.42])
GREY_ROOF = np.array([0.236, 0.240, 0.238, 0.235, 0.293, 0.266])
BLUE_ROOF = np.array([0.505, 0.345, 0.325, 0.648, 0.350, 0.570])
BARE_PAD = np.array([0.168, 0.197, 0.228, 0.349, 0.383, 0.334])


def pixels(spectrum, count=30, seed=0):
    grain = 1 + 0.02 * np.random.default_rng(seed).standard_normal((6, count))
    return np.asarray(spectrum)[:, None] * grain


def around(seed=1):
    return np.concatenate([pixels(cover, 100, seed + number) for number, cover in enumerate(COVERS)], axis=1)


@pytest.mark.parametrize("cover", COVERS)
@pytest.mark.parametrize("opacity", [0.1, 0.3, 0.5])
def test_cloud_over_any_ground_that_lies_around_is_told_with_its_opacity(cover, opacity):
    veil = veil_over(pixels((1 - opacity) * cover + opacity * CLOUD), around(), BANDS)
    assert veil.likely
    assert veil.opacity == pytest.approx(opacity, rel=0.15, abs=0.02)


@pytest.mark.parametrize("cover", COVERS)
def test_ground_like_that_around_needs_no_cloud(cover):
    assert not veil_over(pixels(cover), around(), BANDS).likely


@pytest.mark.parametrize("built", [GREY_ROOF, BLUE_ROOF, BARE_PAD])
def test_what_was_built_is_no_cloud(built):
    assert not veil_over(pixels(built), around(), BANDS).likely


def test_half_of_the_object_must_be_explained():
    under = 0.7 * COVERS[0] + 0.3 * CLOUD
    for roof, likely in ((10, True), (20, False)):
        mixed = np.concatenate([pixels(GREY_ROOF, roof), pixels(under, 30 - roof)], axis=1)
        assert veil_over(mixed, around(), BANDS).likely is likely


def test_nothing_is_said_without_the_bands_or_the_ground_it_takes():
    under = pixels(0.7 * COVERS[0] + 0.3 * CLOUD)
    assert veil_over(under[:4], around()[:4], BANDS[:4]) == NO_VEIL
    assert veil_over(under, around()[:, :5], BANDS) == NO_VEIL
    assert veil_over(under[:, :0], around(), BANDS) == NO_VEIL


def test_two_looks_at_one_roof_ask_for_the_same_cloud():
    assert Veil(opacity=0.56, likely=True).like(Veil(opacity=0.48))
    assert Veil(opacity=0.01).like(Veil(opacity=0.02))
    assert not Veil(opacity=0.06, likely=True).like(Veil(opacity=0.01))
    assert not Veil(opacity=0.5, likely=True).like(Veil(opacity=0.2, likely=True))
