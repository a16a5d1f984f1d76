"""Notebooks: values show themselves, text stays text, maps and plots lie where the ground is."""

import base64
import io
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image
from shapely.geometry import Polygon, box

from changedetect.changes import CHANGE_COLUMNS, COUNT_COLUMNS, empty_changes
from changedetect.display import explore, kinds_picture, table_html
from changedetect.errors import ConfigError
from changedetect.model import BandAsset, ChangeMap, Composite, Pair, Scene, Site, SiteResult, sites_frame
from changedetect.results import RunResult
from changedetect.scouting import Found
from changedetect.sites.reading import SiteList

GRID = GeoBox((40, 50), Affine(10, 0, 500_000, 0, -10, 4_650_000), "EPSG:32652")
NASTY = '<img src=x onerror=alert(1)> & "q"'


@pytest.fixture(autouse=True)
def _no_window() -> None:
    mpl.use("agg")


def site(site_id: str = "a") -> Site:
    return Site(site_id=site_id, name=NASTY, geometry=box(129, 41.99, 129.01, 42), properties={"source": NASTY})


def pair() -> Pair:
    shape = tuple(GRID.shape)
    valid = np.ones(shape, dtype=bool)
    dark, bright = (np.full((3, *shape), level, dtype=np.float32) for level in (0.05, 0.05))
    bright[:, 10:20, 30:40] = 0.5
    dates = [
        Composite(geobox=GRID, bands=("blue", "green", "red"), data=data, valid=valid, looks=valid.astype(np.uint8))
        for data in (dark, bright)
    ]
    return Pair(before=dates[0], after=dates[1])


def changes() -> gpd.GeoDataFrame:
    text = {"change_id": "a-0", "site_id": "a", "site_name": NASTY, "kind": "construction", "status": None}
    row = {name: text.get(name, 0.5) for name in CHANGE_COLUMNS if name != "geometry" and name not in COUNT_COLUMNS}
    ring = Polygon([(500_300, 4_649_900), (500_400, 4_649_900), (500_400, 4_649_800), (500_300, 4_649_800)])
    return gpd.GeoDataFrame([row], geometry=[ring], crs=32652).to_crs(4326)


def result(*, found: bool = True) -> SiteResult:
    shape = tuple(GRID.shape)
    kind = np.zeros(shape, dtype=np.uint8)
    kind[10:20, 30:40] = 1
    return SiteResult(
        site=site(),
        status="ok",
        changes=changes() if found else empty_changes(),
        change_map=ChangeMap(geobox=GRID, changed=(kind > 0).astype(np.uint8), confidence=kind * 0.5, kind=kind),
        preview=pair(),
        summary={"before": "2023", "after": "2024", "n_changes": int(found), "area_m2": 1e4, "warnings": ""},
    )


def scene() -> Found:
    asset = BandAsset(href="/a.tif")
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    seen = Scene(
        scene_id=NASTY, sensor="sentinel-2-l2a", datetime=moment, footprint=box(0, 0, 1, 1), bands={}, qa=asset
    )
    return Found(site_id="a", window="after", scene=seen, clear_fraction=0.0, coverage=None)


SHOWN = {
    "site": site(),
    "sites": SiteList(sites=(site(),), refused=((site("b"), NASTY),)),
    "scene": scene(),
    "pair": pair(),
    "change map": result().change_map,
    "result": result(),
    "nothing found": result(found=False),
    "failed": SiteResult(site=site(), status="failed", reason=NASTY, changes=empty_changes()),
    "run": RunResult(results=(result(),)),
    "empty run": RunResult(results=()),
}


@pytest.mark.parametrize("value", SHOWN.values(), ids=SHOWN.keys())
def test_values_show_themselves_and_text_stays_text(value):
    shown = value._repr_html_()
    assert "<img src=x" not in shown
    # What is opened is closed, but for pictures.
    tags = re.findall(r"<(/?)(\w+)[^>]*>", shown)
    for name in {name for _, name in tags} - {"img"}:
        assert tags.count(("", name)) == tags.count(("/", name)), name


def test_a_result_tells_its_changes_and_shows_both_dates():
    shown = result()._repr_html_()
    assert "a-0" in shown
    pictures = [Image.open(io.BytesIO(base64.b64decode(one))) for one in re.findall(r"base64,([^\"]+)", shown)]
    assert len(pictures) == 2
    before, after = (np.asarray(one.convert("L")) for one in pictures)
    assert before.max() == 0
    rows, columns = np.nonzero(after)
    scale = after.shape[1] / GRID.shape[1]
    assert (rows.min() / scale, columns.max() / scale) == pytest.approx((10, 40), abs=0.2)


def test_long_tables_say_how_long_they_are():
    assert "<p>20 of 21 rows</p>" in table_html([{"a": i} for i in range(21)])
    assert "rows" not in table_html([{"a": i} for i in range(20)])


def test_kinds_have_their_colours_and_large_maps_are_thinned():
    kind = np.zeros((700, 900), dtype=np.uint8)
    kind[:300, :300] = 2
    picture = kinds_picture(np.where(kind > 0, 1, 0).astype(np.uint8), kind)
    assert max(picture.shape) <= 320
    assert tuple(picture[0, 0]) == (0xF0, 0xE4, 0x42)


def test_a_plot_shows_both_dates_with_the_changes_where_they_are():
    left, right = result().plot()
    assert (left.get_title(), right.get_title()) == ("before 2023", "after 2024")
    west, south, east, north = GRID.boundingbox
    for ax in (left, right):
        assert (*ax.get_xlim(), *ax.get_ylim()) == pytest.approx((west, east, south, north))
        (drawn,) = {tuple(np.round(one.get_paths()[0].get_extents().extents)) for one in ax.collections}
        assert drawn == (500_300, 4_649_800, 500_400, 4_649_900)
    mpl.pyplot.close(left.figure)


def test_without_pixels_a_plot_says_where_pictures_are():
    with pytest.raises(ConfigError, match=r"site a has no pixels here: see before\.png"):
        replace(result(), preview=None).plot()


def test_a_map_has_sites_and_changes_and_runs_no_name():
    page = result().explore().get_root().render()
    assert "a-0" in page
    assert "<img src=x" not in page
    assert "\\u003cimg" not in page
    assert "img src=x" in page
    assert "#D55E00".lower() in page.lower()


def test_a_run_without_changes_is_a_map_of_its_sites():
    page = RunResult(results=(result(found=False),)).explore().get_root().render()
    assert "img src=x" in page
    with pytest.raises(ConfigError, match="nothing to show on a map"):
        explore(empty_changes(), sites_frame([replace(site(), geometry=Polygon())]))


@pytest.mark.parametrize("missing", ["folium", "matplotlib.pyplot"])
def test_a_missing_extra_is_one_line(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    work = result().explore if missing == "folium" else result().plot
    with pytest.raises(ConfigError, match=r"pip install changedetect\[") as told:
        work()
    assert "\n" not in str(told.value)
