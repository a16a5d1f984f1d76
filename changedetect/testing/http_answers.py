"""Requests read and answers worded: HTTP/1.1 as far as readers of files need it (RFC 9110, RFC 9112).

No sockets here: bytes in, values out. What to send is an `Answer`; `http_server` sends it.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http import HTTPStatus
from http.client import responses
from pathlib import Path, PurePosixPath
from time import time
from types import MappingProxyType
from typing import Literal
from urllib.parse import unquote, urlsplit

from changedetect.testing.faults import Fault

_CHUNK = 1 << 18
"""Bytes read and sent at once."""

_TYPES = MappingProxyType(
    {
        ".geojson": "application/geo+json",
        ".html": "text/html; charset=utf-8",
        ".jp2": "image/jp2",
        ".json": "application/json",
        ".parquet": "application/vnd.apache.parquet",
        ".png": "image/png",
        ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
        ".tiff": "image/tiff; application=geotiff",
        ".txt": "text/plain; charset=utf-8",
        ".xml": "application/xml",
        ".zip": "application/zip",
    }
)

_LOGIN = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Sign in</h1><form method="post"><input name="user"><input name="password" type="password"></form></body>
</html>
"""

_SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.'
    b"</Message><RequestId>0000000000000000</RequestId></Error>"
)
"""Amazon S3 API reference, Error responses, SlowDown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, read."""

    method: str
    """Upper case."""
    scheme: str
    """Of an absolute URI, as a proxy gets it; empty in a request to the server itself."""
    host: str
    """Host name without port, lower case: of the absolute URI, else of the Host header."""
    authority: str
    """The same with its port."""
    path: str
    """Percent-decoded, starts with `/`."""
    query: str = field(repr=False)
    """Still encoded, without `?`; may hold a signature."""
    headers: dict[str, str] = field(repr=False)
    """By lower-case name."""
    keep_alive: bool
    """Whether the client wants the connection to stay open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send: a head and either bytes or a slice of a file."""

    status: int
    """HTTP status code."""
    headers: tuple[tuple[str, str], ...] = ()
    """Without Date, Connection and those of the length."""
    body: bytes = field(default=b"", repr=False)
    """The body, where it is no file."""
    file: Path | None = None
    """The file the body is a slice of."""
    start: int = 0
    """First byte of the slice."""
    length: int = 0
    """Bytes of the body."""
    total: int | None = None
    """Size of the whole file, where the answer is to a range of it (206 and 416)."""

    def shorter(self, share: float) -> "Answer":
        """Give a consistent answer of the first `share` of the body, at least one byte."""
        return replace(self, length=self.kept(share) or 1)

    def kept(self, share: float) -> int:
        """Give how many bytes are `share` of the body."""
        return min(int(self.length * share), self.length - 1)

    def head(self, *, keep_alive: bool) -> bytes:
        """Give the status line and headers as they go out."""
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, 'Error')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status == HTTPStatus.PARTIAL_CONTENT:
            lines.append(f"Content-Range: bytes {self.start}-{self.start + self.length - 1}/{self.total}")
        elif self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            lines.append(f"Content-Range: bytes */{self.total}")
        lines += [
            f"Content-Length: {self.length}",
            f"Date: {formatdate(usegmt=True)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def chunks(self, first: int, last: int) -> Generator[bytes]:
        """Give the bytes `[first, last)` of the body, piece by piece."""
        if first >= last:
            return
        if self.file is None:
            yield self.body[first:last]
            return
        with self.file.open("rb", buffering=0) as file:
            file.seek(self.start + first)
            left = last - first
            while left and (piece := file.read(min(_CHUNK, left))):  # a file that shrank meanwhile ends too early
                left -= len(piece)
                yield piece


def read_ask(head: bytes) -> Ask | None:
    r"""Read a request's head; None when it is no HTTP/1 request.

    >>> ask = read_ask(b"GET http://a.example:80/x%20y.tif?sig=1 HTTP/1.1\r\nRange: bytes=0-9\r\n\r\n")
    >>> ask.method, ask.scheme, ask.host, ask.path, ask.headers["range"], ask.keep_alive
    ('GET', 'http', 'a.example', '/x y.tif', 'bytes=0-9', True)
    """
    lines = head.decode("latin-1").split("\r\n")
    line = re.fullmatch(r"([A-Z]+) (\S+) HTTP/1\.([01])", lines[0])
    if line is None:
        return None
    method, target, minor = line.groups()
    pairs = [one.split(":", 1) for one in lines[1:] if ":" in one]
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    try:
        url = urlsplit(f"//-{target}" if target.startswith("/") else f"//{target}" if method == "CONNECT" else target)
        host_header = urlsplit(f"//{headers.get('host', '')}")
        named = url if url.scheme or method == "CONNECT" else host_header
        host, authority = named.hostname or "", named.netloc.lower()
    except ValueError:
        return None
    wish = headers.get("connection", headers.get("proxy-connection", "")).lower()
    return Ask(
        method=method,
        scheme=url.scheme,
        host=host,
        authority=authority,
        path=unquote(url.path) or "/",
        query=url.query,
        headers=headers,
        keep_alive="close" not in wish and (minor == "1" or "keep-alive" in wish),
    )


def message(status: int, body: bytes | str, media_type: str = "text/plain; charset=utf-8") -> Answer:
    """Give an answer that is not a file."""
    raw = body.encode() if isinstance(body, str) else body
    return Answer(status=status, headers=(("Content-Type", media_type),), body=raw, length=len(raw))


def file_answer(folder: Path, ask: Ask) -> Answer:
    """Answer with a file below `folder` (absolute, symbolic links resolved), or with 404 or 416."""
    path = find(folder, ask.path)
    if path is None:
        return message(HTTPStatus.NOT_FOUND, f"no file {ask.path}\n")
    stat = path.stat()
    tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = (
        ("Content-Type", _TYPES.get(path.suffix.lower(), "application/octet-stream")),
        ("Accept-Ranges", "bytes"),
        ("ETag", tag),
        ("Last-Modified", formatdate(stat.st_mtime, usegmt=True)),
    )
    whole = Answer(status=HTTPStatus.OK, headers=headers, file=path, length=stat.st_size)
    if ask.headers.get("if-range", tag) != tag:
        return whole
    span = byte_span(ask.headers.get("range", ""), stat.st_size)
    if span == "whole":
        return whole
    if span == "outside":
        text = f"no byte of {ask.path} is in that range\n"
        return replace(message(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, text), total=stat.st_size)
    start, length = span
    return replace(whole, status=HTTPStatus.PARTIAL_CONTENT, start=start, length=length, total=stat.st_size)


def find(folder: Path, path: str) -> Path | None:
    """Find the file of a URL path; None when there is none, or when it lies outside `folder`, by `..` or by a link."""
    parts = PurePosixPath(path.lstrip("/")).parts
    if ".." in parts or "\0" in path:
        return None
    found = folder.joinpath(*parts).resolve()
    return found if found.is_file() and found.is_relative_to(folder) else None


def byte_span(header: str, size: int) -> tuple[int, int] | Literal["whole", "outside"]:
    """Give first byte and length of a Range header (RFC 9110, 14.1.2); malformed or several ranges: the whole.

    >>> byte_span("bytes=90-", 100), byte_span("bytes=-30", 100), byte_span("bytes=5-500", 100), byte_span("", 100)
    ((90, 10), (70, 30), (5, 95), 'whole')
    """
    match = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", header)
    if match is None or match[0].strip() == "bytes=-" or (match[1] and match[2] and int(match[2]) < int(match[1])):
        return "whole"
    if not match[1]:
        length = min(int(match[2]), size)
        return (size - length, length) if length else "outside"
    start = int(match[1])
    end = min(int(match[2]), size - 1) if match[2] else size - 1
    return (start, end - start + 1) if start < size else "outside"


def spoilt(answer: Answer, fault: Fault) -> Answer:
    """Give the answer a fault puts in the place of the right one; the right one where it only spoils the sending."""
    match fault.kind:
        case "dead":
            return message(HTTPStatus.NOT_FOUND, "no such file\n")
        case "html":
            return message(HTTPStatus.OK, _LOGIN, "text/html; charset=utf-8")
        case "short":
            return answer.shorter(fault.at)
        case "status":
            return _throttled(fault)
        case _:
            return answer


def _throttled(fault: Fault) -> Answer:
    wait = fault.retry_after_s
    match fault.wording:
        case "s3":
            answer = message(fault.status, _SLOW_DOWN, "application/xml")
        case "azure":
            words = f"Rate limit is exceeded. Try again in {wait or 0} seconds."
            answer = message(fault.status, f'{{ "statusCode": {fault.status}, "message": "{words}" }}', _TYPES[".json"])
        case _:
            answer = message(fault.status, f"{responses.get(fault.status, 'Error')}\n")
    if wait is None:
        return answer
    # A date has whole seconds: round up, or who honours it comes too early.
    value = formatdate(int(time()) + 1 + wait, usegmt=True) if fault.retry_after_date else str(wait)
    return replace(answer, headers=(*answer.headers, ("Retry-After", value)))
