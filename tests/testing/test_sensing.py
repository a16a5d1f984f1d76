from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from changedetect.errors import ConfigError
from changedetect.sensors import SENSORS
from changedetect.testing import Acquisition, Feature, farmland, observe
from changedetect.testing.farmland import block
from changedetect.testing.landscape import FINE_M
from changedetect.testing.sensing import noise_of, sample
from changedetect.testing.sky import SKY_FACTOR, make_sky
from changedetect.testing.sun import sun_position

S2, LANDSAT = "sentinel-2-l2a", "landsat-8-9-c2-l2"
MOMENT = datetime(2023, 7, 20, 9, 36, tzinfo=UTC)


@pytest.fixture(scope="module")
def land():
    roof = Feature(
        feature_id="roof", geometry=block(500_440, 5_099_600, (160, 120)), cover="white_roof", built=MOMENT.date()
    )
    bare = farmland("seen", west=500_040, north=5_100_000, epsg=32634, size_m=(960, 960), seed=5)
    return replace(bare, features=(roof,))


def look(land, sensor=S2, **changes):
    return observe(land, Acquisition(**{"sensor": sensor, "moment": MOMENT, "seed": 3} | changes))


def reflectance(seen, band):
    sensor = SENSORS[seen.acquisition.sensor]
    return seen.bands[band][0] * sensor.scale + seen.acquisition.offset


def test_sentinel_2_has_its_own_grids_and_types(land):
    seen = look(land)
    sizes = {name: (grid.affine.a, data.shape, data.dtype.name) for name, (data, grid) in seen.bands.items()}
    assert {sizes[name] for name in ("blue", "green", "red", "nir")} == {(10.0, (96, 96), "uint16")}
    assert {sizes[name] for name in ("nir08", "swir16", "swir22")} == {(20.0, (48, 48), "uint16")}
    assert (seen.qa[0].shape, seen.qa[0].dtype.name) == ((48, 48), "uint8")


def test_landsat_centres_its_pixels_on_multiples_of_thirty_metres(land):
    seen = look(land, LANDSAT)
    for data, grid in (*seen.bands.values(), seen.qa):
        assert data.dtype == np.uint16
        assert (grid.affine.a, grid.affine.c % 30, grid.affine.f % 30) == (30, 15, 15)
    assert "nir" not in seen.bands


def test_baselines_differ_by_a_thousand_and_in_nothing_else(land):
    old, new = look(land, baseline="02.04"), look(land, baseline="05.00")
    for name in old.bands:
        shift = new.bands[name][0].astype(int) - old.bands[name][0]
        assert np.abs(shift - 1000).max() <= 1
        assert (shift == 1000).mean() > 0.995
        np.testing.assert_allclose(reflectance(old, name), reflectance(new, name), atol=1.01e-4)
    np.testing.assert_array_equal(old.qa[0], new.qa[0])


@pytest.mark.parametrize("sensor", [S2, LANDSAT])
def test_numbers_are_the_ground_s_reflectance(land, sensor):
    seen = look(land, sensor)
    for name in seen.bands:
        values = reflectance(seen, name)
        assert 0 < np.median(values) < 0.5
        assert values.max() < 1.0
    roof = reflectance(seen, "red")
    assert roof.max() == pytest.approx(0.75, abs=0.12)


def test_both_sensors_see_the_same_ground(land):
    fine, coarse = (reflectance(look(land, sensor), "red") for sensor in (S2, LANDSAT))
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.1)


def test_the_same_arguments_give_the_same_pixels_and_another_seed_others(land):
    one, two, other = look(land, cloud_cover=0.3), look(land, cloud_cover=0.3), look(land, cloud_cover=0.3, seed=4)
    for name in one.bands:
        np.testing.assert_array_equal(one.bands[name][0], two.bands[name][0])
    np.testing.assert_array_equal(one.qa[0], two.qa[0])
    assert (one.bands["red"][0] != other.bands["red"][0]).mean() > 0.5


@pytest.mark.parametrize("sensor", [S2, LANDSAT])
def test_outside_the_swath_there_is_nothing(land, sensor):
    seen = look(land, sensor, wedge=0.3)
    nodata = SENSORS[sensor].decode_qa(seen.qa[0]).nodata
    assert 0.1 < nodata.mean() < 0.6
    for data, _ in seen.bands.values():
        assert (data == 0).mean() == pytest.approx(nodata.mean(), abs=0.03)
    assert not any((data == 0).any() for data, _ in look(land, sensor).bands.values())


def test_clouds_are_bright_and_their_shadows_dark(land):
    clear, cloudy = look(land), look(land, cloud_cover=0.45)
    kron = np.ones((2, 2))
    cloud, shadow = np.kron(cloudy.cloud > 0.7, kron) > 0, np.kron((cloudy.shadow > 0.8) & (cloudy.cloud < 0.02), kron)
    assert cloud.any()
    assert (shadow > 0).any()
    assert reflectance(cloudy, "blue")[cloud].mean() > 0.5
    assert reflectance(cloudy, "nir")[shadow > 0].mean() < 0.5 * reflectance(clear, "nir")[shadow > 0].mean()


