"""Finding scenes over a place in a span of days.

A catalog is anything with `entries` and `search` (`Catalog`): a STAC API, a static catalog, a file of items, a folder
of products, or a chain of such. `open_catalog` opens whatever a user may write. An item becomes a `Scene` in
`scene_from_item`, the same for every kind of catalog.
"""

from changedetect.catalog.base import Catalog
from changedetect.catalog.items import scene_from_item
from changedetect.catalog.named import item_url
from changedetect.catalog.opening import open_catalog
from changedetect.catalog.single import is_scene, scene_at
from changedetect.catalog.static import StaticCatalog

__all__ = ["Catalog", "StaticCatalog", "is_scene", "item_url", "open_catalog", "scene_at", "scene_from_item"]
