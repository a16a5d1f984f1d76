"""Opening rasters, wherever they lie, and trying again where that may help."""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from changedetect.errors import RasterError
from changedetect.geotiff.faults import Fault, diagnose
from changedetect.geotiff.options import GDAL_FAILURES, environment, reason
from changedetect.geotiff.places import Access, access, forget_token, host_of
from changedetect.journal import note
from changedetect.redaction import guard_logs, redact

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a remote read is tried."""

    attempts: int = 6
    """Tries before giving up."""
    first_wait_s: float = 0.5
    """Wait before the second try; it doubles with each, with jitter, unless the server says how long."""
    longest_wait_s: float = 20.0
    """No wait is longer."""


PATIENCE = Patience()
"""With the defaults a read is given up after about 20 seconds of waiting."""


class _PassingError(Exception):
    """A fault that may be gone at another try."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


def with_raster(href: str, work: Callable[[DatasetReader], T]) -> T:
    """Open a raster, do something with it, close it; a remote one as often as it takes, within reason.

    Raises
    ------
    RasterError
        It can't be opened or read, or does not say where it lies: one line, without secrets.
    """
    guard_logs()
    place = access(href)
    if not place.remote:
        try:
            return _once(href, place, work, 0)
        except GDAL_FAILURES as error:
            msg = f"can't read {href}: {reason(error)}; check that it exists, is complete and is a raster GDAL knows"
            raise RasterError(msg) from error
    return _patiently(href, work)


def _patiently(href: str, work: Callable[[DatasetReader], T]) -> T:
    tries = Retrying(
        stop=stop_after_attempt(PATIENCE.attempts),
        wait=_wait,
        retry=retry_if_exception_type(_PassingError),
        reraise=True,
    )
    try:
        for attempt in tries:
            with attempt:
                return _try(href, work, attempt.retry_state.attempt_number - 1)
    except _PassingError as error:
        msg = f"can't read {redact(href)}: {error.fault.what}, {PATIENCE.attempts} times in a row; try again later"
        raise RasterError(msg) from error.__cause__
    raise AssertionError  # the loop above returns or raises


def _try(href: str, work: Callable[[DatasetReader], T], attempt: int) -> T:
    place = access(href)
    host = host_of(place.host)
    try:
        with host.slot():
            return _once(href, place, work, attempt)
    except GDAL_FAILURES as error:
        fault = diagnose(place, reason(error))
        if fault.denied and attempt < 2 and forget_token(href):
            fault = Fault(what="token expired", passing=True, wait_s=0.0)
        if not fault.passing:
            msg = f"can't read {redact(href)}: {fault.what}"
            raise RasterError(msg) from _clean(error)
        if fault.wait_s:
            host.pause(fault.wait_s)
        log.info("%s: %s, trying again", redact(href), fault.what)
        note(f"read repeated: {fault.what}")
        raise _PassingError(fault) from _clean(error)


def _wait(state: RetryCallState) -> float:
    outcome = state.outcome.exception() if state.outcome else None
    if isinstance(outcome, _PassingError) and outcome.fault.wait_s is not None:
        return min(outcome.fault.wait_s, PATIENCE.longest_wait_s)
    backoff = wait_exponential_jitter(PATIENCE.first_wait_s, PATIENCE.longest_wait_s, jitter=PATIENCE.first_wait_s)
    return float(backoff(state))


def _once(href: str, place: Access, work: Callable[[DatasetReader], T], attempt: int) -> T:
    path = place.path
    more = {}
    if attempt and path.startswith("http"):
        # GDAL remembers that a URL could not be opened, or half of its bytes. A fragment, which is never sent, makes
        # it another URL to GDAL (rasterio issue 2119).
        path = f"{path}#{attempt}"
    elif attempt:
        more = {"CPL_VSIL_CURL_NON_CACHED": path}
    with environment(href, more), _open(path) as source:
        if source.crs is None or source.transform == Affine.identity():
            name = redact(href)
            msg = f"{name} does not say where it lies (no CRS or no transform): georeference it, e.g. gdal_edit.py"
            raise RasterError(msg)
        return work(source)


def _open(path: str) -> DatasetReader:
    with warnings.catch_warnings():
        # Said as an error by our caller, with the path and the remedy.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


def _clean(error: Exception) -> Exception:
    """The failure without the signed URL that GDAL puts in its words: tracebacks are shown, too."""
    return RuntimeError(reason(error))
