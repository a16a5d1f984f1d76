"""The only place that opens rasters: what a file is, its numbers on any grid, and writing COGs.

`read` has two ways. A grid that lies on the raster's own pixels is a plain windowed read: no number is touched. Any
other grid is sampled, at exactly transformed pixel centres, from the smallest source window that covers it. So a tile
equals the same pixels of the whole: bit for bit on metric grids, within float rounding of the coordinates on grids in
degrees. Nodata is masked before anything is interpolated, band by band.
"""

from changedetect.geotiff.grids import lonlat_bounds, overlap
from changedetect.geotiff.holding import held_open
from changedetect.geotiff.options import GDAL_OPTIONS
from changedetect.geotiff.places import is_remote
from changedetect.geotiff.reading import RasterInfo, ResamplingName, cost, info, overview, read
from changedetect.geotiff.writing import write_cog

__all__ = [
    "GDAL_OPTIONS",
    "RasterInfo",
    "ResamplingName",
    "cost",
    "held_open",
    "info",
    "is_remote",
    "lonlat_bounds",
    "overlap",
    "overview",
    "read",
    "write_cog",
]
