"""Memory that was freed: given back to the system between the steps, and kept for the next array within them.

The C library of Linux (glibc) keeps what was freed, in pieces, for whoever asks next: once the tiles of a site were
read that is a gigabyte, of which a fifth is in use. `malloc_trim` gives whole free pages back (malloc_trim(3), glibc
2.8).
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
_LARGEST = 32 * 2**20
"""Bytes up to which glibc on 64 bits comes, by itself, to keep a freed array; twice that is kept at the end."""


def give_back() -> None:
    """Give freed memory back, where the C library has to be told; elsewhere nothing. Takes some milliseconds."""
    if (trim := _trim()) is not None:
        trim(0)


@cache
def keep_freed() -> None:
    """Keep freed arrays of this process for the next ones, whatever its environment says, until `give_back`.

    Dask's nannies set MALLOC_TRIM_THRESHOLD_ for their workers, and every array then costs a page fault for each 4 kB:
    a quarter of the time of a site.
    """
    if (set_to := _of_glibc("mallopt")) is not None:
        set_to(_MMAP_THRESHOLD, _LARGEST)
        set_to(_TRIM_THRESHOLD, 2 * _LARGEST)


@cache
def _trim() -> Callable[[int], int] | None:
    return _of_glibc("malloc_trim")


def _of_glibc(name: str) -> Callable[..., int] | None:
    """The function, None where there is none: other C libraries (musl) and systems."""
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
