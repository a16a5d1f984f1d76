"""How GDAL is told to behave, in every read and write, and how its failures become one line."""

from collections.abc import Mapping
from types import MappingProxyType

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

GDAL_OPTIONS: Mapping[str, str | int] = MappingProxyType(
    {
        # Sites and tiles run in parallel above us; GDAL threads below them would only fight for the same cores.
        "GDAL_NUM_THREADS": 1,
        # MB of decoded blocks kept between reads; the default is a share of RAM for each process.
        "GDAL_CACHEMAX": 256,
        # One request for neighbouring blocks of a COG, several at a time over one HTTP/2 connection.
        "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        "GDAL_HTTP_MULTIPLEX": "YES",
        "GDAL_HTTP_VERSION": "2",
        # The header of a COG with its overviews usually fits in the first 32 kB: one request to open it.
        "GDAL_INGESTED_BYTES_AT_OPEN": 32768,
        # Short outages and 429/503 answers are waited out by GDAL itself; a hung server must not hang a run.
        "GDAL_HTTP_MAX_RETRY": 3,
        "GDAL_HTTP_RETRY_DELAY": 1,
        "GDAL_HTTP_CONNECTTIMEOUT": 15,
        "GDAL_HTTP_TIMEOUT": 120,
    }
)
"""GDAL configuration of every read and write."""

REMOTE_OPTIONS: Mapping[str, str] = MappingProxyType(
    # Opening one file of a bucket must not list the bucket. On disk the listing is cheap and finds .aux.xml and .msk.
    {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
)
"""More of it where the raster is remote."""

GDAL_FAILURES = (RasterioError, CPLE_BaseError, OSError)
"""What rasterio raises when GDAL fails; CPLE errors are not of its public root."""


def environment(href: str) -> rasterio.Env:
    """Give the GDAL environment to open a path or URL in."""
    remote = "://" in href or href.startswith("/vsi")
    return rasterio.Env(**GDAL_OPTIONS, **(REMOTE_OPTIONS if remote else {}))


def reason(error: Exception) -> str:
    """Give the innermost message of a failure, on one line."""
    return " ".join(str(error.__cause__ or error).split())
