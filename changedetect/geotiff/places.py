"""Where a path or URL leads: its name for GDAL, the rights it needs, and how many may read there at once.

Rights come from where users keep them anyway: the Planetary Computer's tokens from its own package, S3 keys from the
environment. They are added when a file is opened and never kept with it.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from threading import BoundedSemaphore
from urllib.parse import unquote, urlsplit

import planetary_computer
import requests
from planetary_computer.sas import TOKEN_CACHE
from rasterio.session import DummySession, Session

from changedetect.errors import RasterError
from changedetect.parallel import sleep
from changedetect.redaction import redact

_BLOB = ".blob.core.windows.net"
_CDSE_BUCKET = "eodata"
_CDSE_ENDPOINT = "eodata.dataspace.copernicus.eu"

REQUESTER_PAYS = frozenset({"usgs-landsat", "sentinel-s2-l1c", "sentinel-s2-l2a", "sentinel-s1-l1c"})
"""Buckets whose readers pay (Registry of Open Data on AWS); reading them needs AWS_REQUEST_PAYER=requester."""

_CONNECTIONS: Mapping[str, int] = {_CDSE_ENDPOINT: 4}
"""Connections a host allows at once (CDSE quotas: 4); other hosts get `_USUAL_CONNECTIONS`."""

_USUAL_CONNECTIONS = 32
_ENOUGH_FAILURES, _CLOSED_S = 3, 60.0
LONGEST_PAUSE_S = 60.0
"""No server is waited for longer, whatever it asks."""


class _Keys(Session):  # type: ignore[misc]
    """GDAL's S3 options for one read: rasterio takes keys from a session only."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)

    def get_credential_options(self) -> dict[str, str]:
        """Options that GDAL reads keys from."""
        return self._options


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How GDAL gets at a raster."""

    path: str
    """What GDAL opens; may be signed: never to be shown."""
    url: str = ""
    """The same for any HTTP client; empty where only GDAL knows how to ask. May be signed."""
    remote: bool
    """Whether reading goes over a network."""
    host: str = ""
    """Who serves it; empty on disk."""
    session: Session = field(default_factory=DummySession)
    """Credentials."""
    options: Mapping[str, str] = field(default_factory=dict)
    """GDAL options of this place."""


def is_remote(href: str) -> bool:
    """Whether reading it may mean waiting for a network, as far as its name tells.

    >>> is_remote("/data/red.tif"), is_remote("s3://bucket/red.tif")
    (False, True)
    """
    return href.startswith("/vsi") or ("://" in href and not href.startswith("file:"))


def access(href: str) -> Access:
    """Find out how to read a path, an `http(s)://` or `s3://` URL, or a GDAL `/vsi` path.

    Raises
    ------
    RasterError
        Reading there needs keys that are not in the environment, or costs the reader money.
    """
    try:
        parts = urlsplit(href)
    except ValueError as error:
        msg = f"can't read {redact(href)}: that is no URL ({error}); ask who gave it"
        raise RasterError(msg) from error
    if parts.scheme in {"http", "https"}:
        return _on_http(_signed(href.replace(" ", "%20")))
    if parts.scheme == "s3" or href.startswith("/vsis3/"):
        bucket, _, key = (parts.netloc + parts.path if parts.scheme else href.removeprefix("/vsis3/")).partition("/")
        return _on_s3(href, bucket, key)
    return Access(path=href, remote=href.startswith("/vsi") and "/vsizip/" not in href and "/vsitar/" not in href)


def _on_http(url: str) -> Access:
    """A plain URL is asked for as an unsigned object of S3, which GDAL opens with one ranged GET.

    Of other servers GDAL asks the size first, by HEAD: a third more requests. The bytes on the wire are the same
    otherwise: `GET /first/rest` of the endpoint.
    """
    parts = urlsplit(url)
    bucket, _, key = unquote(parts.path).strip("/").partition("/")
    another_path = "%2f" in parts.path.lower() or "//" in parts.path
    if parts.query or parts.fragment or "@" in parts.netloc or not key or another_path or parts.netloc in _redirecting:
        return Access(path=f"/vsicurl/{url}", url=url, remote=True, host=parts.netloc.rpartition("@")[2])
    options = {
        "AWS_S3_ENDPOINT": parts.netloc,
        "AWS_HTTPS": "YES" if parts.scheme == "https" else "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
        "AWS_REQUEST_PAYER": "",
    }
    return Access(path=f"/vsis3/{bucket}/{key}", url=url, remote=True, host=parts.netloc, options=options)


_redirecting: set[str] = set()
"""Hosts that send readers elsewhere, which GDAL follows for plain URLs only."""


def remember_redirect(url: str) -> None:
    """Have the next reads of a URL's host follow redirects."""
    _redirecting.add(urlsplit(url).netloc)


