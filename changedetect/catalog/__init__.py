"""Finding scenes over a place in a span of days.

A catalog is anything with `search` (`Catalog`); the one kind so far is a static STAC catalog on disk, read once. An
item becomes a `Scene` in `scene_from_item`, the same for every kind of catalog.
"""

from changedetect.catalog.items import scene_from_item
from changedetect.catalog.static import Catalog, StaticCatalog, open_catalog

__all__ = ["Catalog", "StaticCatalog", "open_catalog", "scene_from_item"]
