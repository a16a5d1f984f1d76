"""How GDAL is told to behave, in every read and write, and how its failures become one line."""

from collections.abc import Mapping
from types import MappingProxyType

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from changedetect.geotiff.places import access
from changedetect.redaction import redact

GDAL_OPTIONS: Mapping[str, str | int] = MappingProxyType(
    {
        # Reads run in parallel above us; GDAL threads below them would only fight for the same cores.
        "GDAL_NUM_THREADS": 1,
        # Decoded blocks kept between reads, bytes, as rasterio passes them on (GDAL's own small numbers are megabytes).
        # The default is a share of RAM for each process; this is what a tile touches of two dates in six bands.
        "GDAL_CACHEMAX": 192 * 2**20,
    }
)
"""GDAL configuration of every read and write."""

REMOTE_OPTIONS: Mapping[str, str | int] = MappingProxyType(
    {
        # Opening one file of a bucket must not list the bucket. On disk the listing is cheap and finds .aux.xml, .msk.
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # The header of a COG with its overviews usually fits in the first 32 kB: one request to open it.
        "GDAL_INGESTED_BYTES_AT_OPEN": 32768,
        # One request for neighbouring blocks of a COG, several at a time over one HTTP/2 connection.
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        "GDAL_HTTP_MULTIPLEX": "YES",
        "GDAL_HTTP_VERSION": "2TLS",
        # Headers of a run's scenes stay at hand: a file opened again costs no request.
        "CPL_VSIL_CURL_CACHE_SIZE": 67108864,
        # Who repeats a failed read is `opening.with_raster`, which knows Retry-After and renews signatures.
        "GDAL_HTTP_MAX_RETRY": 0,
        # A server that hangs must not hang a run.
        "GDAL_HTTP_CONNECTTIMEOUT": 15,
        "GDAL_HTTP_TIMEOUT": 120,
        "GDAL_HTTP_LOW_SPEED_TIME": 20,
        "GDAL_HTTP_LOW_SPEED_LIMIT": 1,
    }
)
"""More of it where the raster is remote."""

GDAL_FAILURES = (RasterioError, CPLE_BaseError, OSError)
"""What rasterio raises when GDAL fails; CPLE errors are not of its public root."""


def environment(href: str, more: Mapping[str, str] | None = None) -> rasterio.Env:
    """Give the GDAL environment to open a path or URL in; `more` options go on top."""
    place = access(href)
    remote = REMOTE_OPTIONS if place.remote else {}
    return rasterio.Env(session=place.session, **{**GDAL_OPTIONS, **remote, **place.options, **(more or {})})


def reason(error: Exception) -> str:
    """Give the innermost message of a failure, on one line and without secrets."""
    return redact(" ".join(str(error.__cause__ or error).split()))
