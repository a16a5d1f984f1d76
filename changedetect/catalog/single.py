"""One scene, given by its product or its STAC item."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pystac

from changedetect.catalog.base import with_absolute_hrefs
from changedetect.catalog.items import scene_from_item
from changedetect.catalog.paths import as_base, is_there, local_path
from changedetect.catalog.products import looks_like_products, scene_of_product
from changedetect.catalog.static import StaticCatalog
from changedetect.errors import CatalogError
from changedetect.model import Scene

_JSON = {".json", ".geojson"}
_RASTERS = {".tif", ".tiff", ".jp2", ".vrt", ".img", ".png", ".jpg", ".nc", ".h5", ".zarr"}


def is_scene(where: str | Path) -> bool:
    """Whether a path or URL gives a product or a STAC item, not a raster."""
    parts = urlsplit(str(where))
    if parts.scheme in {"http", "https"}:
        return PurePosixPath(parts.path).suffix.lower() not in _RASTERS
    if parts.scheme == "s3" or str(where).startswith("/vsi"):
        return False
    path = local_path(str(where))
    return path.suffix.lower() in _JSON or (is_there(path) and looks_like_products(path))


def scene_at(where: str | Path) -> Scene:
    """Read a product (a `.SAFE` or Landsat bundle, packed or not) or a STAC item (path or URL of its JSON).

    Raises
    ------
    CatalogError
        It can't be read, or is no surface reflectance scene of a known sensor.
    """
    remote = urlsplit(str(where)).scheme in {"http", "https"}
    path = local_path(str(where))
    if not remote and is_there(path) and looks_like_products(path):
        return scene_of_product(path)
    item = StaticCatalog(str(where) if remote else path.absolute())
    found = item.root()
    if isinstance(found, pystac.Catalog) or found.get("type") != "Feature":
        msg = f"{item.name} holds no single scene: give the JSON of one item, or search it with run --catalog"
        raise CatalogError(msg)
    return scene_from_item(with_absolute_hrefs(found, str(where) if remote else as_base(path.absolute())))
