"""Items as any provider may write them: what becomes of each in a `Scene`."""

from datetime import UTC, datetime

import pystac
import pytest
from shapely.geometry import box, mapping

from changedetect.catalog import scene_from_item
from changedetect.errors import CatalogError

SQUARE = box(24.0, 46.0, 25.0, 47.0)
EARTH_SEARCH = ("blue", "green", "red", "nir", "nir08", "swir16", "swir22", "scl")
PLANETARY_COMPUTER = ("B02", "B03", "B04", "B08", "B8A", "B11", "B12", "SCL")
CDSE = ("B02_10m", "B03_10m", "B04_10m", "B08_10m", "B8A_20m", "B11_20m", "B12_20m", "SCL_20m")
LANDSAT = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel")


def item(name="S2A_T35TKM", *, keys=EARTH_SEARCH, asset=None, geometry=SQUARE, drop=(), **properties):
    base = {
        "datetime": "2023-06-01T09:26:01.024Z",
        "platform": "sentinel-2a",
        "instruments": ["msi"],
        "s2:processing_baseline": "05.09",
        "proj:epsg": 32635,
        "grid:code": "MGRS-35TKM",
    }
    told = base | {key.replace("__", ":"): value for key, value in properties.items()}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "sentinel-2-l2a",
        "geometry": mapping(geometry),
        "bbox": list(geometry.bounds),
        "properties": {key: value for key, value in told.items() if key not in drop and value is not None},
        "assets": {key: {"href": f"./{key}.tif", **(asset or {})} for key in keys},
        "links": [],
    }


def landsat(name="LC09_L2SP_183028_20230601_02_T1", *, keys=LANDSAT, **properties):
    told = {"platform": "landsat-9", "landsat__correction": "L2SP", "landsat__collection_number": "02"}
    told |= {"landsat__wrs_path": "183", "landsat__wrs_row": "028", **properties}
    raw = item(name, keys=keys, drop=("s2:processing_baseline", "grid:code"), **told)
    return raw | {"collection": "landsat-c2-l2"}


@pytest.mark.parametrize("keys", [EARTH_SEARCH, PLANETARY_COMPUTER, CDSE])
def test_sentinel2_is_read_whatever_a_provider_calls_its_assets(keys):
    scene = scene_from_item(item(keys=keys, eo__cloud_cover=12.5, view__sun_elevation=61.0))
    assert scene.sensor == "sentinel-2-l2a"
    assert [*scene.bands] == ["blue", "green", "red", "nir", "nir08", "swir16", "swir22"]
    assert scene.bands["swir16"].href == f"./{keys[5]}.tif"
    assert scene.qa.href == f"./{keys[-1]}.tif"
    assert (scene.qa.scale, scene.qa.offset) == (1, 0)
    assert scene.datetime == datetime(2023, 6, 1, 9, 26, 1, 24000, tzinfo=UTC)
    assert (scene.epsg, scene.cloud_cover, scene.sun_elevation_deg) == (32635, 12.5, 61.0)
    assert {band.nodata for band in scene.bands.values()} == {0}


