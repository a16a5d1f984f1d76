"""What had to be worked around on the way to a result: repeated reads, dead scenes, catalogs that did not answer.

A journal is kept for one site; who works below writes to the one that is open, if any, so that nothing has to be
handed through every call. Threads started by `parallel.mapped` write to the journal of who started them.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

_lock = Lock()
_open: ContextVar["Counter[str] | None"] = ContextVar("journal", default=None)


@contextmanager
def journal() -> Iterator[Counter[str]]:
    """Keep a journal: how often each thing was noted.

    >>> with journal() as kept:
    ...     note("read repeated: HTTP 503")
    ...     note("read repeated: HTTP 503")
    >>> in_words(kept)
    'read repeated: HTTP 503 (2 times)'
    """
    kept: Counter[str] = Counter()
    token = _open.set(kept)
    try:
        yield kept
    finally:
        _open.reset(token)


def note(text: str) -> None:
    """Write to the open journal; nothing happens when there is none."""
    if (kept := _open.get()) is not None:
        with _lock:
            kept[text] += 1


def in_words(kept: Counter[str]) -> str:
    """All entries in one line, sorted; empty when there is none."""
    return "; ".join(f"{text} ({count} times)" if count > 1 else text for text, count in sorted(kept.items()))
