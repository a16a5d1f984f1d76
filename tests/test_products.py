import json
import logging
import re
import shutil
import tarfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from changedetect import geotiff
from changedetect.catalog import products
from changedetect.catalog.acquisitions import merge
from changedetect.catalog.items import entry_from_item
from changedetect.catalog.products import ProductFolder, looks_like_products, scene_of_product
from changedetect.errors import CatalogError, ConfigError, RasterError
from changedetect.lonlat import footprint
from changedetect.model import Window
from changedetect.sensors import SENSORS
from changedetect.testing import Acquisition, farmland, observe, write_scene
from changedetect.testing.products import write_bundle, write_safe

YEAR = Window.parse("2023-01-01/2023-12-31")
WORLD = box(-180, -90, 180, 90)
MOMENT = datetime(2023, 7, 1, 9, 36, 11, tzinfo=UTC)


def look(sensor, baseline="05.10", moment=MOMENT):
    land = farmland("products", west=500_040, north=5_100_000, epsg=32634, size_m=(240, 240), seed=2)
    return observe(land, Acquisition(sensor=sensor, moment=moment, seed=1, baseline=baseline, wedge=0.4))


@pytest.fixture(scope="module")
def sentinel():
    return look("sentinel-2-l2a")


@pytest.fixture(scope="module")
def landsat():
    return look("landsat-8-9-c2-l2")


@pytest.fixture(scope="module")
def written(tmp_path_factory, sentinel, landsat):
    """One product of each kind, to be copied before it is damaged."""
    folder = tmp_path_factory.mktemp("written")
    write_safe(sentinel, folder)
    write_safe(sentinel, folder, zipped=True)
    write_bundle(landsat, folder)
    write_bundle(landsat, folder, packed="tar")
    return folder


SAFE = "S2A_MSIL2A_20230701T093611_N0510_R036_T34TER_20230701T183611.SAFE"
BUNDLE = "LC08_L2SP_187027_20230701_20230713_02_T1"


@pytest.fixture
def safe(written, tmp_path):
    return Path(shutil.copytree(written / SAFE, tmp_path / "in" / SAFE))


@pytest.fixture
def bundle(written, tmp_path):
    return Path(shutil.copytree(written / BUNDLE, tmp_path / "in" / BUNDLE))


