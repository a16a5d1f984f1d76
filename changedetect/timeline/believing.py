"""How much the looks, one by one, leave of the confidence that two composites gave.

Two composites show that something differs. A cloud or a shadow that the quality band missed differs as well, and is
what most false alarms come from where few looks are clear; but it is seen once. What stands is seen again.
"""

from datetime import date

import numpy as np

from changedetect.timeline.states import Sight
from changedetect.timeline.verdicts import LEANS, Dated

_ODDS = (0.02, 0.1, 0.25, 1.0, 2.0)
"""What the odds that a change is real are multiplied with when fewer than none, none, one, two, three or more looks
speak for it. Of simulated constructions at sites with two clear looks a window (`benchmarks/simulated.py` with seeds
501, 502, 601 and 602; their confidence before was 0.3 to 0.5) none of 77 with fewer than no look was real, 1 of 43
with none, 17 of 53 with one, 18 of 39 with two, 12 of 17 with more. Confidence is right where many looks are clear, so
two are taken as neutral and the others set against them; one look, which neither date nor place confirms, lower than
measured."""
_NONE = 1
"""Where `_ODDS` tells of no look."""


def believed(confidence: float, dated: Dated) -> float:
    """Confidence of a change after its looks are known, 0 to 1.

    Looks that show it speak for it; looks that show something else since it was first seen speak against it, and so do
    those that show it as a thin cloud would: they made part of the composite that it was found in.

    >>> believed(0.5, Dated(status="candidate", n_clear_looks=2))
    0.5
    >>> believed(0.5, Dated(status="candidate", n_clear_looks=0))
    0.09090909090909091
    """
    speak = dated.n_clear_looks - 2 * _veiled(dated) - _against(dated)
    odds = _ODDS[min(max(speak + _NONE, 0), len(_ODDS) - 1)]
    return confidence * odds / (confidence * odds + 1 - confidence) if confidence > 0 else 0.0


def _veiled(dated: Dated) -> int:
    """Looks that show it as a cloud would, while no other asks for the same cloud."""
    shown = [one for one in _since(dated) if one.shows == "with" and np.isfinite(one.share)]
    return sum(
        one.veil.likely and not any(other.veil.like(one.veil) for other in shown if other is not one) for one in shown
    )


def _against(dated: Dated) -> int:
    exact = [one for one in _since(dated) if one.exact]
    return sum(one.shows in {"without", "other"} or (one.shows == "between" and one.share < LEANS) for one in exact)


def _since(dated: Dated) -> list[Sight]:
    """Looks since it was first seen."""
    since: date | None = dated.first_seen
    return [] if since is None else [one for one in dated.sights if one.moment.date() >= since]