@pytest.mark.parametrize("azimuth", [100, 160, 200, 260])
def test_a_cloud_s_shadow_lies_opposite_the_sun(azimuth):
    sky = make_sky(np.random.default_rng(2), (256, 256), (50.0, azimuth), cloud_cover=0.25, cirrus_cover=0)
    cloud, shadow = sky.cloud - sky.cloud.mean(), sky.shadow - sky.shadow.mean()
    match = np.fft.irfft2(np.fft.rfft2(shadow) * np.conj(np.fft.rfft2(cloud)))
    row, col = np.unravel_index(match.argmax(), match.shape)
    down, right = (int(step) - 256 if step > 128 else int(step) for step in (row, col))
    bearing = np.degrees(np.arctan2(right, -down)) % 360
    assert abs((bearing - (azimuth + 180) + 180) % 360 - 180) < 8
    height_m = np.hypot(down, right) * SKY_FACTOR * FINE_M * np.tan(np.radians(50))
    assert 400 < height_m < 1600


def test_the_scene_classification_is_mostly_right_and_wrong_where_it_is_known_to_be(land):
    looks = [look(land, seed=seed, cloud_cover=0.25) for seed in range(12)]
    called = np.stack([SENSORS[S2].decode_qa(seen.qa[0]).cloud for seen in looks])
    true = np.stack([seen.cloud for seen in looks])
    assert called[true > 0.7].mean() > 0.85
    assert (~called[(true > 0.12) & (true < 0.35)]).mean() > 0.02
    assert called[true < 0.02].mean() < 0.03
    roof = np.s_[:, 17:23, 17:23]
    fooled = called[roof].any(axis=(1, 2)) & (true[roof].max(axis=(1, 2)) < 0.05)
    clear = true[roof].max(axis=(1, 2)) < 0.05
    assert 0 < fooled.sum() < clear.sum()


def test_landsat_s_quality_bits_fit_together(land):
    seen = look(land, LANDSAT, cloud_cover=0.3, seed=8)
    qa = seen.qa[0].astype(int)
    bit = {name: (qa >> place) & 1 == 1 for name, place in (("dilated", 1), ("cloud", 3), ("shadow", 4), ("clear", 6))}
    assert bit["cloud"].any()
    assert bit["dilated"].any()
    assert not (bit["cloud"] & (bit["dilated"] | bit["clear"])).any()
    assert set(((qa >> 8) & 3)[bit["cloud"]].tolist()) == {3}


def test_the_optics_keep_light_and_blur_by_a_pixel_and_a_quarter():
    fine = GeoBox.from_bbox((0, 0, 400, 400), "EPSG:32634", resolution=FINE_M)
    coarse = GeoBox.from_bbox((0, 0, 400, 400), "EPSG:32634", resolution=10)
    np.testing.assert_allclose(sample(np.full((160, 160), 0.3, np.float32), coarse, fine), 0.3, rtol=1e-5)
    edge = np.zeros((160, 160), np.float32)
    edge[:, 80:] = 1
    profile = sample(edge, coarse, fine)[20]
    # A step sampled once a pixel is the spread function under a box of one pixel, whose variance is 1/12.
    variance = (np.diff(profile) * (np.arange(39) + 0.5 - 19.5) ** 2).sum() - 1 / 12
    assert 2.355 * np.sqrt(variance) == pytest.approx(1.25, abs=0.05)
    moved = sample(edge, coarse, fine, (0.0, 3.0))[20]
    assert moved.sum() == pytest.approx(profile.sum() - 0.3, abs=0.01)


def test_noise_grows_with_signal_and_meets_the_specification():
    assert float(noise_of(np.float32(0.4))) > float(noise_of(np.float32(0.05)))
    assert 100 < 0.11 / float(noise_of(np.float32(0.11))) < 174


def test_the_sun_stands_where_the_almanac_says():
    noon = sun_position(20.6, 46.9, datetime(2016, 6, 21, 10, 39, tzinfo=UTC))
    assert noon == pytest.approx((90 - 46.9 + 23.44, 180), abs=0.7)
    morning = sun_position(20.6, 46.9, datetime(2016, 6, 21, 6, 0, tzinfo=UTC))
    assert morning[1] < 120


@pytest.mark.parametrize(
    ("changes", "says"), [({"sensor": "modis"}, "modis"), ({"moment": MOMENT.replace(tzinfo=None)}, "UTC")]
)
def test_an_impossible_acquisition_is_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        Acquisition(**{"sensor": S2, "moment": MOMENT, "seed": 1} | changes)
