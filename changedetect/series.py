"""The series of looks at objects that lie together: each reads what it needs, and what one reads the others share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from odc.geo.geobox import GeoBox
from scipy import ndimage as ndi

from changedetect import timeline
from changedetect.config import RunConfig
from changedetect.grid import pixel_size_m
from changedetect.prepare.masks import grow
from changedetect.selection import Plan
from changedetect.sensors import SENSORS
from changedetect.stack import Pixels, Stack
from changedetect.timeline.states import Shows
from changedetect.types import BoolArray, FloatArray, Kind

Part = tuple[slice, slice]
"""Rows and columns of a site's grid."""

_COARSE_PX = 6
"""Pixels of a coarser sensor that an object must cover for its looks to teach what it looks like."""
_LEAST_OWN = 0.5
"""Share of what a coarser sensor sees at an object's place that must be the object's, for a look to tell of it."""
_ROOF_EDGE_PX, _CLOUD_AROUND = 2, 0.1
"""Cloud that covers an object and this much around it, while less than this share of the ground near it is cloud, is
its roof: bright ones are called cloud on about every second date."""
_AT_ONCE, _MASKS_AT_ONCE = 8, 32
"""Looks, and quality bands alone, held in memory at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One change to be dated."""

    change_id: str
    """Its id."""
    kind: Kind
    """What it is."""
    place: timeline.Place
    """Where it lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A change, what its windows have taught of it, and the looks at it so far."""

    item: Item
    """The change."""
    ring: timeline.Ring
    """Its ring."""
    usual: timeline.Usual
    """What its surroundings look like."""
    states: timeline.States
    """What it looks like before and after."""
    looks: tuple[int, ...]
    """Numbers of the stack's looks that are fine enough to tell of it, in order."""
    sights: dict[int, timeline.Sight] = field(default_factory=dict)
    """Looks at it, by number in the stack."""
    glimpses: set[int] = field(default_factory=set)
    """Numbers of the looks in which clouds hide what lies around it, but not itself."""

    def wanted(self, stack: Stack, config: RunConfig) -> tuple[int, ...]:
        """Numbers of the looks to be read next, none when it is dated as well as can be."""
        if config.timeline.all_looks:
            return tuple(number for number in self.looks if number not in self.sights)
        places = {number: at for at, number in enumerate(self.looks)}
        looks = [stack.looks[number] for number in self.looks]
        found = timeline.wanted(
            {places[number]: what for number, what in self._shows().items()},
            [look.first.datetime.toordinal() for look in looks],
            [look.cloud_cover for look in looks],
            (config.timeline.confirm_looks, config.timeline.confirm_days),
        )
        return tuple(self.looks[at] for at in found)

    def in_gap(self) -> set[int]:
        """Numbers of those glimpses that may narrow its dates."""
        step = timeline.fit_step(self._shows())
        if step.last_without is None or step.first_with is None:
            return set()
        return {number for number in self.glimpses if step.last_without < number < step.first_with}

    def _shows(self) -> dict[int, Shows]:
        """What each look says that was read, by number in the stack."""
        numbers = sorted(self.sights)
        told = timeline.undecided([self.sights[number] for number in numbers], self.states)
        return {number: sight.shows for number, sight in zip(numbers, told, strict=True)}


def date_group(
    part: Part, items: Sequence[Item], stack: Stack, plan: Plan, config: RunConfig
) -> Iterator[tuple[str, timeline.Dated | str]]:
    """Date objects that lie together, by what was compared first, then by the looks that they still want.

    Parameters
    ----------
    part
        Rows and columns of the site's grid that hold all of them, and the clouds that may reach them.
    items
        The objects.
    stack
        The site's looks.
    plan
        Which scenes were compared.
    config
        Options.

    Yields
    ------
    change id and its dates, or why it can't be dated.
    """
    subjects: list[Subject] = []
    for change_id, one in _learnt(part, items, stack, plan, config):
        if isinstance(one, Subject):
            subjects.append(one)
        else:
            yield change_id, one
    _leave_out_clouds(part, subjects, stack, plan, config)
    while wishes := [(subject, wish) for subject in subjects if (wish := subject.wanted(stack, config))]:
        # Every wish is granted in full before the next is asked for: no object's looks depend on its neighbours'.
        numbers = sorted({number for _, wish in wishes for number in wish})
        for start in range(0, len(numbers), _AT_ONCE):
            some = numbers[start : start + _AT_ONCE]
            for number, pixels in zip(some, stack.read(some, plan.grid[part]), strict=True):
                for subject in (subject for subject, wish in wishes if number in wish):
                    view = view_of(pixels, subject.item.place, part, plan.grid, config)
                    subject.sights[number] = _sight(subject, view, number, stack, plan.grid)
    _glimpse(part, subjects, stack, plan.grid)
    for subject in subjects:
        sights = [subject.sights[number] for number in sorted(subject.sights)]
        yield subject.item.change_id, timeline.date_object(sights, subject.states, subject.item.kind, config.timeline)


