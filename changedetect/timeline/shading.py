"""Shade: what stands in it, and the ground that was laid open before, are hard to tell apart.

In winter trees and walls keep the sun off an object for weeks. What is left is the light of the sky, and that is blue:
the longer the waves, the more is lost. So a look may show one spectrum in the shade of another's where the ratio of the
two is at most 1 and nowhere rises with wavelength.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import isotonic_regression

from changedetect.timeline.accuracy import accuracy_of_difference
from changedetect.timeline.states import Sight, States, length
from changedetect.timeline.stepping import fit_step
from changedetect.types import Float64Array

_DIM = 0.8
"""Light on an object, as a share of that in which its changed state was learnt, under which it is in shade."""
_TINY = 1e-12


def light_on(value: Float64Array, state: Float64Array, states: States) -> float:
    """Light in which a state (band,) is most like `value` (band,), as a share of the light in which it was learnt."""
    made = state @ states.precision
    return float(np.clip(made @ value / max(float(made @ state), _TINY), 0, 1))


def apart(value: Float64Array, state: Float64Array, states: States) -> float:
    """Distance of a spectrum (band,) from another in that light, full or less, in which they are most alike."""
    return length(value - light_on(value, state, states) * state, states.precision)


def in_shade_of(value: Float64Array, lit: Float64Array) -> bool:
    """Whether `value` may be `lit` in shade; both (band,) reflectance, shortest wavelength first.

    >>> soil, roof = np.array([0.18, 0.20, 0.24, 0.34, 0.37]), np.array([0.22, 0.22, 0.22, 0.24, 0.25])
    >>> in_shade_of(soil * [0.70, 0.64, 0.60, 0.57, 0.55], soil), in_shade_of(roof, soil)
    (True, False)
    """
    lit = np.maximum(lit, _TINY)
    weights = (lit / accuracy_of_difference(value, lit)) ** 2
    left = np.clip(isotonic_regression(value / lit, weights=weights, increasing=False).x, 0, 1)
    return bool((np.abs(value - left * lit) <= accuracy_of_difference(value, left * lit)).all())


def undecided(sights: Sequence[Sight], states: States) -> list[Sight]:
    """The looks, oldest first, without those in shade that may show it, or the ground that was laid open before.

    Where looks show other ground after the last without it, dim looks with it that may be that ground tell nothing,
    until one shows it beyond that doubt.
    """
    out = list(sights)
    low = fit_step({number: one.shows for number, one in enumerate(sights)}).last_without
    if low is None or states.backward:
        return out
    opened: list[Float64Array] = []
    for number, one in enumerate(sights[low + 1 :], start=low + 1):
        if one.shows == "other":
            opened.append(one.inside)
        elif one.shows == "with":
            dim = light_on(one.inside, states.changed, states) < _DIM
            if not (dim and any(in_shade_of(one.inside, lit) for lit in opened)):
                break
            out[number] = replace(one, shows="alike")
    return out
