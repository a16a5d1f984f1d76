"""Opening rasters, wherever they lie, and trying again where that may help."""

import logging
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from changedetect.errors import RasterError
from changedetect.geotiff.faults import Fault, diagnose
from changedetect.geotiff.options import GDAL_FAILURES, environment, reason
from changedetect.geotiff.places import LONGEST_PAUSE_S, Access, access, forget_token, host_of
from changedetect.journal import note
from changedetect.redaction import guard_logs, redact

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a remote read is tried."""

    attempts: int = 6
    """Tries before giving up."""
    first_wait_s: float = 1.0
    """Longest wait before the second try; it doubles with each, unless the server says how long."""
    longest_wait_s: float = 20.0
    """No wait is longer."""


PATIENCE = Patience()
"""With the defaults a read is given up after about 20 seconds of waiting."""


_failures: Counter[str] = Counter()
"""Failed reads of each URL or path."""


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
            return _once(href, place, work)
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
            return _once(href, place, work)
    except GDAL_FAILURES as error:
        _failures[place.url or place.path] += 1
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
        return min(outcome.fault.wait_s, LONGEST_PAUSE_S)
    backoff = wait_random_exponential(PATIENCE.first_wait_s, PATIENCE.longest_wait_s)
    return float(backoff(state))


def _once(href: str, place: Access, work: Callable[[DatasetReader], T]) -> T:
    path, key, more = place.path, place.url or place.path, {}
    # GDAL remembers that a file could not be opened, and half of its bytes (rasterio issue 2119). It can be told to
    # forget what begins with /vsis3/; a URL becomes another one to it by a fragment, which is never sent.
    if path.startswith("/vsicurl/") and _failures[key]:
        path = f"{path}#{_failures[key]}"
    elif _failures[key]:
        more = {"CPL_VSIL_CURL_NON_CACHED": path}
    with environment(href, more), _open(path) as source:
        if source.crs is None or source.transform == Affine.identity():
            name = redact(href)
            msg = f"{name} does not say where it lies (no CRS or no transform): georeference it, e.g. gdal_edit.py"
            raise RasterError(msg)
        done = work(source)
    if more:
        _failures.pop(key, None)
    return done


def _open(path: str) -> DatasetReader:
    with warnings.catch_warnings():
        # Said as an error by our caller, with the path and the remedy.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


def _clean(error: Exception) -> Exception:
    """The failure without the signed URL that GDAL puts in its words: tracebacks are shown, too."""
    return RuntimeError(reason(error))
