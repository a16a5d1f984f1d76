"""Rasters of a disk held open while a site is read: what GDAL has decoded of one is lost when it is closed."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

import rasterio
from rasterio.io import DatasetReader

_MOST = 128
"""Rasters held open at most; the one that rested longest is closed first."""


class _Holder:
    """Open rasters that no thread uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting: list[tuple[str, DatasetReader]] = []

    def take(self, path: str) -> DatasetReader:
        """Give one that no one else has: two threads must not read from one."""
        with self._lock:
            at = next((at for at, (name, _) in enumerate(self._resting) if name == path), None)
            if at is not None:
                return self._resting.pop(at)[1]
        return rasterio.open(path)

    def put(self, path: str, source: DatasetReader) -> None:
        """Give it back."""
        with self._lock:
            self._resting.append((path, source))
            late = [self._resting.pop(0)[1] for _ in range(len(self._resting) - _MOST)]
        for one in late:
            one.close()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            late, self._resting = self._resting, []
        with ExitStack() as closing:
            for _, source in late:
                closing.callback(source.close)


_holder: ContextVar[_Holder | None] = ContextVar("changedetect_holder", default=None)


@contextmanager
def held_open() -> Iterator[None]:
    """Hold rasters of a disk open that are read within: for work that reads neighbouring parts of the same files.

    They must not change meanwhile. Threads of `parallel.mapped` share them.
    """
    holder = _Holder()
    token = _holder.set(holder)
    try:
        yield
    finally:
        _holder.reset(token)
        holder.close()


@contextmanager
def opened(path: str, *, remote: bool) -> Iterator[DatasetReader]:
    """Open a raster; one that is held where `held_open` says so. After a failure it is held no longer."""
    holder = None if remote else _holder.get()
    if holder is None:
        with rasterio.open(path) as source:
            yield source
        return
    source = holder.take(path)
    try:
        yield source
    except BaseException:
        source.close()
        raise
    holder.put(path, source)