def same_pixels(scene, observation):
    """Every band of a scene, read from its file and calibrated, is what the simulator saw; so is the quality layer."""
    assert scene.sensor == observation.acquisition.sensor
    assert set(scene.bands) == set(observation.bands) == set(SENSORS[scene.sensor].assets)
    scale = SENSORS[scene.sensor].scale
    for name, (numbers, grid) in observation.bands.items():
        asset = scene.bands[name]
        data, valid = geotiff.read(asset.href, grid, nodata=asset.nodata)
        assert geotiff.info(asset.href).geobox == grid
        np.testing.assert_array_equal(valid, numbers != 0)
        assert 0 < valid.sum() < valid.size
        exact = numbers * scale + observation.acquisition.offset
        np.testing.assert_array_equal((data[0] * asset.scale + asset.offset)[valid], exact[valid])
    codes, _ = geotiff.read(scene.qa.href, observation.qa[1], nodata=scene.qa.nodata)
    np.testing.assert_array_equal(codes[0], observation.qa[0])


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def refusal(path):
    """The one line that a product is refused with."""
    with pytest.raises(CatalogError) as caught:
        scene_of_product(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("baseline", ["02.05", "02.14", "04.00", "05.10"])
def test_a_safe_gives_back_what_was_seen(tmp_path, baseline, zipped):
    seen = look("sentinel-2-l2a", baseline)
    scene = scene_of_product(write_safe(seen, tmp_path, zipped=zipped))
    same_pixels(scene, seen)
    shifted = baseline >= "04.00"
    assert {asset.offset for asset in scene.bands.values()} == {-0.1 if shifted else 0.0}
    told = "-0.1: its XML declares" if shifted else "0: its XML declares no"
    assert scene.notes == (f"reflectance offset {told} BOA_ADD_OFFSET (processing baseline {baseline})",)
    assert not scene.offset_doubted
    assert scene.scene_id == SAFE.replace("0510", baseline.replace(".", "")).removesuffix(".SAFE")
    assert (scene.platform, scene.epsg, scene.collection) == ("sentinel-2a", 32634, "sentinel-2-l2a")
    assert scene.datetime == datetime(2023, 7, 1, 9, 36, 11, 24000, tzinfo=UTC)
    assert scene.sun_elevation_deg == pytest.approx(seen.sun[0], abs=1e-5)
    assert 0 <= scene.cloud_cover <= 100
    assert scene.footprint.equals_exact(footprint(seen.landscape.geobox), 1e-6)


@pytest.mark.parametrize("packed", ["", "tar", "zip"])
def test_a_landsat_bundle_gives_back_what_was_seen(tmp_path, landsat, packed):
    path = write_bundle(landsat, tmp_path, packed=packed)
    scene = scene_of_product(path)
    same_pixels(scene, landsat)
    assert scene.notes == ("reflectance DN * 2.75e-05 -0.2: REFLECTANCE_MULT and REFLECTANCE_ADD of its MTL",)
    assert (scene.scene_id, scene.platform, scene.epsg) == (BUNDLE, "landsat-8", 32634)
    assert scene.datetime == datetime(2023, 7, 1, 9, 36, 11, 123456, tzinfo=UTC)
    assert scene.sun_elevation_deg == pytest.approx(landsat.sun[0], abs=1e-5)
    assert scene.footprint.equals_exact(footprint(landsat.bands["red"][1]), 1e-9)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["txt", "json", "xml"])
def test_any_form_of_the_mtl_will_do(bundle, kind):
    whole = scene_of_product(bundle)
    for other in {"txt", "json", "xml"} - {kind}:
        (bundle / f"{BUNDLE}_MTL.{other}").unlink()
    assert scene_of_product(bundle) == whole
    assert scene_of_product(bundle / f"{BUNDLE}_MTL.{kind}").bands == whole.bands


def test_the_xml_of_a_safe_decides_its_offsets_band_by_band(safe):
    metadata = safe / "MTD_MSIL2A.xml"
    edit(metadata, '<BOA_ADD_OFFSET band_id="7">-1000', '<BOA_ADD_OFFSET band_id="7">-900')
    edit(metadata, ">10000<", ">20000<")
    scene = scene_of_product(safe)
    assert scene.bands["nir"].offset == -0.045
    assert scene.bands["nir08"].offset == -0.05
    assert scene.bands["red"].scale == 0.00005
    assert "B04 -0.05, B08 -0.045" in scene.notes[0]
    edit(metadata, '<BOA_ADD_OFFSET band_id="7">-900</BOA_ADD_OFFSET>', "")
    assert "none of B08" in refusal(safe)


def test_a_new_product_without_offsets_is_doubted(safe):
    metadata = safe / "MTD_MSIL2A.xml"
    metadata.write_text(re.sub(r"<BOA_ADD_OFFSET .*", "", metadata.read_text()))
    scene = scene_of_product(safe)
    assert scene.offset_doubted
    assert "declares no BOA_ADD_OFFSET, though it should" in scene.notes[0]


def test_an_old_product_that_lists_few_images_is_read_by_their_names(safe):
    whole = scene_of_product(safe)
    metadata = safe / "MTD_MSIL2A.xml"
    metadata.write_text(re.sub(r"<IMAGE_FILE>.*B0\d_10m.*\n", "", metadata.read_text()))
    assert scene_of_product(safe).bands == whole.bands


