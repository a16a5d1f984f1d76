"""Searching a STAC API (STAC API 1.0, Item Search) so that nothing is lost and nothing wrong comes in.

A search that takes the server too long is asked again for half the days, down to single days. Pages are followed by
their links, never by counts. Whatever comes back is filtered again: collection, day, footprint, doubles.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from threading import Lock
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from pystac.link import Link
from pystac_client.item_search import ItemSearch
from shapely.geometry import mapping as geojson
from shapely.geometry.base import BaseGeometry

from changedetect.catalog.acquisitions import Entry
from changedetect.catalog.base import Catalog, read_items, with_absolute_hrefs, within
from changedetect.catalog.outlines import outlines
from changedetect.catalog.raw import Raw, mapping, sequence, text
from changedetect.catalog.wire import PATIENCE, AnswerError, Patience, Wire
from changedetect.errors import CatalogError
from changedetect.journal import note
from changedetect.model import Window
from changedetect.redaction import redact

log = logging.getLogger(__name__)

_PAGE_ITEMS = 100
"""Items asked for a page: an item weighs some 35 kB, and gateways refuse answers over 6-10 MB."""

_MAX_PAGES = 300
"""No search for a site has so many: a server that ignores our filters is giving us all it has."""

_DAY_TRIES = 3
"""Times that a single day is asked when the server is too slow even for that."""

_SHOWN_COLLECTIONS = 12
"""How many of its collections a server is said to have: some have hundreds."""

_OPTICAL = re.compile(r"sentinel-?2|sentinel 2|landsat|\bhls|ga_ls|ga_s2|\bmsi\b|\boli\b", re.IGNORECASE)
_OTHER = re.compile(r"sentinel-?1|level-?1|[-_]l1", re.IGNORECASE)
"""What a collection of surface reflectance, and one of something else, says of itself."""


class StacApi:
    """A STAC API, shared by the catalogs that ask for its collections; its landing page is read at the first search."""

    def __init__(self, url: str, *, name: str = "", connections: int = 8, patience: Patience = PATIENCE) -> None:
        self.url = url
        """Address of the landing page."""
        self.name = name or redact(url)
        """What it is called in messages and in `Scene.catalog`."""
        self._wire = Wire(self.name, connections=connections, patience=patience)
        self._lock = Lock()
        self._landing: Raw | None = None
        self._method = "POST"

    def __repr__(self) -> str:
        return f"StacApi({self.name!r})"

    def connect(self) -> None:
        """Read the landing page unless that was done; `CatalogError` when it can't be, or is none of a STAC API."""
        self._link("search")

    def items(self, outline: BaseGeometry, window: Window, collections: Sequence[str]) -> Iterator[Raw]:
        """Ask for items, page by page; `CatalogError` when the server fails or is no STAC API."""
        url = self._link("search")
        try:
            yield from self._found(url, self._method, outline, window, collections)
        except AnswerError as error:
            if self._method == "GET" or error.status not in {404, 405, 501}:
                raise
            log.info("%s does not take POST (HTTP %s): asked by GET from now on", self.name, error.status)
            self._method = "GET"
            yield from self._found(url, self._method, outline, window, collections)

    def collections(self) -> tuple[Raw, ...]:
        """Give its collections; `CatalogError` when it does not tell."""
        return tuple(self._pages(self._link("data"), "collections", "GET", {}))

    def has(self, collection: str) -> bool:
        """Whether it knows a collection by its id: lists may be cut; `CatalogError` when it does not tell."""
        try:
            return bool(
                self._wire.json(f"{self._link('data').rstrip('/')}/{quote(collection)}").get("id") == collection
            )
        except AnswerError as error:
            if error.status != 404:
                raise
            return False

    def _found(
        self, url: str, method: str, outline: BaseGeometry, window: Window, collections: Sequence[str]
    ) -> Iterator[Raw]:
        search = ItemSearch(
            url,
            method=method,
            limit=_PAGE_ITEMS,
            collections=list(collections) or None,
            intersects=geojson(outline),
            datetime=f"{window.start.isoformat()}T00:00:00Z/{window.end.isoformat()}T23:59:59Z",
            stac_io=self._wire,
        )
        return self._pages(url, "features", method, search.get_parameters())

    def _pages(self, url: str, key: str, method: str, parameters: dict[str, Any]) -> Iterator[Raw]:
        """Follow the pages of an answer to the last, to an empty one, or to one that has been there before."""
        page = self._wire.json(url, method=method, parameters=parameters)
        seen: set[tuple[tuple[str, str], ...]] = set()
        for _ in range(_MAX_PAGES):
            members = page.get(key)
            if not isinstance(members, list):
                msg = f"{self.name} answered without {key!r}: is it the address of a STAC API?"
                raise CatalogError(msg)
            mark = tuple(_identity(mapping(member)) for member in members)
            if mark in seen:
                log.warning("%s gives the same page of its answer again and again: it may be incomplete", self.name)
                note(f"{self.name} repeated a page, its answer may be incomplete")
                return
            seen.add(mark)
            yield from (member for member in members if isinstance(member, Mapping))
            following = self._next(page)
            if not members or following is None:
                return
            page = self._wire.json(following, parameters=parameters)
        msg = f"{self.name} gives more than {_MAX_PAGES} pages for one site: it ignores the search, ask another catalog"
        raise CatalogError(msg)

    def _next(self, page: Raw) -> Link | None:
        link = _linked(page, "next")
        return Link.from_dict({**link, "href": self._mended(link["href"])}) if link else None

    def _mended(self, href: str) -> str:
        """Make a link absolute, and https again where a server behind a gateway does not know that it is."""
        href = urljoin(self.url, href)
        here, there = urlsplit(self.url), urlsplit(href)
        return (
            f"https{href[4:]}" if (here.scheme, there.scheme, here.netloc) == ("https", "http", there.netloc) else href
        )

    def _link(self, rel: str) -> str:
        with self._lock:
            if self._landing is None:
                self._landing = _patiently(self._wire, self.url)
            landing = self._landing
        if link := _linked(landing, rel):
            return self._mended(link["href"])
        what = (
            "a static catalog: give the URL of its catalog.json" if landing.get("type") == "Catalog" else "no STAC API"
        )
        msg = f"{self.name} has no link {rel!r} and can't be searched; it is {what}"
        raise CatalogError(msg)


