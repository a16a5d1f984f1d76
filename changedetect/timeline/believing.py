"""How much the looks, one by one, leave of the confidence that two composites gave.

Two composites show that something differs. A cloud or a shadow that the quality band missed differs as well, and is
what most false alarms come from where few looks are clear; but it is seen once. What stands is seen again.
"""

from datetime import date

from changedetect.timeline.verdicts import LEANS, Dated

_ODDS = (0.1, 0.25, 1.0, 2.0)
"""What the odds that a change is real are multiplied with when no, one, two, three or more looks speak for it. Of
simulated constructions at sites with two clear looks a window (`benchmarks/simulated.py` with seeds 501 and 502) 1 of
41 that no look spoke for was real, 7 of 75 with one, 12 of 29 with two or more. Confidence is right where many looks
are clear, so two are taken as neutral and the others set against them, nearer to 1 than measured."""


def believed(confidence: float, dated: Dated) -> float:
    """Confidence of a change after its looks are known, 0 to 1.

    Looks that show it speak for it, looks that show something else since it was first seen speak against it.

    >>> believed(0.5, Dated(status="candidate", n_clear_looks=2))
    0.5
    >>> believed(0.5, Dated(status="candidate", n_clear_looks=0))
    0.09090909090909091
    """
    odds = _ODDS[min(max(dated.n_clear_looks - _against(dated), 0), len(_ODDS) - 1)]
    return confidence * odds / (confidence * odds + 1 - confidence) if confidence > 0 else 0.0


def _against(dated: Dated) -> int:
    since: date | None = dated.first_seen
    if since is None:
        return 0
    exact = [one for one in dated.sights if one.exact and one.moment.date() >= since]
    return sum(one.shows in {"without", "other"} or (one.shows == "between" and one.share < LEANS) for one in exact)
