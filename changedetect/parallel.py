"""Many slow things at once: reads wait for a network, not for the processor."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_NAME = "changedetect-read"
_stopped = threading.Event()
"""Set when the user interrupts: whoever waits in a thread stops waiting."""


class StoppedError(Exception):
    """Work in a thread that no one waits for any more."""


def mapped(work: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """Call `work` on every item, up to `threads` at once; results in the order of the items.

    The first failure, in the order of the items, is raised once all that had begun are done; what had not begun is
    not begun. Work that calls `mapped` itself does so one by one.

    >>> mapped(abs, [-1, 2, -3], threads=2)
    [1, 2, 3]
    """
    todo = list(items)
    if threads <= 1 or len(todo) <= 1 or threading.current_thread().name.startswith(_NAME):
        return [work(item) for item in todo]
    _stopped.clear()
    futures: list[Future[R]] = [_pool(threads).submit(copy_context().run, work, item) for item in todo]
    try:
        results = [future.result() for future in futures]
    except Exception:
        _cancel(futures)
        wait(futures)
        raise
    except BaseException:  # the user interrupts: no one is waited for
        _stopped.set()
        _cancel(futures)
        raise
    return results


def sleep(seconds: float) -> None:
    """Wait, but no longer than until the user interrupts.

    Raises
    ------
    StoppedError
        The user has interrupted.
    """
    if _stopped.wait(max(seconds, 0.0)):
        raise StoppedError


def _cancel(futures: Iterable[Future[R]]) -> None:
    for future in futures:
        future.cancel()


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay: each keeps its connections, which are dear to make anew."""
    return ThreadPoolExecutor(threads, thread_name_prefix=_NAME)
