"""Catalogs in files, on disk and behind HTTP, and several catalogs as one."""

import json
import logging
import shutil

import pystac
import pytest
import rustac
from shapely.geometry import box
from stac_api import HASTY, JUNE, SITE, Api, ids, item, searched, serving

from changedetect.catalog import open_catalog
from changedetect.catalog.chain import Chain
from changedetect.catalog.static import StaticCatalog
from changedetect.errors import CatalogError
from changedetect.journal import in_words, journal


def written(folder, *raws):
    root = pystac.Catalog("root", "made up")
    everywhere = pystac.Extent(pystac.SpatialExtent([[-180, -90, 180, 90]]), pystac.TemporalExtent([[None, None]]))
    collection = pystac.Collection("sentinel-2-l2a", "made up", everywhere)
    root.add_child(collection)
    for raw in raws:
        for key in raw["assets"]:
            raw["assets"][key]["href"] = f"./{key}.tif"
        collection.add_item(pystac.Item.from_dict(raw))
    root.normalize_and_save(str(folder), pystac.CatalogType.SELF_CONTAINED)
    return folder


def test_a_static_catalog_filters_sorts_and_resolves_hrefs(tmp_path):
    catalog = open_catalog(
        written(
            tmp_path,
            item("late", datetime="2023-06-30T23:59:59Z"),
            item("early", datetime="2023-06-01T00:00:00Z"),
            item("too-late", datetime="2023-07-01T00:10:00Z"),
            item("elsewhere", west=30.0, tile="36TKM"),
            item("radar", platform="sentinel-1a"),
        )
    )
    found = catalog.search(SITE, JUNE)
    assert ids(found) == ["early", "late"]
    assert found[0].bands["red"].href == str(tmp_path / "sentinel-2-l2a" / "early" / "red.tif")
    assert catalog.search(box(0, 0, 1, 1), JUNE) == ()


def test_items_are_read_once_and_at_the_first_search(tmp_path):
    catalog = open_catalog(written(tmp_path, item("a")))
    first = catalog.search(SITE, JUNE)
    shutil.rmtree(tmp_path / "sentinel-2-l2a")
    assert len(first) == 1
    assert catalog.search(SITE, JUNE) == first


def test_a_broken_item_loses_itself_and_no_more(tmp_path, caplog):
    written(tmp_path, item("whole"), item("cut", tile="35TLM"), item("gone", tile="35TMM"))
    (tmp_path / "sentinel-2-l2a" / "cut" / "cut.json").write_text('{"type": "Feature", ')
    (tmp_path / "sentinel-2-l2a" / "gone" / "gone.json").unlink()
    with caplog.at_level(logging.WARNING):
        found = open_catalog(tmp_path).search(SITE, JUNE)
    assert [scene.scene_id for scene in found] == ["whole"]
    assert sum("can't be read" in record.message for record in caplog.records) == 2


