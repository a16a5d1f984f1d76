import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from changedetect.catalog.items import entry_from_item, scene_from_item
from changedetect.catalog.report import judge
from changedetect.errors import CatalogError
from changedetect.model import Scene
from changedetect.testing.check_items import main

ITEMS = Path(__file__).parent / "items"
S2, S30, L30 = "sentinel-2-l2a", "hls-s30", "hls-l30"
L89, L47 = "landsat-8-9-c2-l2", "landsat-4-7-c2-l2"
READ = {
    # file: sensor, platform, tile, reflectance offset, whether it is doubted
    "cdse": (S2, "sentinel-2c", "37UCR", -0.1, False),
    "dea-landsat": ("ga-ls8-9-ard-3", "landsat-9", "099071", 0.0, False),
    "dea-landsat-5": ("ga-ls5-7-ard-3", "landsat-5", "103075", 0.0, False),
    "dea-sentinel-2": ("ga-s2-ard-3", "sentinel-2b", "53LKC", 0.0, False),
    "earth-search-c1": (S2, "sentinel-2a", "37UCR", -0.1, False),
    "earth-search-legacy-flag-false": (S2, "sentinel-2a", "37UCR", -0.1, True),
    "earth-search-legacy-flagless": (S2, "sentinel-2a", "37UCR", -0.1, True),
    "earth-search-legacy-old": (S2, "sentinel-2a", "37UCR", 0.0, False),
    "earth-search-legacy-shifted": (S2, "sentinel-2a", "37UCR", 0.0, False),
    "earth-search-v0-dated": (S2, "sentinel-2a", "37UCR", 0.0, False),
    "earth-search-v0-named": (S2, "sentinel-2a", "37UCR", 0.0, False),
    "earth-search-v0-shifted": (S2, "sentinel-2a", "37UCR", 0.0, False),
    "earth-search-v0-untold": (S2, "sentinel-2a", "37UCR", -0.1, True),
    "landsatlook-0.7": (L89, "landsat-8", "085020", -0.2, False),
    "landsatlook-l7": (L47, "landsat-7", "177025", -0.2, False),
    "nasa-hls-l30": (L30, "", "37UCR", 0.0, False),
    "nasa-hls-l30-v1.5": (L30, "", "37UCR", 0.0, False),
    "own-stack": (S2, "sentinel-2a", "37UCR", -0.1, False),
    "planetary-computer-hls-s30": (S30, "sentinel-2a", "37UCR", 0.0, False),
    "planetary-computer-landsat": (L89, "landsat-9", "177025", -0.2, False),
    "planetary-computer-landsat-retired": (L89, "landsat-8", "177025", -0.2, False),
    "planetary-computer-s2": (S2, "sentinel-2b", "37UCR", -0.1, False),
    "planetary-computer-s2-old": (S2, "sentinel-2b", "37UCR", 0.0, False),
}
REFUSED = {
    "cdse-mosaic": "a mosaic of many days",
    "earth-search-l1c": "L1C, top of atmosphere",
    "earth-search-landsat": r"reader pays \(s3://usgs-landsat\): the planetary-computer catalog",
    "earth-search-no-10m": r"3 of the reflectance bands .*\(not blue, green, red, nir\)",
    "landsatlook-temperature": "surface temperature",
    "modis": "MODIS",
    "naip": "aerial photography",
    "nasa-hls-vi": "vegetation indices",
    "planetary-computer-landsat-mss": "MSS",
    "planetary-computer-s1-rtc": "radar",
}


def load(name):
    return json.loads((ITEMS / f"{name}.json").read_text())