class ApiCatalog(Catalog):
    """One collection of a STAC API, or several taken as one.

    Without collections all are asked for that say of themselves to be Sentinel-2, Landsat or HLS; where none does, or
    the server does not tell, everything is asked for. What is no usable scene is left out when it comes.
    """

    def __init__(self, api: StacApi, collections: Sequence[str] = ()) -> None:
        self.api = api
        self._collections: tuple[str, ...] | None = tuple(collections) or None
        self._known = not collections

    def __repr__(self) -> str:
        return f"ApiCatalog({self.api!r}, {self._collections or ()})"

    def __str__(self) -> str:
        return f"{self.api.name}#{','.join(self._collections)}" if self._collections else self.api.name

    def entries(self, geometry: BaseGeometry, window: Window) -> tuple[Entry, ...]:
        """Give all that `search` chooses from.

        Raises
        ------
        CatalogError
            The server fails, again and again, or is no STAC API; or it has no such collection.
        """
        collections = self._asked_for()
        raws: dict[tuple[str, str], Raw] = {}
        for outline in outlines(geometry):
            for raw in self._raws(outline, window, collections):
                if not collections or not raw.get("collection") or raw["collection"] in collections:
                    raws.setdefault(_identity(raw), with_absolute_hrefs(raw, self._home(raw)))
        if not raws and not self._known:
            self._refuse_unknown()
        return within(read_items(raws.values(), self.api.name), geometry, window)

    def _raws(self, outline: BaseGeometry, window: Window, collections: Sequence[str], tries: int = 1) -> list[Raw]:
        """Ask for a window; when that is too much for the server, for its halves."""
        try:
            return list(self.api.items(outline, window, collections))
        except AnswerError as error:
            if not error.passing:
                raise
            if window.start < window.end:
                log.info("%s; asking for half the days of %s", error, window)
                note(f"search split: {error}")
                return [raw for half in _halves(window) for raw in self._raws(outline, half, collections)]
            if tries < _DAY_TRIES:
                return self._raws(outline, window, collections, tries + 1)
            msg = f"{error} (even a single day, {window.start}, was too much, {tries} times)"
            raise CatalogError(msg) from error

    def _asked_for(self) -> tuple[str, ...]:
        if self._collections is None:
            self.api.connect()
            try:
                known = self.api.collections()
            except CatalogError as error:
                log.info("all collections of %s are asked for, it does not name them: %s", self.api.name, error)
                return ()
            self._collections = tuple(text(one.get("id")) for one in known if one.get("id") and _optical(one))
            others = [name for one in known if (name := text(one.get("id"))) not in self._collections]
            log.info("asked of %s: %s; left out: %s", self.api.name, self._collections or "everything", others)
        return self._collections

    def _refuse_unknown(self) -> None:
        """Tell a misspelt collection from one with nothing here: servers answer both alike, with nothing."""
        asked = self._collections or ()
        there: list[str] = []
        try:
            there = [text(one.get("id")) for one in self.api.collections()]
            unknown = [name for name in asked if name not in there and not self.api.has(name)]
        except CatalogError as error:
            log.info("%s does not tell whether it has %s: %s", self.api.name, ", ".join(asked), error)
            unknown = []
        if unknown and there:
            close = get_close_matches(unknown[0], there, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            some = ", ".join(sorted(there)[:_SHOWN_COLLECTIONS]) + ", …" * (len(there) > _SHOWN_COLLECTIONS)
            msg = f"{self.api.name} has no collection {unknown[0]!r}{hint}: it has {some}"
            raise CatalogError(msg)
        self._known = True

    def _home(self, raw: Raw) -> str:
        """Where an item's relative hrefs start."""
        return urljoin(self.api.url, text(_linked(raw, "self").get("href")))


def _linked(document: Raw, rel: str) -> Raw:
    """Give the first link of a kind that leads somewhere, or an empty one."""
    links = (mapping(link) for link in sequence(document.get("links")))
    return next((link for link in links if link.get("rel") == rel and text(link.get("href"))), {})


def _identity(raw: Raw) -> tuple[str, str]:
    return text(raw.get("collection")), text(raw.get("id"))


def _patiently(wire: Wire, url: str) -> Raw:
    """Read a small document; the server had a bad moment when that takes long."""
    for _ in range(_DAY_TRIES - 1):
        try:
            return wire.json(url)
        except AnswerError as error:
            if not error.passing:
                raise
            note("search repeated: no answer in time")
    return wire.json(url)


def _halves(window: Window) -> tuple[Window, Window]:
    middle = window.start + (window.end - window.start) // 2
    return Window(start=window.start, end=middle), Window(start=middle + timedelta(days=1), end=window.end)


def _optical(collection: Raw) -> bool:
    """Whether a collection says that it holds surface reflectance; its description is too talkative to be asked."""
    summaries = mapping(collection.get("summaries"))
    told = [collection.get(key) for key in ("id", "title", "keywords")]
    told += [summaries.get(key) for key in ("platform", "constellation", "instruments")]
    return bool(_OPTICAL.search(str(told))) and not _OTHER.search(str(told[:2]))
