"""The object behind a change or a point: which of those weighed at a site, and what its pixels said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from changedetect import geotiff
from changedetect.decisions import PASSED
from changedetect.grid import mean_pixel_m
from changedetect.report.preview import pixel_under, to_pixels
from changedetect.report.reading import Change, SiteFiles
from changedetect.types import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One object, as `provenance.json` tells it."""

    kind: str
    """What it was judged to be in its direction of time."""
    confidence: float
    """0-1."""
    area_m2: float
    """Size."""
    stands: bool
    """False where the opposite direction of time explains it better."""
    settled: bool
    """Which rule held at the site."""
    backward: bool
    """Whether time was read backward, as for removals."""
    means: Mapping[str, float | None]
    """What was measured on it (`diff.Evidence.means`); None where it could not be."""
    trust: float
    """Highest confidence that strong change alone deserved at this site."""

    def get(self, name: str) -> float:
        """A mean; NaN where it is not known."""
        value = self.means.get(name)
        return float("nan") if value is None else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixel:
    """What became of one pixel."""

    size_m: float
    """Its side, metres."""
    passed: Mapping[str, bool]
    """Test (`decisions.PASSED`) → whether it passed."""
    forward: Weighed | None
    """The object it belongs to, time read forward."""
    backward: Weighed | None
    """The same, backward."""


def object_of(site: SiteFiles, change: Change) -> Weighed | None:
    """The object that became a change; None where the run did not keep it, or kind `other` was looked for anew."""
    path = site.folder / "decisions.tif"
    if not path.is_file() or "objects" not in site.provenance:
        return None
    backward = change.told.get("kind") == "removal"
    grid = geotiff.info(path).geobox
    outline = shapely.transform(change.geometry, to_pixels(grid))
    left, top, right, bottom = (int(edge) for edge in np.floor(shapely.bounds(outline)))
    rows, cols = (
        slice(max(top, 0), min(bottom + 1, grid.shape[0])),
        slice(max(left, 0), min(right + 1, grid.shape[1])),
    )
    part = grid[rows, cols]
    labels = _layers(site, part)[2 if backward else 1]
    here = shapely.transform(outline, lambda xy: xy - (cols.start, rows.start))
    inside = ~geometry_mask([here], labels.shape, Affine.identity(), all_touched=True)
    members = np.bincount(labels[inside & (labels > 0)])
    numbers = np.argsort(members, kind="stable")[::-1]
    # Its pixels are most of what the outline holds; its size tells it from a neighbour that it took in.
    fitting = (_entry(site, int(number), backward=backward) for number in numbers if members[number])
    area = change.told.get("area_m2")
    return next((one for one in fitting if one is not None and area is not None and abs(one.area_m2 - area) < 1), None)


def pixel_at(site: SiteFiles, lon: float, lat: float) -> Pixel | None:
    """What became of the pixel under a point; None where the site's grid does not reach, or nothing was kept."""
    path = site.folder / "decisions.tif"
    if not path.is_file():
        return None
    grid = geotiff.info(path).geobox
    under = pixel_under(grid, lon, lat)
    if under is None:
        return None
    row, col = under
    passed, forward, backward = (int(one[0, 0]) for one in _layers(site, grid[row : row + 1, col : col + 1]))
    return Pixel(
        size_m=mean_pixel_m(grid),
        passed={name: bool(passed & bit) for name, bit in PASSED.items()},
        forward=_entry(site, forward, backward=False),
        backward=_entry(site, backward, backward=True),
    )


def _layers(site: SiteFiles, part: GeoBox) -> IntArray:
    data, _ = geotiff.read(site.folder / "decisions.tif", part, indexes=(1, 2, 3))
    return data


def _entry(site: SiteFiles, number: int, *, backward: bool) -> Weighed | None:
    told: Mapping[str, Any] = (site.provenance.get("objects") or {}).get("backward" if backward else "forward") or {}
    if not 1 <= number <= len(told.get("kind", ())):
        return None
    at = number - 1
    return Weighed(
        **{name: told[name][at] for name in ("kind", "confidence", "area_m2", "stands")},
        settled=told["settled"],
        trust=told["trust"],
        backward=backward,
        means={name: values[at] for name, values in told["evidence"].items()},
    )
