"""Laws of objects: their area is their pixels, their outline is about their pixels, their name stays."""

from collections import Counter

import numpy as np
import pytest
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from odc.geo.geobox import GeoBox
from pyproj import Geod
from scipy import ndimage as ndi
from shapely import union_all
from shapely.affinity import affine_transform, translate
from shapely.geometry import box

from changedetect.changes import CHANGE_COLUMNS
from changedetect.errors import ConfigError
from changedetect.model import Site
from changedetect.polygons import (
    PolygonOptions,
    areas_m2,
    change_ids,
    clean,
    label,
    outlines,
    pixel_area_m2,
    to_frame,
    trimmed,
    whole_sites,
)
from changedetect.types import BoolArray

SITE = Site(site_id="plant-7", name="Plant 7", geometry=box(14.99, 46.0, 15.02, 46.06))
MASKS = st.floats(0.2, 0.8).flatmap(
    lambda share: st.builds(
        lambda seed, shape: np.random.default_rng(seed).random(shape) < share,
        st.integers(0, 10**6),
        array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=24),
    )
)


def grid(shape, pixel_m: float = 10.0) -> GeoBox:
    return GeoBox(tuple(shape), Affine(pixel_m, 0, 500_000, 0, -pixel_m, 5_100_000), "EPSG:32633")


def mask_of(*blocks, shape=(40, 40)) -> BoolArray:
    mask = np.zeros(shape, dtype=bool)
    for block in blocks:
        mask[block] = True
    return mask


def cleaned(mask: BoolArray, **options: float) -> BoolArray:
    return clean(mask, grid(mask.shape), PolygonOptions(**options))


@given(MASKS, st.sampled_from([3.0, 10.0, 30.0]))
def test_area_is_pixels_times_the_area_of_one(mask: BoolArray, pixel_m: float) -> None:
    areas = areas_m2(label(mask), grid(mask.shape, pixel_m))
    assert areas.sum() == pytest.approx(mask.sum() * pixel_m**2)


@settings(deadline=None)
@example(np.random.default_rng(4628).random((17, 8)) < 0.6)
@example(np.random.default_rng(2314).random((17, 8)) < 0.6)
@given(MASKS)
def test_outlines_are_about_the_pixels(mask: BoolArray) -> None:
    geobox, labels = grid(mask.shape), label(mask)
    polygons = outlines(labels, geobox)
    assert len(polygons) == labels.max()
    assert all(polygon.is_valid for polygon in polygons)
    # Side by side, one gives way to the other: by less than a pixel wherever they meet, which is at a corner.
    blocks = zip(labels[:-1, :-1].flat, labels[1:, 1:].flat, labels[:-1, 1:].flat, labels[1:, :-1].flat, strict=True)
    around = [{*block} - {0} for block in blocks]
    meet = Counter(number for numbers in around if len(numbers) > 1 for number in numbers)
    for number, (polygon, area) in enumerate(zip(polygons, areas_m2(labels, geobox), strict=True), start=1):
        assert abs(polygon.area - area) <= 0.05 * area + 75 * meet[number]
    for number, polygon in enumerate(polygons, start=1):
        rows, cols = np.nonzero(labels == number)
        pixels = union_all([box(x, -y - 1, x + 1, -y) for y, x in zip(rows.tolist(), cols.tolist(), strict=True)])
        ground = affine_transform(pixels, (10, 0, 0, 10, 500_000, 5_100_000))
        assert ground.buffer(10).covers(polygon)
        assert polygon.buffer(12).covers(ground), "a corner that gave way to a neighbour is a little farther off"


def test_pixels_that_touch_at_a_corner_are_two_objects() -> None:
    labels = label(np.eye(3, dtype=bool))
    assert labels.max() == 3
    assert [polygon.area for polygon in outlines(labels, grid((3, 3)))] == pytest.approx([100.0, 100.0, 100.0])


