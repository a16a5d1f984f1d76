"""The engine asked about a tile, and about objects, in one call."""

from collections.abc import Iterable

from changedetect.diff import Evidence, Fitted, Gathering, Layers, apply, measure, tally
from changedetect.grid import TileSpec
from changedetect.model import Pair
from changedetect.types import IntArray


def judged(fitted: Fitted, pair: Pair) -> Layers:
    return apply(fitted, measure(pair, fitted.lines, fitted.scales, context=fitted.looks_around))


def gathered(fitted: Fitted, tiles: Iterable[tuple[TileSpec, Pair]], labels: IntArray) -> Evidence:
    gathering = Gathering(labels)
    for spec, pair in tiles:
        gathering.add(
            tally(fitted, measure(pair, fitted.lines, fitted.scales, context=fitted.looks_around), spec, labels)
        )
    return gathering.evidence()
