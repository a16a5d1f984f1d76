"""What grows on each field on a given day: crops rotate from year to year, and are sown and cut field by field.

Calendars are those of the temperate farmland of south-eastern Europe (winter cereal cut in July, maize in September and
October: USDA Foreign Agricultural Service crop calendars), spread by field.
"""

from datetime import date

import numpy as np

from changedetect.testing.spectra import COVERS, CROP, DRY_GRASS, GRASS, RIPE, STUBBLE, greenness
from changedetect.types import Float64Array, IntArray

CEREAL, MAIZE, LUCERNE, MEADOW, FALLOW = range(5)
"""What a field can carry."""

_ROTATION = (0.45, 0.36, 0.13, 0.0, 0.06)


def crops_of_year(seed: int, count: int, year: int) -> IntArray:
    """(field,) crop of each field in a year: a fifth are meadow for good, the others are drawn anew each year."""
    forever = np.random.default_rng([seed, 1]).random(count) < 0.2
    drawn = np.random.default_rng([seed, 2, year]).choice(5, size=count, p=_ROTATION)
    return np.where(forever, MEADOW, drawn)


def field_states(seed: int, count: int, day: date) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Spectra of all fields on a day.

    Returns
    -------
    dry, green : ndarray
        (field, band) reflectance of the two ends that a field is mixed of: soil, stubble or straw, and leaves.
    share : ndarray
        (field,) share of the green end, 0-1.
    """
    crop = crops_of_year(seed, count, day.year)
    soil = _soils(seed, count)
    rng = np.random.default_rng([seed, 3, day.year])
    early, late, rest = rng.normal(0, 1, (3, count))
    doy = float(day.timetuple().tm_yday)
    dry, green, share = soil.copy(), np.tile(CROP, (count, 1)), np.zeros(count)

    cereal = crop == CEREAL
    harvest = 200 + 6 * late
    ploughed = harvest + np.clip(30 + 22 * rest, 4, 110)
    share[cereal] = greenness(doy, 78 + 7 * early, 170 + 5 * late)[cereal]
    dry[cereal & (doy > 150)] = RIPE
    cut = cereal & (doy >= harvest)
    dry[cut] = STUBBLE
    share[cut] = np.clip((doy - harvest) * 0.006, 0, 0.25)[cut]
    bare = cereal & (doy >= ploughed)
    dry[bare], share[bare] = soil[bare], 0.0

    maize = crop == MAIZE
    share[maize] = greenness(doy, 166 + 6 * early, 256 + 7 * late)[maize]
    dry[maize & (doy > 215)] = RIPE
    gone = maize & (doy >= 275 + 9 * rest)
    dry[gone], share[gone] = STUBBLE, 0.05

    grass = (crop == MEADOW) | (crop == LUCERNE)
    dry[grass], green[crop == MEADOW] = DRY_GRASS, GRASS
    share[grass] = (greenness(doy, 95 + 6 * early, 298 + 8 * late, floor=0.35) * _after_cutting(doy, rest))[grass]
    fallow = crop == FALLOW
    green[fallow], share[fallow] = GRASS, 0.35 * greenness(doy, 130, 280)
    gain = 1 + 0.05 * rest[:, None]
    return dry * gain, green * gain, np.clip(share, 0, 1)


def _soils(seed: int, count: int) -> Float64Array:
    light = np.random.default_rng([seed, 4]).beta(2, 3, size=(count, 1))
    ends = np.array([COVERS["bare_dark"].reflectance, COVERS["bare_light"].reflectance])
    return np.asarray(ends[0] + light * (ends[1] - ends[0]))


def _after_cutting(doy: float, offset: Float64Array) -> Float64Array:
    """Share of the leaves that stand: three cuts a year take two thirds, which grow back in some three weeks."""
    standing = np.ones_like(offset)
    for cut in (152.0, 198.0, 248.0):
        days = doy - (cut + 9 * offset)
        standing *= np.where(days >= 0, 1 - 0.65 * np.exp(-np.maximum(days, 0) / 14), 1.0)
    return standing
