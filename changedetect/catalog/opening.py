"""From what a user writes after `--catalog` to a catalog."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from changedetect.catalog.api import StacApi
from changedetect.catalog.base import Catalog
from changedetect.catalog.chain import Chain
from changedetect.catalog.geoparquet import GeoparquetCatalog
from changedetect.catalog.named import SERVICES, api_catalog, name_of, named_catalog
from changedetect.catalog.paths import is_there, local_path
from changedetect.catalog.products import ProductFolder, looks_like_products
from changedetect.catalog.static import StaticCatalog
from changedetect.errors import CatalogError
from changedetect.redaction import redact

_LONGEST_NAME = 1000
"""Letters of a path that are shown; what is longer is no path but a mistake."""

_PARQUET = {".parquet", ".geoparquet"}
_JSON = {".json", ".geojson"}

_POSSIBLE = (
    f"give {', '.join(SERVICES)}, the URL of a STAC API, or the path of a catalog.json (or of its folder), of a file"
    " of STAC items (.json, .parquet), or of Sentinel-2 .SAFE and Landsat products"
)


def open_catalog(where: str | Path | Sequence[str | Path]) -> Catalog:
    """Open a catalog, or several in order of preference. No server is asked before the first search.

    Parameters
    ----------
    where
        A name (`earth-search`, `planetary-computer`, `cdse`), the URL of a STAC API or of a static catalog's JSON, a
        path or `file://` URL (static STAC catalog, its folder, a JSON file of items, stac-geoparquet, product, folder
        of products), or a sequence of such. A name or the URL of an API may be followed by the collections to ask
        for, the preferred first: `planetary-computer#landsat-c2-l2`, `https://example.org/stac#one,two`.

    Raises
    ------
    CatalogError
        There is no such catalog, or it can't be read.
    """
    if isinstance(where, str | Path):
        return _open(where)
    if not where:
        msg = f"no catalog is given: {_POSSIBLE}"
        raise CatalogError(msg)
    members = [_open(one) for one in where]
    return members[0] if len(members) == 1 else Chain(members)


def _open(where: str | Path) -> Catalog:
    if isinstance(where, Path):
        return _at_path(where, str(where))
    address, hash_sign, listed = where.strip().partition("#")
    collections = [name.strip() for name in listed.split(",") if name.strip()]
    if address in SERVICES:
        return named_catalog(address, collections=collections)
    if re.match(r"https?://", address, re.IGNORECASE):
        return _at_url(address, collections)
    if hash_sign and not is_there(local_path(where)):
        msg = f"no catalog at {redact(where)!r}: collections after '#' go with a name ({', '.join(SERVICES)}) or a URL"
        raise CatalogError(msg)
    return _at_path(local_path(where), where)


def _at_url(url: str, collections: Sequence[str]) -> Catalog:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or any(letter.isspace() for letter in url):
        msg = f"no catalog at {redact(url)!r}, that is no URL: {_POSSIBLE}"
        raise CatalogError(msg)
    suffix = Path(parts.path).suffix.lower()
    if suffix in _PARQUET:
        msg = f"no catalog at {redact(url)!r}: download the stac-geoparquet file and give its path"
        raise CatalogError(msg)
    if suffix in _JSON:
        return StaticCatalog(url)
    if name := name_of(url):
        return named_catalog(name, collections=collections)
    return api_catalog(StacApi(url), collections)


def _at_path(path: Path, where: str) -> Catalog:
    if not where.strip():  # as a path it would be the folder we are in
        msg = f"no catalog at {where!r}: {_POSSIBLE}"
        raise CatalogError(msg)
    there = is_there(path)
    if there and path.is_dir():
        for name in ("catalog.json", "collection.json"):
            if (path / name).is_file():
                return _static(path / name)
    if there:
        if looks_like_products(path):
            return ProductFolder(path)
        if path.is_file():
            return GeoparquetCatalog(path) if path.suffix.lower() in _PARQUET else _static(path)
    name = redact(where) if len(where) <= _LONGEST_NAME else f"{redact(where)[:100]}…"
    msg = f"no catalog at {name!r}{_close(where)}: {_POSSIBLE}"
    raise CatalogError(msg)


def _static(path: Path) -> StaticCatalog:
    catalog = StaticCatalog(path.absolute())
    catalog.root()  # a mistake in the path is told before the first site
    return catalog


def _close(name: str) -> str:
    matches = get_close_matches(name.lower(), SERVICES, n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
