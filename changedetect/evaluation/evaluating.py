"""Predictions against references: object and area accuracy, by size and kind, false alarms, calibration."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.stats import chi2
from shapely.geometry.base import BaseGeometry

from changedetect.errors import EvaluationError
from changedetect.evaluation.bootstrap import accuracies
from changedetect.evaluation.calibration import calibrate
from changedetect.evaluation.matching import Matched, match
from changedetect.evaluation.options import Estimate, EvaluateOptions
from changedetect.evaluation.places import Place, flat, ground_area_m2, plane, split_places
from changedetect.evaluation.reading import Source, read_extent
from changedetect.evaluation.results import SIZE_CLASSES, AreaScores, Evaluation, ObjectScores
from changedetect.evaluation.sides import Side, read_predicted, read_reference
from changedetect.types import BoolArray, Float64Array

_MATCHED = tuple(name for name in Matched.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """A side with its objects' match, row by row."""

    side: Side
    """The objects."""
    matched: Matched
    """What became of each."""

    @property
    def counted_hits(self) -> BoolArray:
        """(counted,) whether each counted object is right, or found."""
        return np.asarray(self.matched.hit[self.matched.counted])

    def of_size(self, low_m2: float, high_m2: float) -> BoolArray:
        """`counted_hits` of objects of a size; the larger end is not included."""
        area = self.matched.area_m2[self.matched.counted]
        return np.asarray(self.counted_hits[(area >= low_m2) & (area < high_m2)])

    def of_kind(self, kind: str) -> BoolArray:
        """`counted_hits` of objects of a kind."""
        mine = self.side.objects["kind"].eq(kind).to_numpy()
        return np.asarray(self.matched.hit[self.matched.counted & mine])


def evaluate(
    predicted: Source,
    reference: Source,
    *,
    extent: Source | BaseGeometry | None = None,
    options: EvaluateOptions | None = None,
) -> Evaluation:
    """Weigh predicted changes against a reference.

    Parameters
    ----------
    predicted : str, Path or GeoDataFrame
        Changes (`changes.geojson`, the folder of a run) or any polygons; those of kind construction or clearing
        count, all where there is no `kind`. None at all is an answer, too.
    reference : str, Path or GeoDataFrame
        Polygons with `class` or `kind`: construction and clearing (cleared) are positives, removal (removed) and
        other negatives, resurfaced and unsure ignored; without such a column all are positives. Or an IARPA SMART
        region or site model.
    extent : str, Path, GeoDataFrame or polygon, optional
        The ground that was looked at: objects whose middle lies elsewhere are left out, and false alarms are told per
        100 km2. Default: a SMART model's region.
    options : EvaluateOptions, optional
        The rules of matching, and the bootstrap.

    Raises
    ------
    EvaluationError
        A file can't be read, or the two sides lie apart, or the reference is empty and no extent is given.
    """
    options = options or EvaluateOptions()
    said, known = read_predicted(predicted, options), read_reference(reference, options)
    ground = known.extent if extent is None else read_extent(extent)
    remarks = []
    if ground is not None:
        said, left_said = _within(said, ground)
        known, left_known = _within(known, ground)
        if left_said or left_known:
            remarks.append(f"outside the extent: {left_said} predictions and {left_known} references")
    _check_together(said, known, ground)
    weighed_said, weighed_known, places = _weigh(said, known, options)
    if ground is None and (alone := sum(len(p.members[0]) for p in places if not len(p.members[1]))):
        remarks.append(
            f"{alone} predictions lie kilometres from any reference: if no one looked there, give the extent"
        )
    return _evaluation(weighed_said, weighed_known, ground, tuple(remarks), options)


def _within(side: Side, ground: BaseGeometry) -> tuple[Side, int]:
    """Objects of which a middle point lies on the ground that was looked at, and how many others there are."""
    shapely.prepare(ground)
    inside = np.asarray(shapely.intersects(ground, shapely.point_on_surface(side.objects.geometry.to_numpy())))
    kept = side.objects[inside].reset_index(drop=True)
    if len(inside) and not _near(side.objects, gpd.GeoDataFrame(geometry=[ground], crs="EPSG:4326")):
        msg = f"none of the {len(inside)} polygons of {side.name} lies near the extent: give files of the same place"
        raise EvaluationError(msg)
    return Side(name=side.name, objects=kept, extent=side.extent), int((~inside).sum())


