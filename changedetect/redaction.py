"""No secret leaves the program: what may be one is taken out of every text that is shown, logged or written."""

import logging
import re
from urllib.parse import urlsplit, urlunsplit

REDACTED = "<redacted>"
"""What stands where a secret was."""

TALKATIVE = (
    "rasterio._base",
    "rasterio._env",
    "rasterio._err",
    "rasterio._io",
    "pystac_client.stac_api_io",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)
"""Loggers of libraries that may name signed URLs, and that tell what we tell ourselves."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_VSI_OPTIONS = re.compile(r"(/vsi\w+)\?[^\s\"'<>]+")
_QUERY = re.compile(r"\?[^\s\"'<>=?]+=[^\s\"'<>]*")
"""A query of a relative URL, as HTTP clients log it."""

_PAIR = re.compile(
    r"\b((?:X-Amz-\w+(?:-\w+)*|sig|signature|token|secret|password|AccessKeyId|AWSAccessKeyId)=)[^\s&\"'<>]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Take user names, passwords, query strings and fragments out of every URL in a text: signatures live there.

    >>> redact("503 from https://me:pw@host/a.tif?sig=abc, gave up")
    '503 from https://host/a.tif gave up'
    >>> redact('"GET /a.tif?se=2026&sig=abc HTTP/1.1" 403')
    '"GET /a.tif?<redacted> HTTP/1.1" 403'
    """
    text = _URL.sub(_bare, _VSI_OPTIONS.sub(rf"\1?{REDACTED}", text))
    return _PAIR.sub(rf"\1{REDACTED}", _QUERY.sub(f"?{REDACTED}", text))


def _bare(match: re.Match[str]) -> str:
    try:
        parts = urlsplit(match[0])
    except ValueError:  # brackets that are no IPv6 address: better no URL than a doubtful one
        return REDACTED
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Redacting(logging.Filter):
    """Takes secrets out of log records of the libraries that see signed URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's message; every record passes."""
        record.msg, record.args = redact(record.getMessage()), None
        return True


def guard_logs() -> None:
    """Put `Redacting` on the loggers of GDAL's messages and of HTTP clients, once."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Redacting) for one in logger.filters):
            logger.addFilter(Redacting())
