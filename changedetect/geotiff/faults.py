"""What went wrong with a remote read, and whether it is worth another try.

GDAL often says no more than "read error" or "does not exist": a tiny request of our own asks the server what it has
against us. S3 is asked through GDAL only, whose messages name S3's error codes.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests

from changedetect.geotiff.places import Access, remember_redirect

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may be gone in a while (RFC 9110, RFC 6585)."""

_TIMEOUT_S = (10.0, 20.0)
_S3_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
_S3_GONE = ("NoSuchKey", "NoSuchBucket", "does not exist", "not a file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a read failed."""

    what: str
    """In few words, without URL."""
    passing: bool
    """Whether it may be gone at another try."""
    wait_s: float | None = None
    """How long the server asked us to wait; None when it did not."""
    denied: bool = False
    """Whether another token may help."""
    unreachable: bool = False
    """Whether the server did not answer at all."""


def diagnose(place: Access, told: str) -> Fault:
    """Find out why a remote read failed; `told` is GDAL's own word."""
    if place.url:
        return _ask(place.url, told)
    if any(code in told for code in _S3_DENIED) or "HTTP response code: 403" in told:
        return Fault(what="access denied (keys, rights or requester-pays)", passing=False)
    if any(code in told for code in _S3_GONE) and not re.search(r"HTTP (?:error|response) code ?: ?5\d\d", told):
        return Fault(what="not there (404)", passing=False)
    return Fault(what="S3 read failed", passing=True)


def _ask(url: str, told: str) -> Fault:
    try:
        with requests.get(url, headers={"Range": "bytes=0-511"}, timeout=_TIMEOUT_S, stream=True) as answer:
            head = next(answer.iter_content(512), b"")
            fault = _read(answer, head, told)
            if answer.history and fault.passing:
                remember_redirect(url)
            return fault
    except requests.Timeout:
        return Fault(what="no answer in time", passing=True, unreachable=True)
    except requests.exceptions.SSLError:
        return Fault(what="no secure connection (TLS)", passing=False, unreachable=True)
    except requests.RequestException as error:
        if "NameResolution" in str(error) or "Name or service not known" in str(error):
            return Fault(what="no such host, or no network", passing=False, unreachable=True)
        return Fault(what="connection broken", passing=True, unreachable=isinstance(error, requests.ConnectionError))


def _read(answer: requests.Response, head: bytes, told: str) -> Fault:
    status = answer.status_code
    if status in _PASSING:
        return Fault(what=f"HTTP {status}", passing=True, wait_s=retry_after(answer.headers.get("Retry-After")))
    if status in {401, 403}:
        return Fault(what=f"access denied (HTTP {status})", passing=False, denied=True)
    if status >= 400:
        return Fault(what=f"HTTP {status}", passing=False)
    kind = answer.headers.get("Content-Type", "")
    if "html" in kind or head.lstrip()[:9].lower() in {b"<!doctype", b"<html>"}:
        # Who was sent elsewhere has to log in there; who was not may have met a proxy's page on a bad day.
        return Fault(what="a web page instead of a raster", passing=not answer.history)
    if status == HTTPStatus.OK or answer.headers.get("Content-Encoding", "identity") != "identity":
        what = "the server gives no parts of files: download the scene and give its folder"
        return Fault(what=what, passing=False)
    return Fault(what=_in_short(told), passing=True)


def _in_short(told: str) -> str:
    """Name the fault that has passed when the server is asked: by GDAL's words, else as a broken read."""
    if found := re.search(r"HTTP (?:error|response) code ?: ?(\d{3})", told):
        return f"HTTP {found[1]}"
    named = (status.value for status in HTTPStatus if status >= 400 and f"response: {status.phrase}" in told)
    return next((f"HTTP {value}" for value in named), "broken or incomplete answer")


def retry_after(text: str | None) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3): seconds, or a date; None when absent or unreadable.

    >>> retry_after("7"), retry_after("soon"), retry_after(None)
    (7.0, None, None)
    """
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