DECLARES = {"raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]}
OFFSETS = {
    "before 04.00, whatever is declared": (item(s2__processing_baseline="02.14", asset=DECLARES), 0.0, "02.14"),
    "before 04.00, flag false": (
        item(s2__processing_baseline="03.01", earthsearch__boa_offset_applied=False),
        0.0,
        "03.01",
    ),
    "already shifted, whatever is declared": (
        item(earthsearch__boa_offset_applied=True, asset=DECLARES),
        0.0,
        "boa_offset_applied is true",
    ),
    "not shifted": (item(earthsearch__boa_offset_applied=False, asset=DECLARES), -0.1, "05.09"),
    "nothing declared": (item(s2__processing_baseline="04.00"), -0.1, "04.00"),
    "an old date, reprocessed": (item(datetime="2016-06-01T09:26:01Z", s2__processing_baseline="05.00"), -0.1, "05.00"),
    "CDSE": (
        item(drop=("s2:processing_baseline",), processing__version="05.12", asset={"raster:offset": -0.1}),
        -0.1,
        "05.12",
    ),
    "by the product's name": (
        item("S2A_MSIL2A_20200322T074609_N0500_R135_T36NYH_20230612T214223", drop=("s2:processing_baseline",)),
        -0.1,
        "05.00",
    ),
    "by the product's name, old": (
        item(drop=("s2:processing_baseline",), s2__product_uri="S2A_MSIL2A_20190101T092601_N0211_R136_T35TKM.SAFE"),
        0.0,
        "02.11",
    ),
    "Earth Search v0": (
        item(
            drop=("s2:processing_baseline",),
            sentinel__processing_baseline="05.11",
            sentinel__boa_offset_applied=True,
        ),
        0.0,
        "sentinel:boa_offset_applied is true",
    ),
    "processed before 04.00 began": (
        item(drop=("s2:processing_baseline",), datetime="2021-06-01T09:26:01Z", created="2021-06-02T00:00:00Z"),
        0.0,
        "created is 2021-06-02",
    ),
    "a number that lost its zero": (item(s2__processing_baseline=5.1), -0.1, "05.10 (told as 5.1)"),
    "a number of before 04.00": (item(s2__processing_baseline=2.14), 0.0, "02.14 is before"),
    "Sen2Cor's own version is no baseline": (
        item(s2__processing_baseline="", processing__version="2.11", s2__datastrip_id="S2A_OPER_MSI_L2A_N05.00"),
        -0.1,
        "05.00 is 04.00 or later",
    ),
    "named by Sen2Cor, processed before 04.00 began": (
        item(
            drop=("s2:processing_baseline",),
            datetime="2019-06-01T09:26:01Z",
            s2__product_uri="S2A_MSIL2A_20190601T092601_N9999_R136_T35TKM_20190603T080000.SAFE",
        ),
        0.0,
        "dated 20190603",
    ),
}
DOUBTED = {
    "the flag is false": (item(earthsearch__boa_offset_applied=False, asset=DECLARES), "is false"),
    "an archive that is partly shifted": (
        item(asset={"href": "https://sentinel-cogs.s3.us-west-2.amazonaws.com/B04.tif"}),
        "already shifted, and no flag",
    ),
    "declared as 0": (item(asset={"raster:offset": 0.0}), "declare otherwise"),
    "only a declaration of 0": (
        item(drop=("s2:processing_baseline",), asset={"raster:offset": 0.0}),
        "no processing baseline is told",
    ),
    "only a declaration": (item(drop=("s2:processing_baseline",), asset=DECLARES), "no processing baseline is told"),
    "baseline against name": (
        item(
            s2__processing_baseline="02.14",
            s2__product_uri="S2A_MSIL2A_20200101T092601_N0500_R136_T35TKM_20230601T000000.SAFE",
        ),
        "told as processing baseline 02.14, but named 05.00",
    ),
    "Sen2Cor's own version": (
        item(drop=("s2:processing_baseline",), processing__version="2.11", asset=DECLARES),
        "no processing baseline is told",
    ),
    "an item made up to be of 1970": (
        item(drop=("s2:processing_baseline",), created="1970-01-01T00:00:00Z", asset=DECLARES),
        "no processing baseline is told",
    ),
    "an item updated before the acquisition": (
        item(drop=("s2:processing_baseline",), updated="2021-05-01T00:00:00Z", asset=DECLARES),
        "no processing baseline is told",
    ),
    "a product of another day": (
        item(
            drop=("s2:processing_baseline",),
            s2__product_uri="S2A_MSIL2A_20190601T092601_N9999_R136_T35TKM_20190603T080000.SAFE",
            asset=DECLARES,
        ),
        "no processing baseline is told",
    ),
    "a harmonised collection": (
        item() | {"collection": "sentinel-2-l2a-harmonized"},
        "gone from what is called 'sentinel-2-l2a-harmonized'",
    ),
    "a harmonised product": (item("S2_SR_HARMONISED_one", drop=("s2:processing_baseline",)), "S2_SR_HARMONISED_one"),
    "the flag of COGs on JP2": (
        item(earthsearch__boa_offset_applied=True, asset={"href": "https://example.org/B04.jp2"}),
        "not for JP2",
    ),
}


@pytest.mark.parametrize("case", OFFSETS)
def test_sentinel2_offset_is_decided_by_baseline_then_flag(case):
    raw, offset, evidence = OFFSETS[case]
    scene = scene_from_item(raw)
    assert {(band.scale, band.offset) for band in scene.bands.values()} == {(0.0001, offset)}
    assert len(scene.notes) == 1
    assert f"offset {offset:g}" in scene.notes[0]
    assert evidence in scene.notes[0]
    assert scene.offset_doubted is (case == "not shifted")


@pytest.mark.parametrize("case", DOUBTED)
def test_where_only_the_pixels_can_tell_the_offset_is_doubted(case):
    raw, why = DOUBTED[case]
    scene = scene_from_item(raw)
    assert scene.offset_doubted
    assert {band.offset for band in scene.bands.values()} == {-0.1}
    assert "reflectance offset -0.1, doubted: " in scene.notes[0]
    assert why in scene.notes[0]


@pytest.mark.parametrize("told", [{}, {"created": "1970-01-01T00:00:00Z"}, {"processing__version": "2.11"}])
def test_sentinel2_without_any_evidence_is_refused(told):
    with pytest.raises(CatalogError, match=r"S2A_T35TKM tells neither its processing baseline nor its offset"):
        scene_from_item(item(drop=("s2:processing_baseline",), **told))


def test_harmonised_is_no_doubt_where_there_never_was_an_offset():
    scene = scene_from_item(item(s2__processing_baseline="02.14") | {"collection": "S2_SR_HARMONIZED_L2A"})
    assert (scene.offset_doubted, scene.bands["red"].offset) == (False, 0.0)


@pytest.mark.parametrize("nodata", [-9999, 32767, -32768.0, 65535])
def test_a_nodata_of_the_items_own_is_masked_beside_that_of_the_sensor(nodata):
    raw = item()
    raw["assets"]["red"]["raster:bands"] = [{"nodata": nodata, "data_type": "int16"}]
    raw["assets"]["nir"]["bands"] = [{"nodata": nodata}]
    scene = scene_from_item(raw)
    assert (scene.bands["red"].nodata, scene.bands["nir"].nodata) == ((0, nodata), (0, nodata))
    assert scene.bands["blue"].nodata == 0
    assert scene.notes[1:] == (f"nodata 0 and, as the item declares, {nodata:g} (red nir)",)
    raw = landsat(asset={"raster:bands": [{"nodata": nodata}]})
    assert {band.nodata for band in scene_from_item(raw).bands.values()} == {(0, nodata)}
    assert scene_from_item(raw).qa.nodata == 1


@pytest.mark.parametrize("nodata", [0, 0.0, True, None, "none", float("nan"), 1e20, 0.5, 2000, 10_000])
def test_a_nodata_that_can_not_be_meant_is_not_believed(nodata):
    scene = scene_from_item(item(asset={"raster:bands": [{"nodata": nodata}]}))
    assert {band.nodata for band in scene.bands.values()} == {0}
    assert len(scene.notes) == 1


def test_blanks_in_urls_are_encoded_and_those_in_paths_left():
    raw = item(asset={"href": "https://data.example/my scene/B04.tif?sig=first second"})
    raw["assets"]["scl"]["href"] = "/my data/SCL.tif"
    raw["assets"]["blue"]["href"] = "file:///my%20data/B%2302.tif"
    scene = scene_from_item(raw)
    assert scene.bands["red"].href == "https://data.example/my%20scene/B04.tif?sig=first%20second"
    assert (scene.qa.href, scene.bands["blue"].href) == ("/my data/SCL.tif", "/my data/B#02.tif")


@pytest.mark.parametrize(
    ("platform", "keys", "sensor"),
    [
        ("landsat-9", LANDSAT, "landsat-8-9-c2-l2"),
        ("LANDSAT_8", LANDSAT, "landsat-8-9-c2-l2"),
        ("landsat-8", [*(f"SR_B{n}" for n in range(1, 8)), "QA_PIXEL"], "landsat-8-9-c2-l2"),
        ("LANDSAT_5", [*(f"SR_B{n}" for n in (1, 2, 3, 4, 5, 7)), "QA_PIXEL"], "landsat-4-7-c2-l2"),
    ],
)
def test_landsat_has_constants_and_its_generations_bands(platform, keys, sensor):
    number = platform[-1]
    name = f"L{'T' if number == '5' else 'C'}0{number}_L2SP_183028_20230601_02_T1"
    scene = scene_from_item(landsat(name, keys=keys, platform=platform))
    assert scene.sensor == sensor
    assert {(band.scale, band.offset, band.nodata) for band in scene.bands.values()} == {(0.0000275, -0.2, 0)}
    red = {"landsat-4-7-c2-l2": "SR_B3", "landsat-8-9-c2-l2": "SR_B4"}[sensor]
    assert scene.bands["red"].href in {"./red.tif", f"./{red}.tif"}
    assert "nir" not in scene.bands


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (item(s2__product_type="S2MSI1C"), "top of atmosphere"),
        (item(keys=EARTH_SEARCH[:-1]), "no quality band scl/SCL"),
        (item(keys=("red", "green", "nir", "scl")), "has 3 of the reflectance bands"),
        (item(keys=("nbart_red", "nbart_green", "oa_fmask")), "has 0 of the reflectance bands"),
        (item(platform="sentinel-1a"), "platform 'sentinel-1a'"),
        (item(platform="sentinel-2b"), "platform 'sentinel-2b', but 'S2A_T35TKM'"),
        (
            item("scene", keys=LANDSAT, platform=None) | {"collection": "scenes"},
            "platform 'unknown', collection 'scenes'",
        ),
        (item(asset={"raster:offset": -0.2}), "offset of -0.2"),
        (landsat("LM05_L1GS_039039_20130107_02_T2", platform="landsat-5", landsat__correction="L1GS"), "MSS"),
        (landsat("LT05_L1GS_039039_20130107_02_T2", platform="landsat-5", landsat__correction="L1GS"), "Level 1"),
        (landsat("LC09_L1TP_183028_20230601_01_T1") | {"collection": "landsat"}, "Level 1"),
        (landsat("LC09_L2SP_183028_20160601_01_T1"), "Collection 1"),
        (landsat(keys=("lwir11", "qa_pixel")), "has 0 of the reflectance bands"),
        (item(datetime="last summer"), "'last summer'"),
        (item(datetime=None), "no acquisition time"),
        (item() | {"geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}, "no usable footprint"),
        (item() | {"geometry": None, "bbox": None}, "no usable footprint"),
        (item(asset={"href": ""}), "has no href"),
    ],
)
def test_what_is_no_scene_is_refused_in_one_line_with_its_id(raw, words):
    with pytest.raises(CatalogError, match=words) as caught:
        scene_from_item(raw)
    assert raw["id"] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_properties_are_found_wherever_providers_put_them():
    raw = item(drop=("proj:epsg",), s2__mean_solar_zenith=40.0, eo__cloud_cover=-1)
    raw["assets"]["red"]["proj:code"] = "EPSG:32636"
    scene = scene_from_item(raw)
    assert (scene.epsg, scene.sun_elevation_deg, scene.cloud_cover) == (32636, 50.0, None)
    scene = scene_from_item(item(drop=("proj:epsg",), proj__code="EPSG:3035", datetime="2016-01-11"))
    assert scene.epsg == 3035
    assert scene.datetime == datetime(2016, 1, 11, tzinfo=UTC)
    scene = scene_from_item(item(drop=("proj:epsg",), datetime=None, start_datetime="2023-06-01T12:00:00+03:00"))
    assert scene.epsg is None
    assert scene.datetime == datetime(2023, 6, 1, 9, tzinfo=UTC)
    assert scene_from_item(item() | {"geometry": None}).footprint.equals(SQUARE)
    across = scene_from_item(item() | {"geometry": None, "bbox": [179.0, 60.0, 0.0, -179.0, 61.0, 9.0]}).footprint
    assert across.bounds == (-180.0, 60.0, 180.0, 61.0)
    assert across.area == pytest.approx(2.0)
    assert scene_from_item(item(platform=None)).platform == "sentinel-2a"


def test_a_footprint_across_the_antimeridian_does_not_cover_the_world():
    ring = [[179.0, 60.0], [-179.0, 60.0], [-179.0, 61.0], [179.0, 61.0], [179.0, 60.0]]
    footprint = scene_from_item(item() | {"geometry": {"type": "Polygon", "coordinates": [ring]}}).footprint
    assert footprint.intersects(box(179.4, 60.4, 179.5, 60.5))
    assert footprint.intersects(box(-179.5, 60.4, -179.4, 60.5))
    assert not footprint.intersects(box(24, 60.4, 25, 60.5))


def test_a_footprint_whose_corners_are_in_disorder_across_the_antimeridian_is_mended():
    ring = [[-179.5, 62.7], [179.9, 62.0], [-177.8, 60.6], [-179.9, 61.0], [-179.5, 62.7]]
    footprint = scene_from_item(item() | {"geometry": {"type": "Polygon", "coordinates": [ring]}}).footprint
    assert footprint.is_valid
    assert 0 < footprint.area < 6
    assert not footprint.intersects(box(-170, 60, 170, 63))


def test_an_item_object_and_its_json_give_the_same_scene():
    raw = item(asset=DECLARES)
    for key in raw["assets"]:
        raw["assets"][key] = {**raw["assets"][key], "href": f"https://example.org/{key}.tif"}
    assert scene_from_item(pystac.Item.from_dict(raw)) == scene_from_item(raw)