def _leave_out_clouds(part: Part, subjects: Sequence[Subject], stack: Stack, plan: Plan, config: RunConfig) -> None:
    """Ask the quality bands of all other looks which of them show each object at all; those that don't are not read."""
    known = set[int]().union(*(subject.sights for subject in subjects)) if subjects else set()
    numbers = sorted({number for subject in subjects for number in subject.looks} - known)
    for start in range(0, len(numbers), _MASKS_AT_ONCE):
        some = numbers[start : start + _MASKS_AT_ONCE]
        for number, pixels in zip(some, stack.qualities(some, plan.grid[part]), strict=True):
            for subject in (one for one in subjects if number in one.looks):
                place = subject.item.place
                clear = clear_over(pixels, place, part, plan.grid, config)
                share, seen = timeline.seen_of(clear, place, subject.ring)
                if not seen:
                    if timeline.peeps_out(_covered(pixels, place, part), place):
                        subject.glimpses.add(number)
                    first = stack.looks[number].first
                    measured = timeline.unseen(stack.bands, share)
                    subject.sights[number] = timeline.sight_of(measured, subject.states, first.datetime, first.scene_id)


def _glimpse(part: Part, subjects: Sequence[Subject], stack: Stack, grid: GeoBox) -> None:
    """Measure each object alone in those looks between its dates in which clouds hide what lies around it."""
    gaps = [(subject, subject.in_gap()) for subject in subjects]
    numbers = sorted(set[int]().union(*(gap for _, gap in gaps)))
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        for number, pixels in zip(some, stack.read(some, grid[part]), strict=True):
            for subject in (subject for subject, gap in gaps if number in gap):
                place = subject.item.place
                data = pixels.data[:, *_own(place, part)]
                inside = timeline.glimpsed(data, _covered(pixels, place, part), place)
                subject.sights[number] = replace(subject.sights[number], inside=inside)


def _learnt(
    part: Part, items: Sequence[Item], stack: Stack, plan: Plan, config: RunConfig
) -> Iterator[tuple[str, Subject | timeline.Dated | str]]:
    """Learn from the scenes that were compared what each object looks like before and after, or why that fails."""
    compared = [{one.scene.scene_id for one in some} for some in plan.chosen]
    before, after = (
        [number for number, look in enumerate(stack.looks) if any(scene.scene_id in ids for scene in look.scenes)]
        for ids in compared
    )
    numbers = sorted({*before, *after})
    pixels = dict(zip(numbers, stack.read(numbers, plan.grid[part]), strict=True))
    gsds_m = [_gsd_m(stack, number) for number in range(len(stack.looks))]
    for item in items:
        fine = {number for number in numbers if _is_fine(item, gsds_m[number], plan.grid)}
        views = {
            number: view_of(pixels[number], item.place, part, plan.grid, config) for number in numbers if number in fine
        }
        early, late = ([views[number] for number in some if number in views] for some in (before, after))
        share_at = {gsd_m: _own_share(item, gsd_m, plan.grid) for gsd_m in set(gsds_m)}
        looks = tuple(number for number, gsd_m in enumerate(gsds_m) if share_at[gsd_m] >= _LEAST_OWN)
        learnt = _subject(item, (early, late), stack, looks)
        if isinstance(learnt, Subject):
            for number, view in views.items():
                learnt.sights[number] = sight = _sight(learnt, view, number, stack, plan.grid)
                place = learnt.item.place
                if np.isnan(sight.inside).any() and timeline.peeps_out(_covered(pixels[number], place, part), place):
                    learnt.glimpses.add(number)
        yield item.change_id, learnt


