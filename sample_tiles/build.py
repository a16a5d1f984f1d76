"""Rebuild sample_tiles/: real scenes from the nrt wheel, simulated ones from changedetect.testing.

    pip download --no-deps nrt==0.2.1
    python sample_tiles/build.py --nrt nrt-0.2.1-py3-none-any.whl

The same wheel and the same package versions give the same bytes.
"""

import argparse
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pystac
from odc.geo.geobox import GeoBox
from shapely.geometry import mapping

from changedetect.geotiff import write_cog
from changedetect.lonlat import footprint
from changedetect.testing import (
    Acquisition,
    Landscape,
    control,
    factory,
    observe,
    rail_crossing,
    truth,
    write_catalog,
    write_scene,
)

HERE = Path(__file__).parent

REAL_DATES = (
    "2016-06-16", "2016-08-05", "2016-08-15", "2016-08-25", "2016-09-04", "2016-09-14", "2016-10-14",
    "2017-06-06", "2017-06-21", "2017-07-11", "2017-08-05", "2017-08-30", "2017-09-14", "2017-10-04",
    "2018-08-15", "2019-07-11",
)  # fmt: skip
"""Clear and cloudy ones of both windows; on the last two the quality band misses clouds."""

REAL_BANDS = {
    "blue": ("10m", "B2"), "green": ("10m", "B3"), "red": ("10m", "B4"), "nir": ("10m", "B8"),
    "nir08": ("20m", "B8A"), "swir16": ("20m", "B11"), "scl": ("20m", "SCL"),
}  # fmt: skip


SMALLEST_LANDSAT_M2 = 6000
"""What is built at the Landsat site is at least this large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One simulated overpass."""

    day: str
    """Date."""
    baseline: str = "05.00"
    """Sentinel-2 processing baseline."""
    cloud: float = 0.0
    """Cloud cover, 0-1."""
    cirrus: float = 0.0
    """Cirrus cover, 0-1."""
    wedge: float = 0.0
    """Share of the top edge outside the swath."""


SENTINEL_2 = (
    Pass(day="2016-06-22", baseline="02.04", cloud=0.35),
    Pass(day="2016-07-12", baseline="02.04"),
    Pass(day="2016-08-11", baseline="05.00"),
    Pass(day="2016-09-20", baseline="05.00", cirrus=0.3, wedge=0.2),
    Pass(day="2017-07-17", baseline="02.05"),
    Pass(day="2017-08-16", baseline="05.00"),
    Pass(day="2017-09-25", baseline="05.00", cloud=0.15, wedge=0.15),
)
LANDSAT = (
    Pass(day="2016-06-29", cloud=0.3),
    Pass(day="2016-07-31"),
    Pass(day="2016-09-01"),
    Pass(day="2017-06-16"),
    Pass(day="2017-08-03", cloud=0.25),
    Pass(day="2017-09-04"),
)


def main() -> None:
    """Rebuild everything beside this file but its prose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nrt", type=Path, required=True, help="the nrt 0.2.1 wheel")
    wheel = parser.parse_args().nrt
    for name in ("sentinel-2-l2a", "sentinel-2-c1-l2a", "landsat-c2-l2", "truth"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    items = list(real_scenes(wheel))
    romania = mapping(footprint(grid_of(open_cube(wheel, "10m"))))
    sites = [site("romania-road", "Forest road, Romania (real)", romania)]
    for place in simulated_places():
        items += place.scenes
        write_json(HERE / "truth" / f"{place.site_id}.geojson", truth(place.land))
        sites.append(site(place.site_id, f"{place.title} (simulated)", mapping(footprint(place.land.geobox))))
    write_catalog(items, HERE, title="Sample scenes of changedetect: real (romania-road) and simulated (sim-*)")
    write_json(HERE / "sites.geojson", {"type": "FeatureCollection", "features": sites})
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(f"{len(items)} scenes, {size / 1e6:.1f} MB")


def site(site_id: str, name: str, geometry: dict[str, Any]) -> dict[str, Any]:
    """A site as a GeoJSON feature."""
    return {"type": "Feature", "properties": {"id": site_id, "name": name}, "geometry": geometry}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write indented JSON, coordinates to a centimetre."""
    path.parent.mkdir(exist_ok=True)
    short = json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 7))
    path.write_text(json.dumps(short, indent=1) + "\n", encoding="utf-8")


