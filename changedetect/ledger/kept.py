"""Scenes cut to a site and kept beside the ledger, so that none is ever read twice: a catalog like any other.

Each scene is a folder with one small GeoTIFF a band, the raw numbers on the scene's own pixels, and `scene.json`; it
appears whole or not at all. Of scenes that do not show the site only the word is kept. The folder is a cache: what is
missing is read again, nothing in the ledger depends on it.
"""

import hashlib
import json
import logging
import re
import shutil
import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from changedetect import geotiff, tiling
from changedetect.catalog import Catalog
from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.base import within
from changedetect.config import RunConfig
from changedetect.errors import ChangeDetectError, OutputError, RasterError, SceneError
from changedetect.grid import pixel_size_m
from changedetect.journal import note
from changedetect.model import BandAsset, Scene, Site, Window
from changedetect.outputs.files import write_json
from changedetect.parallel import mapped
from changedetect.selection import look
from changedetect.sensors import COMMON_BANDS

log = logging.getLogger(__name__)

LATE_D = 30
"""Days before the last search that are searched again: scenes are published, and servers mended, with delay."""
_BANDS = frozenset({*COMMON_BANDS, "nir08"})
_MARGIN_M = 200.0
"""Ground kept around a site: what interpolation and a grid laid anew may reach."""
_WORTH_KEEPING = 0.01
"""Scenes that show less of the site are never read by a run either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What one search for new scenes came to."""

    found: int = 0
    """New scenes in the catalog."""
    read: int = 0
    """Scenes whose bands were read."""
    failed: tuple[str, ...] = ()
    """Why scenes could not be read, a line each."""