def _subject(
    item: Item, views: tuple[Sequence[FloatArray], Sequence[FloatArray]], stack: Stack, looks: tuple[int, ...]
) -> Subject | timeline.Dated | str:
    """Learn one object from its views in either window; or all there is to know, or why it can't be dated."""
    before, after = views
    bands = stack.bands
    if not before or not after:
        return "no scene that was compared is fine enough for it"
    first, last = np.stack(before), np.stack(after)
    backward = item.kind == "removal"
    item = replace(item, place=timeline.with_core(item.place, first, last))
    ring = timeline.choose_ring(item.place, *((last, first) if backward else (first, last)))
    if not ring.own.any():
        return "no unchanged ground around it to compare it with"
    both = np.concatenate([first, last])
    usual = timeline.usual_of(both, bands, ring)
    early, late = ([timeline.measure(view, bands, item.place, ring, usual) for view in some] for some in (first, last))
    states = timeline.fit_states(early, late, timeline.spread_of(both, ring.own), backward=backward)
    if states is None:
        return timeline.Dated(status="candidate", reason="no look of a window shows it and its surroundings clearly")
    return Subject(item=item, ring=ring, usual=usual, states=states, looks=looks)


def _sight(subject: Subject, view: FloatArray, number: int, stack: Stack, grid: GeoBox) -> timeline.Sight:
    measured = timeline.measure(view, stack.bands, subject.item.place, subject.ring, subject.usual)
    measured = timeline.unmixed(measured, _own_share(subject.item, _gsd_m(stack, number), grid))
    first = stack.looks[number].first
    return timeline.sight_of(measured, subject.states, first.datetime, first.scene_id)


def _is_fine(item: Item, gsd_m: float, grid: GeoBox) -> bool:
    """Whether the pixels of a sensor are small enough to learn an object from."""
    height, width = pixel_size_m(grid)
    return gsd_m <= max(height, width) or item.place.body.sum() * height * width >= _COARSE_PX * gsd_m**2


def _own_share(item: Item, gsd_m: float, grid: GeoBox) -> float:
    """Share of what a sensor sees at an object's place that is the object's own."""
    gsd_px = gsd_m / max(pixel_size_m(grid))
    return timeline.own_share(item.place, gsd_px) if gsd_px > 1 else 1.0


def _gsd_m(stack: Stack, number: int) -> float:
    return max(SENSORS[scene.sensor].gsd_m for scene in stack.looks[number].scenes)


def view_of(pixels: Pixels, place: timeline.Place, part: Part, grid: GeoBox, config: RunConfig) -> FloatArray:
    """(band, y, x) reflectance on a place's own part of the grid, NaN where not clear; `pixels` lie on `part`."""
    data = pixels.data[:, *_own(place, part)]
    return np.where(clear_over(pixels, place, part, grid, config), data, np.float32(np.nan))


def _own(place: timeline.Place, part: Part) -> Part:
    """A place's own part of the grid within `part`."""
    rows, cols = (
        slice(mine.start - whole.start, mine.stop - whole.start)
        for mine, whole in zip((place.rows, place.cols), part, strict=True)
    )
    return rows, cols


def _covered(pixels: Pixels, place: timeline.Place, part: Part) -> BoolArray:
    """(y, x) True where the quality band itself calls a place's own part of the grid cloud, shadow or defect."""
    own = _own(place, part)
    return np.asarray(pixels.cloud[own] | pixels.shadow[own] | ~pixels.usable[own])


def clear_over(pixels: Pixels, place: timeline.Place, part: Part, grid: GeoBox, config: RunConfig) -> BoolArray:
    """(y, x) True where a look shows the ground of a place's own part of the grid; `pixels` lie on `part`.

    Cloud on the object and not around it is its roof, and no cloud.
    """
    pixel_m, reach_m = pixel_size_m(grid), config.prepare.cloud_dilation_m
    wide, inner = [], []
    for own, whole, size_m in zip((place.rows, place.cols), part, pixel_m, strict=True):
        halo = int(np.ceil(reach_m / size_m))
        low, high = max(own.start - halo, whole.start), min(own.stop + halo, whole.stop)
        wide.append(slice(low - whole.start, high - whole.start))
        inner.append(slice(own.start - low, own.stop - low))
    crop, core = (wide[0], wide[1]), (inner[0], inner[1])
    cloud = pixels.cloud[crop].copy()
    if config.prepare.keep_roofs:
        roof = ndi.binary_dilation(place.body, iterations=_ROOF_EDGE_PX)
        beside = place.near & ~roof
        if beside.any() and cloud[core][beside].mean() < _CLOUD_AROUND:
            cloud[core] &= ~roof
    covered = grow(cloud | pixels.shadow[crop], reach_m, pixel_m)
    return np.asarray((pixels.usable[crop] & ~covered)[core])
