from datetime import date
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LinearRing, box, shape

from changedetect.errors import ConfigError
from changedetect.testing import Feature, Landscape, control, factory, farmland, rail_crossing, simulated_pair, truth
from changedetect.testing.crops import crops_of_year, field_states
from changedetect.testing.landscape import FINE_M, cast_shadows, render, water_level_m
from changedetect.testing.spectra import BANDS, COVERS, cover_states

RED, NIR = BANDS.index("red"), BANDS.index("nir")


def small(features: tuple[Feature, ...] = (), seed: int = 5) -> Landscape:
    land = farmland("small", west=500_040, north=5_100_000, epsg=32634, size_m=(400, 400), seed=seed)
    return Landscape(**{name: getattr(land, name) for name in land.__slots__} | {"features": features})


def hall(**changes) -> Feature:
    at = box(500_140, 5_099_700, 500_240, 5_099_800)
    return Feature(**{"feature_id": "hall", "geometry": at, "cover": "concrete", "built": date(2023, 5, 1)} | changes)


@cache
def place(make) -> Landscape:
    return make()


@given(st.dates(date(2015, 1, 1), date(2030, 12, 31)))
@settings(max_examples=40, deadline=None)
def test_every_spectrum_is_a_reflectance_on_every_day(day):
    for dry, green, share in (cover_states(float(day.timetuple().tm_yday)), field_states(3, 60, day)):
        assert 0 <= share.min() <= share.max() <= 1
        for end in (dry, green):
            assert 0 < end.min() < end.max() < 0.9


def test_fields_live_through_the_year_and_rotate():
    shares = [field_states(9, 400, date(2022, month, 15))[2].mean() for month in (1, 5, 8, 12)]
    assert shares[0] < 0.2 < shares[1]
    assert shares[3] < 0.25
    same = (crops_of_year(9, 400, 2022) == crops_of_year(9, 400, 2023)).mean()
    assert 0.3 < same < 0.8


def test_bricks_and_leaves_reflect_as_they_do():
    assert COVERS["white_roof"].reflectance[RED] > 0.6
    leaves = COVERS["deciduous"].green
    assert leaves is not None
    assert leaves[NIR] / leaves[RED] > 10
    assert COVERS["water"].reflectance[NIR] < 0.02


def test_a_feature_changes_its_own_ground_and_nothing_else():
    with_hall, without = small((hall(),)), small()
    before, _ = render(with_hall, date(2023, 4, 30))
    np.testing.assert_array_equal(before, render(without, date(2023, 4, 30))[0])
    after, _ = render(with_hall, date(2023, 5, 1))
    differs = (after != render(without, date(2023, 5, 1))[0]).any(axis=0)
    assert differs.sum() * FINE_M**2 == 100 * 100
    rows, cols = np.nonzero(differs)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (80, 119, 40, 79)


def test_ground_lies_open_between_clearing_and_building():
    land = small((hall(cleared=date(2023, 2, 1)),))
    inside = np.s_[:, 85:115, 45:75]
    red = [render(land, day)[0][inside][RED].mean() for day in (date(2023, 3, 1), date(2023, 6, 1))]
    earth, concrete = COVERS["graded_earth"].reflectance[RED], COVERS["concrete"].reflectance[RED]
    assert red == pytest.approx([earth, concrete], rel=0.15)


def test_rendering_depends_on_its_arguments_alone():
    one, two = (render(small(seed=7), date(2022, 7, 7))[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (one != render(small(seed=8), date(2022, 7, 7))[0]).mean() > 0.9


@pytest.mark.parametrize(("azimuth", "side"), [(180, (-1, 0)), (90, (0, -1)), (270, (0, 1)), (0, (1, 0))])
def test_a_building_casts_its_shadow_away_from_the_sun(azimuth, side):
    height = np.zeros((61, 61), np.float32)
    height[28:33, 28:33] = 20
    shaded = cast_shadows(height, 45.0, azimuth)
    rows, cols = np.nonzero(shaded > 0.5)
    centre = np.array([rows.mean() - 30, cols.mean() - 30])
    assert np.sign(np.round(centre, 1)).tolist() == list(side)
    away = (rows - 30) * side[0] + (cols - 30) * side[1]
    assert (away.max() - 2) * FINE_M == pytest.approx(20, abs=2 * FINE_M)


@pytest.mark.parametrize("make", [factory, rail_crossing])
def test_truth_says_what_where_and_when(make):
    land = place(make)
    found = truth(land)["features"]
    assert len(found) == len(land.features) >= 4
    for feature in found:
        polygon, properties = shape(feature["geometry"]), feature["properties"]
        area = abs(Geod(ellps="WGS84").geometry_area_perimeter(polygon)[0])
        assert area == pytest.approx(properties["area_m2"], rel=0.003)
        assert LinearRing(polygon.exterior.coords).is_ccw
        assert properties["kind"] == ("clearing" if properties["cover"] == "graded_earth" else "construction")
        assert date(2016, 10, 15) < date.fromisoformat(properties["built"]) < date(2017, 6, 1)
    kinds = {feature["properties"]["kind"] for feature in found}
    assert kinds == {"construction", "clearing"}
    small_ones = [one for one in found if 1600 <= one["properties"]["area_m2"] <= 4000]
    assert small_ones


def test_nothing_is_built_at_the_control_site_but_its_water_moves():
    land = place(control)
    assert truth(land)["features"] == []
    wet = [(land.bank_m < water_level_m(land.seed, day)).mean() for day in (date(2016, 5, 1), date(2016, 10, 20))]
    assert 0 < wet[1] < 0.9 * wet[0]


def test_a_painted_pair_shows_its_truth():
    pair, built = simulated_pair(4)
    again, _ = simulated_pair(4)
    np.testing.assert_array_equal(pair.after.data, again.after.data)
    assert pair.bands == ("blue", "green", "red", "nir", "swir16", "swir22")
    assert pair.valid.all()
    assert built.sum() == 8 * 14 + 10 * 9 + 6 * 8
    change = np.abs(pair.after.data - pair.before.data).mean(axis=0)
    assert np.median(change[built]) > 3 * np.median(change[~built])
    _, nothing = simulated_pair(4, (32, 32), [])
    assert not nothing.any()


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda: hall(cover="marble"), "marble"),
        (lambda: hall(cleared=date(2024, 1, 1)), "2024-01-01"),
        (lambda: farmland("odd", west=0, north=0, epsg=32634, size_m=(401, 400), seed=1), "401"),
        (lambda: simulated_pair(1, (32, 32), [(np.s_[30:40, 2:8], "concrete")]), "outside"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(broken, says):
    with pytest.raises(ConfigError, match=says) as caught:
        broken()
    assert "\n" not in str(caught.value)
