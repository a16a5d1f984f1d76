"""Why a change was flagged, or why nothing was at a place: told from an output folder alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from changedetect.report.absence import NoChange, nearest_change, nearest_site, why_not
from changedetect.report.checks import Check, by_change, checks_of
from changedetect.report.objects import Weighed, object_of
from changedetect.report.reading import Change, Run, SiteFiles, find_change, read_run
from changedetect.report.words import grade, number, sentences

Answer = Literal[NoChange, "outside"]
"""In one word: what a site says of a place, or that none reaches there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """An answer."""

    answer: Answer
    """In one word."""
    site_id: str
    """The site that it is about; empty outside of all."""
    change_id: str
    """The change that it is about; empty where there is none."""
    headline: str
    """In one sentence."""
    reasons: tuple[str, ...]
    """What it rests on, in words."""
    checks: tuple[Check, ...]
    """Tests of the object, where there is one."""


def explain_change(out: Path, change_id: str) -> Explanation:
    """Tell why a change was flagged: each piece of evidence with its strength, and what would have rejected it.

    Raises
    ------
    OutputError
        There is no such change, or the folder can't be read.
    """
    site, change = find_change(out, change_id)
    return _flagged(site, change)


def explain_place(out: Path, lon: float, lat: float) -> Explanation:
    """Tell why nothing was flagged at a place (degrees), or what was.

    Raises
    ------
    OutputError
        The folder can't be read.
    """
    run = read_run(out)
    told = [_at_site(site, lon, lat) for site in run.sites()]
    known = [one for one in told if one is not None]
    # Sites may overlap: what one of them found there counts, then the one that came closest to finding it.
    order = ("flagged", "confidence", "kind", "rejected", "small", "no_structure", "green_or_wet", "weak", "unchanged")
    rank = {name: at for at, name in enumerate(order)}
    return min(known, key=lambda one: rank.get(one.answer, len(rank))) if known else _outside(run, lon, lat)


def _flagged(site: SiteFiles, change: Change) -> Explanation:
    told, weighed = change.told, object_of(site, change)
    headline = (
        f"{change.change_id} is {told.get('kind')} of {told.get('area_m2') or 0:,.0f} m² at {site.site_id}, confidence"
        f" {number(change.confidence)} ({grade(change.confidence)})"
    )
    return Explanation(
        answer="flagged",
        site_id=site.site_id,
        change_id=change.change_id,
        headline=headline,
        reasons=(*sentences(site, change, weighed), *_strengths(site, change, weighed)),
        checks=() if weighed is None else tuple(checks_of(weighed)),
    )


def _strengths(site: SiteFiles, change: Change, weighed: Weighed | None) -> Iterator[str]:
    names = {
        "magnitude": "Strength of change, multiples of what this site's median pixel changed by",
        "delta_ndvi": "Vegetation (NDVI), after minus before",
        "delta_ndbi": "Built-up or bare (NDBI)",
        "delta_bsi": "Bare soil (BSI)",
        "delta_brightness": "Visible reflectance",
    }
    for name, meaning in names.items():
        if (value := change.told.get(name)) is not None:
            yield f"{meaning}: {value:.1f}." if name == "magnitude" else f"{meaning}: {value:+.3f}."
    objects = site.provenance.get("objects") or {}
    if weighed is None:
        yield "No object was kept for it: the tests can't be told (kind `other`, or an older run)."
        return
    by = "strong change alone" if by_change(weighed) else "new fine structure"
    yield f"It stands by {by}, under the rule for {objects.get('rule')} ground."
    if by_change(weighed):
        yield f"Strong change alone deserves at most {weighed.trust:.2f} of confidence at this site."
    if (factor := objects.get("confidence_factor", 1)) < 1:
        yield f"Confidence was multiplied by {factor:.2f}, for the seasons of the two dates differ."
    yield (
        f"It would not be reported below {objects.get('min_area_m2', 0):g} m², below confidence"
        f" {objects.get('min_confidence', 0):g}, or were {change.told.get('kind')} not among the kinds asked for"
        f" ({', '.join(objects.get('kinds', ()))})."
    )


def _at_site(site: SiteFiles, lon: float, lat: float) -> Explanation | None:
    """What a site has to say of a place; None where it does not reach."""
    absent = why_not(site, lon, lat)
    if absent is None:
        return None
    if absent.change is not None:
        return _flagged(site, absent.change)
    near = nearest_change(site, lon, lat)
    return Explanation(
        answer=absent.answer,
        site_id=site.site_id,
        change_id="",
        headline=absent.headline,
        reasons=(*absent.reasons, *near),
        checks=() if absent.weighed is None else tuple(checks_of(absent.weighed)),
    )


def _outside(run: Run, lon: float, lat: float) -> Explanation:
    return Explanation(
        answer="outside",
        site_id="",
        change_id="",
        headline=f"Nothing was looked for at {lat:.5f}, {lon:.5f}: it lies in none of the {len(run.site_ids)} sites",
        reasons=tuple(nearest_site(run, lon, lat)),
        checks=(),
    )
