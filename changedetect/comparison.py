"""Two dates of one ground compared, in both directions of time: the diff engine and the polygons, put together."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from changedetect import diff, polygons
from changedetect.changes import DATE_COLUMNS
from changedetect.config import RunConfig
from changedetect.ground import Ground
from changedetect.model import KIND_CODES, UNKNOWN, ChangeMap, Site
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
        return self.found.paint(self.keep)


def read_both_ways(ground: Ground, config: RunConfig) -> tuple[Reading, Reading]:
    """Read time forward, for what was built, and backward, for what is gone."""
    sample = diff.sample_features(ground.pairs(), config.diff.sample_px)
    swapped = ground.swapped()
    return _read(ground, sample, config), _read(swapped, diff.swapped_sample(sample), config)


def _read(ground: Ground, sample: diff.Features, config: RunConfig) -> Reading:
    fitted = diff.fit(sample, config.diff, calibrated=ground.calibrated)
    layers = _whole(ground, fitted)
    settledness = diff.settledness(fitted, layers, config.diff)
    settled = settledness >= 1
    known = layers.changed != UNKNOWN
    objects = polygons.clean(layers.candidate, ground.grid, config.polygons, known=known)
    labels = polygons.label(objects)
    if not settled:
        structured = polygons.clean(layers.structured, ground.grid, config.polygons, known=known, opened=False)
        labels = polygons.label(diff.with_witnesses(structured, objects, settledness))
        # Structure is found at walls and edges; a site is what lies between them, too.
        labels = polygons.whole_sites(labels, ground.grid, layers.barren & known)
    purity = diff.purity(layers)
    trust = purity * diff.trust_in_change(settledness)
    found = _find(ground, fitted, labels, settled=settled, trust=trust)
    return Reading(layers=layers, found=found, fitted=fitted, settled=settled, purity=purity)


def _find(ground: Ground, fitted: diff.Fitted, labels: IntArray, *, settled: bool, trust: float) -> diff.Found:
    areas_m2 = polygons.areas_m2(labels, ground.grid)
    evidence = diff.gather(fitted, ground.pairs(), labels)
    judgement = diff.judge(evidence, areas_m2, settled=settled, trust=trust)
    return diff.Found(labels=labels, areas_m2=areas_m2, evidence=evidence, judgement=judgement)


def _whole(ground: Ground, fitted: diff.Fitted) -> diff.Layers:
    """Judge tile by tile; each tile fills the pixels that it owns."""
    shape = tuple(ground.grid.shape)
    changed = np.full(shape, UNKNOWN, dtype=np.uint8)
    strong, candidate, structured, barren = (np.zeros(shape, dtype=bool) for _ in range(4))
    for spec, pair in ground.pairs():
        tile, own = diff.apply(fitted, pair), (spec.rows, spec.cols)
        changed[own], strong[own] = tile.changed[spec.inner], tile.strong[spec.inner]
        candidate[own], structured[own] = tile.candidate[spec.inner], tile.structured[spec.inner]
        barren[own] = tile.barren[spec.inner]
    return diff.Layers(changed=changed, strong=strong, candidate=candidate, structured=structured, barren=barren)


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
        Chosen(
            kind=one.kind,
            found=one.found,
            keep=one.keep & (one.found.judgement.confidence >= config.min_confidence),
            backward=one.backward,
        )
        for one in chosen
        if one.kind in config.kinds
    ]


def _others(forward: Reading, taken: list[Chosen], ground: Ground, config: RunConfig) -> Chosen:
    rest = forward.layers.strong | (forward.found.labels > 0)
    for one in taken:
        rest &= ~one.pixels
    known = forward.layers.changed != UNKNOWN
    labels = polygons.label(polygons.clean(rest, ground.grid, config.polygons, known=known))
    found = _find(ground, forward.fitted, labels, settled=True, trust=1.0)
    return Chosen(kind="other", found=found, keep=np.ones(len(found.areas_m2), dtype=bool), backward=False)


def change_map(forward: Reading, chosen: list[Chosen], ground: Ground) -> ChangeMap:
    """Paint the objects, the most telling kind last; unknown wherever a date was not seen."""
    unknown = forward.layers.changed == UNKNOWN
    confidence = np.zeros(unknown.shape, dtype=np.float32)
    kind = np.zeros(unknown.shape, dtype=np.uint8)
    for one in chosen:
        inside = one.pixels
        confidence[inside] = one.found.paint(one.found.judgement.confidence)[inside]
        kind[inside] = KIND_CODES[one.kind]
    confidence[unknown], kind[unknown] = UNKNOWN, UNKNOWN
    return ChangeMap(geobox=ground.grid, changed=forward.layers.changed, confidence=confidence, kind=kind)


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
