"""Rasters come without a mask of clouds: those that can be told are left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from changedetect import prepare
from changedetect.config import RunConfig
from changedetect.grid import TileSpec
from changedetect.ground import Ground, preview, preview_step
from changedetect.journal import note
from changedetect.model import Composite, Pair
from changedetect.types import WINDOW_NAMES, BoolArray, WindowName


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudAccount:
    """What is told of the clouds of one date."""

    covered_fraction: float
    """Share of the site that clouds, their shadows and their edges cover."""
    clouds: int
    """Bright patches that have a shadow where it should be."""
    throw_m: tuple[float, float]
    """From cloud to shadow: metres east and north."""


def cleared(ground: Ground, config: RunConfig) -> tuple[Ground, Mapping[WindowName, CloudAccount]]:
    """The ground without the clouds that their shadows give away, and what was found at either date."""
    if not config.prepare.find_clouds:
        return ground, {}
    found = prepare.clouds_by_shadows(preview(ground))
    accounts: dict[WindowName, CloudAccount] = {
        name: CloudAccount(
            covered_fraction=float(one.covered.mean()),
            clouds=one.clouds,
            throw_m=one.throw_m,
        )
        for name, one in zip(WINDOW_NAMES, found, strict=True)
        if one is not None
    }
    if not accounts:
        return ground, {}
    for name, one in accounts.items():
        share = f"{one.covered_fraction:.0%}"
        note(f"the raster of {name} came without a cloud mask: {share} of it, told by shadows, is left out as cloud")
    step = preview_step(ground.grid)

    def read(spec: TileSpec) -> Pair:
        pair = ground.read(spec)
        before, after = (
            date if one is None else _without(date, one.covered, spec, step)
            for date, one in zip((pair.before, pair.after), found, strict=True)
        )
        return replace(pair, before=before, after=after)

    return replace(ground, read=read), accounts


def _without(date: Composite, covered: BoolArray, spec: TileSpec, step: int) -> Composite:
    rows, cols = (range(part.start, part.stop) for part in spec.padded)
    return prepare.without_clouds(date, covered[[row // step for row in rows]][:, [col // step for col in cols]])
