"""Many slow things at once: reads wait for a network, not for the processor."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def mapped(work: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """Call `work` on every item, up to `threads` at once; results in the order of the items.

    The first failure, in the order of the items, is raised once all that had begun are done; what had not begun is
    not begun.

    >>> mapped(abs, [-1, 2, -3], threads=2)
    [1, 2, 3]
    """
    todo = list(items)
    if threads <= 1 or len(todo) <= 1:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(min(threads, len(todo)), thread_name_prefix="changedetect") as pool:
        futures = [pool.submit(copy_context().run, work, item) for item in todo]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
