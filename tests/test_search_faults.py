"""Searches of STAC APIs with every fault that public ones have shown."""

import json
import logging
import threading
from datetime import date

import pytest
from stac_api import HASTY, JUNE, SITE, Api, ids, item, searched, serving

from changedetect.catalog import open_catalog
from changedetect.catalog.api import ApiCatalog, StacApi
from changedetect.catalog.chain import Chain
from changedetect.errors import CatalogError
from changedetect.journal import in_words, journal
from changedetect.model import Window


def test_a_server_that_ignores_every_filter_is_filtered_on_this_side(caplog):
    items = [
        *(item(f"day-{day}", day=day) for day in (1, 30)),
        item("may", day=31, month=5),
        item("elsewhere", west=60.0, tile="41TKM"),
        item("older", collection="sentinel-2-old"),
        item("no-scene", platform="sentinel-1a"),
        "no item at all",
        {"id": None, "links": 7, "assets": "none"},
    ]
    with serving(Api()) as api:
        api.search = lambda asked: api.paged(items, asked)
        with caplog.at_level(logging.INFO):
            assert ids(searched(api, "sentinel-2-l2a").search(SITE, JUNE)) == ["day-1", "day-30"]
    assert "left out: item no-scene" in caplog.text


@pytest.mark.parametrize("cycle", [1, 3])
def test_pages_without_end_end(cycle, caplog):
    def search(asked):
        page = asked.get("page", 0)
        link = {
            "rel": "next",
            "method": "POST",
            "href": f"{api.url}/search",
            "body": {**asked, "page": (page + 1) % cycle},
        }
        return {"features": [item(f"page-{page}", day=page + 1)], "links": [link]}

    with serving(Api(search=search)) as api, journal() as kept:
        assert len(searched(api).search(SITE, JUNE)) == cycle
    assert len(api.asked) == cycle + 1
    assert "the same page" in caplog.text
    assert "may be incomplete" in in_words(kept)


def test_a_server_that_never_runs_out_of_other_things_is_refused():
    def search(asked):
        page = asked.get("page", 0)
        link = {"rel": "next", "method": "POST", "href": f"{api.url}/search", "body": {"page": page + 1}}
        return {"features": [{"id": f"thing-{page}"}], "links": [link]}

    with (
        serving(Api(search=search)) as api,
        pytest.raises(CatalogError, match=r"more than 300 pages.*ignores the search"),
    ):
        searched(api).search(SITE, JUNE)


def test_busy_servers_are_asked_again_when_they_say():
    answers = iter([(429, {"Retry-After": "0"}, ""), (503, {"Retry-After": "soon"}, "")])
    with serving(Api([item("a")])) as api, journal() as kept:
        api.search = lambda asked: next(answers, None) or api.honest(asked)
        assert ids(searched(api).search(SITE, JUNE)) == ["a"]
    assert in_words(kept) == "search repeated: HTTP 429; search repeated: HTTP 503"


def test_a_server_that_asks_for_hours_gets_seconds():
    answers = iter([(429, {"Retry-After": "7200"}, "")])
    with serving(Api([item("a")])) as api:
        api.search = lambda asked: next(answers, None) or api.honest(asked)
        assert ids(searched(api).search(SITE, JUNE)) == ["a"]


def slow_over(days, stall):
    def search(asked):
        start, end = (date.fromisoformat(one[:10]) for one in asked["datetime"].split("/"))
        if (end - start).days + 1 > days:
            return stall()
        return api_of_slow[0].honest(asked)

    api_of_slow = []
    api = Api([item(f"day-{day:02d}", day=day) for day in range(1, 31)], search=search)
    api_of_slow.append(api)
    return api


def test_a_long_window_that_times_out_is_split():
    released = threading.Event()
    with serving(slow_over(15, lambda: released.wait(5) and {"features": []})) as api, journal() as kept:
        found = searched(api).search(SITE, JUNE)
        released.set()
    assert len(found) == 30
    assert api.windows[0] == "2023-06-01/2023-06-30"
    assert {"2023-06-01/2023-06-15", "2023-06-16/2023-06-30"} <= set(api.windows)
    assert "gave no answer within 0.3 s" in in_words(kept)


@pytest.mark.parametrize(
    "stall",
    [
        (504, {}, ""),
        (200, {}, '{"features": ['),
        (200, {"Content-Length": "5000"}, "{"),
        (200, {"Content-Length": "5000", "Connection": "close"}, "{"),
    ],
)
def test_a_window_that_is_too_much_is_split_down_to_days(stall):
    with serving(slow_over(2, lambda: stall)) as api:
        found = searched(api).search(SITE, Window.parse("2023-06-01/2023-06-08"))
    assert len(found) == 8
    assert [window for window in api.windows if window[8:10] == "01"][-1] == "2023-06-01/2023-06-02"


