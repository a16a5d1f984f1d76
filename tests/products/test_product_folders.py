"""Folders and archives with products in them."""

import json
import re
import shutil
import tarfile
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from product_cases import BUNDLE, MOMENT, SAFE, WORLD, YEAR, look, refusal, same_pixels
from shapely.geometry import box

from changedetect.catalog import products
from changedetect.catalog.acquisitions import merge
from changedetect.catalog.items import entry_from_item
from changedetect.catalog.products import ProductFolder, looks_like_products, scene_of_product
from changedetect.errors import CatalogError
from changedetect.model import Window
from changedetect.testing import write_bundle, write_safe, write_scene


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


def test_what_looks_like_products_and_what_does_not(written, tmp_path):
    assert all(looks_like_products(path) for path in (written, *written.iterdir(), written / SAFE / "MTD_MSIL2A.xml"))
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog"}))
    shutil.copy(written / BUNDLE / f"{BUNDLE}_SR_B4.TIF", tmp_path / "red.tif")
    for path in (tmp_path, *tmp_path.iterdir(), tmp_path / "absent", written / BUNDLE / f"{BUNDLE}_SR_B4.TIF"):
        assert not looks_like_products(path)
        assert re.search("holds no product|does not exist", refusal(path))
    with pytest.raises(CatalogError, match="holds no product"):
        ProductFolder(tmp_path).search(WORLD, YEAR)
