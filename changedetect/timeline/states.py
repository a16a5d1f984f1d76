"""The two states of an object, and which of them a look shows.

The untouched state moves with the seasons: it is what the ring shows in the same look, and what the object used to
differ from it. The changed state is taken as it is: roofs and roads have no seasons. A look lies at 0 when it is like
the one, at 1 when it is like the other; distances are Mahalanobis distances (Mardia, Kent & Bibby 1979, Multivariate
Analysis, 1.6) by the spread that the pixels of the ring have among each other, so that what differs between fields
counts little, and what differs between fields and concrete much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from changedetect.timeline.measuring import Measure
from changedetect.timeline.veils import NO_VEIL, Veil
from changedetect.types import BoolArray, Float64Array, FloatArray

Shows = Literal["without", "with", "between", "other", "alike", "cloudy"]
"""What a look says: the object is not there; it is; something in between; something else than either; nothing, for it
would look like its surroundings that day, or may be ground laid open before, in shade; nothing, for it is not seen."""

ABSENT, PRESENT = 0.3, 0.7
"""Below the first a look shows the ground as before, above the second as after."""
_FAINT = 0.3
"""Share of the usual contrast under which a day's ring is too much like the object."""
_OFF, _OFF_SPREADS = 0.25, 3.2
"""Distance off the line between the two states that shows something else: as a share of theirs, and in spreads. Of
simulated looks at finished things 95 % lie within 2.9 spreads, those at their ground laid open beyond 3.4."""
_NEAR = 0.24
"""Distance from the changed state, as a share of the usual contrast, within which it is that state after all."""
_FLOOR = 0.01
"""Spread of reflectance that no comparison of two days gets under: 0.005 + 0.05 rho is the accuracy specified for
surface reflectance (Vermote et al. 2016, doi:10.1016/j.rse.2016.04.008)."""
_TINY = 1e-12
_LIGHT = 0.15
"""Spread of the light that falls on an object, as a share: sun angle, thin cloud and thin shadow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """An object unchanged and changed."""

    offset: Float64Array
    """(band,) what the unchanged object differs from its ring."""
    changed: Float64Array
    """(band,) reflectance of the changed object."""
    precision: Float64Array
    """(band, band) inverse covariance that distances are measured with."""
    contrast: float
    """Distance between the states on a usual day of the two windows."""
    backward: bool
    """Whether the changed state is the earlier one: something was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look at one object."""

    moment: datetime
    """When; UTC."""
    scene_id: str
    """Of which scene."""
    shows: Shows
    """What it says."""
    share: float
    """Where it lies between the state before (0) and that after (1); NaN where it is not seen against its ring."""
    away: float
    """How far it lies from what the object looks like after, whatever its surroundings; 1 is the usual contrast."""
    clear_fraction: float
    """Share of the object that was clear."""
    inside: Float64Array
    """(band,) mean reflectance of the object; NaN where it is not seen. What is not clear around may be seen itself."""
    ring: Float64Array
    """(band,) mean reflectance of its ring; NaN where it is not seen."""
    exact: bool
    """Whether its own ring was seen; looks at the reserve alone narrow the dates, but contradict nothing."""
    veil: Veil = NO_VEIL
    """The cloud over the object that would explain what is seen."""


def spread_of(looks: FloatArray, ring: BoolArray) -> Float64Array:
    """(band, band) covariance of the ring's pixels, each against its own mean and against the look's.

    Parameters
    ----------
    looks
        (look, band, y, x) reflectance, NaN where not clear.
    ring
        (y, x) True on the ring.
    """
    values = looks[:, :, ring].astype(np.float64)
    values = values[np.isfinite(values).all(axis=(1, 2))]  # looks that show the whole ring
    bands = looks.shape[1]
    floor = np.eye(bands) * _FLOOR**2
    if len(values) < 2:
        return floor
    left = values - values.mean(axis=2, keepdims=True)
    left -= left.mean(axis=0, keepdims=True)
    flat = left.transpose(1, 0, 2).reshape(bands, -1)
    covariance = flat @ flat.T / max(flat.shape[1] * (len(values) - 1) / len(values), 1)
    return np.asarray(covariance + floor)


def fit_states(
    before: Sequence[Measure], after: Sequence[Measure], spread: Float64Array, *, backward: bool = False
) -> States | None:
    """Fit both states to the usable looks of the windows, band by band the median; None where a window has none.

    Differences count by `spread` (band, band), and less where they are as if less light fell on the changed object.

    With `backward` the states change places: the earlier one is taken as it is, the later one follows the ring.
    """
    first, last = (_best(some) for some in (before, after))
    natural, made = (last, first) if backward else (first, last)
    if not natural or not made:
        return None
    offset = np.median([one.inside - one.ring for one in natural], axis=0)
    changed = np.median([one.inside for one in made], axis=0)
    precision = np.asarray(np.linalg.inv(spread + _LIGHT**2 * np.outer(changed, changed)), dtype=np.float64)
    contrasts = [length(changed - one.ring - offset, precision) for one in (*natural, *made)]
    return States(
        offset=np.asarray(offset),
        changed=np.asarray(changed),
        precision=precision,
        contrast=float(np.median(contrasts)),
        backward=backward,
    )


def _best(some: Sequence[Measure]) -> list[Measure]:
    usable = [one for one in some if one.usable]
    return [one for one in usable if one.exact] or usable


def sight_of(measured: Measure, states: States, moment: datetime, scene_id: str) -> Sight:
    """Say what a look shows."""
    share, shows, away = _NOTHING
    if measured.usable:
        share, shows, away = _read(measured, states)
    return Sight(
        moment=moment,
        scene_id=scene_id,
        shows=shows,
        share=share,
        away=away,
        clear_fraction=measured.clear_fraction,
        inside=measured.inside,
        ring=measured.ring,
        exact=measured.exact,
        veil=measured.veil,
    )


def _read(measured: Measure, states: States) -> tuple[float, Shows, float]:
    untouched = measured.ring + states.offset
    way, gone = states.changed - untouched, measured.inside - untouched
    contrast = length(way, states.precision)
    made = float(gone @ states.precision @ way) / max(contrast**2, _TINY)
    share = 1 - made if states.backward else made
    away = length(measured.inside - states.changed, states.precision) / max(states.contrast, _TINY)
    off = length(gone - made * way, states.precision)
    shows: Shows
    if contrast < _FAINT * states.contrast:
        shows = "alike"
    elif share > ABSENT and away > _NEAR and off > max(_OFF * contrast, _OFF_SPREADS):
        shows = "other"
    elif share < ABSENT:
        shows = "without"
    else:
        shows = "with" if share > PRESENT else "between"
    if states.backward:  # afterwards it is like the ground around it, which has seasons
        away = max(1 - share, 0.0)
    return share, shows, away


_NOTHING: tuple[float, Shows, float] = (float("nan"), "cloudy", float("inf"))


def length(vector: Float64Array, precision: Float64Array) -> float:
    """Mahalanobis length of a difference of spectra (band,)."""
    return float(np.sqrt(max(float(vector @ precision @ vector), 0.0)))