def test_the_mtl_decides_scale_and_offset_and_says_when_they_are_unusual(bundle):
    for name in ("REFLECTANCE_MULT_BAND_4 = 2.75e-05", "REFLECTANCE_ADD_BAND_4 = -0.2"):
        edit(bundle / f"{BUNDLE}_MTL.txt", name, name.replace("2.75e-05", "1e-04").replace("-0.2", "-0.3"))
    scene = scene_of_product(bundle)
    assert (scene.bands["red"].scale, scene.bands["red"].offset) == (1e-4, -0.3)
    assert (scene.bands["blue"].scale, scene.bands["blue"].offset) == (2.75e-5, -0.2)
    assert "unlike the constants of Landsat 8/9" in scene.notes[0]


def test_other_generations_and_projections_of_landsat(bundle):
    mtl = bundle / f"{BUNDLE}_MTL.txt"
    edit(mtl, '"LANDSAT_8"', '"LANDSAT_9"')
    assert scene_of_product(bundle).platform == "landsat-9"
    edit(mtl, 'MAP_PROJECTION = "UTM"', 'MAP_PROJECTION = "PS"')
    scene = scene_of_product(bundle)
    assert scene.epsg == 3031
    assert scene.footprint.bounds[3] < -40
    edit(mtl, '"LANDSAT_9"', '"LANDSAT_5"')
    (bundle / f"{BUNDLE}_SR_B1.TIF").touch()
    assert "SR_B1.TIF missing or empty" in refusal(bundle)
    shutil.copy(bundle / f"{BUNDLE}_SR_B2.TIF", bundle / f"{BUNDLE}_SR_B1.TIF")
    scene = scene_of_product(bundle)
    assert scene.sensor == "landsat-4-7-c2-l2"
    assert scene.bands["blue"].href.endswith("_SR_B1.TIF")
    assert scene.bands["nir08"].href.endswith("_SR_B4.TIF")
    edit(mtl, 'MAP_PROJECTION = "PS"', 'MAP_PROJECTION = "AEA"')
    assert "map projection 'AEA'" in refusal(bundle)


def test_a_safe_across_the_antimeridian_does_not_cover_the_world(safe):
    metadata = safe / "MTD_MSIL2A.xml"
    ring = "<EXT_POS_LIST>60 179.5 60 -179.5 59 -179.5 59 179.5 60 179.5</EXT_POS_LIST>"
    metadata.write_text(re.sub(r"<EXT_POS_LIST>.*</EXT_POS_LIST>", ring, metadata.read_text()))
    outline = scene_of_product(safe).footprint
    assert outline.contains(Point(179.7, 59.5))
    assert outline.contains(Point(-179.7, 59.5))
    assert not outline.contains(Point(0, 59.5))
    ring = "<EXT_POS_LIST>60 20 0 60 21 0 59 21 0 59 20 0 60 20 0</EXT_POS_LIST>"
    metadata.write_text(re.sub(r"<EXT_POS_LIST>.*</EXT_POS_LIST>", ring, metadata.read_text()))
    assert scene_of_product(safe).footprint.equals(box(20, 59, 21, 60))
    ring = "<EXT_POS_LIST>60 20 60 21 60 20</EXT_POS_LIST>"
    metadata.write_text(re.sub(r"<EXT_POS_LIST>.*</EXT_POS_LIST>", ring, metadata.read_text()))
    assert "no EXT_POS_LIST with an area" in refusal(safe)


def test_a_landsat_footprint_across_the_antimeridian_does_not_cover_the_world(bundle):
    mtl = bundle / f"{BUNDLE}_MTL.txt"
    for old, new in (("UTM_ZONE = 34", "UTM_ZONE = 1"), (r"(_X_PRODUCT = )\d+", r"\g<1>300000")):
        mtl.write_text(re.sub(old, new, mtl.read_text()))
    mtl.write_text(re.sub(r"(R_PROJECTION_X_PRODUCT = )\d+", r"\g<1>500000", mtl.read_text()))
    mtl.write_text(re.sub(r"(L[LR]_PROJECTION_Y_PRODUCT = )\d+", r"\g<1>5000000", mtl.read_text()))
    mtl.write_text(re.sub(r"(UL_PROJECTION_X_PRODUCT = )\d+", r"\g<1>200000", mtl.read_text()))
    west, _, east, _ = scene_of_product(bundle).footprint.bounds
    assert (west, east) == (-180, 180)
    assert not scene_of_product(bundle).footprint.contains(Point(0, 45.5))