def test_every_fixture_is_judged():
    assert {path.stem for path in ITEMS.glob("*.json")} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_an_item_of_any_provider_is_read(name):
    sensor, platform, tile, offset, doubted = READ[name]
    entry = entry_from_item(load(name), catalog="somewhere")
    scene = entry.scene
    assert (scene.sensor, scene.platform, scene.catalog) == (sensor, platform, "somewhere")
    assert entry.place == (sensor, platform, tile)
    assert {band.offset for band in scene.bands.values()} == {offset}
    assert scene.offset_doubted is doubted
    assert ("doubted" in scene.notes[0]) is doubted
    nir = "nir" if sensor in {S2, S30, "ga-s2-ard-3"} else "nir08"
    assert {"blue", "green", "red", nir, "swir16", "swir22"} <= scene.bands.keys()
    files = {band.href for band in scene.bands.values()} | {scene.qa.href}
    assert all(word not in href for href in files for word in ("TCI", "PVI", "rgb", "60m", "-jp2", "SR_CLOUD_QA"))
    assert len({(band.href, band.index) for band in scene.bands.values()}) == len(scene.bands)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_something_else_is_refused_in_one_line_that_says_what(name):
    with pytest.raises(CatalogError, match=REFUSED[name]) as caught:
        scene_from_item(load(name))
    assert load(name)["id"] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "ends"),
    {
        "planetary-computer-s2": {"nir": "B08_10m.tif", "nir08": "B8A_20m.tif", "swir22": "B12_20m.tif"},
        "cdse": {"red": "B04_10m.jp2", "nir08": "B8A_20m.jp2", "qa": "SCL_20m.jp2"},
        "nasa-hls-l30": {"blue": "B02.tif", "nir08": "B05.tif", "swir16": "B06.tif", "qa": "Fmask.tif"},
        "planetary-computer-hls-s30": {"nir": "B08.tif", "nir08": "B8A.tif", "swir16": "B11.tif"},
        "landsatlook-l7": {"blue": "SR_B1.TIF", "swir16": "SR_B5.TIF", "swir22": "SR_B7.TIF", "qa": "QA_PIXEL.TIF"},
        "landsatlook-0.7": {"blue": "SR_B2.TIF", "nir08": "SR_B5.TIF", "qa": "QA_PIXEL.TIF"},
        "dea-sentinel-2": {"nir": "band08.tif", "nir08": "band08a.tif", "swir16": "band11.tif", "swir22": "band12.tif"},
        "dea-landsat": {"nir08": "band05.tif", "swir16": "band06.tif", "swir22": "band07.tif", "qa": "fmask.tif"},
        "earth-search-legacy-shifted": {"red": "B04.tif", "qa": "SCL.tif"},
    }.items(),
)
def test_each_band_is_its_own_file(name, ends):
    scene = scene_from_item(load(name))
    assets = {**scene.bands, "qa": scene.qa}
    assert {band: assets[band].href[-len(end) :] for band, end in ends.items()} == ends


def test_several_bands_in_one_file_are_told_apart_by_index():
    scene = scene_from_item(load("own-stack"))
    assert {name: band.index for name, band in scene.bands.items()} == {
        "blue": 1, "green": 2, "red": 3, "nir": 4, "swir16": 5, "swir22": 6,
    }  # fmt: skip
    assert {band.href for band in scene.bands.values()} == {"https://stacks.example.org/scenes/one/stack.tif"}
    assert scene.qa.href == "https://stacks.example.org/scenes/one/classes.tif"


def test_bands_are_known_by_common_name_when_the_keys_are_not():
    raw = load("planetary-computer-landsat")
    raw["assets"] = {f"asset-{at}": asset for at, asset in enumerate(raw["assets"].values())}
    raw["assets"]["visual"] = {**raw["assets"]["asset-2"], "href": "./picture.tif"}
    assert scene_from_item(raw) == scene_from_item(load("planetary-computer-landsat"))
    raw = load("cdse")
    raw["assets"] = {key.replace("B", "band-"): asset for key, asset in raw["assets"].items()}
    assert scene_from_item(raw).bands == scene_from_item(load("cdse")).bands


def described(name, common):
    return {"eo:bands": [{"name": name, "common_name": common}]}


