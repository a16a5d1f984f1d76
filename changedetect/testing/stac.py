"""Simulated observations as the items and files of a public catalog.

Sentinel-2 in the shape of Earth Search's `sentinel-2-c1-l2a`, Landsat in that of the Planetary Computer's
`landsat-c2-l2`: the same asset keys and properties, plus `changedetect:simulated`.
"""

import os
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

import pystac
from odc.geo.geobox import GeoBox
from pyproj import Proj
from pystac.stac_io import DefaultStacIO
from shapely.geometry import mapping

from changedetect.errors import OutputError
from changedetect.geotiff import write_cog
from changedetect.lonlat import footprint
from changedetect.sensors import SENSORS
from changedetect.testing.landscape import epsg_of
from changedetect.testing.sensing import Observation
from changedetect.types import IntArray

_EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
]
_COLLECTIONS = {"sentinel-2-l2a": "sentinel-2-c1-l2a", "landsat-8-9-c2-l2": "landsat-c2-l2"}
FILES = {
    "sentinel-2-l2a": {
        "blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "nir08": "B8A", "swir16": "B11", "swir22": "B12",
        "scl": "SCL",
    },
    "landsat-8-9-c2-l2": {
        "blue": "SR_B2", "green": "SR_B3", "red": "SR_B4", "nir08": "SR_B5", "swir16": "SR_B6", "swir22": "SR_B7",
        "qa_pixel": "QA_PIXEL",
    },
}  # fmt: skip
"""What the file of a band is called, by sensor and asset key."""

PATH_ROW = ("187", "027")
"""Where Landsat's simulated scenes lie in the Worldwide Reference System."""

_COG = pystac.MediaType.COG


class _WholeFiles(DefaultStacIO):
    """Writes JSON beside its name and renames it, so that no half file is ever seen."""

    def write_text_to_href(self, href: str, txt: str, *_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - pystac's
        target = Path(href)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        beside.write_text(txt + "\n", encoding="utf-8")
        os.replace(beside, target)  # noqa: PTH105 - atomic over an existing file on every system


def write_scene(observation: Observation, folder: Path) -> pystac.Item:
    """Write the bands of an observation as COGs into `folder/<item id>/` and describe them as a STAC item.

    The item's hrefs are absolute until `write_catalog` makes them relative. `RasterError` when a file can't be written.
    """
    acquisition = observation.acquisition
    sensor = SENSORS[acquisition.sensor]
    item = _item(observation)
    qa_key = sensor.qa_assets[0]
    rasters: dict[str, tuple[IntArray, GeoBox]] = {**observation.bands, qa_key: observation.qa}
    for key, (data, grid) in rasters.items():
        path = folder.resolve() / item.id / f"{FILES[acquisition.sensor][key]}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        nodata = 1 if key == "qa_pixel" else 0
        write_cog(path, data[None], grid, band_names=(key,), nodata=nodata)
        band: dict[str, Any] = {"nodata": nodata, "data_type": data.dtype.name, "spatial_resolution": grid.affine.a}
        if key != qa_key:
            band |= {"scale": sensor.scale, "offset": acquisition.offset}
        item.assets[key] = _asset(path, key, grid, band)
    return item


def _asset(path: Path, key: str, grid: GeoBox, band: dict[str, Any]) -> pystac.Asset:
    fields: dict[str, Any] = {
        "gsd": grid.affine.a,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.affine)[:6],
        "raster:bands": [band],
    }
    quality = key in {"scl", "qa_pixel"}
    if not quality:
        fields["eo:bands"] = [{"name": path.stem, "common_name": key}]
    roles = ["data"] if quality else ["data", "reflectance"]
    return pystac.Asset(href=str(path), media_type=_COG, roles=roles, extra_fields=fields)


def _item(observation: Observation) -> pystac.Item:
    acquisition, geobox = observation.acquisition, observation.landscape.geobox
    outline = footprint(geobox)
    moment = acquisition.moment.astimezone(UTC)
    properties: dict[str, Any] = {
        "changedetect:simulated": True,
        "changedetect:landscape": observation.landscape.name,
        "eo:cloud_cover": cloud_percent(observation),
        "proj:epsg": observation.landscape.epsg,
        "view:sun_azimuth": round(observation.sun[1], 4),
        "view:sun_elevation": round(observation.sun[0], 4),
    }
    if acquisition.sensor == "sentinel-2-l2a":
        item_id, more = _sentinel_2(observation)
    else:
        item_id, more = _landsat(observation)
    return pystac.Item(
        id=item_id,
        geometry=mapping(outline),
        bbox=[round(edge, 7) for edge in outline.bounds],
        datetime=moment,
        properties=properties | more,
        stac_extensions=list(_EXTENSIONS),
        collection=_COLLECTIONS[acquisition.sensor],
    )