def test_cloud_cover_and_sun_may_be_missing(safe, bundle):
    edit(safe / "MTD_MSIL2A.xml", "Cloud_Coverage_Assessment", "CLOUDS")
    edit(next(safe.rglob("MTD_TL.xml")), "Mean_Sun_Angle", "Mean_Moon_Angle")
    for name in ("CLOUD_COVER", "SUN_ELEVATION"):
        edit(bundle / f"{BUNDLE}_MTL.txt", name, "OTHER")
    for scene in (scene_of_product(safe), scene_of_product(bundle)):
        assert (scene.cloud_cover, scene.sun_elevation_deg) == (None, None)


def test_a_landsat_scene_in_the_south_is_in_a_northern_zone(bundle):
    mtl = bundle / f"{BUNDLE}_MTL.txt"
    mtl.write_text(re.sub(r"(_Y_PRODUCT = )\d+", r"\g<1>-683700", mtl.read_text()))
    mtl.write_text(re.sub(r"(LR_PROJECTION_Y_PRODUCT = )-\d+", r"\g<1>-915900", mtl.read_text()))
    scene = scene_of_product(bundle)
    assert scene.epsg == 32634
    assert -9 < scene.footprint.bounds[1] < scene.footprint.bounds[3] < -6


def test_all_products_below_a_folder_are_found_and_copies_merged(written, tmp_path, landsat):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    shutil.copytree(written / SAFE, tmp_path / "a" / SAFE)
    shutil.copy(written / f"{SAFE.removesuffix('.SAFE')}.zip", tmp_path)
    shutil.copytree(written / BUNDLE, tmp_path / "a" / "b", dirs_exist_ok=True)
    write_safe(look("sentinel-2-l2a", "04.00"), tmp_path)
    write_safe(look("sentinel-2-l2a", moment=datetime(2022, 7, 1, 9, 36, 11, tzinfo=UTC)), tmp_path / "a")
    write_safe(look("sentinel-2-l2a", moment=datetime(2023, 8, 1, 9, 36, 11, tzinfo=UTC)), tmp_path / "a" / "b" / "c")
    (tmp_path / "notes.txt").write_text("not a product")
    with zipfile.ZipFile(tmp_path / "holiday.zip", "w") as other:
        other.writestr("beach.jpg", b"sand")
    assert looks_like_products(tmp_path)
    catalog = ProductFolder(tmp_path)
    found = catalog.search(WORLD, YEAR)
    assert [scene.scene_id for scene in found] == [SAFE.removesuffix(".SAFE"), BUNDLE]
    assert len(catalog.entries(WORLD, YEAR)) == 4
    assert [scene.bands["red"].href.partition("/GRANULE")[0] for scene in (found[0], *found[0].copies)] == [
        f"{tmp_path}/a/{SAFE}",
        f"/vsizip/{tmp_path}/{SAFE.removesuffix('.SAFE')}.zip/{SAFE}",
        f"{tmp_path}/{SAFE.replace('0510', '0400')}",
    ]
    assert {scene.catalog for scene in found} == {str(tmp_path)}
    same_pixels(found[1], landsat)
    assert catalog.search(box(0, 0, 1, 1), YEAR) == ()
    assert catalog.search(WORLD, Window.parse("2021-07")) == ()


