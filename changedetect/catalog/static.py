"""A static STAC catalog on disk."""

import logging
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pystac
import shapely
from pystac.errors import STACError, STACTypeError
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.items import Entry, entry_from_item, newest
from changedetect.errors import CatalogError
from changedetect.model import Scene, Window

log = logging.getLogger(__name__)

_UNREADABLE = (STACError, STACTypeError, OSError, ValueError, KeyError, TypeError, AttributeError)
"""What pystac raises over a file that is missing, no JSON, or no STAC."""


class Catalog(Protocol):
    """Where scenes are found."""

    def search(self, geometry: BaseGeometry, window: Window) -> tuple[Scene, ...]:
        """Give the scenes whose footprint meets a lon/lat geometry, acquired in the window, oldest first."""
        ...


class StaticCatalog:
    """A static STAC catalog on disk; its items are read at the first search and kept for the next sites."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"StaticCatalog({str(self.path)!r})"

    def search(self, geometry: BaseGeometry, window: Window) -> tuple[Scene, ...]:
        """Give the scenes over `geometry` (lon/lat) acquired in the window, oldest first.

        Of one acquisition processed more than once only the newest processing is given. Items that are no surface
        reflectance scene of a known sensor are left out, with the reason in the log.
        """
        shapely.prepare(geometry)
        return tuple(
            scene for scene in self._scenes if scene.datetime in window and geometry.intersects(scene.footprint)
        )

    @cached_property
    def _scenes(self) -> tuple[Scene, ...]:
        entries: list[Entry] = []
        for item in _walk(_root(self.path)):
            try:
                entries.append(entry_from_item(item))
            except CatalogError as error:
                log.info("left out: %s", error)
        return newest(entries)


def open_catalog(where: str | Path) -> Catalog:
    """Open a catalog: today a static STAC catalog, given as its JSON file or the folder that holds `catalog.json`.

    Raises
    ------
    CatalogError
        There is no such catalog, or it can't be read.
    """
    path = Path(where)
    if path.is_dir():
        path /= "catalog.json"
    if not path.is_file():
        msg = (
            f"no catalog at {str(where)!r}: give the path of a static STAC catalog.json or of the folder that holds it"
            " (services by name or URL can't be searched yet)"
        )
        raise CatalogError(msg)
    _root(path)
    return StaticCatalog(path.absolute())


def _root(path: Path) -> pystac.Catalog:
    try:
        return pystac.Catalog.from_file(str(path.absolute()))
    except _UNREADABLE as error:
        msg = f"{path} is not a STAC catalog ({type(error).__name__}: {error}): give the catalog.json at its root"
        raise CatalogError(" ".join(msg.split())) from error


def _walk(node: pystac.Catalog) -> Iterator[pystac.Item]:
    """Give every item below a catalog; a broken link loses what it points to and no more."""
    for link in node.get_links():
        if link.rel not in {"item", "child"}:
            continue
        try:
            target = link.resolve_stac_object(root=node.get_root()).target
        except _UNREADABLE as error:
            log.warning("left out %s: can't be read (%s)", link.get_absolute_href(), error)
            continue
        if isinstance(target, pystac.Item):
            yield target
        elif isinstance(target, pystac.Catalog):
            yield from _walk(target)