@pytest.mark.parametrize(
    ("bands", "red"),
    [
        ([{"name": "B05", "common_name": "rededge"}], None),
        ([{"name": "B05"}], None),
        ([{"name": "vegetation", "common_name": "rededge"}], None),
        ([{"name": "B05", "common_name": "red"}], None),
        ([{"name": "B05"}, {"name": "B04"}], 2),
        ([{"name": "B04", "common_name": "rededge"}], 1),
        ([{"name": "B04_10m"}], 1),
        ([{"name": "b1", "common_name": "red"}], 1),
        ([{"name": "b1", "description": "the first band"}], 1),
        ([{"name": "1", "common_name": "worth seeing"}], 1),
    ],
)
def test_a_known_key_that_describes_another_band_is_not_that_band(bands, red):
    raw = load("earth-search-c1")
    raw["assets"]["red"] |= {"eo:bands": bands, "bands": None}
    scene = scene_from_item(raw)
    assert (scene.bands["red"].index if "red" in scene.bands else None) == red
    if red is None:
        assert "lacks red" in scene.notes[1]
        raw["assets"]["B04"] = {"href": "https://data.example/true.tif"}
        assert scene_from_item(raw).bands["red"].href == "https://data.example/true.tif"


@pytest.mark.parametrize("common", ["nir", "nir08", "rededge", ""])
def test_the_narrow_near_infrared_is_not_taken_twice(common):
    raw = load("planetary-computer-s2")
    raw["assets"]["B8A"] |= described("B8A", common)
    del raw["assets"]["B08"]
    assert "nir" not in scene_from_item(raw).bands
    assert scene_from_item(raw).bands["nir08"].href.endswith("B8A_20m.tif")
    del raw["assets"]["B8A"]["eo:bands"][0]["name"]  # the key is exact enough
    assert scene_from_item(raw).bands["nir08"].href.endswith("B8A_20m.tif")
    raw = load("earth-search-c1")
    raw["assets"]["nir"] |= described("B8A", common)
    del raw["assets"]["nir08"]
    scene = scene_from_item(raw)
    assert "nir" not in scene.bands
    assert scene.bands["nir08"].href == raw["assets"]["nir"]["href"]


def test_where_the_10_m_copy_is_missing_the_20_m_one_is_taken_and_60_m_never():
    raw = load("cdse")
    del raw["assets"]["B04_10m"]
    assert scene_from_item(raw).bands["red"].href.endswith("B04_20m.jp2")
    del raw["assets"]["B04_20m"]
    scene = scene_from_item(raw)
    assert "red" not in scene.bands
    assert "lacks red" in scene.notes[1]


def test_the_jp2_twin_is_no_stand_in():
    raw = load("earth-search-legacy-shifted")
    for name in ("blue", "green", "red"):
        del raw["assets"][name]
    with pytest.raises(CatalogError, match="not blue, green, red"):
        scene_from_item(raw)


def test_requester_pays_is_allowed_by_the_one_who_pays(monkeypatch):
    raw = load("planetary-computer-landsat")
    raw["assets"]["qa_pixel"]["href"] = "https://usgs-landsat.s3.us-west-2.amazonaws.com/qa.tif"
    with pytest.raises(CatalogError, match=r"reader pays \(s3://usgs-landsat\)"):
        scene_from_item(raw)
    raw = load("planetary-computer-landsat")
    raw["properties"]["storage:requester_pays"] = True
    with pytest.raises(CatalogError, match=r"reader pays \(https://landsateuwest"):
        scene_from_item(raw)
    monkeypatch.setenv("AWS_REQUEST_PAYER", "requester")
    assert scene_from_item(raw).sensor == L89
    assert scene_from_item(load("earth-search-landsat")).bands["red"].href.startswith("s3://usgs-landsat/")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"raster:bands": [{"scale": 0.00341802, "offset": 149.0}]}, "declares a scale of 0.00341802"),
        ({"raster:bands": [{"scale": 2.75e-05, "offset": 0}]}, "declares an offset of 0"),
        ({"raster:bands": [{"scale": 1, "offset": 0, "data_type": "float32"}]}, "holds float32"),
        ({"raster:bands": [{"data_type": "uint8"}]}, "holds uint8"),
    ],
)
def test_numbers_of_another_product_are_refused(change, words):
    raw = load("planetary-computer-landsat")
    raw["assets"]["red"] |= change
    with pytest.raises(CatalogError, match=words):
        scene_from_item(raw)
    raw["assets"]["red"] |= {"raster:bands": [{"scale": 1.0, "offset": 0.0, "data_type": "uint16"}]}
    assert scene_from_item(raw).bands["red"].scale == 0.0000275