def test_a_hole_stays_a_hole() -> None:
    mask = mask_of(np.s_[10:30, 10:30])
    mask[15:25, 15:25] = False
    (ring,) = outlines(label(mask), grid(mask.shape))
    assert len(ring.interiors) == 1
    assert ring.area == pytest.approx(300 * 100, rel=1e-4)


@given(MASKS, st.integers(0, 3000), st.integers(0, 4000))
def test_what_is_left_is_large_enough_and_has_no_small_hole(mask: BoolArray, least: int, hole: int) -> None:
    out = cleaned(mask, min_area_m2=least, max_hole_m2=hole)
    assert all(area >= least for area in areas_m2(label(out), grid(mask.shape)))
    holes = label(~out)
    at_edge = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
    inside = [number for number in range(1, holes.max() + 1) if number not in at_edge]
    assert all((holes == number).sum() * 100 > hole for number in inside)


@given(MASKS, st.sampled_from([np.flipud, np.fliplr, np.transpose]))
def test_the_clean_up_knows_no_direction(mask: BoolArray, turn) -> None:
    np.testing.assert_array_equal(cleaned(turn(mask)), turn(cleaned(mask)))


@given(arrays(bool, (20, 20)))
def test_without_opening_nothing_large_enough_is_lost(mask: BoolArray) -> None:
    large = np.isin(label(mask), np.flatnonzero(np.bincount(label(mask).ravel(), weights=mask.ravel()) >= 8))
    out = clean(mask, grid(mask.shape), PolygonOptions(), opened=False)
    assert (out | ~large).all()


def test_options_of_zero_keep_every_pixel() -> None:
    mask = mask_of(np.s_[0, 0], np.s_[20, 20], np.s_[20, 22])
    np.testing.assert_array_equal(cleaned(mask, min_area_m2=0, min_pixels=0, max_hole_m2=0, opening_below_m=0), mask)


@pytest.mark.parametrize(("pixels", "kept"), [(np.s_[10:11, 10:13], 3), (np.s_[10:12, 10:11], 0)])
def test_coarse_pixels_have_to_be_three(pixels, kept: int) -> None:
    assert cleaned(mask_of(pixels), min_area_m2=0, opening_below_m=0).sum() == kept


def test_a_gap_of_a_pixel_is_closed_and_one_of_three_is_not() -> None:
    block, one_off, three_off = np.s_[5:11, 5:9], np.s_[5:11, 10:14], np.s_[5:11, 12:16]
    assert label(cleaned(mask_of(block, one_off))).max() == 1
    assert label(cleaned(mask_of(block, three_off))).max() == 2


@pytest.mark.parametrize(("pixels", "kept"), [(np.s_[10:12, 10:14], 8), (np.s_[10:12, 10:13], 0)])
def test_the_minimum_mapping_unit_is_inclusive(pixels, kept: int) -> None:
    assert cleaned(mask_of(pixels)).sum() == kept


def test_threads_go_and_plumper_things_stay_where_they_are() -> None:
    hall, road = np.s_[5:9, 5:13], np.s_[20, 2:38]
    np.testing.assert_array_equal(cleaned(mask_of(hall, road)), mask_of(hall))
    coarse = clean(mask_of(hall, road), grid((40, 40), 20.0), PolygonOptions())
    np.testing.assert_array_equal(coarse, mask_of(hall, road))
    unopened = clean(mask_of(hall, road), grid((40, 40)), PolygonOptions(), opened=False)
    np.testing.assert_array_equal(unopened, mask_of(hall, road))


def test_objects_at_the_edge_of_the_site_are_not_eaten() -> None:
    corners = mask_of(np.s_[:4, :4], np.s_[:4, -4:], np.s_[-4:, :4], np.s_[-4:, -4:])
    np.testing.assert_array_equal(cleaned(corners), corners)


