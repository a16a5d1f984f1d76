"""Tiles that were read once, kept in a file that vanishes: a disk gives them back in a tenth of the time."""

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from changedetect.grid import TileSpec
from changedetect.model import Composite, Pair

log = logging.getLogger(__name__)

_SPARED = 0.5
"""Share of what is free on the disk that stays free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the arrays of a tile lie."""

    spec: TileSpec
    """The tile."""
    start: int
    """First byte."""
    blank: Pair
    """The pair with arrays of no strides: shapes, types, and all that is no array."""


class Scratch:
    """Reads tiles, each but once: what `read` gave is kept while the disk has room, and read again where it has not.

    The file has no name, or is removed when it is closed: nothing is left behind, whatever happens.
    """

    def __init__(self, read: Callable[[TileSpec], Pair], tiles: Sequence[TileSpec]) -> None:
        self._read = read
        self._tiles = tuple(tiles)
        self._places: list[_Place] = []
        self._file: IO[bytes] | None = None
        self._full = False

    def pair(self, spec: TileSpec) -> Pair:
        """Pixels of a tile; of another rectangle, what `read` gives."""
        place = next((one for one in self._places if one.spec == spec), None)
        if place is not None:
            try:
                return self._kept(place)
            except OSError as error:
                log.info("kept pixels can't be read (%s): tiles are read again", error)
                self._places, self._full = [], True
        pair = self._read(spec)
        if not self._full and spec in self._tiles:
            try:
                self._keep(spec, pair)
            except OSError as error:
                log.info("pixels can't be kept (%s): the rest of the tiles is read again", error)
                self._full = True
        return pair

    def _keep(self, spec: TileSpec, pair: Pair) -> None:
        arrays = _arrays(pair)
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=_folder())  # noqa: SIM115 - open as long as this is
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, os.SEEK_END)
        if sum(array.nbytes for array in arrays) > (1 - _SPARED) * shutil.disk_usage(_folder()).free:
            log.info("the disk of %s is nearly full: the rest of the tiles is read again", _folder())
            self._full = True
            return
        for array in arrays:
            self._file.write(np.ascontiguousarray(array).data)
        self._file.flush()
        blank = _with_arrays(pair, [np.broadcast_to(np.zeros((), array.dtype), array.shape) for array in arrays])
        self._places.append(_Place(spec=spec, start=start, blank=blank))

    def _kept(self, place: _Place) -> Pair:
        if self._file is None:
            msg = "no file"
            raise OSError(msg)
        self._file.seek(place.start)
        arrays = [np.empty(array.shape, dtype=array.dtype) for array in _arrays(place.blank)]
        for array in arrays:
            if self._file.readinto(array.data) != array.nbytes:  # type: ignore[attr-defined]
                msg = "the file ends too early"
                raise OSError(msg)
        return _with_arrays(place.blank, arrays)


def _folder() -> Path:
    """Where the file lies: many systems have `/tmp` in memory; `/var/tmp` lasts (Filesystem Hierarchy Standard 3.0)."""
    lasting = Path("/var/tmp")  # noqa: S108 - files there have no name
    return lasting if "TMPDIR" not in os.environ and os.access(lasting, os.W_OK) else Path(tempfile.gettempdir())


def _arrays(pair: Pair) -> list[NDArray[Any]]:
    dates = (pair.before, pair.after)
    return [array for date in dates for array in (date.data, date.valid, date.looks, date.spread) if array is not None]


def _with_arrays(pair: Pair, arrays: Sequence[NDArray[Any]]) -> Pair:
    """The pair with other arrays, in the order of `_arrays`."""
    left = iter(arrays)
    before, after = (_date(date, left) for date in (pair.before, pair.after))
    return replace(pair, before=before, after=after)


def _date(date: Composite, arrays: Iterator[NDArray[Any]]) -> Composite:
    data, valid, looks = next(arrays), next(arrays), next(arrays)
    spread = None if date.spread is None else next(arrays)
    return replace(date, data=data, valid=valid, looks=looks, spread=spread)
