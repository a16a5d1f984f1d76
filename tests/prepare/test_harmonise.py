from importlib import import_module

import numpy as np
import pytest
from prepare_cases import GRID, OLI_CLEAR, VEGETATION, of_scene, tile

from changedetect.prepare import PrepareOptions, harmonise, harmonising, make_composites
from changedetect.sensors import COMMON_BANDS, SENSORS

LANDSAT, OLDER = "landsat-8-9-c2-l2", "landsat-4-7-c2-l2"


def look(platform, sensor="sentinel-2-l2a", bands=COMMON_BANDS):
    one = tile(OLI_CLEAR if "landsat" in sensor else VEGETATION, sensor=sensor, bands=bands)
    one.data[:] = 0.2
    return of_scene(one, platform=platform, scene_id=f"{platform or 'unknown'}-{sensor}")


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [
        # 0.2 by the table of Claverie et al. 2018 (HLS, bandpass adjustment), worked out by hand.
        ("sentinel-2a", (0.19156, 0.20016, 0.19620, 0.19956, 0.19864, 0.19940)),
        ("sentinel-2b", (0.19156, 0.20070, 0.19622, 0.19932, 0.19970, 0.19774)),
        ("sentinel-2c", (0.19156, 0.20070, 0.19622, 0.19932, 0.19970, 0.19774)),
        ("", (0.19156, 0.20016, 0.19620, 0.19956, 0.19864, 0.19940)),
    ],
)
def test_sentinel_2_comes_to_the_bands_of_landsat(platform, wanted):
    made = harmonise(look(platform), "oli")
    assert made.data.dtype == np.float32
    np.testing.assert_allclose(made.data[:, 0, 0], wanted, atol=1e-6)


def test_the_satellite_is_told_by_the_id_when_the_catalog_does_not():
    by_id = of_scene(look(""), scene_id="S2B_34TDS_20230601_0_L2A")
    np.testing.assert_array_equal(harmonise(by_id, "oli").data, harmonise(look("sentinel-2b"), "oli").data)


def test_bands_keep_their_names_and_holes():
    one = look("sentinel-2a", bands=("swir22", "rededge1", "blue"))
    one.data[:, 3, 4] = np.nan
    made = harmonise(one, "oli")
    np.testing.assert_allclose(made.data[:, 0, 0], (0.1994, 0.2, 0.19156), atol=1e-6)
    np.testing.assert_array_equal(np.isnan(made.data), np.isnan(one.data))


@pytest.mark.parametrize("sensor", [LANDSAT, OLDER, "hls-s30", "hls-l30"])
def test_other_sensors_stay(sensor):
    one = look("", sensor)
    assert harmonise(one, "oli") is one
    assert harmonise(look("sentinel-2a"), None).data.max() == np.float32(0.2)


@pytest.mark.parametrize(
    ("sensors", "target", "words"),
    [
        (("sentinel-2-l2a",), None, ()),
        ((LANDSAT,), None, ()),
        (("hls-s30", "hls-l30"), None, ()),
        (("sentinel-2-l2a", LANDSAT), "oli", ("1 Sentinel-2 scenes adjusted",)),
        (("sentinel-2-l2a", "hls-l30"), "oli", ("1 Sentinel-2 scenes adjusted",)),
        (("ga-s2-ard-3", "ga-ls8-9-ard-3"), "oli", ("1 Sentinel-2 scenes adjusted",)),
        ((OLDER,), None, ()),
        ((OLDER, LANDSAT), None, ("Landsat 4-7 left as it is",)),
        (("sentinel-2-l2a", OLDER, LANDSAT), "oli", ("1 Sentinel-2 scenes adjusted", "Landsat 4-7 left as it is")),
    ],
)
def test_only_a_mixture_is_harmonised_and_told(sensors, target, words):
    told = harmonising([look("", sensor).scene for sensor in sensors])
    assert told.target == target
    assert len(told.notes) == len(words)
    assert all(note.startswith(word) for note, word in zip(told.notes, words, strict=True))


def test_the_third_satellite_s_coefficients_are_owned_up_to():
    told = harmonising([look("sentinel-2c").scene, look("", LANDSAT).scene])
    assert any("Sentinel-2C" in note and "Sentinel-2B" in note for note in told.notes)


def test_every_sensor_is_known_to_be_of_one_family():
    rules = import_module("changedetect.prepare.harmonise")
    families = [rules._MSI, rules._OLI, rules._OLDER]
    assert set(SENSORS) == set().union(*families)
    assert sum(map(len, families)) == len(SENSORS)


def test_windows_of_two_sensors_are_compared_in_the_same_bands():
    before, after = look("sentinel-2a"), look("", LANDSAT)
    made = make_composites([before], [after], PrepareOptions())
    assert made.before.data[2].max() == pytest.approx(0.1962, abs=1e-6)
    assert made.after.data[2].max() == pytest.approx(0.2, abs=1e-6)
    left = make_composites([before], [after], PrepareOptions(harmonise=False))
    assert left.before.data[2].max() == pytest.approx(0.2, abs=1e-6)
    assert made.before.data.shape[1:] == GRID.shape