def _check_together(said: Side, known: Side, ground: BaseGeometry | None) -> None:
    """Stop where figures would be zeros that mean nothing."""
    if ground is not None:
        return
    if not len(known.objects):
        msg = f"{known.name} holds no polygon: where truly nothing was built, say with --extent which ground that is"
        raise EvaluationError(msg)
    if len(said.objects) and not _near(said.objects, known.objects):
        corners = [" ".join(f"{degrees:.3f}" for degrees in side.objects.total_bounds[:2]) for side in (said, known)]
        msg = (
            f"{said.name} (from lon lat {corners[0]}) and {known.name} (from {corners[1]}) lie apart: "
            "give files of the same place, or --extent if all of it was looked at"
        )
        raise EvaluationError(msg)


def _near(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> bool:
    """Whether any object of one lies at a place of the other's."""
    places = split_places([one.geometry.to_numpy(), other.geometry.to_numpy()])
    return any(len(place.members[0]) and len(place.members[1]) for place in places)


def _weigh(said: Side, known: Side, options: EvaluateOptions) -> tuple[_Weighed, _Weighed, list[Place]]:
    sides = [said.objects.geometry.to_numpy(), known.objects.geometry.to_numpy()]
    role = known.objects["role"].to_numpy(dtype=object)
    columns = [{name: np.zeros(len(side)) for name in _MATCHED} for side in sides]
    places = split_places(sides)
    for place in places:
        there = plane(place.lon, place.lat)
        mine, theirs = place.members
        both = match(flat(sides[0][mine], there), flat(sides[1][theirs], there), role[theirs], options)
        for values, rows, matched in zip(columns, place.members, both, strict=True):
            for name in _MATCHED:
                values[name][rows] = getattr(matched, name)
    one, other = (
        Matched(
            area_m2=values["area_m2"],
            counted=values["counted"] > 0,
            hit=values["hit"] > 0,
            own_m2=values["own_m2"],
            common_m2=values["common_m2"],
        )
        for values in columns
    )
    return _Weighed(side=said, matched=one), _Weighed(side=known, matched=other), places


def _evaluation(
    said: _Weighed, known: _Weighed, ground: BaseGeometry | None, remarks: tuple[str, ...], options: EvaluateOptions
) -> Evaluation:
    counted = said.matched.counted
    negative = known.side.objects["role"].eq("negative").to_numpy()
    km2 = None if ground is None else ground_area_m2(ground) / 1e6
    kinds = {*said.side.objects["kind"], *known.side.objects["kind"][known.matched.counted]}
    return Evaluation(
        objects=_objects(said.counted_hits, known.counted_hits, options),
        area=_areas(said.matched, known.matched, options),
        by_size={
            name: _objects(said.of_size(low, high), known.of_size(low, high), options)
            for name, (low, high) in SIZE_CLASSES.items()
        },
        by_kind={kind: _objects(said.of_kind(kind), known.of_kind(kind), options) for kind in sorted(kinds - {""})},
        negatives=int(negative.sum()),
        negatives_hit=int((negative & known.matched.hit).sum()),
        extent_km2=km2,
        false_alarms_per_100km2=None if km2 is None else _rate(int((counted & ~said.matched.hit).sum()), km2 / 100),
        calibration=calibrate(
            said.side.objects["confidence"].to_numpy(dtype=np.float64)[counted], said.matched.hit[counted]
        ),
        remarks=remarks,
    )


def _objects(right: BoolArray, found: BoolArray, options: EvaluateOptions) -> ObjectScores:
    """Count objects by whether each prediction is right, and each reference found."""
    precision, recall, f1 = accuracies(_counts(right), _counts(found), options)
    return ObjectScores(
        reference=len(found),
        found=int(found.sum()),
        predicted=len(right),
        right=int(right.sum()),
        precision=precision,
        recall=recall,
        f1=f1,
    )


def _counts(hit: BoolArray) -> Float64Array:
    return np.column_stack([hit, np.ones(len(hit))]).astype(np.float64)


def _areas(said: Matched, known: Matched, options: EvaluateOptions) -> AreaScores:
    both = [np.column_stack([side.common_m2, side.own_m2])[side.own_m2 > 0] for side in (said, known)]
    precision, recall, f1 = accuracies(both[0], both[1], options)
    return AreaScores(
        reference_m2=float(known.own_m2.sum()),
        predicted_m2=float(said.own_m2.sum()),
        common_m2=float(known.common_m2.sum()),
        precision=precision,
        recall=recall,
        f1=f1,
    )


def _rate(count: int, units: float) -> Estimate:
    """Events per unit and their exact 95 % interval: Garwood (1936), doi:10.1093/biomet/28.3-4.437."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    return Estimate(value=count / units, low=float(low / units), high=float(high / units))