class KeptScenes(Catalog):
    """The kept scenes of one site."""

    def __init__(self, folder: Path, site: Site) -> None:
        outline = hashlib.sha256(shapely.to_wkb(shapely.normalize(site.geometry))).hexdigest()[:8]
        self.folder = folder / site.site_id / outline
        self.site = site
        self._scenes: tuple[tuple[Scene, float], ...] | None = None

    def entries(self, geometry: BaseGeometry, window: Window) -> tuple[Entry, ...]:
        """Give the scenes that show something of the site."""
        seen = (Entry(scene=scene, place=(scene.scene_id,), rank=()) for scene, clear in self.all() if clear > 0)
        return within(seen, geometry, window)

    def all(self) -> tuple[tuple[Scene, float], ...]:
        """Every scene and its clear fraction over the site, oldest first; 0 where nothing was worth keeping."""
        if self._scenes is None:
            homes = sorted(self.folder.glob("*/scene.json"))
            read = [one for home in homes if (one := _read(home)) is not None]
            self._scenes = tuple(sorted(read, key=lambda one: (one[0].datetime, one[0].scene_id)))
        return self._scenes

    def fetch(self, catalog: Catalog, span: Window, config: RunConfig) -> Fetched:
        """Keep the scenes of a span that are not kept yet; of those searched before, the last `LATE_D` days alone.

        Raises
        ------
        CatalogError
            The catalog can't be asked.
        OutputError
            The folder can't be written.
        """
        self._sweep()
        searched = _searched(self.folder)
        start = span.start
        if searched is not None and searched.start <= span.start:
            start = max(start, searched.end - timedelta(days=LATE_D))
        if start > span.end:
            return Fetched()
        known = {scene.scene_id for scene, _ in self.all()}
        new = [
            scene
            for scene in catalog.search(self.site.geometry, Window(start=start, end=span.end))
            if not {scene.scene_id, *(copy.scene_id for copy in scene.copies)} & known
        ]
        done = mapped(lambda scene: self._keep(scene, config), new, config.tiling.threads)
        self._scenes = None
        ends = [span, *([searched] if searched is not None else [])]
        reach = Window(start=min(one.start for one in ends), end=max(one.end for one in ends))
        write_json(self.folder / "searched.json", {"start": reach.start, "end": reach.end})
        failed = tuple(one for one in done if isinstance(one, str))
        for reason in failed:
            log.warning("left out: %s", reason)
            note(f"left out: {reason}")
        return Fetched(found=len(new), read=sum(one is True for one in done), failed=failed)

    def _keep(self, scene: Scene, config: RunConfig) -> bool | str:
        """Keep a scene, or a copy where it is dead; True where bands were read, a reason where nothing could be."""
        reason = ""
        for one in (scene, *scene.copies):
            beside = self.folder / f".{uuid.uuid4().hex}"
            try:
                kept, clear = self._cut(one, beside, config)
                write_json(beside / "scene.json", _record(kept, clear))
                home = self.folder / _name(one.scene_id)
                shutil.rmtree(home, ignore_errors=True)
                beside.rename(home)
            except SceneError as error:
                reason = reason or str(error)
                continue
            except OSError as error:
                msg = f"{self.folder} can't be written ({error.strerror or error}): check its rights and the free space"
                raise OutputError(msg) from error
            finally:
                shutil.rmtree(beside, ignore_errors=True)
            return bool(clear)
        return reason

    def _cut(self, scene: Scene, folder: Path, config: RunConfig) -> tuple[Scene, float]:
        settled = tiling.settle_offset(scene)
        grid = tiling.site_grid(self.site, [settled], config.tiling)
        (seen,) = look([settled], grid, config)
        if isinstance(seen, SceneError):
            raise seen
        folder.mkdir(parents=True)
        if seen.clear_fraction < _WORTH_KEEPING:
            return replace(settled, copies=()), 0.0
        around = grid.pad(int(np.ceil(_MARGIN_M / min(pixel_size_m(grid)))))
        bands = {name: asset for name, asset in settled.bands.items() if name in _BANDS}
        kept = {name: _cut_band(settled, asset, around, folder / f"{name}.tif") for name, asset in bands.items()}
        qa = _cut_band(settled, settled.qa, around, folder / "qa.tif")
        return replace(settled, bands=kept, qa=qa, copies=()), round(seen.clear_fraction, 4)

    def _sweep(self) -> None:
        """Remove what a killed run left half done: none of it counts as kept, even with its record written."""
        for left in self.folder.glob(".*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)


def _cut_band(scene: Scene, asset: BandAsset, around: GeoBox, path: Path) -> BandAsset:
    """Write one band's pixels around a site; invalid ones get a number that no valid one has."""
    try:
        own = geotiff.info(asset.href).geobox
        rows, cols = geotiff.overlap(own, around)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            msg = f"{asset.href} has no pixel over the site"
            raise RasterError(msg)
        box = own[rows, cols]
        data, valid = geotiff.read(asset.href, box, indexes=(asset.index,), nodata=asset.nodata)
    except RasterError as error:
        msg = f"scene {scene.scene_id}: {error}"
        raise SceneError(msg, scene_id=scene.scene_id) from error
    nodata = _free_number(data[0], valid)
    data[0][~valid] = nodata
    try:
        geotiff.write_cog(path, data, box, nodata=nodata)
    except RasterError as error:  # here it is the disk, not the scene
        raise OutputError(str(error)) from error
    return BandAsset(href=path.name, scale=asset.scale, offset=asset.offset)


def _free_number(data: np.ndarray[Any, Any], valid: np.ndarray[Any, Any]) -> float:
    """Give a number of the array's type that no valid pixel has."""
    if not np.issubdtype(data.dtype, np.integer):
        return float("nan")
    limits = np.iinfo(data.dtype)
    used = set(np.unique(data[valid]).tolist())
    return float(next(one for one in (0, limits.max, limits.min, *range(1, limits.max)) if one not in used))


def _name(scene_id: str) -> str:
    """A folder for a scene, whatever its id holds."""
    return f"{re.sub('[^A-Za-z0-9._-]+', '-', scene_id)[:80]}-{hashlib.sha256(scene_id.encode()).hexdigest()[:6]}"


def _record(scene: Scene, clear: float) -> dict[str, Any]:
    plain = ("scene_id", "sensor", "epsg", "collection", "cloud_cover", "sun_elevation_deg", "platform", "catalog")
    return {
        **{name: getattr(scene, name) for name in plain},
        "datetime": scene.datetime.isoformat(),
        "footprint": scene.footprint.wkt,
        "notes": list(scene.notes),
        "clear_fraction": clear,
        "bands": {name: [asset.href, asset.scale, asset.offset] for name, asset in scene.bands.items() if clear},
        "qa": scene.qa.href if clear else "",
    }


def _read(home: Path) -> tuple[Scene, float] | None:
    """A kept scene; None where a file of it is not there or damaged, and then it is no longer kept."""
    try:
        told = json.loads(home.read_text(encoding="utf-8"))
        bands = {
            name: BandAsset(href=str(home.parent / file), scale=scale, offset=offset)
            for name, (file, scale, offset) in told.pop("bands").items()
        }
        qa, clear = BandAsset(href=str(home.parent / told.pop("qa"))), float(told.pop("clear_fraction"))
        moment, notes = datetime.fromisoformat(told.pop("datetime")), tuple(told.pop("notes"))
        outline = shapely.from_wkt(told.pop("footprint"))
        whole = not clear or all(Path(one.href).is_file() for one in (qa, *bands.values()))
        scene = Scene(**told, datetime=moment, footprint=outline, bands=bands, qa=qa, notes=notes)
    except (OSError, ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
        log.info("%s is read again: %s", home, error)
        whole = False
    if not whole:
        shutil.rmtree(home.parent, ignore_errors=True)
        (home.parent.parent / "searched.json").unlink(missing_ok=True)
        return None
    return scene, clear


def _searched(folder: Path) -> Window | None:
    """The span that was searched, None where nothing tells."""
    try:
        told = json.loads((folder / "searched.json").read_text(encoding="utf-8"))
        return Window(start=date.fromisoformat(told["start"]), end=date.fromisoformat(told["end"]))
    except (OSError, ValueError, KeyError, ChangeDetectError):
        return None
