"""Which scenes are read: by clear looks over the site, one look a pass, finer sensors first, copies for dead ones."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from changedetect import geotiff
from changedetect.config import RunConfig
from changedetect.errors import NoScenesError, SceneError
from changedetect.journal import in_words, journal
from changedetect.lonlat import footprint
from changedetect.model import BandAsset, Scene, Site, Window
from changedetect.prepare import PrepareOptions
from changedetect.seasons import days_apart, season_targets
from changedetect.selection import Weighed, choose_looks, plan_site, without
from changedetect.tiling import settle_offset

GRID = GeoBox((40, 40), Affine(10, 0, 500_000, 0, -10, 5_100_000), "EPSG:32634")
SITE = Site(site_id="here", name="Here", geometry=footprint(GRID))
BEFORE, AFTER = (Window(start=date(year, 6, 1), end=date(year, 8, 31)) for year in (2022, 2023))
CONFIG = RunConfig(before=BEFORE, after=AFTER, prepare=PrepareOptions(cloud_dilation_m=0))
MIDDLE = datetime(2022, 7, 17, tzinfo=UTC)
CLEAR, CLOUD = 4, 9


def scene(name="one", day=0, *, year=2022, sensor="sentinel-2-l2a", platform="sentinel-2a", qa="nowhere.tif"):
    asset = BandAsset(href="nowhere.tif", scale=0.0001, offset=-0.1, nodata=0)
    return Scene(
        scene_id=name,
        sensor=sensor,
        datetime=(MIDDLE + timedelta(days=day)).replace(year=year),
        footprint=footprint(GRID),
        bands={"red": asset, "nir": asset, "blue": asset},
        qa=BandAsset(href=str(qa)),
        epsg=32634,
        platform=platform,
    )


def weighed(name, clear, **how):
    return Weighed(scene=scene(name, **how), clear=np.asarray(clear, dtype=bool), coverage=1.0)


def ids(some):
    return [one.scene.scene_id for one in some]


ALL, LEFT, RIGHT, NONE = (np.array([[a, b]]) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0)))


@pytest.mark.parametrize(
    ("clear", "looks", "taken"),
    [
        ({"a": ALL, "b": ALL, "c": ALL}, 2, ["a", "b"]),
        ({"a": ALL, "b": LEFT, "c": RIGHT, "d": ALL}, 2, ["a", "b", "c"]),
        ({"a": LEFT, "b": NONE, "c": RIGHT}, 1, ["a", "c"]),
        ({"a": NONE}, 3, []),
    ],
)
def test_scenes_are_taken_until_every_pixel_has_its_looks(clear, looks, taken):
    some = [weighed(name, seen, day=day) for day, (name, seen) in enumerate(clear.items())]
    assert ids(choose_looks(some, looks)) == taken


def test_neighbouring_tiles_of_one_pass_are_one_look():
    same = [weighed("a", ALL), weighed("b", ALL), weighed("c", ALL, platform="sentinel-2b")]
    assert ids(choose_looks(same, 2)) == ["a", "c"]
    halves = [weighed("a", LEFT), weighed("b", RIGHT)]
    assert ids(choose_looks(halves, 1)) == ["a", "b"]


class Listed:
    """A catalog of given scenes."""

    def __init__(self, *scenes):
        self.scenes = scenes

    def search(self, _geometry, window):
        return tuple(one for one in self.scenes if one.datetime in window)


def quality(folder, name, code):
    path = folder / f"{name}.tif"
    codes = np.full((1, *GRID.shape), CLEAR, dtype=np.uint8)
    codes[0, :, : int(code * GRID.shape[1])] = CLOUD
    geotiff.write_cog(path, codes, GRID, band_names=("scl",), nodata=0)
    return path


@pytest.fixture
def skies(tmp_path):
    """Both years: a scene without cloud a month off, half clouded ones, and a clear one in the middle."""

    def made(year):
        clouds = {"early": (-30, 0.0), "half": (1, 0.5), "late": (30, 0.02), "middle": (0, 0.0), "shut": (2, 1.0)}
        return [
            scene(f"{name}-{year}", day, year=year, qa=quality(tmp_path, f"{name}-{year}", share))
            for name, (day, share) in clouds.items()
        ]

    return [*made(2022), *made(2023)]


def test_the_clearest_scenes_nearest_to_the_middle_come_first(skies):
    plan = plan_site(SITE, Listed(*skies), replace(CONFIG, prepare=replace(CONFIG.prepare, looks=2)))
    assert ids(plan.weighed[0]) == [f"{name}-2022" for name in ("middle", "early", "late", "half", "shut")]
    assert ids(plan.chosen[0]) == ["early-2022", "middle-2022"]
    assert ids(plan.chosen[1]) == ["early-2023", "middle-2023"]
    assert plan.seen == 1


def test_a_dead_scene_is_replaced_by_its_copy_then_by_the_next_best(skies):
    config = replace(CONFIG, prepare=replace(CONFIG.prepare, looks=1))
    copy = replace(skies[3], scene_id="middle-2022-copy", catalog="elsewhere")
    skies[3] = replace(skies[3], copies=(copy,))
    plan = plan_site(SITE, Listed(*skies), config)
    with journal() as kept:
        plan = without(plan, SceneError("scene middle-2022: gone", scene_id="middle-2022"), config)
        assert ids(plan.chosen[0]) == ["middle-2022-copy"]
        plan = without(plan, SceneError("scene middle-2022-copy: gone", scene_id="middle-2022-copy"), config)
    assert ids(plan.chosen[0]) == ["early-2022"]
    assert ids(plan.chosen[1]) == ["middle-2023"]
    assert "read middle-2022-copy of elsewhere instead" in in_words(kept)
    assert "left out: scene middle-2022-copy: gone" in in_words(kept)


def test_a_dead_quality_band_costs_its_scene_alone(skies):
    victims = [replace(one, qa=BandAsset(href="gone.tif")) for one in skies if "middle" in one.scene_id]
    rest = [one for one in skies if "middle" not in one.scene_id]
    with journal() as kept:
        plan = plan_site(SITE, Listed(*victims, *rest), CONFIG)
    assert not any("middle" in name for name in ids(plan.weighed[0]))
    assert in_words(kept).count("left out") == 2


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (lambda one: "2023" in one.scene_id, "no scene over the site in 2022"),
        (lambda one: "shut" in one.scene_id, "none of 1 scenes in 2022-06-01/2022-08-31 shows the site"),
    ],
)
def test_what_can_not_be_compared_says_why(skies, keep, said):
    with pytest.raises(NoScenesError, match=said):
        plan_site(SITE, Listed(*filter(keep, skies)), CONFIG)


def test_all_dead_names_the_first_scene_and_its_fault():
    dead = [scene("lost", qa="gone.tif"), scene("lost-too", qa="gone.tif", year=2023)]
    with pytest.raises(NoScenesError, match=r"none of 1 scenes can be read: scene lost: can't read gone\.tif"):
        plan_site(SITE, Listed(*dead), CONFIG)


def test_a_coarser_sensor_is_used_only_where_the_finer_sees_too_little(skies, tmp_path):
    fill = np.full((1, *GRID.shape), 21824, dtype=np.uint16)
    geotiff.write_cog(tmp_path / "landsat.tif", fill, GRID, band_names=("qa",), nodata=1)
    landsat = [
        scene(f"landsat-{year}", year=year, sensor="landsat-8-9-c2-l2", qa=tmp_path / "landsat.tif")
        for year in (2022, 2023)
    ]
    plan = plan_site(SITE, Listed(*skies, *landsat), CONFIG)
    assert not any("landsat" in name for name in (*ids(plan.chosen[0]), *ids(plan.chosen[1])))
    cloudy = [one for one in skies if "shut" in one.scene_id or "2022" in one.scene_id]
    plan = plan_site(SITE, Listed(*cloudy, *landsat), CONFIG)
    assert [*ids(plan.chosen[0]), *ids(plan.chosen[1])] == ["landsat-2022", "landsat-2023"]
    old = [one for one in landsat if "2022" in one.scene_id]
    new = [one for one in skies if "2023" in one.scene_id]
    plan = plan_site(SITE, Listed(*old, *new), CONFIG)
    assert ids(plan.chosen[0]) == ["landsat-2022"]
    assert "middle-2023" in ids(plan.chosen[1])


def ground(folder, name, low, high, *, shifted):
    """A band whose reflectance spreads evenly, with or without the 1000 in its DNs."""
    light = np.random.default_rng(0).uniform(low, high, GRID.shape)
    numbers = np.rint(light * 10_000 + (0 if shifted else 1000)).astype(np.uint16)
    numbers[:5] = 0
    geotiff.write_cog(folder / f"{name}.tif", numbers[None], GRID, band_names=(name,), nodata=0)
    return BandAsset(href=str(folder / f"{name}.tif"), scale=0.0001, offset=-0.1)


FOREST = {"blue": (0.015, 0.05), "red": (0.01, 0.06), "swir16": (0.02, 0.2)}
DESERT = {"blue": (0.12, 0.18), "red": (0.25, 0.4), "swir16": (0.4, 0.6)}
HAZY_WATER = {"blue": (-0.02, 0.01), "red": (-0.01, 0.02), "swir16": (0.0, 0.02)}


@pytest.mark.parametrize(
    ("land", "shifted", "offset", "said"),
    [
        (FOREST, True, 0.0, "the 1000 is gone"),
        (FOREST, False, -0.1, "the 1000 is still in them"),
        (HAZY_WATER, False, -0.1, "undecided"),
        (DESERT, True, -0.1, "undecided"),
        (DESERT, False, -0.1, "undecided"),
    ],
)
def test_pixels_decide_a_doubted_offset_or_say_that_they_can_not(tmp_path, land, shifted, offset, said):
    bands = {name: ground(tmp_path, name, *light, shifted=shifted) for name, light in land.items()}
    settled = settle_offset(replace(scene(), bands=bands, offset_doubted=True))
    assert {band.offset for band in settled.bands.values()} == {offset}
    assert not settled.offset_doubted
    assert said in settled.notes[-1]


def test_where_pixels_can_not_tell_a_copy_is_read(tmp_path):
    bands = {name: ground(tmp_path, name, *light, shifted=True) for name, light in DESERT.items()}
    doubted = replace(scene(), bands=bands, offset_doubted=True, copies=(scene("sure"),))
    with pytest.raises(SceneError, match="its reflectance offset can't be told"):
        settle_offset(doubted)


def test_an_offset_that_is_not_doubted_is_not_looked_at():
    assert settle_offset(scene()) == scene()


def test_a_dead_band_is_told_with_its_scene():
    with pytest.raises(SceneError, match=r"scene one: can't read nowhere\.tif") as caught:
        settle_offset(replace(scene(), offset_doubted=True))
    assert caught.value.scene_id == "one"


@pytest.mark.parametrize(
    ("windows", "latitude", "targets"),
    [
        (("2022-06/2022-08", "2023-06/2023-08"), 50, (197, 197)),
        (("2022-01/2022-12", "2023-01/2023-12"), 50, (172, 172)),
        (("2022-01/2022-12", "2023-01/2023-12"), -30, (355, 355)),
        (("2021-11/2022-02", "2022-12/2023-01"), 50, (365, 365)),
        (("2022-01/2022-12", "2023-02-10"), 50, (41, 41)),
        (("2022-12/2023-01", "2023-03/2023-04"), 50, (31, 60)),
        (("2022-12-31", "2024-12-31"), 50, (365, 365)),
    ],
)
def test_scenes_of_both_windows_are_sought_in_one_season(windows, latitude, targets):
    assert season_targets(tuple(map(Window.parse, windows)), latitude) == targets


@given(one=st.integers(1, 365), other=st.integers(1, 365))
def test_days_of_the_year_are_a_circle(one, other):
    assert days_apart(one, other) == days_apart(other, one) <= 182.5
    assert days_apart(one, one) == 0
    assert days_apart(1, 365) == 1
