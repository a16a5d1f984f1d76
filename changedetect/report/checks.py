"""Why an object was taken for what it is: each test it met, with the numbers, and what would have rejected it.

The tests are those of `diff.kinds`, told in the order in which they decide.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from changedetect.diff import kinds
from changedetect.diff.engine import WITNESS_SHARE
from changedetect.report.objects import Weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One test of an object."""

    name: str
    """What was asked."""
    found: str
    """What was measured, in numbers."""
    limit: str
    """What would have told against it."""
    passed: bool
    """Whether it stood the test."""
    decides: str = ""
    """The kind that it is if it did not pass, or that this test alone settles; empty where it settles none."""


def by_change(one: Weighed) -> bool:
    """Whether strong change alone is what the object stands for, not new fine structure."""
    return one.settled or one.get("structured") < WITNESS_SHARE


def checks_of(one: Weighed) -> list[Check]:
    """All tests of an object, in the order in which they decide."""
    rule = _change_checks(one) if by_change(one) else _structure_checks(one)
    return [*_agreement(one), *rule, _direction(one)]


def verdict(one: Weighed) -> str:
    """The kind that the tests lead to: what `diff.judge` said, told from the record alone."""
    if any(not check.passed and check.decides == "other" for check in checks_of(one)):
        return "other"
    return next((check.decides for check in checks_of(one) if check.passed and check.decides), "construction")


def _agreement(one: Weighed) -> Iterator[Check]:
    where = "" if by_change(one) else "_new"
    spread, change, once = (one.get(f"{name}{where}") for name in ("spread", "change", "once"))
    if math.isnan(spread) or math.isnan(change):
        return
    limit = kinds.LOOKS_DISAGREE if once <= 1 - kinds.ASKED else kinds.CONTRADICTED
    yield Check(
        name="The looks of a window agree",
        found=f"they lie {_share(spread, change)} of the change apart",
        limit=f"over {limit:.0%}: a cloud or haze that the masks missed",
        passed=not spread > limit * change,
        decides="other" if spread > limit * change else "",
    )


def _structure_checks(one: Weighed) -> Iterator[Check]:
    before, after, likeness, excess = (
        one.get(name) for name in ("texture_before", "texture_after", "likeness", "excess_gain")
    )
    old = after < kinds.NEW_TEXTURE * before
    yield Check(
        name="Its fine structure is new",
        found=f"{after / before:.1f} times as rough as before" if before > 0 else "there was none before",
        limit=f"under {kinds.NEW_TEXTURE:g} times: the structure was there already",
        passed=not old,
        decides="other" if old else "",
    )
    if not math.isnan(likeness):
        yield Check(
            name="It does not repeat the earlier pattern",
            found=f"likeness of blue and red {likeness:.2f}",
            limit=f"over {kinds.LIKE_BEFORE:g}: haze has lifted or the sun has moved",
            passed=not likeness > kinds.LIKE_BEFORE,
            decides="other" if likeness > kinds.LIKE_BEFORE else "",
        )
    green, lost = one.get("ndvi_after"), one.get("ndvi_before") - one.get("ndvi_after")
    if not math.isnan(green):
        kept = green > kinds.GREEN_NDVI and not lost > kinds.GREEN_LOST
        yield Check(
            name="It is bare, or was greener",
            found=f"NDVI after {green:.2f}, lost {lost:.2f}",
            limit=f"over {kinds.GREEN_NDVI:g} with no more than {kinds.GREEN_LOST:g} lost: nothing built or cleared",
            passed=not kept,
            decides="other" if kept else "",
        )
    yield from _hue(one, excess)


def _hue(one: Weighed, excess: float) -> Iterator[Check]:
    """Bluer than the soil line is built, redder bare; in between only stripped ground counts."""
    told = f"{excess:+.2f} scatters of the soil line against before"
    limit = f"under {kinds.BUILT_EXCESS:+g} not built, {kinds.CLEARED_EXCESS:+g} or less bare soil"
    name = "It is bluer than soil, as roofs and paving are"
    if excess >= kinds.BUILT_EXCESS:
        yield Check(name=name, found=told, limit=limit, passed=True, decides="construction")
        return
    if excess <= kinds.CLEARED_EXCESS:
        name = "It is redder than before, as bare soil is"
        yield Check(name=name, found=told, limit=f"over {kinds.CLEARED_EXCESS:+g}", passed=True, decides="clearing")
        return
    yield Check(name=name, found=told, limit=limit, passed=False)
    lost = one.get("ndvi_before") - one.get("ndvi_after")
    stripped = one.get("magnitude") > kinds.STRIPPED_STRENGTH and lost > kinds.STRIPPED_NDVI
    yield Check(
        name="Vegetation was stripped off, strongly",
        found=f"change {one.get('magnitude'):.1f} times the site's median, NDVI lost {lost:.2f}",
        limit=f"under {kinds.STRIPPED_STRENGTH:g} times or {kinds.STRIPPED_NDVI:g} of NDVI: fields do as much",
        passed=stripped,
        decides="" if stripped else "other",
    )
    if stripped:
        yield from _change_checks(one)


def _change_checks(one: Weighed) -> Iterator[Check]:
    red_before, red_after, green_before, green_after = (
        one.get(f"{name}_{date}") for name in ("redness", "ndvi") for date in ("before", "after")
    )
    shift, angle = abs(red_after - red_before), one.get("angle")
    renewed = green_before < kinds.OLD_NDVI and shift < kinds.OLD_REDNESS_SHIFT and angle < kinds.OLD_ANGLE
    yield Check(
        name="It is a new surface, not an old one renewed",
        found=f"NDVI before {green_before:.2f}, hue moved by {shift:.2f}, spectrum turned by {angle:.2f} rad",
        limit=f"all three under {kinds.OLD_NDVI:g}, {kinds.OLD_REDNESS_SHIFT:g} and {kinds.OLD_ANGLE:g}: bare and alike"
        " before",
        passed=not renewed,
        decides="other" if renewed else "",
    )
    earth = red_after > kinds.CLEARED_REDNESS and green_after < kinds.CLEARED_NDVI
    yield Check(
        name="It is bare earth" if earth else "It is greyer than earth",
        found=f"redness after {red_after:.2f}, NDVI after {green_after:.2f}",
        limit=f"redness over {kinds.CLEARED_REDNESS:g} with NDVI under {kinds.CLEARED_NDVI:g} is cleared ground, else"
        " construction",
        passed=True,
        decides="clearing" if earth else "construction",
    )


def _direction(one: Weighed) -> Check:
    return Check(
        name="Time runs the right way",
        found="read backward it explains less" if one.stands else "it looks newly built the other way round in time",
        limit="half of it newly built in the other direction, and redder in this one",
        passed=one.stands,
    )


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole > 0 else "all"
