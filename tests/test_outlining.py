"""Outlines lie near the staircase, keep its area and its holes, and are straight where it steps."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from scipy import ndimage as ndi
from shapely.affinity import rotate, translate
from shapely.geometry import Point, Polygon, box

from changedetect.outline_sides import CORNER_PX, REACH_PX
from changedetect.outlining import AREA_TOLERANCE, apart, outline
from changedetect.polygons import label, outlines


def blobs(seed: int, smooth: float, share: float):
    noise = ndi.gaussian_filter(np.random.default_rng(seed).normal(size=(26, 30)), smooth, mode="wrap")
    return label(noise > np.quantile(noise, share))


LABELS = st.builds(blobs, st.integers(0, 10**6), st.floats(0.3, 4), st.floats(0.3, 0.9))
FEW = settings(max_examples=30, deadline=None)


def grid(shape, pixel=(1.0, 1.0), crs="EPSG:32633") -> GeoBox:
    return GeoBox(tuple(shape), Affine(pixel[0], 0, 0, 0, pixel[1], 0), crs)


def staircase(mask) -> Polygon:
    """The pixels of a mask as one exact polygon."""
    rows, cols = np.nonzero(mask)
    return shapely.union_all(shapely.box(cols, rows, cols + 1, rows + 1))


def pixels_of(shape: Polygon, size: int = 60):
    return rasterize([(shape, 1)], out_shape=(size, size), dtype="uint8") > 0


def drawn(mask) -> Polygon:
    (one,) = outlines(np.asarray(mask, dtype=np.int32), grid(mask.shape))
    return one


def angles(polygon: Polygon):
    """Direction of each side, degrees, modulo a quarter turn."""
    sides = np.diff(shapely.get_coordinates(polygon), axis=0)
    return np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) % 90


def iou(one, other) -> float:
    return one.intersection(other).area / one.union(other).area


@FEW
@given(LABELS)
def test_an_outline_is_valid_near_its_pixels_and_as_large(labels) -> None:
    exact = [staircase(labels == number) for number in range(1, labels.max() + 1)]
    found = np.array(outline(exact, labels.shape), dtype=object)
    assert shapely.is_valid(found).all()
    assert (shapely.get_type_id(found) == shapely.GeometryType.POLYGON).all()
    assert (shapely.get_num_interior_rings(found) == shapely.get_num_interior_rings(exact)).all()
    np.testing.assert_allclose(shapely.area(found), shapely.area(exact), rtol=AREA_TOLERANCE)
    corners, of = shapely.get_coordinates(found, return_index=True)
    assert shapely.distance(shapely.boundary(exact)[of], shapely.points(corners)).max() <= CORNER_PX + 1e-9
    halves, of = shapely.get_coordinates(shapely.segmentize(exact, 0.5), return_index=True)
    middle = (halves % 1).any(axis=1)
    far = shapely.distance(shapely.boundary(found)[of[middle]], shapely.points(halves[middle]))
    assert far.max() <= REACH_PX + 1e-9


@FEW
@given(LABELS)
def test_neighbours_share_no_ground(labels) -> None:
    # Cut into blocks, so that objects lie side by side.
    rows, cols = np.indices(labels.shape) // 9
    blocks = (
        np.unique(np.where(labels > 0, 1 + rows * 9 + cols, 0), return_inverse=True)[1]
        .reshape(labels.shape)
        .astype(np.int32)
    )
    found = np.array(outlines(blocks, grid(labels.shape)))
    sizes = np.bincount(blocks.ravel())[1:]
    for one, other in shapely.STRtree(found).query(found, "intersects").T:
        if one < other:
            assert found[one].intersection(found[other]).area <= 0.02 * min(sizes[one], sizes[other]) + 1e-6


@FEW
@given(LABELS, st.integers(0, 99))
def test_an_outline_does_not_depend_on_who_else_is_asked_for(labels, seed) -> None:
    keep = np.random.default_rng(seed).random(labels.max()) < 0.5
    whole = np.array(outlines(labels, grid(labels.shape)), dtype=object)
    some = outlines(labels, grid(labels.shape), keep)
    assert all(one.equals_exact(other, 0) for one, other in zip(whole[keep], some, strict=True))


@pytest.mark.parametrize("angle", [0, 10, 27, 45, 71])
@pytest.mark.parametrize("size", [(6, 9), (12, 12), (8, 30), (25, 33)])
def test_a_hall_is_a_rectangle_in_its_own_direction(size, angle) -> None:
    hall = translate(rotate(box(0, 0, *size), angle), 12.3, 14.6)
    found = drawn(pixels_of(hall))
    assert len(found.exterior.coords) == 5
    off = (angles(found) - angle + 45) % 90 - 45
    # One pixel at either end of the longer side.
    assert np.abs(off).max() <= np.degrees(1 / max(size))
    assert iou(found, hall) > iou(staircase(pixels_of(hall)), hall) - 0.01
    assert iou(found, hall) > 0.8


@pytest.mark.parametrize("angle", [0, 17, 38, 60])
def test_an_l_has_six_right_angles(angle) -> None:
    hall = translate(rotate(box(0, 0, 26, 20).difference(box(9, 8, 30, 30)), angle), 15.2, 18.7)
    found = drawn(pixels_of(hall))
    assert len(found.exterior.coords) == 7
    assert np.ptp((angles(found) - angle + 45) % 90) < 0.01
    assert iou(found, hall) > 0.92


def test_a_disc_is_not_squared_and_nearer_than_its_pixels() -> None:
    disc = Point(30.2, 29.9).buffer(17)
    found = drawn(pixels_of(disc))
    assert 6 < len(found.exterior.coords) < 40
    assert iou(found, disc) > iou(staircase(pixels_of(disc)), disc)


def test_a_slanting_edge_is_one_straight_side() -> None:
    for rise in (11, 23, 40, 55):
        triangle = Polygon([(3, 3), (57, 3), (57, 3 + rise)])
        assert len(drawn(pixels_of(triangle)).exterior.coords) <= 9


@pytest.mark.parametrize("block", [np.s_[2, 3], np.s_[2, 1:9], np.s_[1:9, 4], np.s_[3:5, 3:7]])
def test_pixels_that_are_a_rectangle_are_drawn_as_they_are(block) -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[block] = True
    assert drawn(mask).symmetric_difference(staircase(mask)).area == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 12), (12, 1)])
def test_a_site_one_pixel_wide_is_its_grid(shape) -> None:
    assert drawn(np.ones(shape, dtype=bool)).equals(box(0, 0, shape[1], shape[0]))


def test_what_the_grid_cuts_ends_at_its_edge() -> None:
    found = drawn(pixels_of(Point(0, 30).buffer(20)))
    assert box(0, 0, 60, 60).covers(found)
    along = found.boundary.intersection(box(0, 0, 0.05, 60))
    assert along.length > 38


def test_a_hole_stays_and_the_order_of_neighbours_is_told_by_size() -> None:
    mask = pixels_of(Point(30, 30).buffer(20).difference(Point(30, 30).buffer(9)))
    (hole,) = drawn(mask).interiors
    assert Polygon(hole).area == pytest.approx(np.pi * 81, rel=0.08)
    shown = apart({1: box(0, 0, 4, 4), 2: box(3, 0, 5, 2)}, np.array([[1, 2]]))
    assert shown[2].equals(box(3, 0, 5, 2))
    assert shown[1].area == 14


def test_pixels_that_are_not_square_are_measured_on_the_ground() -> None:
    hall = rotate(box(20, 20, 80, 60), 30)
    mask = rasterize([(hall, 1)], out_shape=(50, 100), transform=Affine(1, 0, 0, 0, 2, 0), dtype="uint8")
    (found,) = outlines(mask.astype(np.int32), grid(mask.shape, (1, 2)))
    assert len(found.exterior.coords) == 5
    assert np.ptp((angles(found) - 30 + 45) % 90) < 0.01
    assert iou(found, hall) > 0.95
    exact = shapely.transform(staircase(mask > 0), lambda xy: xy * (1, 2))
    assert found.area == pytest.approx(exact.area, rel=0.02)


def test_nothing_has_no_outline() -> None:
    assert outline([], (4, 4)) == []
    assert outlines(np.zeros((4, 4), dtype=np.int32), grid((4, 4))) == []
