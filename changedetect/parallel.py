"""Many things at once: reads, which wait for a network, and blocks of pixels, which wait for a processor."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

from changedetect.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")

PROCESSORS = "CHANGEDETECT_PROCESSORS"
"""Environment variable: how many processors one process may use."""

_NAME = "changedetect-read"
_stopped = threading.Event()
"""Set when the user interrupts: whoever waits in a thread stops waiting."""


class StoppedError(Exception):
    """Work in a thread that no one waits for any more."""


def processors() -> int:
    """Processors that may compute at once: `CHANGEDETECT_PROCESSORS`, else all that this process is given.

    The variable is for processes that share a machine (`run --workers`, a cluster); results do not depend on it.

    Raises
    ------
    ConfigError
        The variable is no whole number from 1.
    """
    told = os.environ.get(PROCESSORS, "")
    if told:
        if not told.isdecimal() or int(told) < 1:
            msg = f"{PROCESSORS} is {told!r}: give a whole number from 1, or leave it unset"
            raise ConfigError(msg)
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