def _on_s3(href: str, bucket: str, key: str) -> Access:
    path, env = f"/vsis3/{bucket}/{key}", os.environ
    if bucket in REQUESTER_PAYS and env.get("AWS_REQUEST_PAYER") != "requester":
        msg = (
            f"can't read {redact(href)}: bucket {bucket} is requester-pays, every byte would be on your bill; use a"
            " free copy (Landsat: --catalog planetary-computer) or set AWS_REQUEST_PAYER=requester"
        )
        raise RasterError(msg)
    if bucket == _CDSE_BUCKET:
        key_id = env.get("CDSE_S3_ACCESS_KEY") or env.get("AWS_ACCESS_KEY_ID")
        secret = env.get("CDSE_S3_SECRET_KEY") or env.get("AWS_SECRET_ACCESS_KEY")
        endpoint = env.get("CDSE_S3_ENDPOINT", _CDSE_ENDPOINT)
        if not (key_id and secret):
            msg = (
                f"can't read {redact(href)}: CDSE gives pixels to registered users only; create free S3 keys in your"
                " account there and set CDSE_S3_ACCESS_KEY and CDSE_S3_SECRET_KEY"
            )
            raise RasterError(msg)
        keys = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
        options = {"AWS_S3_ENDPOINT": endpoint, "AWS_VIRTUAL_HOSTING": "FALSE", "AWS_REGION": "default"}
        return Access(path=path, remote=True, host=endpoint, session=_Keys(keys), options=options)
    keyed = any(env.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"))
    options = {} if keyed else {"AWS_NO_SIGN_REQUEST": "YES"}
    return Access(path=path, remote=True, host=f"{bucket}.s3", session=_Keys({}), options=options)


def _signed(url: str) -> str:
    """Add a token to a URL of the Planetary Computer; its package keeps tokens until a minute before they age."""
    if not _needs_token(url):
        return url
    try:
        return str(planetary_computer.sign_url(url))
    except requests.HTTPError as error:
        if error.response is not None and error.response.status_code in {400, 404}:
            return url  # a storage account that the Planetary Computer does not know: public, or not ours to open
        msg = f"no token for {url}: {redact(str(error))}; try again later or use another catalog"
        raise RasterError(" ".join(msg.split())) from error
    except requests.RequestException as error:
        msg = f"no token for {url}: {redact(str(error))}; check the connection to planetarycomputer.microsoft.com"
        raise RasterError(" ".join(msg.split())) from error


def _needs_token(url: str) -> bool:
    parts = urlsplit(url)
    return (parts.hostname or "").endswith(_BLOB) and not parts.query


def forget_token(url: str) -> bool:
    """Have the next read ask for a new token; False where none is used."""
    if not _needs_token(url):
        return False
    TOKEN_CACHE.clear()
    return True


class Host:
    """A server's patience, and ours with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._slots = BoundedSemaphore(_CONNECTIONS.get(name, _USUAL_CONNECTIONS))
        self._resume_at = 0.0
        self._given_up = 0
        self._closed_until = 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a free connection and for the end of a pause, if the server asked for one.

        Raises
        ------
        RasterError
            It could not be reached time and again: no need for every file to find out by itself.
        """
        if time.monotonic() < self._closed_until:
            msg = f"{self.name} can't be reached, as {self._given_up} reads before found; try again later"
            raise RasterError(msg)
        with self._slots:
            if (rest := self._resume_at - time.monotonic()) > 0:
                sleep(rest)
            yield
        self._given_up = 0

    def pause(self, seconds: float) -> None:
        """Let no new read begin for a while."""
        self._resume_at = max(self._resume_at, time.monotonic() + min(seconds, LONGEST_PAUSE_S))

    def give_up(self) -> None:
        """Note that a read was given up because the server could not be reached."""
        self._given_up += 1
        if self._given_up >= _ENOUGH_FAILURES:
            self._closed_until = time.monotonic() + _CLOSED_S


@lru_cache(maxsize=256)
def host_of(name: str) -> Host:
    """Give the one `Host` of a name."""
    return Host(name)
