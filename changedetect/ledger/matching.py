"""Which of the things found again are those already known: by the ground they share, in metres.

A thing found is a known one when at least `SHARE` of the smaller of the two lies on the ground of the other, which may
be off by `SLIP_M`. Pieces of a known thing are that thing; where one thing found lies over several known ones, they
have grown together, and of those of its own kind the one known longest goes on, or else the one known longest. Places
are compared, never names, grids or order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import shapely
from shapely.geometry.base import BaseGeometry

SHARE = 0.3
"""Share of the smaller outline. A 30 m building displaced by one 10 m pixel both ways still shares 0.44 of itself, two
neighbours outlined too widely by a pixel share less than a fifth."""
SLIP_M = 10.0
"""Metres that an outline may be off: a pixel of Sentinel-2."""
EDGE_M, BEYOND, BEYOND_M2 = 20.0, 0.5, 800.0
"""Ground beyond a dismissed outline is something else when, `EDGE_M` away from it, there is half as much again, and at
least the smallest thing that is reported at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The ground of a thing that is known."""

    change_id: str
    """Its id."""
    kind: str
    """What it is."""
    ground: BaseGeometry
    """Its outline; metres."""
    since: date
    """When it was first reported: the longer known goes before."""
    dismissed: bool = False
    """Whether an analyst said that it is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """What the things found are."""

    owner: tuple[str | None, ...]
    """(found,) id of the known thing that each is; None where it is new, or on dismissed ground alone."""
    dismissed: tuple[str | None, ...]
    """(found,) id of the dismissed thing on whose ground it lies, where nothing else is known there."""
    merged: Mapping[str, str]
    """Known things that are now part of another, and which."""


def match(found: Sequence[BaseGeometry], kinds: Sequence[str], known: Sequence[Known]) -> Matches:
    """Tell which known thing each of those found, of these kinds, is; the order of neither matters."""
    oldest_first = sorted(known, key=lambda one: (one.since, one.change_id))
    same = {
        (at, one.change_id): shared
        for one in oldest_first
        for at, outline in enumerate(found)
        if (shared := shared_m2(outline, one.ground)) >= SHARE * min(outline.area, one.ground.area) and shared > 0
    }

    def first(at: int, *, dismissed: bool) -> str | None:
        some = [one for one in oldest_first if one.dismissed == dismissed and (at, one.change_id) in same]
        alike = [one for one in some if one.kind == kinds[at]]
        return next((one.change_id for one in (*alike, *some)), None)

    owner = tuple(first(at, dismissed=False) for at in range(len(found)))
    quiet = tuple(first(at, dismissed=True) if owner[at] is None else None for at in range(len(found)))
    merged: dict[str, str] = {}
    for one in oldest_first:
        if one.dismissed or one.change_id in owner:
            continue
        over = [(shared, at) for (at, change_id), shared in same.items() if change_id == one.change_id]
        if over and (taker := owner[max(over)[1]]) is not None:
            merged[one.change_id] = taker
    return Matches(owner=owner, dismissed=quiet, merged=merged)


def shared_m2(outline: BaseGeometry, ground: BaseGeometry) -> float:
    """Area of an outline on a ground that may be off by `SLIP_M`; square metres.

    >>> shared_m2(shapely.box(0, 0, 30, 30), shapely.box(35, 0, 60, 30))
    150.0
    """
    if shapely.distance(outline, ground) > SLIP_M:
        return 0.0
    return round(float(outline.intersection(shapely.buffer(ground, SLIP_M, join_style="mitre")).area), 3)


def goes_beyond(outline: BaseGeometry, dismissed: BaseGeometry) -> bool:
    """Whether a thing found lies well beyond the ground that was dismissed; metres."""
    outside = float(outline.difference(shapely.buffer(dismissed, EDGE_M)).area)
    return outside >= max(BEYOND * float(dismissed.area), BEYOND_M2)