@pytest.mark.parametrize(("hole", "left"), [((5, 5), 0), ((5, 7), 31), ((6, 6), 32)])
def test_courtyards_are_filled_and_fields_are_not(hole: tuple[int, int], left: int) -> None:
    mask = mask_of(np.s_[10:30, 10:30])
    mask[15 : 15 + hole[0], 15 : 15 + hole[1]] = False
    # Thirty pixels are filled; before, closing gaps rounds the hole's four corners.
    assert cleaned(mask).sum() == 400 - left


def test_unchanged_ground_at_the_edge_is_no_hole() -> None:
    assert not cleaned(np.zeros((5, 5), dtype=bool)).any()
    wall = mask_of(np.s_[:9, 5:8], np.s_[6:9, :8])
    # The closing rounds the inner corner off by its one pixel.
    assert cleaned(wall)[:6, :5].sum() <= 1


def test_a_mask_is_not_written_into() -> None:
    mask = mask_of(np.s_[3, 3], np.s_[10:20, 10:20])
    copy = mask.copy()
    cleaned(mask)
    np.testing.assert_array_equal(mask, copy)


@pytest.mark.parametrize("name", ["min_area_m2", "max_hole_m2", "opening_below_m"])
def test_negative_sizes_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"polygons\.{name} is -1: give 0 or more"):
        PolygonOptions(**{name: -1})


def test_a_grid_in_degrees_is_measured_on_the_ellipsoid() -> None:
    geobox = GeoBox((40, 40), Affine(1e-4, 0, 25.0, 0, -1e-4, 60.0), "EPSG:4326")
    labels = label(mask_of(np.s_[10:20, 10:30]))
    (polygon,) = outlines(labels, geobox)
    on_earth = abs(Geod(ellps="WGS84").geometry_area_perimeter(polygon)[0])
    assert areas_m2(labels, geobox)[0] == pytest.approx(on_earth, rel=1e-3)
    assert pixel_area_m2(geobox) == pytest.approx(62.2, rel=0.01)
    kept = clean(labels > 0, geobox, PolygonOptions(min_area_m2=0.99 * on_earth))
    assert kept.sum() == 200
    assert not clean(labels > 0, geobox, PolygonOptions(min_area_m2=1.02 * on_earth)).any()


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=12), st.randoms())
def test_names_are_unique_and_do_not_depend_on_the_company(places, random) -> None:
    squares = [box(15 + x / 1000, 46 + y / 1000, 15.0004 + x / 1000, 46.0004 + y / 1000) for x, y in places]
    names = change_ids("plant-7", squares)
    assert len(set(names)) == len(names)
    assert all(name.startswith("plant-7-") for name in names)
    named = dict(zip(places, names, strict=True)) if len(set(places)) == len(places) else {}
    shuffled = random.sample(list(named), len(named))
    again = change_ids("plant-7", [squares[places.index(place)] for place in shuffled])
    assert dict(zip(shuffled, again, strict=True)) == named


def test_the_same_place_has_the_same_name_at_one_site_only() -> None:
    square = box(15, 46, 15.001, 46.001)
    nudged = translate(square, 2e-6, -2e-6)
    (name,) = change_ids("a", [square])
    assert change_ids("a", [nudged]) == [name]
    assert change_ids("a", [square] * 3) == [name, f"{name}-2", f"{name}-3"]
    assert change_ids("b", [square]) != [name]


def frame_of(mask: BoolArray, confidence):
    geobox, labels = grid(mask.shape), label(mask)
    count = int(labels.max())
    areas = areas_m2(labels, geobox)
    given_here = {"change_id", "site_id", "site_name", "geometry"}
    columns: dict[str, list[object]] = {name: [0.0] * count for name in CHANGE_COLUMNS if name not in given_here}
    columns |= {"confidence": list(confidence), "area_m2": list(areas), "kind": ["construction"] * count}
    return to_frame(SITE, outlines(labels, geobox), columns, geobox), areas


