"""What one look says of one object: mean reflectance inside and on its ring, and whether the look can be used."""

from dataclasses import dataclass, replace

import numpy as np

from changedetect.timeline.places import Place, Ring, middle
from changedetect.timeline.veils import NO_VEIL, Veil, veil_over
from changedetect.types import BoolArray, Float64Array, FloatArray

_LEAST_CLEAR, _LEAST_RING = 0.5, 0.2
"""Share of an object, and of its ring, that a look must show: the pixels of either are alike."""
_MOST_COVERED = 0.05
"""Share of an object that the quality band may call cloud, shadow or defect where a cloud is near and not over it."""
_VEILED = 0.06
"""Haze index by which the ground near an object may exceed its usual value more than the ground farther off: a seventh
of a thick cloud's. Between crops and bare soil it moves by 0.04; haze over both cancels."""
_SHADED = 0.6
"""Light near an object in that infrared band which has more of it, as a share of the light farther off, both against
their usual values: crops lose the near infrared alone when they are cut, shadows take both bands."""
_LEAST_PX = 8
"""Fewer pixels near an object tell nothing of its sky."""
_DARK = 0.02
"""Least reflectance that a ratio is taken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What the surroundings of an object usually look like, NaN where unknown."""

    haze: FloatArray
    """(y, x) haze index, median of the looks of both windows."""
    light: FloatArray
    """(band, y, x) infrared bands, the same."""
    beyond: Float64Array
    """(band,) what its ring has more than the reserve; NaN where no look shows both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one look says of one object."""

    inside: Float64Array
    """(band,) mean reflectance of the object, NaN where too little of it is clear."""
    ring: Float64Array
    """(band,) mean reflectance of its ring, the same."""
    clear_fraction: float
    """Share of the object that the look shows."""
    exact: bool
    """Whether its own ring is seen, and not the reserve alone."""
    usable: bool
    """Whether object and ring are seen, and no cloud or shadow that the quality band missed lies over them."""
    veil: Veil = NO_VEIL
    """The cloud over the object alone that would explain what is seen."""


def haze_of(data: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    """(..., y, x) haze index of (..., band, y, x): blue - 0.5 red (Zhang et al. 2002,
    doi:10.1016/S0034-4257(02)00034-2, with the slope of Zhu and Woodcock 2012, doi:10.1016/j.rse.2011.10.028).

    The band of shortest wavelength alone where there is no blue or no red.
    """  # noqa: D205 - a formula and its source
    if "blue" in bands and "red" in bands:
        return data[..., bands.index("blue"), :, :] - np.float32(0.5) * data[..., bands.index("red"), :, :]
    return data[..., 0, :, :]


def _light_of(data: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    """Infrared bands, at most two, of (..., band, y, x), or the last band where there is none."""
    infrared = [bands.index(name) for name in ("nir", "swir16", "swir22") if name in bands][:2]
    return np.maximum(data[..., infrared or [len(bands) - 1], :, :], np.float32(_DARK))


def usual_of(looks: FloatArray, bands: tuple[str, ...], ring: Ring) -> Usual:
    """Learn what is usual from looks (look, band, y, x), NaN where not clear."""
    clear = np.asarray(np.isfinite(looks).all(axis=1))
    both = [(look, seen) for look, seen in zip(looks, clear, strict=True) if _shows(seen, ring.own, ring.reserve)]
    more = [_mean(look, seen & ring.own) - _mean(look, seen & ring.reserve) for look, seen in both]
    return Usual(
        haze=middle(haze_of(looks, bands)),
        light=middle(_light_of(looks, bands)),
        beyond=np.median(more, axis=0) if more else np.full(looks.shape[1], np.nan),
    )


def _shows(clear: BoolArray, *grounds: BoolArray) -> bool:
    return all((clear & ground).sum() >= max(_LEAST_RING * ground.sum(), 1) for ground in grounds)


def _mean(data: FloatArray, where: BoolArray) -> Float64Array:
    return np.asarray(data[:, where].mean(axis=1, dtype=np.float64))


def measure(data: FloatArray, bands: tuple[str, ...], place: Place, ring: Ring, usual: Usual) -> Measure:
    """Measure an object in one look.

    Parameters
    ----------
    data
        (band, y, x) reflectance on the place's part of the grid, NaN where not clear.
    bands
        Names of the bands.
    place, ring
        The object and its ring.
    usual
        What its surroundings usually look like.
    """
    clear = np.asarray(np.isfinite(data).all(axis=0))
    fraction, seen = seen_of(clear, place, ring)
    if not seen:
        return unseen(bands, fraction)
    exact = _shows(clear, ring.own)
    around = _mean(data, clear & ring.own) if exact else _mean(data, clear & ring.reserve) + usual.beyond
    if not np.isfinite(around).all():
        return unseen(bands, fraction)
    return Measure(
        inside=_mean(data, clear & place.inside),
        ring=around,
        clear_fraction=fraction,
        exact=exact,
        usable=not _overcast(data, bands, clear, place, usual),
        veil=veil_over(data[:, clear & place.inside], data[:, clear & place.around], bands),
    )


def unmixed(measured: Measure, own_share: float) -> Measure:
    """What the object shows, where `own_share` of what is seen at its place is its own, and the rest its ring."""
    return replace(measured, inside=measured.ring + (measured.inside - measured.ring) / own_share)


def seen_of(clear: BoolArray, place: Place, ring: Ring) -> tuple[float, bool]:
    """Share of an object that is clear, and whether that and its ring are enough; `clear` is (y, x)."""
    fraction = float((clear & place.inside).sum() / max(place.inside.sum(), 1))
    return fraction, bool(fraction >= _LEAST_CLEAR and (_shows(clear, ring.own) or _shows(clear, ring.reserve)))


def glimpsed(data: FloatArray, covered: BoolArray, place: Place) -> Float64Array:
    """(band,) mean reflectance of an object of which a look shows no surroundings, NaN where it is hidden itself.

    Parameters
    ----------
    data
        (band, y, x) reflectance on the place's part of the grid.
    covered
        (y, x) True where the quality band itself says cloud, shadow or defect, before clouds are grown.
    place
        The object.
    """
    seen = place.inside & ~covered & np.isfinite(data).all(axis=0)
    return _mean(data, seen) if peeps_out(covered, place) and seen.any() else np.full(len(data), np.nan)


def peeps_out(covered: BoolArray, place: Place) -> bool:
    """Whether the quality band itself calls next to nothing of an object covered; `covered` as in `glimpsed`."""
    return bool((covered & place.inside).sum() <= _MOST_COVERED * place.inside.sum())


def unseen(bands: tuple[str, ...], clear_fraction: float) -> Measure:
    """What a look says that shows too little of an object."""
    nothing = np.full(len(bands), np.nan)
    return Measure(inside=nothing, ring=nothing, clear_fraction=clear_fraction, exact=False, usable=False)


def _overcast(data: FloatArray, bands: tuple[str, ...], clear: BoolArray, place: Place, usual: Usual) -> bool:
    """Whether the ground near an object is hazier or darker than that farther off, more than usual."""
    known = clear & np.isfinite(usual.haze)
    near, far = known & place.near, known & place.around & ~place.near
    if min(near.sum(), far.sum()) < _LEAST_PX:
        return False
    haze = haze_of(data, bands) - usual.haze
    light = _light_of(data, bands) / usual.light
    veil = np.median(haze[near]) - np.median(haze[far])
    left = np.median(light[:, near], axis=1) / np.median(light[:, far], axis=1)
    return bool(veil > _VEILED or left.max() < _SHADED)
