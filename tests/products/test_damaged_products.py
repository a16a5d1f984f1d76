"""Products that are incomplete, damaged or something else: each costs only itself, and says why in one line."""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from product_cases import BUNDLE, SAFE, WORLD, YEAR, edit, refusal

from changedetect import geotiff
from changedetect.catalog.products import ProductFolder, looks_like_products, scene_of_product
from changedetect.errors import CatalogError, RasterError


def empty(*patterns):
    return lambda product: [file.write_bytes(b"") for pattern in patterns for file in product.rglob(pattern)]


def remove(*patterns):
    return lambda product: [file.unlink() for pattern in patterns for file in product.rglob(pattern)]


def swap(pattern, old, new):
    return lambda product: edit(next(product.rglob(pattern)), old, new)


def refused_alone(product, other, caplog):
    """The line that a product is refused with; the other in its folder is found all the same."""
    line = refusal(product)
    assert product.name in line
    with caplog.at_level(logging.WARNING):
        found = ProductFolder(product.parent).search(WORLD, YEAR)
    assert [scene.scene_id for scene in found] == [other.name.removesuffix(".SAFE")]
    assert [record.message for record in caplog.records] == [f"left out: {line}"]
    return line


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
    assert why in refused_alone(safe, bundle, caplog)
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
    assert why in refused_alone(bundle, safe, caplog)


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
