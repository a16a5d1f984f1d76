"""Which references were found and which predictions are right; polygons on an equal-area plane, no CRS in sight."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import GeometryCollection

from changedetect.evaluation.options import EvaluateOptions
from changedetect.evaluation.places import Geometries
from changedetect.types import BoolArray, Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """One side's objects, weighed against the other side's."""

    area_m2: Float64Array
    """(n,) area of each object."""
    counted: BoolArray
    """(n,) True where an object enters the object figures: large enough, and not on ignored ground."""
    hit: BoolArray
    """(n,) a prediction that is right, a positive or negative reference that predictions cover."""
    own_m2: Float64Array
    """(n,) area outside ignored ground and outside objects listed before."""
    common_m2: Float64Array
    """(n,) how much of `own_m2` the other side has, too."""


def match(
    predicted: Geometries, reference: Geometries, role: Geometries, options: EvaluateOptions
) -> tuple[Matched, Matched]:
    """Weigh predictions and references of one place against each other.

    Parameters
    ----------
    predicted, reference : (n,), (m,) array of polygons
        On one equal-area plane, metres.
    role : (m,) array of str
        `positive`, `ignored` or `negative`.
    options : EvaluateOptions
        The rules.

    Returns
    -------
    predicted, reference : Matched
        In the order given. Of references, only positives have `own_m2` and are `counted`.
    """
    positive = role == "positive"
    truth, ignored = reference[positive], reference[role == "ignored"]
    near = shapely.buffer(truth, options.near_m)
    area_p, area_r = shapely.area(predicted), shapely.area(reference)
    said = Matched(
        area_m2=area_p,
        counted=(area_p >= options.min_area_m2) & (common(predicted, ignored) <= options.ignored_share * area_p),
        hit=common(predicted, near) >= options.right_share * area_p,
        own_m2=shapely.area(pieces := _apart(predicted, ignored)),
        common_m2=np.minimum(common(pieces, truth), shapely.area(pieces)),  # but for rounding, it is less anyway
    )
    own_m2, common_m2 = np.zeros(len(reference)), np.zeros(len(reference))
    own_m2[positive] = shapely.area(pieces := _apart(truth, ignored))
    common_m2[positive] = np.minimum(common(pieces, predicted), own_m2[positive])
    known = Matched(
        area_m2=area_r,
        counted=positive & (area_r >= options.min_area_m2),
        hit=common(reference, predicted) >= options.found_share * area_r,
        own_m2=own_m2,
        common_m2=common_m2,
    )
    return said, known


def common(objects: Geometries, others: Geometries) -> Float64Array:
    """(n,) square metres of each object that lie on any of the others, counted once where these overlap."""
    return np.asarray(shapely.area(_with_neighbours(objects, others, shapely.intersection)), dtype=np.float64)


def _apart(objects: Geometries, ignored: Geometries) -> Geometries:
    """Objects without what is ignored and without what objects before them have: no ground is counted twice."""
    pieces = _with_neighbours(objects, ignored, shapely.difference)
    for later, earlier in _pairs(objects, objects).items():
        before = earlier[earlier < later]
        if len(before):
            pieces[later] = shapely.difference(pieces[later], shapely.union_all(objects[before]))
    return pieces


def _with_neighbours(
    objects: Geometries, others: Geometries, operation: Callable[[Geometries, Geometries], Geometries]
) -> Geometries:
    """Apply an overlay to each object and the union of those others that touch it: no huge union is ever built."""
    union = np.full(len(objects), GeometryCollection(), dtype=object)
    for one, touching in _pairs(objects, others).items():
        union[one] = shapely.union_all(others[touching])
    return operation(objects, union)


def _pairs(objects: Geometries, others: Geometries) -> dict[int, Geometries]:
    """Numbers of the others that touch an object, by the object's number."""
    one, other = shapely.STRtree(others).query(objects, predicate="intersects")
    if not len(one):
        return {}
    order = np.argsort(one, kind="stable")
    numbers, starts = np.unique(one[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(other[order], starts[1:]), strict=True))
