"""Public catalogs by name: where they are, what is asked of them, and what reading their files takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

from changedetect.catalog.api import ApiCatalog, StacApi
from changedetect.catalog.base import Catalog
from changedetect.catalog.chain import Chain
from changedetect.catalog.wire import PATIENCE, Patience
from changedetect.errors import CatalogError
from changedetect.model import Scene
from changedetect.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A public STAC API."""

    name: str
    """What it is called on the command line."""
    title: str
    """Who runs it."""
    url: str
    """Landing page of its STAC API."""
    collections: tuple[str, ...]
    """Collections asked for, the preferred first: what a later one knows besides fills holes."""
    reading: Literal["free", "signed", "keys"]
    """Files are read as they are; with a token given out to anyone, fetched when read; with the user's own keys."""
    connections: int = 8
    """Searches sent at one time, at most."""
    note: str = ""
    """What its user should know."""


SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        service.name: service
        for service in (
            Service(
                name="earth-search",
                title="Earth Search by Element 84, on AWS",
                url="https://earth-search.aws.element84.com/v1",
                collections=("sentinel-2-c1-l2a", "sentinel-2-l2a"),
                reading="free",
                note=(
                    "Sentinel-2 Collection 1, whose holes (most of 2022) the older collection fills. Its landsat-c2-l2"
                    " is left out: those files are in a bucket whose reader pays (s3://usgs-landsat)"
                ),
            ),
            Service(
                name="planetary-computer",
                title="Microsoft Planetary Computer",
                url="https://planetarycomputer.microsoft.com/api/stac/v1",
                collections=("sentinel-2-l2a", "landsat-c2-l2"),
                reading="signed",
                note="The only free Landsat files that need no account. hls2-s30 and hls2-l30 when asked for by name",
            ),
            Service(
                name="cdse",
                title="Copernicus Data Space Ecosystem",
                url="https://stac.dataspace.copernicus.eu/v1/",
                collections=("sentinel-2-l2a",),
                reading="keys",
                connections=4,
                note="Search is open to all, files need the user's own S3 keys; 2,000 requests a minute, 4 connections",
            ),
        )
    }
)
"""Every catalog that has a name."""


def named_catalog(
    name: str, *, collections: Sequence[str] = (), url: str = "", patience: Patience = PATIENCE
) -> Catalog:
    """Give a public catalog.

    Parameters
    ----------
    name
        A key of `SERVICES`.
    collections
        In order of preference, in place of the service's own choice.
    url
        Another address to ask (a mirror, a test server).
    patience
        How long it is asked.

    Raises
    ------
    CatalogError
        No catalog has that name.
    """
    service = SERVICES.get(name)
    if service is None:
        msg = f"no catalog is called {name!r}: there are {', '.join(SERVICES)}"
        raise CatalogError(msg)
    api = StacApi(url or service.url, name=name, connections=service.connections, patience=patience)
    return api_catalog(api, collections or service.collections)


def api_catalog(api: StacApi, collections: Sequence[str] = ()) -> Catalog:
    """Give collections of a STAC API, in order of preference; without any, all that seem to hold scenes, as one."""
    if len(collections) <= 1:
        return ApiCatalog(api, collections)
    return Chain([ApiCatalog(api, [collection]) for collection in collections])


def name_of(url: str) -> str:
    """Give the name of the service at a URL; empty for others.

    >>> name_of("https://earth-search.aws.element84.com/v1/")
    'earth-search'
    """
    return next((name for name, service in SERVICES.items() if service.url.rstrip("/") == url.rstrip("/")), "")


def item_url(scene: Scene) -> str | None:
    """Address of a scene's STAC item (OGC API - Features: `/collections/{id}/items/{id}`); None where no API told it.

    Nothing in it is secret.
    """
    service = SERVICES.get(scene.catalog)
    api = service.url if service else scene.catalog
    if not api.startswith(("https://", "http://")) or api.endswith((".json", ".parquet")) or not scene.collection:
        return None
    return redact(f"{api.rstrip('/')}/collections/{quote(scene.collection)}/items/{quote(scene.scene_id)}")