def _sentinel_2(observation: Observation) -> tuple[str, dict[str, Any]]:
    acquisition = observation.acquisition
    moment = acquisition.moment.astimezone(UTC)
    tile = mgrs_square(observation.landscape.geobox)
    unit = sentinel_2_unit(observation)
    properties = {
        "platform": f"sentinel-2{unit.lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "grid:code": f"MGRS-{tile}",
        "s2:processing_baseline": acquisition.baseline,
        "s2:product_type": "S2MSI2A",
        "s2:nodata_pixel_percentage": round(100 * float((observation.bands["red"][0] == 0).mean()), 3),
    }
    return f"S2{unit}_T{tile}_{moment:%Y%m%dT%H%M%S}_L2A", properties


def _landsat(observation: Observation) -> tuple[str, dict[str, Any]]:
    moment = observation.acquisition.moment.astimezone(UTC)
    path, row = PATH_ROW
    properties = {
        "platform": "landsat-8",
        "instruments": ["oli", "tirs"],
        "gsd": 30,
        "landsat:correction": "L2SP",
        "landsat:collection_number": "02",
        "landsat:collection_category": "T1",
        "landsat:wrs_path": path,
        "landsat:wrs_row": row,
    }
    return f"LC08_L2SP_{path}{row}_{moment:%Y%m%d}_02_T1", properties


def sentinel_2_unit(observation: Observation) -> str:
    """Which of the twins passes that day: A or B, by turns of five days once B flies."""
    moment = observation.acquisition.moment.astimezone(UTC)
    return "B" if moment.toordinal() % 10 >= 5 and moment.year >= 2018 else "A"


def cloud_percent(observation: Observation) -> float:
    """Share of the scene that is under cloud, percent."""
    return round(100 * (1 - float((observation.cloud < 0.15).mean())), 2)


def mgrs_square(geobox: GeoBox) -> str:
    """Name of the 100 km square of the military grid that a northern UTM grid's centre lies in, like `34TDS`."""
    epsg = epsg_of(geobox)
    zone = epsg % 100
    centre = geobox.extent.centroid
    x, y = centre.coords[0]
    lat = Proj(epsg)(x, y, inverse=True)[1]
    column = "ABCDEFGHJKLMNPQRSTUVWXYZ"[(zone - 1) % 3 * 8 + int(x // 100_000) - 1]
    row = "ABCDEFGHJKLMNPQRSTUV"[(int(y // 100_000) + (0 if zone % 2 else 5)) % 20]
    return f"{zone}{'CDEFGHJKLMNPQRSTUVWX'[min(int((lat + 80) // 8), 19)]}{column}{row}"


def write_catalog(items: Iterable[pystac.Item], folder: Path, *, title: str = "Simulated scenes") -> Path:
    """Write `folder/catalog.json`, its collections and items as a self-contained static catalog with relative hrefs.

    Items go to `folder/<collection>/<item id>/<item id>.json`. `OutputError` when two items share an id.
    """
    catalog = pystac.Catalog(id="changedetect-scenes", description=title, title=title)
    groups: dict[str, list[pystac.Item]] = {}
    for item in sorted(items, key=lambda one: one.id):
        group = groups.setdefault(item.collection_id or "scenes", [])
        if any(item.id == other.id for other in group):
            msg = f"can't write {folder}: two scenes are called {item.id}; give them different moments or places"
            raise OutputError(msg)
        group.append(item)
    for name, members in sorted(groups.items()):
        extent = pystac.Extent.from_items(members)
        collection = pystac.Collection(id=name, description=f"{title}: {name}", extent=extent, license="other")
        collection.add_items(members)
        catalog.add_child(collection)
    catalog.normalize_hrefs(str(folder.resolve()))
    catalog.make_all_asset_hrefs_relative()
    catalog.save(pystac.CatalogType.SELF_CONTAINED, stac_io=_WholeFiles())
    return folder / "catalog.json"
