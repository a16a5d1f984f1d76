import json
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest
from shapely.geometry import box, mapping

from changedetect.catalog.acquisitions import merge
from changedetect.catalog.items import entry_from_item

ITEMS = Path(__file__).parent / "items"
WHOLE, WEST, EAST = box(36.1, 49.5, 37.6, 50.5), box(36.1, 49.5, 36.7, 50.5), box(36.7, 49.5, 37.6, 50.5)


def load(name):
    return json.loads((ITEMS / f"{name}.json").read_text())


def look(name, *, catalog="", geometry=WHOLE, like="earth-search-legacy-shifted", drop=(), **properties):
    """An entry of its own files, told of as one provider or another tells of a Sentinel-2 tile."""
    raw = load(like) | {"id": f"S2A_{name}", "geometry": mapping(geometry)}
    raw["properties"] |= {key.replace("__", ":"): value for key, value in properties.items()}
    raw["properties"] = {key: value for key, value in raw["properties"].items() if key not in drop}
    raw["assets"] = {key: asset | {"href": f"./{catalog}/{name}/{key}.tif"} for key, asset in raw["assets"].items()}
    return entry_from_item(raw, catalog=catalog)


def kept(*groups):
    return [(scene.scene_id[4:], [copy.scene_id[4:] for copy in scene.copies]) for scene in merge(groups)]


def test_the_newest_processing_of_one_catalog_is_kept_and_the_older_are_its_copies():
    entries = [
        look("old", s2__processing_baseline="04.00", s2__product_uri="", s2__datatake_id=""),
        look("new", s2__processing_baseline="05.10"),
        look("newest", s2__processing_baseline="05.10", s2__generation_time="2025-01-01T00:00:00Z"),
    ]
    for order in permutations(entries):
        assert kept(order) == [("newest", ["new", "old"])]
    assert all(copy.copies == () for scene in merge([entries]) for copy in scene.copies)


def test_the_first_catalog_is_preferred_whatever_is_newer_elsewhere():
    first = look("first", catalog="one", s2__processing_baseline="04.00")
    newer = look("newer", catalog="two", s2__processing_baseline="05.11")
    older = look("older", catalog="two", s2__processing_baseline="02.14", s2__product_uri="")
    assert kept([first], [older, newer]) == [("first", ["newer", "older"])]
    assert kept([older, newer], [first]) == [("newer", ["older", "first"])]
    (scene,) = merge([[first], [newer]])
    assert (scene.catalog, scene.copies[0].catalog) == ("one", "two")


def test_other_tiles_days_satellites_and_sensors_are_no_copies():
    entries = [
        look("one"),
        look("tile", grid__code="MGRS-37UDR", s2__product_uri="", s2__datatake_id=""),
        look("day", datetime="2024-06-21T08:40:12Z", drop=("s2:product_uri", "s2:datatake_id")),
        entry_from_item(load("planetary-computer-s2")),
        entry_from_item(load("planetary-computer-hls-s30")),
    ]
    assert sum(len(scene.copies) for scene in merge([entries])) == 0
    assert len(merge([entries])) == len(entries)


def test_the_halves_of_a_tile_are_two_looks_in_every_catalog():
    halves = [look("west", geometry=WEST), look("east", geometry=EAST)]
    again = [look("east-again", catalog="two", geometry=EAST), look("west-again", catalog="two", geometry=WEST)]
    assert kept(halves) == [("east", []), ("west", [])]
    assert kept(halves, again) == [("east", ["east-again"]), ("west", ["west-again"])]


@pytest.mark.parametrize(
    "told",
    [
        {"grid__code": "MGRS-37UCR"},
        {"s2__mgrs_tile": "37UCR"},
        {"mgrs__utm_zone": 37, "mgrs__latitude_band": "U", "mgrs__grid_square": "CR"},
        {"sentinel__utm_zone": 37, "sentinel__latitude_band": "U", "sentinel__grid_square": "CR"},
        {"s2__product_uri": "S2A_MSIL2A_20240611T083601_N0510_R064_T37UCR_20240611T131500.SAFE"},
    ],
)
def test_a_tile_is_the_same_however_a_catalog_writes_it(told):
    one = look("one")
    drop = {
        "grid:code", "mgrs:utm_zone", "mgrs:latitude_band", "mgrs:grid_square", "s2:product_uri", "s2:datatake_id",
    }  # fmt: skip
    other = look("other", catalog="two", drop=drop - {key.replace("__", ":") for key in told}, **told)
    assert other.place == one.place
    assert kept([one], [other]) == [("one", ["other"])]


def test_a_zone_below_ten_is_the_same_with_and_without_its_zero():
    told = ({"grid__code": "MGRS-6VVN"}, {"s2__mgrs_tile": "06VVN"}, {"mgrs__utm_zone": 6})
    drop = ("grid:code", "s2:product_uri")
    tiles = {look("x", drop=[one for one in drop if one.replace(":", "__") not in has], **has).place[2] for has in told}
    assert tiles == {"06VVN", "06UCR"}


def test_a_tile_dated_by_its_datatake_is_the_tile_dated_by_its_own_minute():
    own = look("own")
    by_datatake = look("take", catalog="two", datetime="2024-06-11T08:36:01.024Z", drop=("grid:code",))
    assert own.scene.datetime - by_datatake.scene.datetime > timedelta(minutes=4)
    assert kept([own], [by_datatake]) == [("own", ["take"])]


def test_the_very_same_files_told_of_twice_are_one_scene_without_a_copy():
    again = look("one", catalog="")
    assert kept([look("one")], [again]) == [("one", [])]


def test_landsat_real_time_gives_way_to_the_final_product():
    final = load("planetary-computer-landsat")
    early = json.loads(json.dumps(final).replace("_02_T1", "_02_RT"))
    scenes = merge([[entry_from_item(early), entry_from_item(final)]])
    assert [(scene.scene_id[-2:], scene.copies[0].scene_id[-2:]) for scene in scenes] == [("T1", "RT")]


def test_scenes_come_oldest_first():
    names = ("planetary-computer-s2", "landsatlook-l7", "earth-search-c1", "planetary-computer-s2-old", "dea-landsat-5")
    scenes = merge([[entry_from_item(load(name)) for name in names]])
    assert [scene.datetime.year for scene in scenes] == [1998, 2010, 2020, 2024, 2024]
    assert merge([]) == merge([[]]) == ()
