"""Asking STAC servers over HTTP: patiently, a few requests at a time, and with every failure told in one line."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from types import TracebackType
from typing import Any, Self

import requests
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, NameResolutionError, ProtocolError, ReadTimeoutError

from changedetect.errors import CatalogError
from changedetect.journal import note
from changedetect.redaction import guard_logs, redact

log = logging.getLogger(__name__)

_REPEATED = frozenset({429, 500, 502, 503})
"""HTTP statuses worth the same request again (RFC 9110, RFC 6585); of 504 half the days are asked instead."""

_OVERLOADED = frozenset({408, 500, 502, 503, 504})
"""HTTP statuses after which a smaller request may do."""

_CONNECT_RETRIES = 2
"""A server that takes no connection is down, or its name is misspelt: its user should soon know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server is asked."""

    tries: int = 6
    """Requests before giving up, the first included."""
    first_wait_s: float = 0.5
    """Scale of the waits, which double; the second try follows at once."""
    longest_wait_s: float = 60.0
    """No wait is longer, not even one that the server asks for."""
    connect_timeout_s: float = 10.0
    """For the connection."""
    answer_timeout_s: float = 40.0
    """For the answer; the search gateways of public services give up after 30 s."""


PATIENCE = Patience()
"""With the defaults a server that keeps answering 503 is given up after 15 seconds of waiting."""


class AnswerError(CatalogError):
    """A server did not answer, or not as a STAC server does."""

    def __init__(self, message: str, *, status: int | None = None, passing: bool = False) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; None where there was none."""
        self.passing = passing
        """Whether a smaller request, or the same once more, may do."""


class _Retries(Retry):
    """`urllib3.Retry` that keeps the journal, never waits for hours, and leaves slow answers to the caller."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):  # it would time out again: less has to be asked
            raise error.with_traceback(_stacktrace)
        further = super().increment(method, url, response, error, _pool, _stacktrace)
        note(f"search repeated: {f'HTTP {response.status}' if response else 'connection broken'}")
        return further

    def parse_retry_after(self, retry_after: str) -> float:
        try:
            return min(super().parse_retry_after(retry_after), self.backoff_max)
        except InvalidHeader:
            return 0.0  # unreadable: the usual wait


class Wire(StacApiIO):
    """pystac-client's way to a server, with time limits, repetitions and a cap on simultaneous requests.

    Every failure is an `AnswerError` that names the catalog and holds no query string.
    """

    def __init__(self, name: str, *, connections: int = 8, patience: Patience = PATIENCE) -> None:
        retries = _Retries(
            total=patience.tries - 1,
            connect=min(_CONNECT_RETRIES, patience.tries - 1),
            allowed_methods=None,  # a search changes nothing, POST or not
            status_forcelist=_REPEATED,
            backoff_factor=patience.first_wait_s,
            backoff_max=patience.longest_wait_s,
            raise_on_status=False,
        )
        super().__init__(timeout=(patience.connect_timeout_s, patience.answer_timeout_s), max_retries=retries)
        guard_logs()
        self._name = name
        self._patience = patience
        self._gate = BoundedSemaphore(connections)

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Give the text of an answer; `AnswerError` when there is none, or it is a web page."""
        try:
            with self._gate:
                text = super().request(href, method, headers, parameters)
        except APIError as error:
            # Its words may hold a signed URL: tracebacks are shown, too.
            raise self._explained(error) from None
        if text.lstrip()[:1] == "<":
            msg = f"{self._name} answered with a web page instead of STAC: is it the right address, or behind a login?"
            raise AnswerError(msg)
        return text

    def json(self, href: Any, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - what `read_json` takes
        """Read a JSON object; `AnswerError` when it is none."""
        try:
            answer = self.read_json(href, **how)
        except ValueError as error:
            msg = f"{self._name} answered with what is no whole JSON: try again, or check the address"
            raise AnswerError(msg, passing=True) from error
        if not isinstance(answer, dict):
            msg = f"{self._name} answered with JSON that is no object: is it the address of a STAC API or catalog?"
            raise AnswerError(msg)
        return answer

    def _explained(self, error: APIError) -> AnswerError:
        status: int | None = getattr(error, "status_code", None)  # set only where there was an answer
        if status is not None:
            times = f", {self._patience.tries} times in a row" if status in _REPEATED else ""
            msg = f"{self._name} answered HTTP {status}{times}{_words(str(error))}: {_remedy(status)}"
            return AnswerError(msg, status=status, passing=status in _OVERLOADED)
        what, passing = self._broken(error.__context__)
        return AnswerError(f"{self._name} {what}", passing=passing)

    def _broken(self, failure: BaseException | None) -> tuple[str, bool]:
        """Say what became of the connection, and whether another request may do."""
        reason = getattr(failure.args[0], "reason", failure.args[0]) if failure and failure.args else failure
        if isinstance(failure, requests.ReadTimeout) or isinstance(reason, ReadTimeoutError):
            return f"gave no answer within {self._patience.answer_timeout_s:g} s: try again later", True
        cut = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
        if isinstance(failure, cut) or isinstance(reason, ProtocolError):
            return "broke the connection again and again: try again later", True
        if isinstance(reason, NameResolutionError):
            return "can't be reached, its host name is unknown: check the address and your network", False
        if isinstance(failure, requests.exceptions.SSLError):
            return "can't be trusted (TLS): behind a proxy of your own set REQUESTS_CA_BUNDLE", False
        kind = type(reason if isinstance(reason, BaseException) else failure).__name__
        return f"can't be reached ({kind}): check the address and your network", False


def _remedy(status: int) -> str:
    if status in {401, 403}:
        return "this search needs an account"
    if status == 429 or status >= 500:
        return "try again later"
    return "check its address and its collections"


def _words(body: str) -> str:
    """Give what a server says of its refusal, in short: APIs differ in the field.

    >>> _words('{"code": "NotFound", "description": "no such collection"}')
    ' (no such collection)'
    """
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(told, Mapping):
        return ""
    text = next((told[key] for key in ("description", "detail", "message") if isinstance(told.get(key), str)), "")
    short = " ".join(redact(text).split())[:160]
    return f" ({short})" if short else ""