def test_a_satellite_that_contradicts_the_name_is_refused():
    raw = load("planetary-computer-landsat")
    raw["properties"]["platform"] = "landsat-5"
    with pytest.raises(CatalogError, match=r"platform 'landsat-5', but .* is a name of landsat-9"):
        scene_from_item(raw)


def test_what_says_nothing_of_its_level_is_refused():
    raw = load("planetary-computer-landsat") | {"id": "one", "collection": "scenes"}
    raw["properties"]["landsat:correction"] = None
    with pytest.raises(CatalogError, match="says nowhere that it is surface reflectance"):
        scene_from_item(raw)


def test_a_composite_is_refused_by_its_span():
    raw = load("earth-search-c1")
    raw["properties"] |= {"start_datetime": "2024-06-01T00:00:00Z", "end_datetime": "2024-06-17T00:00:00Z"}
    with pytest.raises(CatalogError, match="made of 16 days"):
        scene_from_item(raw)


def test_stac_0_7_has_its_time_sun_and_footprint():
    scene = scene_from_item(load("landsatlook-0.7"))
    assert scene.datetime == datetime(2017, 7, 5, tzinfo=UTC)
    assert (scene.sun_elevation_deg, scene.cloud_cover) == (54.9, 30.0)
    assert scene.footprint.intersects(box(179.5, 56, 179.9, 56.5))
    assert not scene.footprint.intersects(box(0, 56, 10, 56.5))


NOTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = st.recursive(
    NOTHING, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=8), some, max_size=3)
)


def paths(node, path=()):
    """Every place in a JSON document, as the keys that lead there."""
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, below in steps:
        yield (*path, key)
        yield from paths(below, (*path, key))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_damaged_an_item_is_a_scene_or_is_refused(data):
    raw = copy.deepcopy(load(data.draw(st.sampled_from(sorted(READ)))))
    for _ in range(data.draw(st.integers(1, 3))):
        *steps, last = data.draw(st.sampled_from(list(paths(raw))))
        node = raw
        for step in steps:
            node = node[step]
        if data.draw(st.booleans()):
            del node[last]
        else:
            node[last] = data.draw(ANYTHING)
    try:
        scene = entry_from_item(raw).scene
    except CatalogError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(scene, Scene)
        assert len(scene.bands) >= 4
        assert scene.footprint.area > 0
        assert {band.scale for band in scene.bands.values()} <= {0.0001, 0.0000275}


@given(ANYTHING)
def test_what_is_no_item_at_all_is_refused(anything):
    with pytest.raises(CatalogError):
        scene_from_item(anything)


def test_check_items_says_of_every_item_how_it_is_read(capsys):
    assert main([str(ITEMS)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(READ) + len(REFUSED)
    told = {line.partition(".json: ")[0]: line for line in lines}
    assert all((": refused: " in told[name]) is (name in REFUSED) for name in told)
    assert "sentinel-2-l2a (sentinel-2a); bands blue green red nir" in told["earth-search-c1"]
    assert "scale 0.0001 offset -0.1 nodata 0; reflectance offset -0.1, doubted" in told["earth-search-legacy-flagless"]
    assert "green[2]" in told["own-stack"]


def test_check_items_looks_into_collections_of_features_and_below_folders(tmp_path, capsys):
    page = {"type": "FeatureCollection", "features": [load("cdse"), load("naip"), 7]}
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.json").write_text(json.dumps(page))
    (tmp_path / "collection.json").write_text('{"type": "Collection", "stac_version": "1.0.0", "id": "x"}')
    assert [verdict.is_stac for verdict in judge(tmp_path / "pages" / "page.json")] == [True, True, False]
    assert main([str(tmp_path)]) == 1
    assert "is a STAC Collection, not an item" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[]", b"7", b'"text"', b'{"type": "Feature"}', b"[" * 100_000, b'{"type": "Topology"}'],
)
def test_check_items_ends_with_1_when_a_file_is_no_stac(tmp_path, capsys, content):
    (tmp_path / "good.json").write_text(json.dumps(load("cdse")))
    (tmp_path / "other.json").write_bytes(content)
    assert main([str(tmp_path)]) == 1
    assert "other.json: not STAC: " in capsys.readouterr().out


def test_check_items_says_when_there_is_nothing_to_check(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "nothing was checked" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "missing")])
