"""Pictures: the same ground looks the same, changes are outlined where they are, nothing hides."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from output_cases import BANDS, GRID, make_pair
from PIL import Image, ImageColor
from shapely.affinity import affine_transform
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from changedetect.model import Composite, Pair
from changedetect.outputs.chips import render, write_chips
from changedetect.outputs.vectors import publish
from changedetect.stretching import COLOURS, choose_bands, shrink, stretch

FOOTER = 34
GRIDS = {
    "utm": GRID,
    "rotated": GeoBox((40, 50), Affine(8, 6, 500_000, 6, -8, 4_650_000), "EPSG:32652"),
    "degrees": GeoBox((40, 50), Affine(1e-4, 0, 129, 0, -1e-4, 42), "EPSG:4326"),
    "degrees over 180": GeoBox((40, 50), Affine(1e-4, 0, 179.9975, 0, -1e-4, 42), "EPSG:4326"),
    "utm over 180": GeoBox((40, 50), Affine(10, 0, 833_728, 0, -10, 5_000), "EPSG:32660"),
}


def at(grid: GeoBox, kind: str, pixels: BaseGeometry) -> gpd.GeoDataFrame:
    a = grid.affine
    ground = affine_transform(pixels, [a.a, a.b, a.d, a.e, a.c, a.f])
    frame = gpd.GeoDataFrame({"kind": [kind]}, geometry=[ground], crs=grid.crs.to_wkt()).to_crs(4326)
    return frame.set_geometry(gpd.GeoSeries([publish(frame.geometry[0])], crs=4326))


def coloured(picture: Image.Image, kind: str) -> NDArray[np.bool_]:
    pixels = np.asarray(picture)[:-FOOTER]
    return np.asarray((pixels == ImageColor.getrgb(COLOURS[kind])).all(axis=2))


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_a_change_is_outlined_where_it_lies_on_both_dates(grid: GeoBox) -> None:
    pictures = render(make_pair(grid), at(grid, "clearing", box(10, 5, 40, 25)), ("", ""))
    for picture in pictures:
        assert picture.size == (800, 640 + FOOTER)
        rows, columns = np.nonzero(coloured(picture, "clearing"))
        assert (rows.min(), rows.max()) == pytest.approx((5 * 16, 25 * 16), abs=3)
        assert (columns.min(), columns.max()) == pytest.approx((10 * 16, 40 * 16), abs=3)
        inside = coloured(picture, "clearing")[6 * 16 : 24 * 16, 11 * 16 : 39 * 16]
        assert not inside.any(), "a line through the middle: the halves were not joined"


@pytest.mark.parametrize("kind", COLOURS)
def test_every_kind_has_its_colour_in_picture_and_legend(kind: str) -> None:
    before, _ = render(make_pair(), at(GRID, kind, box(10, 10, 20, 20)), ("2023-05-01/2023-05-31", ""))
    assert coloured(before, kind).sum() > 4 * 100
    footer = np.asarray(before)[-FOOTER:]
    drawn = {name for name, colour in COLOURS.items() if (footer == ImageColor.getrgb(colour)).all(axis=2).sum() > 50}
    assert drawn == {kind}


@pytest.mark.parametrize(
    ("shape", "size"),
    [((40, 50), (800, 640)), ((900, 300), (680, 900)), ((2500, 100), (680, 1250)), ((1, 1), (800, 800))],
)
def test_sizes(shape: tuple[int, int], size: tuple[int, int]) -> None:
    grid = GeoBox(shape, GRID.affine, GRID.crs)
    nothing = gpd.GeoDataFrame({"kind": []}, geometry=[], crs=4326)
    assert render(make_pair(grid), nothing, ("", ""))[0].size == (size[0], size[1] + FOOTER)


def test_a_grid_without_crs_has_pictures_without_outlines() -> None:
    bare = GeoBox(GRID.shape, GRID.affine, None)
    picture, _ = render(make_pair(bare), at(GRID, "clearing", box(10, 10, 20, 20)), ("", ""))
    assert not coloured(picture, "clearing").any()


def test_equal_dates_give_equal_pictures_and_unseen_ground_is_grey() -> None:
    date = make_pair().before
    data, valid = date.data.copy(), date.valid.copy()
    valid[:, 25:] = False
    data[:, ~valid] = np.nan
    holed = Composite(geobox=GRID, bands=BANDS, data=data, valid=valid, looks=date.looks)
    nothing = gpd.GeoDataFrame({"kind": []}, geometry=[], crs=4326)
    before, after = render(Pair(before=date, after=holed), nothing, ("same", "same"))
    left, right = (np.asarray(picture)[:-FOOTER, :400] for picture in (before, after))
    # The stretch is shared, so ground seen on both dates looks the same, whatever else is seen.
    assert (left == right).all()
    unseen = np.asarray(after)[:-FOOTER, 400:]
    assert set(np.unique(unseen)) == {110, 150}


@settings(deadline=None, max_examples=30)
@given(scale=st.floats(0.5, 4000), shift=st.floats(-100, 100), together=st.booleans())
def test_the_stretch_does_not_care_for_units(scale: float, shift: float, *, together: bool) -> None:
    rng = np.random.default_rng(3)
    before, after = rng.uniform(0, 1, (2, 3, 12, 9)).astype(np.float32)
    plain = stretch(before, after, together=together)
    scaled = stretch(
        before * np.float32(scale) + np.float32(shift), after * np.float32(scale) + np.float32(shift), together=together
    )
    for one, other in zip(plain, scaled, strict=True):
        # Steepest near black: float32 of a shifted value costs a few grey levels there.
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 6


def test_degenerate_pixels_make_pictures_too() -> None:
    flat, nothing = np.full((3, 4, 4), 0.2, np.float32), np.full((3, 4, 4), np.nan, np.float32)
    assert set(np.unique(stretch(flat, flat, together=True)[0])) == {0}
    assert set(np.unique(stretch(nothing, nothing, together=False)[0])) == {110, 150}


@settings(deadline=None)
@given(factor=st.integers(1, 5), height=st.integers(1, 12), width=st.integers(1, 12))
def test_shrinking_averages_what_is_seen(factor: int, height: int, width: int) -> None:
    data = np.arange(height * width, dtype=np.float32).reshape(1, height, width)
    data[:, 0, 0] = np.nan
    small = shrink(data, factor)
    assert small.shape == (1, -(-height // factor), -(-width // factor))
    for row, column in np.ndindex(small.shape[1:]):
        block = data[0, row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        expected = np.nan if np.isnan(block).all() else np.nanmean(block)
        assert small[0, row, column] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("bands", "shown"),
    [
        (("blue", "green", "red", "nir"), ("red", "green", "blue")),
        (("green", "red", "nir08"), ("nir08", "red", "green")),
        (("b1", "b2", "b3", "b4"), ("b1", "b2", "b3")),
        (("pan",), ("pan", "pan", "pan")),
    ],
)
def test_any_bands_can_be_shown(bands: tuple[str, ...], shown: tuple[str, ...]) -> None:
    assert choose_bands(bands) == shown
    nothing = gpd.GeoDataFrame({"kind": []}, geometry=[], crs=4326)
    render(make_pair(GRID, bands, calibrated=False), nothing, ("", ""))


def test_files_are_png(tmp_path: Path) -> None:
    write_chips(tmp_path, make_pair(), at(GRID, "clearing", box(10, 10, 20, 20)), ("2023", "2024"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after.png", "before.png"]
    with Image.open(tmp_path / "after.png") as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
