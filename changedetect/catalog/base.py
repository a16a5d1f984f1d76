"""What a catalog is, and what all kinds of catalog do alike: items become entries, entries are filtered on this side.

Servers differ in which filters they honour, and some ignore one silently: whatever an answer holds is filtered again.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Protocol

import pystac
import shapely
from pystac.utils import make_absolute_href
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.acquisitions import Entry, merge
from changedetect.catalog.items import entry_from_item
from changedetect.catalog.raw import Raw, mapping, text
from changedetect.errors import CatalogError
from changedetect.model import Scene, Window

log = logging.getLogger(__name__)


class Catalog(Protocol):
    """Where scenes are found. Nothing is read before the first search; several threads may search at once."""

    def entries(self, geometry: BaseGeometry, window: Window) -> Sequence[Entry]:
        """Give all that `search` chooses from, every copy of an acquisition: what a chain of catalogs merges.

        Raises
        ------
        CatalogError
            The catalog can't be asked or read.
        """
        ...

    def search(self, geometry: BaseGeometry, window: Window) -> tuple[Scene, ...]:
        """Give the scenes whose footprint meets a lon/lat geometry, acquired in the window, oldest first.

        An acquisition comes once, in its newest processing; where it is known more than once, the others are its
        `Scene.copies`.

        Raises
        ------
        CatalogError
            The catalog can't be asked or read.
        """
        return merge([self.entries(geometry, window)])


class KeptCatalog(Catalog):
    """A catalog read as a whole, by whichever thread searches first, and kept for the next sites.

    A failure is not kept: the next search reads again.
    """

    def __init__(self, read: Callable[[], tuple[Entry, ...]]) -> None:
        self._read = read
        self._lock = Lock()
        self._entries: tuple[Entry, ...] | None = None

    def entries(self, geometry: BaseGeometry, window: Window) -> tuple[Entry, ...]:
        """Give all that `search` chooses from; `CatalogError` when it can't be read."""
        with self._lock:
            if self._entries is None:
                self._entries = self._read()
        return within(self._entries, geometry, window)


def within(entries: Iterable[Entry], geometry: BaseGeometry, window: Window) -> tuple[Entry, ...]:
    """Keep the entries acquired in the window whose footprint meets a lon/lat geometry."""
    # Not prepared: GEOS builds a prepared geometry's index when first used, and not for two threads at once.
    timely = [entry for entry in entries if entry.scene.datetime in window]
    meet = shapely.intersects([entry.scene.footprint for entry in timely], geometry)
    return tuple(entry for entry, meets in zip(timely, meet, strict=True) if meets)


def read_items(items: Iterable[pystac.Item | Raw], catalog: str) -> tuple[Entry, ...]:
    """Read items as scenes of the catalog of that name; those that are none are left out, with the reason in the log.

    Raises
    ------
    CatalogError
        There are items, and none is a scene: "no scene here" would not be true.
    """
    entries: list[Entry] = []
    refused: list[CatalogError] = []
    for item in items:
        try:
            entries.append(entry_from_item(item, catalog=catalog))
        except CatalogError as error:
            log.info("left out: %s", error)
            refused.append(error)
    if refused and not entries:
        msg = f"{catalog}: none of {len(refused)} items is a scene that can be read; the first: {refused[0]}"
        raise CatalogError(msg) from refused[0]
    return tuple(entries)


def with_absolute_hrefs(raw: Raw, base: str) -> Raw:
    """Resolve an item's asset hrefs against the file or URL it came from (STAC 1.1, Asset Object, `href`)."""
    assets = {key: _absolute(mapping(asset), base) for key, asset in mapping(raw.get("assets")).items()}
    return {**raw, "assets": assets}


def _absolute(asset: Raw, base: str) -> Raw:
    try:
        href = make_absolute_href(text(asset.get("href")), base, start_is_dir=False)
    except ValueError:  # no URL at all: whoever opens it will say so
        return asset
    return {**asset, "href": href} if asset.get("href") else asset
