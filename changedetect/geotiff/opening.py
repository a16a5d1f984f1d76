"""Opening rasters, wherever they lie, and trying again where that may help."""

import logging
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from changedetect.errors import RasterError
from changedetect.geotiff.faults import Fault, diagnose
from changedetect.geotiff.holding import opened
from changedetect.geotiff.options import GDAL_FAILURES, environment, reason
from changedetect.geotiff.places import LONGEST_PAUSE_S, Access, access, forget_token, host_of
from changedetect.journal import note
from changedetect.parallel import sleep
from changedetect.redaction import guard_logs, redact

log = logging.getLogger(__name__)
# We say it as an error, with the path and the remedy. Once for all: to change filters around a call is not safe where
# several threads do.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a remote read is tried."""

    attempts: int = 6
    """Tries before giving up."""
    first_wait_s: float = 1.0
    """Longest wait before the second try; it doubles with each, unless the server says how long."""
    longest_wait_s: float = 20.0
    """No wait is longer, unless the server asks for it."""
    longest_s: float = 120.0
    """After this long no further try begins."""


PATIENCE = Patience()
"""With the defaults a read is given up after about 20 seconds of waiting."""


_failures: Counter[str] = Counter()
"""Failed reads of each URL or path."""


class _PassingError(Exception):
    """A fault that may be gone at another try."""

    def __init__(self, fault: Fault, attempt: int) -> None:
        super().__init__(fault.what)
        self.fault = fault
        self.attempt = attempt


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
        stop=stop_after_attempt(PATIENCE.attempts) | stop_after_delay(PATIENCE.longest_s),
        wait=_wait,
        retry=retry_if_exception_type(_PassingError),
        sleep=sleep,
        reraise=True,
    )
    try:
        for attempt in tries:
            with attempt:
                return _try(href, work, attempt.retry_state.attempt_number - 1)
    except _PassingError as error:
        times = error.attempt
        msg = f"can't read {redact(href)}: {error.fault.what}, {times} times in a row; try again later"
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
        if fault.unreachable and (not fault.passing or attempt + 1 >= PATIENCE.attempts):
            host.give_up()
        if not fault.passing:
            msg = f"can't read {redact(href)}: {fault.what}"
            raise RasterError(msg) from _clean(error)
        if fault.wait_s:
            host.pause(fault.wait_s)
        log.info("%s: %s, trying again", redact(href), fault.what)
        note(f"read repeated: {fault.what}")
        raise _PassingError(fault, attempt + 1) from _clean(error)


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
    nowhere = f"{redact(href)} does not say where it lies (no CRS or no transform): georeference it, e.g. gdal_edit.py"
    try:
        with environment(href, more), opened(path, remote=place.remote) as source:
            if source.crs is None or source.transform == Affine.identity():
                raise RasterError(nowhere)
            done = work(source)
    except NotGeoreferencedWarning as warning:  # where warnings are errors
        raise RasterError(nowhere) from warning
    if more:
        _failures.pop(key, None)
    return done


def _clean(error: Exception) -> Exception:
    """The failure without the signed URL that GDAL puts in its words: tracebacks are shown, too."""
    return RuntimeError(reason(error))