def test_a_server_that_can_not_do_a_single_day_fails_in_one_line():
    with serving(Api(search=lambda _: (504, {}, "<html>token=canary</html>"))) as api:
        with pytest.raises(
            CatalogError, match=r"HTTP 504.*try again later .*even a single day, 2023-06-01, .* 3 times\)"
        ) as caught:
            searched(api).search(SITE, JUNE)
        assert len(api.asked) < 10
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {}, "<!DOCTYPE html><title>Sign in</title>"), r"web page instead of STAC"),
        ((200, {}, "[1, 2]"), r"JSON that is no object"),
        ((200, {}, {"code": "NotFound"}), r"answered without 'features'"),
        (
            (400, {}, {"description": "bad date,\nsee https://h/x?sig=canary"}),
            r"HTTP 400 \(bad date, see https://h/x\)",
        ),
        ((403, {}, ""), r"HTTP 403: this search needs an account"),
        ((503, {}, ""), r"HTTP 503, 3 times in a row: try again later"),
    ],
)
def test_what_is_no_answer_is_told_in_one_line(answer, words):
    with serving(Api(search=lambda _: answer)) as api, pytest.raises(CatalogError, match=words) as caught:
        searched(api, name="my-server").search(SITE, Window.parse("2023-06-01"))
    assert str(caught.value).startswith("my-server ")
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_redirect_to_a_login_page_is_told():
    with serving(Api(search=lambda _: (302, {"Location": "/login"}, ""))) as api:
        api.files["/login"] = "<html>who are you?</html>"
        with pytest.raises(CatalogError, match="behind a login"):
            searched(api).search(SITE, JUNE)


def test_what_is_no_stac_api_says_so():
    api = Api(landing=(200, {}, {"type": "Catalog", "links": []}))
    with serving(api), pytest.raises(CatalogError, match=r"give the URL of its catalog\.json"):
        searched(api).search(SITE, JUNE)
    with pytest.raises(CatalogError, match=r"can't be reached \(NewConnectionError\)") as caught:
        open_catalog(f"http://user:canary@127.0.0.1:{api.url.rpartition(':')[2]}/stac?key=canary").search(SITE, JUNE)
    assert "canary" not in str(caught.value)


TOLD = {"collections": [{"id": name} for name in ("sentinel-2-l2a", "landsat-c2-l2", *map(str, range(20)))]}


def asked_in_vain(*collections, told=TOLD, one=None):
    """Search a server that has nothing and names its collections; `one` is what it knows of each alone."""
    with serving(Api()) as api:
        api.files = {"/collections": json.dumps(told)}
        api.files |= {f"/collections/{name}": json.dumps({"id": name}) for name in one or ()}
        catalog = searched(api, *collections)
        return [catalog.search(SITE, JUNE), catalog.search(SITE, JUNE)]


def test_a_misspelt_collection_is_told_at_the_first_empty_answer():
    words = r"has no collection 'sentinel-2-l2aa' \(did you mean 'sentinel-2-l2a'\?\): it has 0, 1, .*, …$"
    with pytest.raises(CatalogError, match=words) as caught:
        asked_in_vain("sentinel-2-l2aa")
    assert "\n" not in str(caught.value)
    with pytest.raises(CatalogError, match=r"has no collection 'nope': it has"):
        asked_in_vain("sentinel-2-l2a", "nope")


def test_nothing_is_nothing_where_the_collection_is_there_or_may_be():
    assert asked_in_vain("sentinel-2-l2a", "landsat-c2-l2") == [(), ()]
    assert asked_in_vain("hidden", one=["hidden"]) == [(), ()]
    assert asked_in_vain("any", told={"collections": []}) == [(), ()]
    assert asked_in_vain("any", told={"features": []}) == [(), ()]
    with serving(Api([item("a", month=1)])) as api:
        served = []
        honest = api.answer
        api.answer = lambda method, path, body: served.append(path) or honest(method, path, body)
        catalog = searched(api, "sentinel-2-l2a")
        assert [catalog.search(SITE, JUNE) for _ in range(3)] == [()] * 3
        assert served.count("/collections") == 1


def test_items_that_are_all_refused_are_an_error_with_the_reason():
    radar = [item("one", platform="sentinel-1a"), item("two", platform="sentinel-1a")]
    with (
        serving(Api(radar)) as api,
        pytest.raises(CatalogError, match="none of 2 items is a scene that can be read; the first: item one"),
    ):
        searched(api).search(SITE, JUNE)


def test_a_server_is_never_asked_more_at_once_than_it_likes():
    pause = threading.Event()
    with serving(Api([item("a")])) as api:
        api.search = lambda asked: pause.wait(0.03) or api.honest(asked)
        shared = StacApi(api.url, connections=2, patience=HASTY)
        catalogs = [ApiCatalog(shared, ["sentinel-2-l2a"]) for _ in range(8)]
        assert Chain(catalogs).search(SITE, JUNE)
    assert api.peak == 2