def test_a_product_and_items_of_catalogs_are_one_acquisition(safe, bundle, sentinel, landsat, tmp_path):
    (seen,) = ProductFolder(safe).entries(WORLD, YEAR)
    tile_minute = replace(sentinel.acquisition, moment=MOMENT + timedelta(minutes=5))
    dated_by_tile = entry_from_item(write_scene(replace(sentinel, acquisition=tile_minute), tmp_path))
    dated_by_datatake = entry_from_item(write_scene(sentinel, tmp_path))
    for item in (dated_by_tile, dated_by_datatake):
        (scene,) = merge([[seen], [item]])
        assert scene.scene_id == seen.scene.scene_id
        assert [copy.scene_id for copy in scene.copies] == [item.scene.scene_id]
    (scene,) = merge([[entry_from_item(write_scene(landsat, tmp_path))], ProductFolder(bundle).entries(WORLD, YEAR)])
    assert [copy.scene_id for copy in scene.copies] == [BUNDLE]


def test_bundles_side_by_side_are_told_apart(bundle, landsat, tmp_path):
    other = write_bundle(look("landsat-8-9-c2-l2", moment=datetime(2023, 7, 17, 9, 36, tzinfo=UTC)), tmp_path / "other")
    for file in other.iterdir():
        file.rename(bundle / file.name)
    found = ProductFolder(bundle).search(WORLD, YEAR)
    assert [scene.scene_id for scene in found] == [BUNDLE, other.name]
    same_pixels(found[0], landsat)
    assert "holds 2 products" in refusal(bundle)
    assert scene_of_product(bundle / f"{other.name}_MTL.txt").scene_id == other.name


def test_metadata_is_read_once(safe, monkeypatch):
    catalog = ProductFolder(safe.parent)
    first = catalog.search(WORLD, YEAR)
    monkeypatch.setattr(products, "open_package", lambda path: pytest.fail(f"{path} is opened again"))
    assert catalog.search(WORLD, YEAR) == first
    assert len(first) == 1


def test_archives_packed_in_other_ways(written, tmp_path, landsat, sentinel):
    with tarfile.open(tmp_path / "dotted.tar", "w") as tape:
        tape.add(written / BUNDLE, arcname=".")
    same_pixels(scene_of_product(tmp_path / "dotted.tar"), landsat)
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as store:
        for file in (written / SAFE).rglob("*"):
            store.write(file, f"downloads/{file.relative_to(written)}")
        store.writestr(f"__MACOSX/downloads/{SAFE}/._MTD_MSIL2A.xml", b"shadow")
    same_pixels(scene_of_product(tmp_path / "deep.zip"), sentinel)
    lower = tmp_path / "lower"
    shutil.copytree(written / BUNDLE, lower)
    for file in lower.glob("*.TIF"):
        file.rename(file.with_suffix(".tif"))
    same_pixels(scene_of_product(lower), landsat)


def empty(*patterns):
    def damage(product):
        for pattern in patterns:
            for file in product.rglob(pattern):
                file.write_bytes(b"")

    return damage


def remove(*patterns):
    def damage(product):
        for pattern in patterns:
            for file in product.rglob(pattern):
                file.unlink()

    return damage


