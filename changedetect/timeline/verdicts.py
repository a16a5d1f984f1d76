"""What the looks at an object add up to: since when, is it still there, and what it was in between."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np

from changedetect.timeline.accuracy import accuracy_of_difference
from changedetect.timeline.options import TimelineOptions
from changedetect.timeline.recognising import recognised
from changedetect.timeline.shading import apart, undecided
from changedetect.timeline.states import Sight, States, length
from changedetect.timeline.stepping import fit_step
from changedetect.types import ChangeStatus, Float64Array, Kind

_STEADY = 0.7
"""Share of the looks since, that tell anything, which must show it: crops come and go."""
_SAME, _RESEMBLES = 0.2, 0.4
"""Distance from the changed state within which a look shows the very same, and something like it. Of simulated looks at
finished things four in five lie within 0.18; a field that ripens, is cut and ploughed does not stay there."""
_SEASONS_D = 300
"""What was seen to look so before and was gone again, as bare fields are, must last through a growing season."""
_EARLIER = 2
"""Looks that show as much; one may be a cloud."""
LEANS = 0.6
"""Looks between the states lean to what they are nearer to. Above a half, since bare soil and cut crops lie nearer to
concrete than the growing ones do that the state before was learnt from."""
_LASTING = 3
"""Looks that a state in between needs: two may be a thin cloud and a shadow."""
_AGREEING = 2
"""Looks that are enough where they agree in every band."""
_APART = 0.35
"""Distance of a third state from the unchanged one, and within itself, as a share of the contrast. In whatever light,
each of its looks lies at most half as far from it as from the changed state."""
_NO_SHADE = 5.0
"""Spreads that a third state lies from the changed one in whatever light: what stands in shade is dark, too. Of four
simulated things that were seen before and after they were built, ground open to the sun was 5.9 and 6.4 spreads from
them, what lay in the shade of trees, finished or not, 2.7 and 4.1."""

PhaseName = Literal["Site Preparation", "Active Construction", "Post Construction"]
"""Vocabulary of IARPA SMART's site models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A state that a site was in since some day within a span."""

    name: PhaseName
    """What SMART calls it."""
    after: date
    """Last look without it."""
    by: date
    """First look with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """When an object came to be."""

    status: ChangeStatus
    """Whether enough looks show it, and whether it is still there."""
    last_clear_without: date | None = None
    """Last clear look that shows that it is not there yet; None where no look does."""
    first_seen: date | None = None
    """First clear look from which on it is there; None where no look shows it."""
    confirmed_on: date | None = None
    """The look with which the asked number of looks showed it; None where there are not so many."""
    n_clear_looks: int = 0
    """Clear looks that show it since, of those that were read."""
    gone_on: date | None = None
    """First look of those at the end of the series that show the ground as before; None where it is still there."""
    phases: tuple[Phase, ...] = ()
    """What the site went through, oldest first."""
    reason: str = ""
    """Why it is no more than a candidate, in words; empty where it is more."""
    sights: tuple[Sight, ...] = field(default=(), repr=False)
    """The looks, oldest first."""


def date_object(sights: Sequence[Sight], states: States, kind: Kind, options: TimelineOptions) -> Dated:
    """Date an object.

    Parameters
    ----------
    sights
        Looks that were read, oldest first.
    states
        What they were judged by.
    kind
        What the change is.
    options
        How many looks confirm it.
    """
    sights = undecided(sights, states)
    step = fit_step({number: one.shows for number, one in enumerate(sights)})
    if step.first_with is None:
        return Dated(status="candidate", reason="no clear look shows it clearly", sights=tuple(sights))
    low, high = step.last_without, step.first_with
    since = [one for one in sights[high:] if one.shows == "with"]
    same = [one for one in since if one.away < _SAME]
    enough = [
        one
        for number, one in enumerate(same, start=1)
        if number >= options.confirm_looks and (one.moment - since[0].moment).days >= options.confirm_days
    ]
    reason = _doubt(sights, (low, high), step.gone, enough, options)
    gone = len(step.gone) >= _EARLIER
    if low is not None:  # what a look is recognised by narrows the dates; it neither confirms nor contradicts
        sights, low, high = recognised(sights, low, high)
    low, high = _leaning(sights, low, high)
    third = _third_state(sights, low, high, states)
    preparation = None
    if third is not None and low is not None:
        preparation = Phase(name="Site Preparation", after=_day(sights[low]), by=_day(sights[third[0]]))
        low = third[1]
    return Dated(
        status="reverted" if gone else "candidate" if reason else "confirmed",
        last_clear_without=_day(sights[low]) if low is not None else None,
        first_seen=_day(sights[high]),
        confirmed_on=None if reason or gone else _day(enough[0]),
        n_clear_looks=len(since),
        gone_on=_day(sights[step.gone[0]]) if gone else None,
        phases=_phases(sights, low, high, preparation, kind),
        reason=reason,
        sights=tuple(sights),
    )


def _doubt(
    sights: Sequence[Sight],
    step: tuple[int | None, int],
    gone: Sequence[int],
    enough: Sequence[Sight],
    options: TimelineOptions,
) -> str:
    """Why an object is not confirmed; empty where it is."""
    low, high = step
    if gone:
        return f"{len(gone)} of the last looks show the ground as before"
    if low is None:
        return "no clear look shows the ground without it"
    if not enough:
        return f"fewer than {options.confirm_looks} clear looks over {options.confirm_days} days show it alike"
    telling = [one.shows for one in sights[high:] if one.exact and one.shows in {"with", "without", "other"}]
    if telling.count("with") < _STEADY * len(telling):
        return f"only {telling.count('with')} of {len(telling)} clear looks since show it"
    earlier = sum(one.away < _RESEMBLES for one in sights[:low])
    lasted_d = (max(one.moment for one in enough) - sights[high].moment).days
    if earlier >= _EARLIER and lasted_d < _SEASONS_D:
        return f"it looked the same on {earlier} clear looks before it looked otherwise: a field may"
    return ""


def _leaning(sights: Sequence[Sight], low: int | None, high: int) -> tuple[int | None, int]:
    """The step between those looks in between that lean to either side, if they do so in order."""
    if low is None:
        return low, high
    between = [number for number in range(low + 1, high) if sights[number].shows == "between"]
    before = [number for number in between if sights[number].share < LEANS]
    after = [number for number in between if sights[number].share >= LEANS]
    if before and after and before[-1] > after[0]:
        return low, high
    return max([low, *before]), min([high, *after])


def _third_state(sights: Sequence[Sight], low: int | None, high: int, states: States) -> tuple[int, int] | None:
    """First and last look of a lasting state between the two others; None where there is none."""
    if low is None or states.backward:
        return None
    seen = {number: sights[number] for number in range(low + 1, high) if sights[number].shows == "other"}
    if len(seen) < _AGREEING:
        return None
    centre = np.median([one.inside for one in seen.values()], axis=0)
    if apart(centre, states.changed, states) < _NO_SHADE:
        return None
    of_it = [number for number, one in seen.items() if _belongs(one, centre, states)]
    if len(of_it) >= _LASTING or (len(of_it) == len(seen) and _agree([one.inside for one in seen.values()])):
        return of_it[0], of_it[-1]
    return None


def _belongs(sight: Sight, centre: Float64Array, states: States) -> bool:
    """Whether a look shows a third state, and neither of the others nor a cloud."""
    near, untouched = _APART * states.contrast, sight.ring + states.offset
    left = length(sight.inside - untouched, states.precision) if np.isfinite(untouched).all() else np.inf
    closest = min(near, apart(sight.inside, states.changed, states) / 2)
    return apart(sight.inside, centre, states) <= closest and left >= near


def _agree(values: Sequence[Float64Array]) -> bool:
    """Whether spectra differ by no more than the accuracy of differences, as no clouds and shadows do."""
    return all(bool((np.abs(one - values[0]) <= accuracy_of_difference(one, values[0])).all()) for one in values)


def _phases(
    sights: Sequence[Sight], low: int | None, high: int, preparation: Phase | None, kind: Kind
) -> tuple[Phase, ...]:
    if low is None or kind not in {"construction", "clearing"}:
        return ()
    after, by = _day(sights[low]), _day(sights[high])
    if kind == "clearing":
        return (Phase(name="Site Preparation", after=after, by=by),)
    built = (Phase(name="Active Construction", after=after, by=by),)
    return (preparation, *built) if preparation is not None else built


def _day(sight: Sight) -> date:
    return sight.moment.date()
