"""Where in a series the step lies, and which looks would narrow it down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from changedetect.timeline.states import Shows

_WITNESSES = 2
"""Looks that must agree before the step, and at the end of the series, for one alone may be a cloud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The step of a series of looks; numbers count looks from the first."""

    last_without: int | None
    """The last look without, before the step; None where there is none."""
    first_with: int | None
    """The first look with, from which on it is there; None where there is none."""
    gone: tuple[int, ...] = ()
    """Looks without at the end of the series, after some with."""


def fit_step(shows: Mapping[int, Shows]) -> Step:
    """Fit a step from without to with to the looks that were read, so that as few as can be contradict it.

    Where several steps do equally well, it may lie anywhere between them. Looks without at the very end are no
    contradiction: what was there is gone.

    >>> fit_step({0: "without", 1: "without", 2: "cloudy", 3: "with", 4: "with"})
    Step(last_without=1, first_with=3, gone=())
    >>> fit_step({0: "without", 1: "with", 2: "without", 3: "with"})
    Step(last_without=0, first_with=3, gone=())
    """
    told = [(number, shows[number] == "with") for number in sorted(shows) if shows[number] in {"without", "with"}]
    tail = 0
    while tail < len(told) and not told[-1 - tail][1]:
        tail += 1
    if tail == len(told):
        return Step(last_without=told[-1][0] if told else None, first_with=None)
    kept, gone = told[: len(told) - tail], tuple(number for number, _ in told[len(told) - tail :])
    # After `cut` looks it is there: contradicted by looks with before, and without after.
    wrong = [
        sum(there for _, there in kept[:cut]) + sum(not there for _, there in kept[cut:]) for cut in range(len(kept))
    ]
    best = [cut for cut, count in enumerate(wrong) if count == min(wrong)]
    without = [number for number, there in kept[: best[0]] if not there]
    here = [number for number, there in kept[best[-1] :] if there]
    return Step(last_without=without[-1] if without else None, first_with=here[0], gone=gone)


def wanted(
    shows: Mapping[int, Shows], days: Sequence[int], cloud: Sequence[float], confirm: tuple[int, int]
) -> tuple[int, ...]:
    """Choose the looks to read next; none when the step can't be told better.

    First the gap between the last look without and the first with is halved, over and over, with looks of little
    cloud; then the looks after it are read until enough show the change, those before it and those at the end of the
    series until two agree.

    Parameters
    ----------
    shows
        What the looks that were read say, by number.
    days
        (look,) day of each look, in order.
    cloud
        (look,) cloud cover of the whole scene, percent.
    confirm
        How many looks must show it, and over how many days.
    """
    step, count = fit_step(shows), len(days)
    low, high = step.last_without, step.first_with
    if low is not None and high is not None:
        gap = [number for number in range(low + 1, high) if number not in shows]
        if gap:
            return (_middle(gap, low, high, cloud),)
    more: set[int] = set()
    if high is not None:
        more |= set(_missing(range(high, count), shows, "with", confirm[0]))
        far = [number for number in range(high, count) if days[number] >= days[high] + confirm[1]]
        more |= set(_missing(far, shows, "with", 1))
    if low is not None:
        more |= set(_missing(range(low, -1, -1), shows, "without", _WITNESSES))
    if not more:
        more |= set(_missing(range(count - 1, -1, -1), shows, None, _WITNESSES))
    return tuple(sorted(more))


def _middle(gap: Sequence[int], low: int, high: int, cloud: Sequence[float]) -> int:
    """The clearest look of the middle third of a gap, of equally clear ones that in the middle."""
    centre, third = (low + high) / 2, (high - low) / 6
    inner = [number for number in gap if abs(number - centre) <= third] or gap
    return min(inner, key=lambda number: (cloud[number] > 80, abs(number - centre), number))


def _missing(order: Sequence[int], shows: Mapping[int, Shows], say: Shows | None, count: int) -> list[int]:
    """Unread looks, in their order, up to as many as are missing to `count` looks that say so (None: that are told)."""
    found, unread = 0, []
    for number in order:
        said = shows.get(number)
        if said is None:
            unread.append(number)
        elif said == say or (say is None and said in {"with", "without"}):
            found += 1
        if found + len(unread) >= count:
            break
    return unread
