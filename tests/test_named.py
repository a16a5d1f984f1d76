"""What a user may write after `--catalog`."""

import json
import logging
from pathlib import Path

import pytest
from stac_api import JUNE, SITE, item

from changedetect.catalog import StaticCatalog, is_scene, open_catalog, scene_at
from changedetect.catalog.api import ApiCatalog
from changedetect.catalog.chain import Chain
from changedetect.catalog.geoparquet import GeoparquetCatalog
from changedetect.catalog.named import SERVICES, named_catalog
from changedetect.catalog.products import ProductFolder
from changedetect.errors import CatalogError
from changedetect.testing.stac_server import serve_stac


def members(catalog):
    return [str(one) for one in (catalog.members if isinstance(catalog, Chain) else [catalog])]


@pytest.mark.parametrize("name", SERVICES)
def test_every_named_service_opens_without_being_asked(name):
    service = SERVICES[name]
    assert service.name == name
    assert service.url.startswith("https://")
    assert members(open_catalog(name)) == [f"{name}#{collection}" for collection in service.collections]
    assert members(open_catalog(service.url.rstrip("/"))) == members(open_catalog(name))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("earth-search", ["earth-search#sentinel-2-c1-l2a", "earth-search#sentinel-2-l2a"]),
        (" cdse ", ["cdse#sentinel-2-l2a"]),
        ("planetary-computer#landsat-c2-l2", ["planetary-computer#landsat-c2-l2"]),
        ("planetary-computer#hls2-s30, hls2-l30", ["planetary-computer#hls2-s30", "planetary-computer#hls2-l30"]),
        ("https://stac.example/v1#b,a", ["https://stac.example/v1#b", "https://stac.example/v1#a"]),
        ("HTTPS://me:canary@stac.example/v1?key=canary", ["https://stac.example/v1"]),
        (
            ["cdse", "earth-search"],
            ["cdse#sentinel-2-l2a", "earth-search#sentinel-2-c1-l2a", "earth-search#sentinel-2-l2a"],
        ),
        (["cdse"], ["cdse#sentinel-2-l2a"]),
    ],
)
def test_names_urls_and_collections(where, expected):
    assert members(open_catalog(where)) == expected


def test_files_and_folders_are_told_apart(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "collection.json").write_text('{"type": "FeatureCollection", "features": []}')
    safe = tmp_path / "downloads" / "S2B_MSIL2A_20230601T092601_N0509_R136_T35TKM_20230601T120000.SAFE"
    safe.mkdir(parents=True)
    (tmp_path / "items.PARQUET").write_text("")
    assert isinstance(open_catalog(tmp_path / "static"), StaticCatalog)
    assert isinstance(open_catalog(str(tmp_path / "downloads")), ProductFolder)
    assert isinstance(open_catalog(safe), ProductFolder)
    assert isinstance(open_catalog(tmp_path / "items.PARQUET"), GeoparquetCatalog)
    assert isinstance(open_catalog("https://stac.example/catalog.json"), StaticCatalog)
    assert isinstance(open_catalog("https://stac.example/v1"), ApiCatalog)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("earthsearch", r"no catalog at 'earthsearch' \(did you mean 'earth-search'\?\): give earth-search, planetary"),
        ("planetary", r"did you mean 'planetary-computer'"),
        ("no/such/catalog.json", r"no catalog at 'no/such/catalog\.json': give .*catalog\.json"),
        ("earthsearch#sentinel-2-l2a", r"no catalog at 'earthsearch#sentinel-2-l2a': collections after '#'"),
        ("https://", r"no URL"),
        ("https://[half/stac", r"no URL"),
        ("https://a b/stac?key=canary", r"no URL"),
        ("https://data.example/items.parquet?sig=canary", r"download the stac-geoparquet file"),
        ("s3://bucket/catalog.json?sig=canary", r"no catalog at 's3://bucket/catalog\.json'"),
        (["cdse", "nowhere"], r"no catalog at 'nowhere'"),
        ([], r"no catalog is given: give earth-search"),
        ("", r"no catalog at ''"),
        ("~no-such-user/items.json", r"no catalog at '~no-such-user/items\.json': give"),
        ("x" * 5000, r"no catalog at 'x{100}…': give"),
        (Path("x" * 5000), r"no catalog at 'x{100}…': give"),
        (f"{'x' * 5000}#one", r"no catalog at .*collections after '#'"),
        ("\0", r"no catalog at "),
        ("file:///no/such/catalog.json", r"no catalog at 'file:///no/such/catalog\.json'"),
        ("file://elsewhere/catalog.json", r"no catalog at 'file://elsewhere/catalog\.json'"),
        ("file://", r"no catalog at 'file://'"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_what_is_possible(where, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogError, match=words) as caught:
        open_catalog(where)
    assert "\n" not in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("odd", ["plain", "p#q", "p?q=1", "p%20q", "p q"])
def test_a_path_may_hold_what_means_something_in_urls_and_be_one(odd, tmp_path):
    folder = tmp_path / odd
    folder.mkdir()
    raw = item("a", home=".")
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": [raw]}))
    links = [{"rel": "item", "href": "./one.json"}]
    root = {"type": "Catalog", "id": "root", "stac_version": "1.0.0", "description": "made up", "links": links}
    (folder / "catalog.json").write_text(json.dumps(root))
    (folder / "one.json").write_text(json.dumps(raw))
    for name in ("items.json", "catalog.json", "one.json"):
        path = folder / name
        for where in (path, str(path), path.as_uri(), f"file://{path}", f"file://localhost{path}"):
            (scene,) = open_catalog(where).search(SITE, JUNE)
            assert scene.bands["red"].href == str(folder / "a" / "red.tif")
            assert scene.catalog == str(path).partition("?")[0] or "?" in odd
    assert scene_at((folder / "one.json").as_uri()).bands["red"].href == str(folder / "a" / "red.tif")
    assert is_scene((folder / "one.json").as_uri())
    assert not is_scene("x" * 5000)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(CatalogError, match="earth-search, planetary-computer, cdse"):
        named_catalog("nasa")


def test_collection_1_comes_first_and_the_older_collection_fills_its_holes(tmp_path, caplog):
    items = [
        item(
            "legacy-1", day=1, collection="sentinel-2-l2a", home="https://old.example", s2__processing_baseline="05.11"
        ),
        item("first-1", day=1, collection="sentinel-2-c1-l2a"),
        item("legacy-2", day=2, collection="sentinel-2-l2a", home="https://old.example"),
        item("landsat", day=3, collection="landsat-c2-l2"),
    ]
    with serve_stac(items, tmp_path) as url, caplog.at_level(logging.WARNING):
        found = named_catalog("earth-search", url=url).search(SITE, JUNE)
    assert [(scene.scene_id, scene.collection, scene.catalog) for scene in found] == [
        ("first-1", "sentinel-2-c1-l2a", "earth-search"),
        ("legacy-2", "sentinel-2-l2a", "earth-search"),
    ]
    assert [copy.scene_id for copy in found[0].copies] == ["legacy-1"]
    assert not caplog.records
