"""What is read of a product: its bands, numbers, outline and times."""

import re
import shutil
from datetime import UTC, datetime

import pytest
from product_cases import BUNDLE, SAFE, edit, look, refusal, same_pixels
from shapely.geometry import Point, box

from changedetect.catalog.products import scene_of_product
from changedetect.lonlat import footprint
from changedetect.testing import write_bundle, write_safe


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