def test_a_frame_has_the_columns_of_every_output_surest_first() -> None:
    mask = mask_of(np.s_[2:6, 2:6], np.s_[10:20, 10:20], np.s_[30:34, 30:36])
    frame, areas = frame_of(mask, [0.5, 0.9, 0.5])
    assert tuple(frame.columns) == CHANGE_COLUMNS
    assert frame.crs == "EPSG:4326"
    assert frame["area_m2"].tolist() == [areas[1], areas[2], areas[0]]
    assert set(frame["site_id"]) == {"plant-7"}
    assert set(frame["site_name"]) == {"Plant 7"}
    assert frame["change_id"].tolist() == change_ids("plant-7", list(frame.geometry))
    on_earth = [abs(Geod(ellps="WGS84").geometry_area_perimeter(polygon)[0]) for polygon in frame.geometry]
    # On the central meridian of its zone, UTM is 0.9996 of true length.
    assert on_earth == pytest.approx(frame["area_m2"] / 0.9996**2, rel=1e-4)


def test_a_frame_lies_where_its_pixels_do() -> None:
    frame, _ = frame_of(mask_of(np.s_[10:20, 10:20]), [0.5])
    centre = frame.to_crs("EPSG:32633").geometry[0].centroid
    assert (centre.x, centre.y) == pytest.approx((500_150, 5_099_850), abs=0.01)


def test_a_frame_of_nothing_has_its_columns() -> None:
    frame = to_frame(SITE, [], {}, grid((4, 4)))
    assert tuple(frame.columns) == CHANGE_COLUMNS
    assert (len(frame), frame.crs) == (0, "EPSG:4326")


def test_labels_count_the_objects_of_the_mask() -> None:
    mask = np.random.default_rng(0).random((50, 60)) < 0.4
    labels = label(mask)
    np.testing.assert_array_equal(labels > 0, mask)
    assert np.unique(labels).size == ndi.label(mask, structure=[[0, 1, 0], [1, 1, 1], [0, 1, 0]])[1] + 1


def sites(mask: BoolArray, allowed: BoolArray | None = None):
    return whole_sites(label(mask), grid(mask.shape), np.ones_like(mask) if allowed is None else allowed)


def test_a_hollow_hall_is_filled_and_a_bent_road_is_not() -> None:
    rim = mask_of(np.s_[5:25, 5:25])
    rim[9:21, 9:21] = False
    assert (sites(rim) > 0).sum() == 20 * 20
    road = mask_of(np.s_[2:38, 2:4], np.s_[36:38, 2:38])
    assert (sites(road) > 0).sum() < 1.2 * road.sum()


def test_a_site_grows_over_no_other_object_and_where_it_may_only() -> None:
    yard = mask_of(np.s_[5:20, 5:9], np.s_[5:9, 5:20], np.s_[5:20, 16:20], np.s_[11:14, 11:14])
    allowed = ~mask_of(np.s_[16:20, 9:16])
    grown = sites(yard, allowed)
    labels = label(yard)
    assert (grown[labels > 0] == labels[labels > 0]).all()
    assert not grown[16:20, 9:16].any()
    assert grown[10, 10] == labels[5, 5]


@given(MASKS)
@settings(max_examples=30, deadline=None)
def test_sites_keep_to_the_boxes_of_their_objects(mask: BoolArray) -> None:
    before, after = label(mask), sites(mask)
    boxes = zip(ndi.find_objects(before), ndi.find_objects(after), strict=True)
    assert all(one == other for one, other in boxes)


def test_objects_are_cut_back_unless_too_little_would_be_left() -> None:
    labels = label(mask_of(np.s_[5:12, 5:12], np.s_[20:23, 20:23]))
    edge = mask_of(np.s_[6:8], np.s_[20:22])
    cut = trimmed(labels, edge, mask_of(np.s_[7:12, 5:12]), grid(labels.shape), PolygonOptions(min_area_m2=800))
    np.testing.assert_array_equal(cut == 1, mask_of(np.s_[8:12, 5:12]))
    np.testing.assert_array_equal(cut == 2, labels == 2)
