"""STAC APIs that are searched: a real one, and ones that differ in what they can."""

import json
import logging
from collections import Counter

import pytest
from shapely.geometry import MultiPolygon, Point, box, mapping, shape
from stac_api import JUNE, SITE, Api, ids, item, searched, serving

from changedetect.catalog import open_catalog
from changedetect.model import Window
from changedetect.testing.stac_server import serve_stac


@pytest.fixture(scope="module")
def rustac_url(tmp_path_factory):
    here = [item(f"day-{day:02d}", day=day) for day in range(1, 31)]
    more = [
        item(
            f"again-{number:03d}",
            day=number % 30 + 1,
            tile=f"35T{'KLMNPQRSTU'[number // 10]}{'ABCDEFGHJK'[number % 10]}",
        )
        for number in range(100)
    ]
    others = [
        item("may", day=31, month=5),
        item("july", month=7),
        item("elsewhere", west=60.0, tile="41TKM"),
        item("radar", platform="sentinel-1a", collection="sentinel-1-grd"),
        item("older", collection="sentinel-2-old"),
    ]
    with serve_stac([*here, *more, *others], tmp_path_factory.mktemp("stac")) as url:
        yield url


def test_a_real_api_is_searched_page_by_page_and_nothing_else_comes_in(rustac_url):
    found = open_catalog(f"{rustac_url}#sentinel-2-l2a").search(SITE, JUNE)
    assert len(found) == 130
    assert set(ids(found)) >= {f"day-{day:02d}" for day in range(1, 31)}
    assert not {"may", "july", "elsewhere", "radar", "older"} & set(ids(found))
    assert [scene.datetime for scene in found] == sorted(scene.datetime for scene in found)
    assert {(scene.catalog, scene.collection) for scene in found} == {(rustac_url, "sentinel-2-l2a")}


def test_without_collections_those_that_seem_to_hold_scenes_are_asked(rustac_url, caplog):
    with caplog.at_level(logging.INFO):
        found = open_catalog(rustac_url).search(SITE, Window.parse("2023-06-01"))
    assert {"again-000", "older"} <= set(ids(found))
    assert "left out: ['sentinel-1-grd']" in caplog.text


def test_the_preferred_collection_gives_the_scene_and_the_next_its_copy(rustac_url):
    day = Window.parse("2023-06-01")
    for order in (("sentinel-2-l2a", "sentinel-2-old"), ("sentinel-2-old", "sentinel-2-l2a")):
        (scene,) = [
            one
            for one in open_catalog(f"{rustac_url}#{','.join(order)}").search(SITE, day)
            if "again" not in one.scene_id
        ]
        assert (scene.collection, *(copy.collection for copy in scene.copies)) == order


def test_nothing_is_asked_before_the_first_search_and_the_landing_page_once():
    with serving(Api([item("a")])) as api:
        served = Counter()
        honest = api.answer
        api.answer = lambda method, path, body: served.update([path]) or honest(method, path, body)
        catalog = open_catalog(f"{api.url}#sentinel-2-l2a")
        assert not served
        assert ids(catalog.search(SITE, JUNE)) == ids(catalog.search(SITE, JUNE)) == ["a"]
        assert served == {"/": 1, "/search": 2}


def test_a_server_without_post_is_asked_by_get():
    def search(asked):
        assert asked["collections"] == "sentinel-2-l2a"
        assert json.loads(asked["intersects"])["type"] == "Polygon"
        return {"features": [item("a"), item("b", month=8)]}

    with serving(Api(search=search, methods=("GET",))) as api:
        assert ids(searched(api, "sentinel-2-l2a").search(SITE, JUNE)) == ["a"]


def test_pages_asked_for_by_get_links_are_followed_and_relative_links_too():
    def search(asked):
        if asked.get("token") == "two":
            return {"features": [item("b", day=2)], "links": None}
        return {"features": [item("a")], "links": [{"rel": "next", "href": "./search?token=two"}]}

    with serving(Api(search=search)) as api:
        assert ids(searched(api).search(SITE, JUNE)) == ["a", "b"]


def test_an_empty_page_ends_a_search_whatever_its_next_link_says():
    def search(asked):
        link = {"rel": "next", "method": "POST", "href": f"{api.url}/search", "body": {**asked, "skip": 1}}
        return {"features": [] if asked.get("skip") else [item("a")], "links": [link]}

    with serving(Api(search=search)) as api:
        assert ids(searched(api).search(SITE, JUNE)) == ["a"]
        assert len(api.asked) == 2


def test_a_site_across_the_antimeridian_is_asked_for_on_either_side():
    west, east = box(179.9, 60.0, 180.0, 60.2), box(-180.0, 60.0, -179.9, 60.2)
    across = item("across")
    ring = [[179.5, 59.5], [180.5, 59.5], [180.5, 60.5], [179.5, 60.5], [179.5, 59.5]]
    across["geometry"] = {"type": "Polygon", "coordinates": [ring]}

    def search(asked):
        ground = shape(asked["intersects"])
        assert ground.bounds[2] - ground.bounds[0] < 1
        beside = item(f"beside-{ground.bounds[0] > 0}", tile="60VXL")
        beside["geometry"] = mapping(ground.buffer(0.01).envelope)
        return {"features": [across, beside]}

    with serving(Api(search=search)) as api:
        found = searched(api).search(MultiPolygon([west, east]), JUNE)
    assert len(api.asked) == 2
    assert sorted(ids(found)) == ["across", "beside-False", "beside-True"]


def test_a_long_outline_is_asked_for_by_its_hull():
    star = MultiPolygon([box(24.4, 46.4, 24.41, 46.41), box(24.49, 46.49, 24.5, 46.5)]).union(
        Point(24.45, 46.45).buffer(0.02, 200)
    )
    with serving(Api([item("a")])) as api:
        assert ids(searched(api).search(star, JUNE)) == ["a"]
    asked = shape(api.asked[0]["intersects"])
    assert asked.covers(star)
    assert len(asked.exterior.coords) <= 100


@pytest.mark.parametrize("site", [box(-180, 84, 180, 88), box(-180, -90, 180, -84)])
def test_a_site_around_a_pole_is_asked_for_whole(site):
    polar = item("polar", tile="")
    polar["geometry"] = mapping(box(20, site.bounds[1], 60, site.bounds[3]))
    with serving(Api([polar])) as api:
        assert ids(searched(api).search(site, JUNE)) == ["polar"]
    assert [shape(asked["intersects"]).bounds for asked in api.asked] == [site.bounds]
