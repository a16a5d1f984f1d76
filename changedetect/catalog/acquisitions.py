"""One acquisition, one scene: the same look is often listed more than once.

Catalogs mirror each other, and one catalog lists an acquisition again after each reprocessing (Element84/earth-search
issue 25). Taken as several looks, the copies would outvote the true ones; as spares they are worth having.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from changedetect.model import Scene

_SAME_PASS = timedelta(seconds=60)
"""Copies of one acquisition agree to a second; the satellite meets the tile again after 99 minutes at the earliest."""

_COPY_OVERLAP = 0.5
"""Share of the smaller footprint that copies of one acquisition have in common, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A scene, with what tells copies of one acquisition apart."""

    scene: Scene
    """What the item or product became."""
    place: tuple[str, ...]
    """Sensor, platform and tile (or path and row, or footprint)."""
    rank: tuple[Any, ...]
    """Sorts copies of one acquisition by processing, the newest last."""
    moments: tuple[datetime, ...] = ()
    """Other times that a provider may date the acquisition by, timezone-aware: the start of its datatake."""


def merge(groups: Sequence[Iterable[Entry]]) -> tuple[Scene, ...]:
    """Keep one scene of every acquisition, and its copies behind it.

    Parameters
    ----------
    groups : sequence of iterables of Entry
        In order of preference: catalogs, or collections of one catalog.

    Returns
    -------
    tuple of Scene
        Oldest acquisition first. Each is of the first group that has the acquisition, the newest processing there;
        the others stand in its `copies`, the next best first. What has the very same files is no copy and is dropped.
    """
    acquisitions: dict[tuple[str, ...], list[list[Entry]]] = {}
    ranked = (sorted(group, key=lambda entry: entry.rank, reverse=True) for group in groups)
    for entry in chain.from_iterable(ranked):
        there = acquisitions.setdefault(entry.place, [])
        same = next((one for one in there if _is_copy(one[0], entry)), None)
        if same is None:
            there.append([entry])
        elif all(_files(one.scene) != _files(entry.scene) for one in same):
            same.append(entry)
    kept = [_with_copies(same) for there in acquisitions.values() for same in there]
    return tuple(sorted(kept, key=lambda scene: (scene.datetime, scene.scene_id)))


def _with_copies(same: Sequence[Entry]) -> Scene:
    first, *others = (entry.scene for entry in same)
    return replace(first, copies=tuple(replace(other, copies=()) for other in others)) if others else first


def _is_copy(one: Entry, other: Entry) -> bool:
    """Whether two entries of one place are one acquisition: not two halves of a tile cut by a datastrip."""
    if not any(abs(here - there) <= _SAME_PASS for here in _moments(one) for there in _moments(other)):
        return False
    ground, elsewhere = one.scene.footprint, other.scene.footprint
    smaller = min(ground.area, elsewhere.area)
    return bool(ground.intersection(elsewhere).area >= _COPY_OVERLAP * smaller)


def _moments(entry: Entry) -> tuple[datetime, ...]:
    return (entry.scene.datetime, *entry.moments)


def _files(scene: Scene) -> tuple[tuple[str, int], ...]:
    return tuple((asset.href, asset.index) for asset in (scene.qa, *scene.bands.values()))
