"""Two dates of one ground compared, in both directions of time: the diff engine and the polygons, put together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from changedetect import diff, polygons
from changedetect.changes import DATE_COLUMNS
from changedetect.components import looked_up, strips
from changedetect.config import RunConfig
from changedetect.grid import TileSpec
from changedetect.ground import PATCH_PX, Ground
from changedetect.model import KIND_CODES, UNKNOWN, ChangeMap, Pair, Site
from changedetect.types import BoolArray, IntArray, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is found when time is read in one direction."""

    layers: diff.Layers
    """Pixels of the whole site."""
    found: diff.Found
    """Objects."""
    fitted: diff.Fitted
    """Statistics they were found with."""
    settled: bool
    """Which rule told objects from background."""
    purity: float
    """Share of the strongly changed ground that may be construction."""
    trust: float
    """Highest confidence, 0-1, that strong change without new structure deserves here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Objects of one kind, to be reported."""

    kind: Kind
    """Their kind."""
    found: diff.Found
    """The objects they are among."""
    keep: BoolArray
    """(object,) True for those that are meant."""
    backward: bool
    """Whether they were found by reading time backward."""

    @property
    def pixels(self) -> BoolArray:
        """(y, x) True on the objects that are meant."""
        return looked_up(self.found.labels, np.r_[False, self.keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A direction in which time is read."""

    fitted: diff.Fitted
    """What was learnt of the pair, read that way."""
    backward: bool
    """Whether the later date comes first."""

    def sees(self, measured: diff.Measured) -> diff.Measured:
        """What was measured forward, as it is read this way."""
        return measured.swapped() if self.backward else measured


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """Objects, not judged yet."""

    labels: IntArray
    """(y, x) 0 none, 1..n objects."""
    evidence: diff.Evidence
    """What their pixels say."""


def read_both_ways(ground: Ground, config: RunConfig, sample: diff.Features | None = None) -> tuple[Reading, Reading]:
    """Read time forward, for what was built, and backward, for what is gone.

    `sample` is the ground's, where it was taken already (`ground.looked_over`).
    """
    if sample is None:
        sample = diff.sample_features(ground.blocks(), config.diff.sample_px, context=diff.needs_context(config.diff))
    fits = diff.fit_both_ways(sample, config.diff, calibrated=ground.calibrated)
    ways = [_Way(fitted=fitted, backward=backward) for fitted, backward in zip(fits, (False, True), strict=True)]
    layers = _layers(ground, ways)
    settled = [diff.settledness(fitted, one, config.diff) for fitted, one in zip(fits, layers, strict=True)]
    labels = [_objects(ground, one, share, config) for one, share in zip(layers, settled, strict=True)]
    gathered = _gathered(ground, ways, labels)
    forward, backward = (
        _reading(ground, ways[at], layers[at], settled[at], _Objects(labels=labels[at], evidence=gathered[at]))
        for at in range(len(ways))
    )
    return forward, backward


def _layers(ground: Ground, ways: Sequence[_Way]) -> list[diff.Layers]:
    """Judge block by block; each fills the pixels that it owns."""
    first = ways[0].fitted
    whole = [np.zeros(tuple(ground.grid.shape), dtype=np.uint8) for _ in ways]

    def judge(spec: TileSpec, pair: Pair) -> list[IntArray]:
        measured = diff.measure(pair, first.lines, first.scales, context=first.looks_around)
        return [diff.apply(way.fitted, way.sees(measured)).passed[spec.inner].copy() for way in ways]

    for spec, judged in ground.computed(judge):
        for target, passed in zip(whole, judged, strict=True):
            target[spec.rows, spec.cols] = passed
    return [diff.Layers(passed=passed) for passed in whole]


def _objects(ground: Ground, layers: diff.Layers, settledness: float, config: RunConfig) -> IntArray:
    """Label what changed: (y, x) 0 none, 1..n objects."""
    objects = polygons.clean(layers.candidate, ground.grid, config.polygons, known=layers.known)
    if settledness >= 1:
        return polygons.label(objects)
    structured = polygons.clean(layers.structured, ground.grid, config.polygons, known=layers.known, opened=False)
    joined = diff.with_witnesses(structured, objects, settledness)
    del objects
    labels = polygons.label(joined)
    del joined
    # Texture alone, apart from what is strong, is a field's edge as often as a building.
    structured &= layers.strong
    labels = polygons.trimmed(labels, layers.beside, structured, ground.grid, config.polygons)
    del structured
    # Structure is found at walls and edges; a site is what lies between them, too.
    return polygons.whole_sites(labels, ground.grid, layers.barren & layers.known)


def _gathered(ground: Ground, ways: Sequence[_Way], labels: Sequence[IntArray]) -> list[diff.Evidence]:
    """What the pixels of the objects of every way say."""
    first = ways[0].fitted
    gatherings = [diff.Gathering(own) for own in labels]

    def sum_up(spec: TileSpec, pair: Pair) -> list[diff.Tally]:
        measured = diff.measure(pair, first.lines, first.scales, context=first.looks_around)
        return [diff.tally(way.fitted, way.sees(measured), spec, own) for way, own in zip(ways, labels, strict=True)]

    def seen(spec: TileSpec) -> bool:
        return any(own[spec.padded].any() for own in labels)

    for _, tallies in ground.computed(sum_up, seen, PATCH_PX):
        for gathering, one in zip(gatherings, tallies, strict=True):
            gathering.add(one)
    return [gathering.evidence() for gathering in gatherings]


def _reading(ground: Ground, way: _Way, layers: diff.Layers, settledness: float, objects: _Objects) -> Reading:
    purity = diff.purity(layers)
    trust = purity * diff.trust_in_change(settledness)
    found = _found(ground, objects, settled=settledness >= 1, trust=trust)
    return Reading(layers=layers, found=found, fitted=way.fitted, settled=settledness >= 1, purity=purity, trust=trust)


def _found(ground: Ground, objects: _Objects, *, settled: bool, trust: float) -> diff.Found:
    labels, evidence = objects.labels, objects.evidence
    areas_m2 = polygons.areas_m2(labels, ground.grid)
    judgement = diff.judge(evidence, areas_m2, settled=settled, trust=trust)
    return diff.Found(labels=labels, areas_m2=areas_m2, evidence=evidence, judgement=judgement)


def choose(forward: Reading, backward: Reading, ground: Ground, config: RunConfig) -> list[Chosen]:
    """Objects to report, by kind, the least telling kind first.

    Removal is what would be construction if the dates were exchanged; other is what changed strongly and is none of
    these.
    """
    stands = diff.stands(forward.found, backward.found)
    gone = diff.stands(backward.found, forward.found) & backward.found.of_kind("construction")
    chosen = [
        Chosen(kind="removal", found=backward.found, keep=gone, backward=True),
        *(
            Chosen(kind=kind, found=forward.found, keep=forward.found.of_kind(kind) & stands, backward=False)
            for kind in ("clearing", "construction")
        ),
    ]
    if "other" in config.kinds:
        chosen.insert(0, _others(forward, chosen, ground, config))
    return [
        replace(one, keep=one.keep & (one.found.judgement.confidence >= config.min_confidence))
        for one in chosen
        if one.kind in config.kinds
    ]


def _others(forward: Reading, taken: list[Chosen], ground: Ground, config: RunConfig) -> Chosen:
    rest = forward.layers.strong | (forward.found.labels > 0)
    for one in taken:
        rest &= ~one.pixels
    labels = polygons.label(polygons.clean(rest, ground.grid, config.polygons, known=forward.layers.known))
    (evidence,) = _gathered(ground, [_Way(fitted=forward.fitted, backward=False)], [labels])
    found = _found(ground, _Objects(labels=labels, evidence=evidence), settled=True, trust=1.0)
    return Chosen(kind="other", found=found, keep=np.ones(len(found.areas_m2), dtype=bool), backward=False)


def change_map(forward: Reading, chosen: list[Chosen], ground: Ground) -> ChangeMap:
    """Paint the objects, the most telling kind last; unknown wherever a date was not seen."""
    changed = forward.layers.changed
    confidence = np.zeros(changed.shape, dtype=np.float32)
    kind = np.zeros(changed.shape, dtype=np.uint8)
    tables = [(one, np.r_[False, one.keep], np.r_[0.0, one.found.judgement.confidence]) for one in chosen]
    for rows in strips(len(changed)):
        for one, keep, sure in tables:
            labels = one.found.labels[rows]
            inside = keep[labels]
            confidence[rows][inside] = sure[labels[inside]]
            kind[rows][inside] = KIND_CODES[one.kind]
        unknown = changed[rows] == UNKNOWN
        confidence[rows][unknown], kind[rows][unknown] = UNKNOWN, UNKNOWN
    return ChangeMap(geobox=ground.grid, changed=changed, confidence=confidence, kind=kind)


def changes_frame(
    site: Site, chosen: list[Chosen], ground: Ground, dates: tuple[str | None, str | None]
) -> gpd.GeoDataFrame:
    """All chosen objects as one frame with the columns of `changes.CHANGE_COLUMNS`; `dates` are those compared."""
    geometry: list[BaseGeometry] = []
    columns: dict[str, list[object]] = {}
    for one in chosen:
        outlines = polygons.outlines(one.found.labels, ground.grid, one.keep)
        geometry += outlines
        said = {"kind": one.kind, "before": dates[0], "after": dates[1], **dict.fromkeys(DATE_COLUMNS)}
        known = diff.attributes(one.found, one.keep, backward=one.backward)
        for name, values in (known | {name: [value] * len(outlines) for name, value in said.items()}).items():
            columns.setdefault(name, []).extend(values)
    return polygons.to_frame(site, geometry, columns, ground.grid)
