"""The evidence for a change in words that a reporter can follow; every number in them is in the outputs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from statistics import median
from typing import Any

from changedetect.diff import kinds
from changedetect.report.objects import Weighed
from changedetect.report.reading import Change, SiteFiles

GREEN, THIN = 0.5, 0.3
"""NDVI from which on ground counts as vegetation here, and as thin vegetation: closed crops and woods have over 0.5,
bare and built ground under 0.3 (Sobrino et al. 2004, doi:10.1016/j.rse.2004.02.003, take 0.5 and 0.2)."""
BRIGHT, DARK = 0.20, 0.08
"""Mean visible reflectance of what people call bright (concrete, metal, sand) and dark (asphalt, water, shade)."""
Numbers = tuple[float | None, float | None, float | None]
"""NDVI, visible brightness and redness; None where a band for it is missing."""
NOTABLE = 1.3
"""Ratio of brightness that an eye notices side by side."""
TAKEN_FOR: Mapping[str, str] = {
    "construction": "something built: a structure, paving or another made surface that was not there before",
    "clearing": "ground newly cleared or graded",
    "removal": "something built that is gone",
    "other": "a strong change that is none of construction, clearing or removal",
}
"""Kinds, in words."""
SURE, LIKELY = 0.8, 0.5
"""Confidence from which on it is called high, and medium."""


def day(value: date | str | None) -> str:
    """A date as people write it, the month in letters: no country reads it another way round.

    >>> day("2024-04-02")
    '2 April 2024'
    """
    if value is None:
        return "an unknown day"
    moment = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return f"{moment.day} {moment:%B %Y}"


def window(text: object) -> str:
    """A compared window as people write it.

    >>> window("2016-06-01/2016-10-31")
    '1 June 2016 to 31 October 2016'
    """
    if not isinstance(text, str) or not text:
        return "date not told"
    first, _, last = text.partition("/")
    return day(first) if last in ("", first) else f"{day(first)} to {day(last)}"


def grade(confidence: float) -> str:
    """What a confidence is called.

    >>> [grade(one) for one in (0.91, 0.6, 0.2)]
    ['high', 'medium', 'low']
    """
    return "high" if confidence >= SURE else "medium" if confidence >= LIKELY else "low"


def number(confidence: float) -> str:
    """A confidence in two decimals, never as certainty.

    >>> number(0.999), number(0.347)
    ('over 0.99', '0.35')
    """
    return "over 0.99" if confidence > 0.99 else f"{confidence:.2f}"


def sentences(site: SiteFiles, change: Change, weighed: Weighed | None) -> Iterator[str]:
    """What was seen, when, how often, how well the dates lie on each other, and how sure that is."""
    dated = site.dated(change.change_id)
    story = _story_of_looks(dated) if dated else ""
    # Raw numbers of no unit are neither bright nor green: only their difference is told.
    yield story or _story_of_dates(change, weighed if site.provenance.get("calibrated") else None)
    yield f"Taken for {TAKEN_FOR.get(str(change.told.get('kind')), 'a change')}."
    if dated:
        yield from _lasting(dated)
    elif why := _undated(site, change):
        yield why
    yield from _registration(site.provenance)
    confidence = change.confidence
    yield f"Confidence {number(confidence)} ({grade(confidence)})."


def ground(ndvi: float | None, brightness: float | None, redness: float | None) -> str:
    """What ground with such numbers looks like; claims no use, only what can be seen.

    >>> ground(0.7, 0.05, 0.1), ground(0.1, 0.3, 0.05), ground(0.15, 0.15, 0.25)
    ('vegetation', 'a bright surface without vegetation', 'bare, reddish ground')
    """
    if brightness is not None and brightness >= BRIGHT:  # a blue roof can have the NDVI of grass, but not its shade
        return "a bright surface without vegetation"
    if ndvi is not None and ndvi >= GREEN:
        return "vegetation"
    if ndvi is not None and ndvi >= THIN:
        return "thin vegetation"
    if redness is not None and redness > kinds.CLEARED_REDNESS:
        return "bare, reddish ground"
    if brightness is not None and brightness <= DARK:
        return "a dark surface without vegetation"
    return "a surface without vegetation" if ndvi is not None else "a surface"


def _story_of_looks(dated: Mapping[str, Any]) -> str:
    looks = dated["looks"]
    shows, days = looks["shows"], [one[:10] for one in looks["datetime"]]
    order = sorted(range(len(shows)), key=lambda at: looks["datetime"][at])
    last, first = dated.get("last_clear_without"), dated.get("first_seen")
    before = [at for at in order if shows[at] == "without"]
    after = [at for at in order if shows[at] == "with"]
    between = [at for at in order if shows[at] in ("between", "other") and last and first and last < days[at] < first]
    parts = []
    if before and last:
        parts.append(f"{_capital(ground(*_numbers(looks, before)))} until {day(last)}")
    parts += [f"{ground(*_numbers(looks, [at]))} on {day(days[at])}" for at in between[:3]]
    if after and first:
        parts.append(f"{_then(_numbers(looks, before), _numbers(looks, after))} since {day(first)}")
    return ", ".join(parts) + "." if parts else ""


def _then(before: Numbers, after: Numbers) -> str:
    """What the ground looks like afterwards; beside what it was, where one word fits both."""
    if ground(*before) != ground(*after):
        return ground(*after)
    dim, bright = before[1], after[1]
    if not dim or not bright or 1 / NOTABLE < bright / dim < NOTABLE:
        return "another surface of like brightness"
    return f"another one, {bright / dim:.1f} times as bright,"


def _numbers(looks: Mapping[str, Sequence[Any]], at: Sequence[int]) -> Numbers:
    """NDVI, visible brightness and redness of the ground inside, by the median of some looks."""

    def value(band: str) -> float | None:
        known = [looks[f"inside_{band}"][one] for one in at] if f"inside_{band}" in looks else []
        known = [one for one in known if one is not None]
        return median(known) if known else None

    blue, green, red, nir = (value(band) for band in ("blue", "green", "red", "nir"))
    visible = [one for one in (blue, green, red) if one is not None]
    ndvi = (nir - red) / (nir + red) if nir is not None and red is not None and nir + red > 0 else None
    redness = (red - blue) / (red + blue) if blue is not None and red is not None and blue + red > 0 else None
    return ndvi, sum(visible) / len(visible) if visible else None, redness


def _story_of_dates(change: Change, weighed: Weighed | None) -> str:
    """The two dates alone."""
    if weighed is not None and {"ndvi_before", "ndvi_after"} <= set(weighed.means):
        get, order = weighed.means.get, ("after", "before") if weighed.backward else ("before", "after")
        before, after = ((get(f"ndvi_{at}"), get(f"brightness_{at}"), get(f"redness_{at}")) for at in order)
        return f"{_capital(ground(*before))} before, {_then(before, after)} after."
    lost = change.told.get("delta_ndvi")
    if lost is None:
        return "The surface changed between the two dates."
    told = "lost vegetation" if lost < -0.1 else "gained vegetation" if lost > 0.1 else "changed, but not in vegetation"
    return f"The ground {told} between the two dates (NDVI {lost:+.2f})."


def _lasting(dated: Mapping[str, Any]) -> Iterator[str]:
    shows = dated["looks"]["shows"]
    seen, cloudy = dated.get("n_clear_looks") or 0, sum(one == "cloudy" for one in shows)
    clouds = f"; {cloudy} of {len(shows)} looks were cloudy there" if cloudy else ""
    yield f"Seen on {seen} clear {'look' if seen == 1 else 'looks'}{clouds}."
    if dated["status"] == "confirmed":
        yield f"Confirmed on {day(dated['confirmed_on'])}."
    elif dated["status"] == "reverted":
        yield f"Gone again since {day(dated.get('gone_on'))}: it did not last."
    elif dated.get("reason"):
        yield f"Not confirmed yet: {dated['reason']}."


def _undated(site: SiteFiles, change: Change) -> str:
    told = site.provenance.get("timeline") or {}
    why = (told.get("failed") or {}).get(change.change_id) or told.get("reason")
    return f"Not dated: {why}." if why else "Not dated: only two dates were compared."


def _registration(provenance: Mapping[str, Any]) -> Iterator[str]:
    quality = provenance.get("quality") or {}
    down, right = quality.get("shift_dy_px"), quality.get("shift_dx_px")
    if down is None or right is None:
        yield "How well the dates lie on each other could not be measured."
        return
    shift = (down**2 + right**2) ** 0.5
    if quality.get("shift_applied"):
        left = quality.get("shift_uncertainty_px")
        known = f", known to {max(left, 0.01):.2f} px" if left is not None else ""
        yield f"Registration: the dates lay {shift:.2f} px apart and were moved onto each other{known}."
    else:
        yield f"Registration: the dates lie {shift:.2f} px apart."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
