"""From files to polygons: a hall that its quality bands delete on every date, and a cloud that hangs over its place."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import shapely
from scipy import ndimage as ndi

import changedetect
from changedetect.lonlat import footprint
from changedetect.model import Site, Window
from changedetect.prepare import PrepareOptions
from changedetect.testing import Acquisition, Feature, farmland, observe, write_catalog, write_scene
from changedetect.testing.farmland import block
from changedetect.testing.textures import smooth_noise

HALL = block(500_460, 5_099_580, (160, 110), 17)
BARE = farmland("hall", west=500_040, north=5_100_000, epsg=32634, size_m=(840, 840), seed=8)
BUILT = replace(
    BARE, features=(Feature(feature_id="hall", geometry=HALL, cover="white_roof", built=date(2022, 12, 1)),)
)
DAYS = [
    datetime(2022, 6, 10, 9, 36, tzinfo=UTC) + timedelta(days=20 * n + 365 * year) for year in (0, 1) for n in range(3)
]
SITE = Site(site_id="hall", name="Hall", geometry=footprint(BARE.geobox))


def called_cloud(seen):
    """The observation with whatever is bright called cloud."""
    green, grid = seen.bands["green"]
    bright = green.astype(float) * 1e-4 + seen.acquisition.offset > 0.4
    coarse = bright.reshape(grid.shape[0] // 2, 2, grid.shape[1] // 2, 2).any(axis=(1, 3))
    return replace(seen, qa=(np.where(coarse, 9, seen.qa[0]).astype(np.uint8), seen.qa[1]))


def under_cloud(seen, rng):
    """The observation with a cloud of its own over the middle, and called so."""
    shape = seen.qa[0].shape
    rows, cols = np.indices(shape)
    middle = np.array(shape) / 2 + rng.normal(0, 2, 2)
    radius = rng.uniform(7, 11)
    depth = 1.2 - np.hypot(rows - middle[0], cols - middle[1]) / radius + 0.35 * smooth_noise(rng, shape, 3)
    opacity, tops = np.clip(3 * depth, 0, 1), rng.uniform(0.4, 0.9)
    bands = {}
    for name, (numbers, grid) in seen.bands.items():
        share = ndi.zoom(opacity, grid.shape[0] // shape[0], order=1)
        cloud = (tops * (0.6 if "swir" in name else 1) - seen.acquisition.offset) * 1e4
        bands[name] = (np.rint(numbers * (1 - share) + share * cloud).astype(np.uint16), grid)
    return replace(seen, bands=bands, qa=(np.where(opacity > 0.3, 9, seen.qa[0]).astype(np.uint8), seen.qa[1]))


@pytest.fixture(scope="module")
def seen():
    """Three clear overpasses before; three after over bare ground; three after over the hall."""
    looks = []
    for land, some in ((BARE, DAYS[:3]), (BARE, DAYS[3:]), (BUILT, DAYS[3:])):
        acquired = [Acquisition(sensor="sentinel-2-l2a", moment=day, seed=day.toordinal()) for day in some]
        looks.append([observe(land, one) for one in acquired])
    return [[replace(one, qa=(np.full_like(one.qa[0], 5), one.qa[1])) for one in some] for some in looks]


def changes(folder, seen, options=None):
    catalog = write_catalog([write_scene(one, folder) for one in seen], folder)
    config = changedetect.RunConfig(catalog=(str(catalog),), prepare=options or PrepareOptions())
    windows = [Window.parse(f"{year}-06/{year}-08") for year in (2022, 2023)]
    return changedetect.run([SITE], before=windows[0], after=windows[1], config=config).changes.to_crs(32634)


def built_over_the_hall(found):
    built = found[found["kind"] == "construction"].union_all()
    return shapely.area(HALL.intersection(built)) / HALL.area


def test_a_hall_called_cloud_on_every_date_is_found_and_without_the_rule_is_not(tmp_path, seen):
    before, _, built = seen
    scenes = [*before, *map(called_cloud, built)]
    assert built_over_the_hall(changes(tmp_path / "kept", scenes)) > 0.8
    assert built_over_the_hall(changes(tmp_path / "lost", scenes, PrepareOptions(keep_roofs=False))) < 0.2


@pytest.mark.parametrize("seed", [1, 2])
def test_a_cloud_over_its_place_on_every_date_is_not(tmp_path, seen, seed):
    before, bare, _ = seen
    rng = np.random.default_rng(seed)
    found = changes(tmp_path, [*before, *(under_cloud(one, rng) for one in bare)])
    assert not found.intersects(HALL.buffer(100)).any()