def swap(pattern, old, new):
    return lambda product: edit(next(product.rglob(pattern)), old, new)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (remove("*_B08_10m.jp2"), "_B08_10m.jp2 missing or empty; download it again"),
        (empty("*_SCL_20m.jp2", "*B11_20m.jp2"), "_SCL_20m.jp2 missing or empty"),
        (remove("MTD_MSIL2A.xml"), "MTD_MSIL2A.xml missing or empty"),
        (empty("MTD_MSIL2A.xml"), "MTD_MSIL2A.xml missing or empty"),
        (remove("MTD_TL.xml"), "MTD_TL.xml missing or empty"),
        (swap("MTD_MSIL2A.xml", "</n1:General_Info>", ""), "MTD_MSIL2A.xml is not whole XML"),
        (swap("MTD_TL.xml", "<Tile_Angles>", "<Tile_Ang"), "MTD_TL.xml is not whole XML"),
        (swap("MTD_MSIL2A.xml", "<!-- ", "<!DOCTYPE n1 [<!ENTITY a 'b'>]><!-- "), "declares a document type"),
        (
            swap("MTD_MSIL2A.xml", ">Level-2A<", ">Level-1C<"),
            "is Level-1C, not surface reflectance: download the MSIL2A",
        ),
        (swap("MTD_MSIL2A.xml", "BOA_QUANTIFICATION", "TOA_QUANTIFICATION"), "no BOA_QUANTIFICATION_VALUE"),
        (swap("MTD_MSIL2A.xml", ">10000<", ">0<"), "BOA_QUANTIFICATION_VALUE 0"),
        (swap("MTD_MSIL2A.xml", "EXT_POS_LIST", "INT_POS_LIST"), "no EXT_POS_LIST"),
        (swap("MTD_TL.xml", ">EPSG:32634<", ">EPSG:UTM34<"), "invalid literal for int"),
    ],
)
def test_a_broken_safe_is_refused_in_one_line_and_costs_only_itself(safe, bundle, damage, why, caplog):
    damage(safe)
    line = refusal(safe)
    assert why in line
    assert SAFE in line
    with caplog.at_level(logging.WARNING):
        found = ProductFolder(safe.parent).search(WORLD, YEAR)
    assert [scene.scene_id for scene in found] == [bundle.name]
    assert [record.message for record in caplog.records] == [f"left out: {line}"]
    with pytest.raises(CatalogError, match=r"no product of .* can be read: product") as caught:
        ProductFolder(safe).search(WORLD, YEAR)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (remove("*_SR_B4.TIF"), "_SR_B4.TIF missing or empty; download it again"),
        (empty("*_QA_PIXEL.TIF"), "_QA_PIXEL.TIF missing or empty"),
        (remove("*_MTL.*"), "its _MTL.txt is missing or empty"),
        (swap("*_MTL.txt", 'PROCESSING_LEVEL = "L2SP"', 'PROCESSING_LEVEL = "L1TP"'), "level L1TP, no surface refl"),
        (swap("*_MTL.txt", "COLLECTION_NUMBER = 02", "COLLECTION_NUMBER = 01"), "Landsat Collection 01"),
        (swap("*_MTL.txt", "PRODUCT_CONTENTS", "PRODUCT_METADATA"), "Collection unknown, level unknown"),
        (swap("*_MTL.txt", '"LANDSAT_8"', '"LANDSAT_3"'), "is of LANDSAT_3"),
        (swap("*_MTL.txt", "2.75e-05", "much"), "could not convert string to float: 'much'"),
        (swap("*_MTL.txt", "REFLECTANCE_ADD_BAND_5 = -0.2", ""), "(no REFLECTANCE_ADD_BAND_5)"),
        (swap("*_MTL.txt", "2.75e-05", "nan"), "DN * nan -0.2 is no reflectance"),
        (swap("*_MTL.txt", "UTM_ZONE = 34", "UTM_ZONE = 99"), "UTM_ZONE 99"),
    ],
)
def test_a_broken_bundle_is_refused_in_one_line_and_costs_only_itself(safe, bundle, damage, why, caplog):
    damage(bundle)
    line = refusal(bundle)
    assert why in line
    assert BUNDLE in line
    with caplog.at_level(logging.WARNING):
        found = ProductFolder(bundle.parent).search(WORLD, YEAR)
    assert [f"{scene.scene_id}.SAFE" for scene in found] == [safe.name]
    assert [record.message for record in caplog.records] == [f"left out: {line}"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", [f"{SAFE.removesuffix('.SAFE')}.zip", f"{BUNDLE}.tar"])
def test_a_truncated_archive_is_refused_in_one_line(written, tmp_path, name, share):
    data = (written / name).read_bytes()
    if name.endswith(".tar"):  # a tar is padded with zeros, which nobody misses
        data = data.rstrip(b"\0")
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    line = refusal(tmp_path / name)
    assert name in line
    assert "incomplete" in line
    assert looks_like_products(tmp_path)


def test_a_damaged_image_fails_when_it_is_read_not_silently(safe, sentinel):
    image = next(safe.rglob("*_B04_10m.jp2"))
    image.write_bytes(image.read_bytes()[:-300])
    scene = scene_of_product(safe)
    with pytest.raises(RasterError, match="B04_10m"):
        geotiff.read(scene.bands["red"].href, sentinel.bands["red"][1])


def test_what_can_not_be_read_in_parts_is_refused(tmp_path):
    (tmp_path / f"{BUNDLE}.tar.gz").write_bytes(b"\x1f\x8b")
    assert "unpack it to a .tar first" in refusal(tmp_path / f"{BUNDLE}.tar.gz")


def test_a_level_1c_product_is_named_as_such(safe):
    metadata = safe / "MTD_MSIL2A.xml"
    edit(metadata, ">Level-2A<", ">Level-1C<")
    metadata.rename(safe / "MTD_MSIL1C.xml")
    next(safe.rglob("MTD_TL.xml")).unlink()
    assert "is Level-1C, not surface reflectance" in refusal(safe)


def test_what_looks_like_products_and_what_does_not(written, tmp_path):
    assert all(looks_like_products(path) for path in (written, *written.iterdir(), written / SAFE / "MTD_MSIL2A.xml"))
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog"}))
    shutil.copy(written / BUNDLE / f"{BUNDLE}_SR_B4.TIF", tmp_path / "red.tif")
    for path in (tmp_path, *tmp_path.iterdir(), tmp_path / "absent", written / BUNDLE / f"{BUNDLE}_SR_B4.TIF"):
        assert not looks_like_products(path)
        assert re.search("holds no product|does not exist", refusal(path))
    with pytest.raises(CatalogError, match="holds no product"):
        ProductFolder(tmp_path).search(WORLD, YEAR)


def test_the_simulator_refuses_the_other_sensor(sentinel, landsat, tmp_path):
    with pytest.raises(ConfigError, match="use write_safe"):
        write_bundle(sentinel, tmp_path)
    with pytest.raises(ConfigError, match="use write_bundle"):
        write_safe(landsat, tmp_path)


def test_the_same_observation_gives_the_same_bytes(sentinel, tmp_path):
    one, other = (write_safe(sentinel, tmp_path / name, zipped=True).read_bytes() for name in "ab")
    assert one == other


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_to_metadata_it_is_read_or_refused(written, tmp_path, data):
    """Values are swapped for others, lines are lost: a scene or one line, never another error."""
    name = data.draw(st.sampled_from([f"{BUNDLE}_MTL.txt", f"{BUNDLE}_MTL.json", "MTD_MSIL2A.xml", "MTD_TL.xml"]))
    source = next(written.rglob(name))
    lines = source.read_text().splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        value = data.draw(st.sampled_from(["", "nan", "-inf", "1e400", "[]", "é", '"', "2023-13-01", "999999999999"]))
        lines[at] = data.draw(st.sampled_from(["", re.sub(r"([>=:] ?)[^<>=:]+", rf"\g<1>{value}", lines[at], count=1)]))
    whole = written / (SAFE if "MTD" in name else BUNDLE)
    product = Path(shutil.copytree(whole, tmp_path / whole.name, dirs_exist_ok=True))
    if name.endswith(".json"):
        (product / f"{BUNDLE}_MTL.txt").unlink()
    next(product.rglob(name)).write_text("\n".join(lines))
    scene, refused = None, ""
    try:
        scene = scene_of_product(product)
    except CatalogError as error:
        refused = str(error)
    if scene is None:
        assert refused
        assert "\n" not in refused
    else:
        assert np.isfinite([(asset.scale, asset.offset) for asset in scene.bands.values()]).all()
        assert scene.footprint.is_valid
        assert np.isfinite(scene.footprint.bounds).all()