def test_why_an_item_was_left_out_is_in_the_log(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        open_catalog(written(tmp_path, item("radar", platform="sentinel-1a"), item("good"))).search(SITE, JUNE)
    assert "radar is of platform 'sentinel-1a'" in caplog.text


@pytest.mark.parametrize("where", ["no/such/catalog.json", "."])
def test_what_is_no_catalog_says_what_is_possible(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogError, match=r"no catalog at .*catalog\.json"):
        open_catalog(where)


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"type": "Catalog"}'])
def test_a_file_that_is_no_catalog_is_refused_at_once(tmp_path, text):
    (tmp_path / "catalog.json").write_text(text)
    with pytest.raises(CatalogError, match=r"catalog\.json is not a STAC catalog") as caught:
        open_catalog(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_file_and_its_folder_open_the_same_catalog(tmp_path):
    written(tmp_path, item("a"))
    catalogs = [open_catalog(str(tmp_path)), open_catalog(tmp_path / "catalog.json")]
    assert all(isinstance(catalog, StaticCatalog) and catalog.path == tmp_path / "catalog.json" for catalog in catalogs)
    assert catalogs[0].search(SITE, JUNE) == catalogs[1].search(SITE, JUNE)


def test_a_static_catalog_is_read_over_http_too(tmp_path, caplog):
    written(tmp_path, item("a"), item("b", day=2), item("gone", day=3))
    files = {f"/{path.relative_to(tmp_path).as_posix()}": path.read_text() for path in tmp_path.rglob("*.json")}
    with serving(Api()) as api:
        api.files = {path: text for path, text in files.items() if "gone" not in path.rpartition("/")[2]}
        catalog = open_catalog(f"{api.url}/catalog.json")
        found = catalog.search(SITE, JUNE)
    assert ids(found) == ["a", "b"]
    assert found[0].bands["red"].href == f"{api.url}/sentinel-2-l2a/a/red.tif"
    assert found[0].catalog == f"{api.url}/catalog.json"
    assert "gone.json: can't be read" in caplog.text
    assert catalog.search(SITE, JUNE) == found  # the server is gone, too


def test_a_static_catalog_that_is_not_there_fails_and_may_come_back(tmp_path):
    written(tmp_path, item("a"))
    with serving(Api()) as api:
        catalog = StaticCatalog(f"{api.url}/catalog.json", patience=HASTY)
        with pytest.raises(CatalogError, match=r"catalog\.json answered HTTP 404 \(nothing here\): check its address"):
            catalog.search(SITE, JUNE)
        api.files["/catalog.json"] = json.dumps({"type": "FeatureCollection", "features": [item("a", home=".")]})
        (scene,) = catalog.search(SITE, JUNE)
        assert scene.qa.href == f"{api.url}/a/scl.tif"


def test_a_catalog_that_links_to_itself_is_read_once(tmp_path):
    written(tmp_path, item("a"))
    for name in ("catalog.json", "sentinel-2-l2a/collection.json"):
        raw = json.loads((tmp_path / name).read_text())
        raw["links"] += [{"rel": "child", "href": str(tmp_path / "catalog.json")}] * 2
        (tmp_path / name).write_text(json.dumps(raw))
    assert ids(open_catalog(tmp_path).search(SITE, JUNE)) == ["a"]


@pytest.mark.parametrize("name", ["items.json", "items.geojson", "items.parquet"])
def test_a_file_of_items_is_a_catalog(tmp_path, name):
    items = [item("a", home="."), item("b", day=2, home="https://data.example"), item("july", month=7)]
    items[1]["assets"]["thumbnail"] = {"href": "./b.png"}
    collection = {"type": "FeatureCollection", "features": items}
    if name.endswith("parquet"):
        rustac.write_sync(str(tmp_path / name), collection)
    else:
        (tmp_path / name).write_text(json.dumps(collection))
    found = open_catalog(tmp_path / name).search(SITE, JUNE)
    assert ids(found) == ["a", "b"]
    assert found[0].bands["red"].href == str(tmp_path / "a" / "red.tif")
    assert found[1].bands["red"].href == "https://data.example/b/red.tif"
    assert {scene.catalog for scene in found} == {str(tmp_path / name)}


def test_a_single_item_is_a_catalog(tmp_path):
    (tmp_path / "item.json").write_text(json.dumps(item("a", home=".")))
    (scene,) = open_catalog(tmp_path / "item.json").search(SITE, JUNE)
    assert scene.qa.href == str(tmp_path / "a" / "scl.tif")


def test_a_broken_parquet_file_is_told_in_one_line(tmp_path):
    (tmp_path / "items.parquet").write_text("no parquet")
    with pytest.raises(CatalogError, match=r"items\.parquet can't be read as stac-geoparquet") as caught:
        open_catalog(tmp_path / "items.parquet").search(SITE, JUNE)
    assert "\n" not in str(caught.value)


# Several


def test_a_dead_catalog_costs_only_itself(tmp_path, caplog):
    (tmp_path / "items.json").write_text(json.dumps(item("a")))
    with serving(Api(search=lambda _: (403, {}, ""))) as api, journal() as kept:
        chain = open_catalog([f"{api.url}#one,two", tmp_path / "items.json"])
        assert len(chain.members) == 3
        assert ids(chain.search(SITE, JUNE)) == ["a"]
        assert len(api.asked) == 2
        with pytest.raises(CatalogError, match=r"the other catalogs know of no scene, and .* HTTP 403"):
            chain.search(box(0, 0, 1, 1), JUNE)
    (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert f"catalog {api.url}#one is left out: {api.url} answered HTTP 403" in warning
    assert "HTTP 403" in in_words(kept)


def test_all_dead_is_an_error_with_every_reason():
    one, two = (Api(search=lambda _, status=status: (status, {}, "")) for status in (403, 400))
    with serving(one), serving(two), pytest.raises(CatalogError, match=r"HTTP 403.*; .*HTTP 400") as caught:
        Chain([searched(one), searched(two)]).search(SITE, JUNE)
    assert "\n" not in str(caught.value)


def test_the_first_catalog_of_a_chain_gives_the_scene(tmp_path):
    paths = [tmp_path / "new.json", tmp_path / "old.json"]
    paths[0].write_text(json.dumps(item("new", home="https://new.example", s2__processing_baseline="05.11")))
    paths[1].write_text(json.dumps(item("old", home="https://old.example", s2__processing_baseline="05.00")))
    for order in (paths, paths[::-1]):
        (scene,) = open_catalog(order).search(SITE, JUNE)
        assert [scene.catalog, *(copy.catalog for copy in scene.copies)] == [str(path) for path in order]
