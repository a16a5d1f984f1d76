"""Looks that neither ring nor quality band can tell, recognised by other looks at the same object.

A ring fails where a field is ploughed and those around it are not, and it is not seen where clouds are near. But an
object that reflects in every band what it reflected in a look that is told, and in none on the other side of the step,
is in that look's state: surroundings may change, and no thin cloud or shadow leaves six bands as they were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from changedetect.timeline.accuracy import accuracy_of_difference
from changedetect.timeline.states import Shows, Sight
from changedetect.types import Float64Array

_SAME, _OTHERWISE = 1.0, 2.0
"""Difference of two looks, in the accuracy of their difference, up to which they show the same, and from which on they
don't. Of 14 simulated looks (`benchmarks/dating.py`, seeds 1 to 8) that resemble one side of a step alone, 12 were of
its state; the other two, at ground laid open, come before looks that tell otherwise."""


def recognised(sights: Sequence[Sight], low: int, high: int) -> tuple[list[Sight], int, int]:
    """The looks, and the step between those that are recognised on either side of it.

    Seen from either end of the gap, looks move it as long as none that is told says otherwise: what is there stays, and
    what looks like it before other things were seen there is not it.

    Parameters
    ----------
    sights
        Looks that were read, oldest first.
    low, high
        The last look without it, and the first with it.

    Returns
    -------
    the looks, those that are recognised with what they show, and the step between them.
    """
    said = _resembling(sights, low, high)
    shows = {number: said.get(number, sights[number].shows) for number in range(low, high + 1)}
    first = _reached(shows, range(low, high), "without")
    last = _reached(shows, range(high, low, -1), "with")
    out = list(sights)
    for number, what in said.items():
        if what == "other" or number <= first or number >= last:
            out[number] = replace(sights[number], shows=what)
    return out, first, last


def _resembling(sights: Sequence[Sight], low: int, high: int) -> dict[int, Shows]:
    """What looks in the gap show that were not told, as far as they resemble looks of one side alone."""
    before, after = (
        [one.inside for one in some if one.shows != "cloudy"] for some in (sights[: low + 1], sights[high:])
    )
    gap = {number: sights[number] for number in range(low + 1, high)}
    opened = [one.inside for one in gap.values() if one.shows == "other"]
    said: dict[int, Shows] = {}
    for number, one in gap.items():
        if one.shows in {"without", "with"} or not np.isfinite(one.inside).all():
            continue
        early, late = (_unlike(one.inside, side) for side in (before, after))
        open_ground = _unlike(one.inside, opened) if one.shows != "other" else np.inf
        if early <= _SAME and late >= _OTHERWISE:
            said[number] = "without"
        elif late <= _SAME and early >= _OTHERWISE and open_ground > _SAME:
            said[number] = "with"
        elif one.shows == "cloudy" and min(early, late) >= _OTHERWISE and open_ground <= _SAME:
            said[number] = "other"
    return said


def _unlike(inside: Float64Array, others: Sequence[Float64Array]) -> float:
    """Difference to the most alike of other looks, in that band which differs most, by the accuracy of differences."""
    least = float("inf")
    for other in others:
        least = min(least, float(np.max(np.abs(inside - other) / accuracy_of_difference(inside, other))))
    return least


def _reached(shows: Mapping[int, Shows], way: range, what: Shows) -> int:
    """The last look on the way that shows `what`, before one that is told shows anything else."""
    at = way[0]
    for number in way:
        if shows[number] == what:
            at = number
        elif shows[number] in {"without", "with", "other"}:
            break
    return at
