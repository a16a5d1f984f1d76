"""Memory that was freed, given back to the system.

The C library of Linux (glibc) keeps what was freed, in pieces, for whoever asks next: once the tiles of a site were
read that is a gigabyte, of which a fifth is in use. `malloc_trim` gives whole free pages back (malloc_trim(3), glibc
2.8).
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Give freed memory back, where the C library has to be told; elsewhere nothing. Takes some milliseconds."""
    if (trim := _trim()) is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    """The function, None where there is none: other C libraries (musl) and systems."""
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found
