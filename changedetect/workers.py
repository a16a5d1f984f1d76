"""Processes that may die: each does one thing at a time, and what it was doing when it died is all that is lost.

The pools of the standard library break as a whole when one of their processes is killed (`BrokenProcessPool`), and do
not say which item it was at. So here each process has its own pipe: the one that falls silent is replaced, and its item
given to the next one, once more.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from changedetect.errors import WorkerError
from changedetect.parallel import PROCESSORS, processors
from changedetect.redaction import TALKATIVE

T = TypeVar("T")
R = TypeVar("R")

WORKER_BYTES = 2 << 30
"""Memory that a process may need: the budget of a full tile pair."""

_TRIES = 2
"""Times that an item is begun; whoever kills processes (a memory limit) may have meant another one."""

_READY = "ready"
"""What a process says first."""

_REMEDY = "call `run` under `if __name__ == '__main__':` in a script, or leave workers out"

_STARTS = 3
"""Processes in a row that may die before they are ready: more than that, and none ever will be."""

_PATIENCE_S = 5.0
"""How long a process that was told to end may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """An item that cost the lives of all processes that did it."""

    reason: str
    """How the last one ended, in words."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Hand(Generic[T]):
    """A process, its pipe, and its share of the items."""

    process: BaseProcess
    pipe: Connection
    share: deque[T]
    doing: T | None = None
    ready: bool = False


@dataclass(slots=True, kw_only=True)
class _Losses:
    """What dead processes were at."""

    tries: dict[int, int] = field(default_factory=dict)
    stillborn: int = 0

    def allow_another_try(self, item: object, how: Died, *, ready: bool) -> bool:
        """Whether the item may have been a bystander; `WorkerError` when no process ever gets ready."""
        self.stillborn += not ready
        if self.stillborn >= _STARTS:
            msg = f"worker processes don't start ({how.reason}): {_REMEDY}"
            raise WorkerError(msg)
        self.tries[id(item)] = self.tries.get(id(item), 0) + 1
        return self.tries[id(item)] < _TRIES


def usual_workers() -> int:
    """As many processes as there are cores, and no more than memory allows for (`WORKER_BYTES` each); at least one."""
    cores = processors()
    try:
        room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // WORKER_BYTES
    except (AttributeError, OSError, ValueError):  # a system that does not tell
        room = cores
    return max(1, min(cores, room))


def get_ready() -> None:
    """Begin to start what processes are started from, while this one still imports what it needs itself."""
    if _context().get_start_method() == "forkserver":
        forkserver.ensure_running()


def survived(work: Callable[[T], R], items: Sequence[T], workers: int) -> Generator[tuple[T, R | Died], None, None]:
    """Call `work` on every item in processes, up to `workers` at once; give each item with its result as it is done.

    No process is left once this ends, is closed or interrupted.

    Neighbours in `items` go to one process, which keeps what they share, as long as no process is idle.

    Parameters
    ----------
    work
        Can be pickled, as can items and results. What it raises ends everything.
    items
        In an order that brings together what shares something.
    workers
        Number of processes, at least 1.

    Raises
    ------
    WorkerError
        Processes don't start.
    """
    count = min(workers, len(items))
    cuts = [len(items) * part // count for part in range(count + 1)] if count else [0]
    hands: list[_Hand[T]] = []
    losses = _Losses()
    try:
        hands += (_start(work, deque(items[low:high]), count) for low, high in pairwise(cuts))
        for hand in hands:
            _give(hand, hands)
        while busy := {hand.pipe: hand for hand in hands if hand.doing is not None}:
            for pipe in wait(list(busy)):
                yield from _heard(busy[pipe], hands, work, losses)  # type: ignore[index]
        for hand in hands:
            _end(hand)
    finally:
        for hand in hands:
            hand.process.kill()
        for hand in hands:
            hand.process.join(_PATIENCE_S)  # whoever counts what is done counts when nobody does more
            hand.pipe.close()


def _heard(
    hand: _Hand[T], hands: list[_Hand[T]], work: Callable[[T], R], losses: "_Losses"
) -> Iterator[tuple[T, R | Died]]:
    """Take what a process says, and give it more to do; what is done, if anything."""
    item: T = hand.doing  # type: ignore[assignment]
    told = _reply(hand)
    if not hand.ready and told == _READY:
        hand.ready, losses.stillborn = True, 0
        return
    again = isinstance(told, Died) and losses.allow_another_try(item, told, ready=hand.ready)
    if isinstance(told, Died):
        if again:
            hand.share.appendleft(item)
        new = _start(work, hand.share, len(hands))
        hands[hands.index(hand)] = hand = new
    _give(hand, hands)
    if not again:
        yield item, told


def _start(work: Callable[[T], R], share: deque[T], among: int) -> _Hand[T]:
    """Start one of `among` processes."""
    context = _context()
    ours, theirs = context.Pipe()
    own = max(1, processors() // among)
    process = context.Process(target=_serve, args=(theirs, work, _log_level(), own), daemon=True)
    process.start()
    theirs.close()  # so that its death is the end of the pipe
    return _Hand(process=process, pipe=ours, share=share)


def _context() -> Any:  # noqa: ANN401 - typeshed has a class per method, without a common one
    """Processes that begin clean: a fork would copy the locks of our threads; where one can, from one that is ready."""
    if "forkserver" not in multiprocessing.get_all_start_methods() or sys.platform == "darwin":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["changedetect.making"])
    return context


def _give(hand: _Hand[T], hands: Sequence[_Hand[T]]) -> None:
    """Give a process its next item, or when it has none the last of whoever has most left."""
    fullest = max(hands, key=lambda one: len(one.share))
    if not hand.share and not fullest.share:
        hand.doing = None
        return
    hand.doing = hand.share.popleft() if hand.share else fullest.share.pop()
    with contextlib.suppress(OSError):  # it died: its reply will say so
        hand.pipe.send(hand.doing)


def _reply(hand: _Hand[T]) -> Any:  # noqa: ANN401 - whatever `work` gives
    try:
        told, error = hand.pipe.recv()
    except (EOFError, OSError):
        hand.process.join(_PATIENCE_S)
        hand.pipe.close()
        return Died(reason=_how(hand.process.exitcode))
    if error is not None:
        raise error
    return told


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended with code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"its process was ended by {name}"


def _end(hand: _Hand[T]) -> None:
    with contextlib.suppress(OSError):
        hand.pipe.send(None)
    hand.process.join(_PATIENCE_S)


def _log_level() -> int:
    return logging.getLogger().getEffectiveLevel()


def _serve(pipe: Connection, work: Callable[[T], R], level: int, own: int) -> None:
    """Do items on `own` processors until there are no more, or until whoever gave them is gone."""
    os.environ[PROCESSORS] = str(own)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; who began us ends us
    logging.basicConfig(level=level, format="%(levelname)s: %(message)s", stream=sys.stderr)
    for library in TALKATIVE:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        pipe.send((_READY, None))
    except OSError:  # who began us was interrupted meanwhile
        return
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):  # at its end, or reset: whoever gave them is gone
            return
        if item is None:
            return
        try:
            reply: tuple[R | None, Exception | None] = (work(item), None)
        except Exception as error:
            logging.getLogger(__name__).debug("work failed", exc_info=True)
            reply = (None, error)
        try:
            pipe.send(reply)
        except OSError:  # nobody listens any more
            return
