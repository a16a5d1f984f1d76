"""Static STAC: a catalog.json with what hangs below it, or a file of items; on disk or behind plain HTTP."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pystac
from pystac.errors import STACError, STACTypeError
from pystac.stac_io import DefaultStacIO

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.base import KeptCatalog, read_items, with_absolute_hrefs
from changedetect.catalog.paths import as_base, local_path
from changedetect.catalog.raw import Raw, mapping, sequence, text
from changedetect.catalog.wire import PATIENCE, Patience, Wire
from changedetect.errors import CatalogError
from changedetect.parallel import mapped
from changedetect.redaction import redact

log = logging.getLogger(__name__)

_UNREADABLE = (STACError, STACTypeError, CatalogError, OSError, ValueError, KeyError, TypeError, AttributeError)
"""What comes up over a file that is missing, no JSON, or no STAC."""

_REMOTE_THREADS = 8
"""Documents fetched at once over HTTP: each is small, and far away."""


class StaticCatalog(KeptCatalog):
    """Static STAC at a path or URL: a catalog, a collection, an item, or an ItemCollection (FeatureCollection).

    Items that are no surface reflectance scene of a known sensor are left out, with the reason in the log.
    """

    def __init__(self, path: Path | str, *, patience: Patience = PATIENCE) -> None:
        self.path = path
        """Where it lies: a path, or a URL (text)."""
        self.name = redact(str(path))
        """What it is called in messages and in `Scene.catalog`."""
        self._href = path if isinstance(path, str) else as_base(path.absolute())
        self._remote = isinstance(path, str) and urlsplit(path).scheme in {"http", "https"}
        self._io = _PlainIO(Wire(self.name, patience=patience))
        super().__init__(self._all)

    def __repr__(self) -> str:
        return f"StaticCatalog({self.name!r})"

    def root(self) -> Raw | pystac.Catalog:
        """Read the file at the root alone: a catalog, or the JSON of an item or of a collection of items.

        Raises
        ------
        CatalogError
            It can't be read or is no STAC.
        """
        href = self._href
        try:
            raw = mapping(json.loads(self._io.read_text(href)))
            kind = text(raw.get("type"))
            if kind == "FeatureCollection" or (kind == "Feature" and raw.get("assets")):
                return raw
            found = self._io.read_stac_object(href)
        except CatalogError:  # of the wire, which tells all
            raise
        except _UNREADABLE as error:
            why = " ".join(redact(f"{type(error).__name__}: {error}").split())
            msg = f"{self.name} is not a STAC catalog ({why}): give the catalog.json at its root"
            raise CatalogError(msg) from error
        if not isinstance(found, pystac.Catalog):
            msg = f"{self.name} is not a STAC catalog but an item without assets: give the catalog.json at its root"
            raise CatalogError(msg)
        return found

    def _all(self) -> tuple[Entry, ...]:
        root = self.root()
        if isinstance(root, pystac.Catalog):
            return read_items(self._walk(root, {root.get_self_href() or ""}), self.name)
        features = sequence(root.get("features")) if root.get("type") == "FeatureCollection" else [root]
        return read_items((with_absolute_hrefs(mapping(one), self._href) for one in features), self.name)

    def _walk(self, node: pystac.Catalog, seen: set[str]) -> Iterator[pystac.Item]:
        """Give every item below a catalog, once; a broken link loses what it points to and no more."""
        links = [link for link in node.get_links() if link.rel in {"item", "child"}]
        new = {link.get_absolute_href() or "": link for link in links}
        new = {href: link for href, link in new.items() if href not in seen}
        seen.update(new)
        for target in mapped(_resolved, new.values(), _REMOTE_THREADS if self._remote else 1):
            if isinstance(target, pystac.Item):
                yield target
            elif isinstance(target, pystac.Catalog):
                yield from self._walk(target, seen)


def _resolved(link: pystac.Link) -> object:
    owner = link.owner
    try:
        return link.resolve_stac_object(root=owner.get_root() if owner else None).target
    except _UNREADABLE as error:
        href = redact(str(link.get_absolute_href()))
        log.warning("left out %s: can't be read (%s)", href, " ".join(redact(str(error)).split()))
        return None


class _PlainIO(DefaultStacIO):
    """pystac's reader of documents, that asks for URLs as patiently as a search does."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def read_text_from_href(self, href: str, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - pystac's
        scheme = urlsplit(href).scheme
        if scheme in {"http", "https"}:
            return self._wire.request(href)
        if scheme in {"", "file"}:  # pystac would end a path at its `#`
            return local_path(href).read_text(encoding="utf-8")
        return super().read_text_from_href(href, *args, **kwargs)
