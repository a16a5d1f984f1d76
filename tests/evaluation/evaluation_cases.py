"""Squares of known size at known places, as tables of polygons."""

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

LON, LAT = 30.0, 50.0


def square(x: float, y: float, side: float = 100.0, *, at: tuple[float, float] = (LON, LAT)) -> shapely.Polygon:
    """A square of `side` metres with its lower left corner `x`, `y` metres from a place, in lon/lat."""
    there = Transformer.from_crs("EPSG:4326", f"+proj=laea +lon_0={at[0]} +lat_0={at[1]} +datum=WGS84", always_xy=True)
    flat = shapely.box(x, y, x + side, y + side)
    return shapely.transform(flat, lambda xy: np.column_stack(there.transform(*xy.T, direction="INVERSE")))


def table(*rows: tuple[shapely.Polygon, str], column: str = "class") -> gpd.GeoDataFrame:
    """Polygons and their words."""
    return gpd.GeoDataFrame({column: [word for _, word in rows]}, geometry=[one for one, _ in rows], crs="EPSG:4326")


def bare(*polygons: shapely.Polygon, **columns: object) -> gpd.GeoDataFrame:
    """Polygons without a word, but with any other columns."""
    return gpd.GeoDataFrame(columns, geometry=list(polygons), crs="EPSG:4326")