def open_cube(wheel: Path, resolution: str) -> h5py.File:
    """A NetCDF cube inside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(f"nrt/data/sentinel2_cube_subset_romania_{resolution}.nc")
    return h5py.File(io.BytesIO(data), "r")


def grid_of(cube: h5py.File) -> GeoBox:
    """Grid of a cube from the centres of its pixels."""
    x, y = cube["x"][:], cube["y"][:]
    step = float(x[1] - x[0])
    left, top = x[0] - step / 2, y[0] + step / 2
    bounds = (left, top - step * len(y), left + step * len(x), top)
    return GeoBox.from_bbox(bounds, "EPSG:3035", shape=(len(y), len(x)), tight=True)


def real_scenes(wheel: Path) -> Iterator[pystac.Item]:
    """Scenes of the Romanian cubes, as the items of a public catalog."""
    cubes = {resolution: open_cube(wheel, resolution) for resolution in ("10m", "20m")}
    days = [date(2015, 8, 1) + timedelta(days=int(count)) for count in cubes["10m"]["time"][:]]
    for text in REAL_DATES:
        index = days.index(date.fromisoformat(text))
        item = real_item(text, grid_of(cubes["10m"]))
        for key, (resolution, band) in REAL_BANDS.items():
            grid = grid_of(cubes[resolution])
            numbers = cubes[resolution][band][index].astype(np.uint8 if key == "scl" else np.uint16)
            path = HERE / "sentinel-2-l2a" / item.id / f"{band}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_cog(path, numbers[None], grid, band_names=(key,), nodata=0)
            item.assets[key] = real_asset(path, key, grid)
        yield item


def real_item(day: str, grid: GeoBox) -> pystac.Item:
    """An item without assets; the cube gives neither time of day nor baseline."""
    outline = footprint(grid)
    properties = {
        "platform": "sentinel-2",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "proj:epsg": 3035,
        "changedetect:simulated": False,
    }
    return pystac.Item(
        id=f"nrt-romania-{day}",
        geometry=mapping(outline),
        bbox=[round(edge, 7) for edge in outline.bounds],
        datetime=datetime.fromisoformat(day).replace(tzinfo=UTC),
        properties=properties,
        collection="sentinel-2-l2a",
    )


def real_asset(path: Path, key: str, grid: GeoBox) -> pystac.Asset:
    """An asset with the scale and offset of the cube's numbers: reflectance times 10000."""
    band: dict[str, Any] = {"nodata": 0, "spatial_resolution": grid.affine.a}
    if key != "scl":
        band |= {"scale": 0.0001, "offset": 0}
    fields = {"proj:shape": list(grid.shape), "proj:transform": list(grid.affine)[:6], "raster:bands": [band]}
    return pystac.Asset(href=str(path.resolve()), media_type=pystac.MediaType.COG, roles=["data"], extra_fields=fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A simulated site and its scenes."""

    site_id: str
    """Id in sites.geojson."""
    title: str
    """Name in sites.geojson."""
    land: Landscape
    """The ground."""
    scenes: list[pystac.Item]
    """What was seen of it."""


def simulated_places() -> Iterator[Place]:
    """The factory, the crossing and the control site by Sentinel-2, and the factory by Landsat."""
    places: tuple[tuple[str, str, Callable[[str], Landscape]], ...] = (
        ("sim-factory", "Factory with two new halls and an apron", factory),
        ("sim-crossing", "Rail crossing with new sidings and a transhipment pad", rail_crossing),
        ("sim-control", "Control: fields, reservoir and village, nothing built", control),
    )
    for site_id, title, make in places:
        land = make(site_id)
        yield Place(site_id=site_id, title=title, land=land, scenes=list(seen(land, "sentinel-2-l2a", SENTINEL_2)))
    land = factory("sim-factory-landsat", west=600_060.0, seed=12)
    # Thirty-metre pixels show nothing smaller than about half a hectare.
    land = replace(land, features=tuple(one for one in land.features if one.geometry.area >= SMALLEST_LANDSAT_M2))
    scenes = list(seen(land, "landsat-8-9-c2-l2", LANDSAT))
    yield Place(site_id=land.name, title="Factory seen by Landsat", land=land, scenes=scenes)


def seen(land: Landscape, sensor: str, passes: Iterable[Pass]) -> Iterator[pystac.Item]:
    """Look at a place on each day and write what is seen."""
    collection = "sentinel-2-c1-l2a" if sensor == "sentinel-2-l2a" else "landsat-c2-l2"
    for number, one in enumerate(passes):
        acquisition = Acquisition(
            sensor=sensor,
            moment=datetime.fromisoformat(f"{one.day}T09:36:0{number}").replace(tzinfo=UTC),
            seed=number,
            baseline=one.baseline,
            cloud_cover=one.cloud,
            cirrus_cover=one.cirrus,
            wedge=one.wedge,
        )
        yield write_scene(observe(land, acquisition), HERE / collection)


if __name__ == "__main__":
    main()
