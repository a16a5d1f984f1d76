"""Sub-pixel registration side by side: ours, scikit-image's phase correlation, plain and masked, and AROSICS.

    python benchmarks/registration.py                         simulated farmland, known shifts
    python benchmarks/registration.py BEFORE.tif AFTER.tif    any two rasters on one grid with named bands

Simulated: two Augusts of the same fields, six bands at 10 m, 256 x 256 pixels; the later date is looked at a known
number of pixels further down and right, from a model four times finer than a pixel. As it is, under clouds on a quarter
of either date, with a fifth of the ground built over, and with both. Real: the later date is moved by cubic splines
(`scipy.ndimage.shift`), and what is found for it as it lies is subtracted.

Plain phase correlation can't take a mask: it sees the date's mean under clouds.
Errors are the larger of the two axes, pixels; time is a ratio to ours in the same run.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage as ndi
from shapely.geometry import box
from skimage.registration import phase_cross_correlation

from changedetect import tiling
from changedetect.grid import TileSpec
from changedetect.model import Composite, Pair
from changedetect.prepare import fit_alignment, sample_blocks
from changedetect.sensors import COMMON_BANDS
from changedetect.testing import Feature, farmland
from changedetect.testing.landscape import Landscape, cast_shadows, render
from changedetect.testing.sensing import native_grid, noise_of, sample
from changedetect.testing.spectra import BANDS
from changedetect.testing.textures import smooth_noise
from changedetect.types import BoolArray, FloatArray

SIDE = 256
WEST, NORTH, EPSG = 500_040.0, 5_100_000.0, 32634
DAYS = (date(2022, 8, 10), date(2023, 8, 14))
SHIFTS = ((0, 0), (0.1, 0), (0, 0.25), (0.25, -0.25), (0.5, 0), (-0.5, 0.5), (0, 1), (2, -0.5), (3, 3))
CASES = {"clear": (0.0, 0.0), "clouds": (0.25, 0.0), "changed": (0.0, 0.2), "clouds, changed": (0.25, 0.2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Two dates and what lies between them."""

    name: str
    """What makes it hard."""
    before: FloatArray
    """(band, y, x), clouds included."""
    after: FloatArray
    """The same, later date."""
    valid: tuple[BoolArray, BoolArray]
    """(y, x) True where clear, before and after."""
    bands: tuple[str, ...]
    """Common names."""
    shift: tuple[float, float]
    """Of the content of `after`, down and right, pixels."""


def simulated(seed: int) -> Iterator[Case]:
    """Every case at every shift."""
    for name, (cloudy, changed) in CASES.items():
        land = ground(seed, changed)
        days = [lit(land, day) for day in DAYS]
        valid = (clear(seed + 10, cloudy), clear(seed + 20, cloudy))
        before = look(land, days[0], (0, 0), seed)
        for shift in SHIFTS:
            after = look(land, days[1], shift, seed + 1)
            dates = [
                np.where(see, data, 0.8).astype(np.float32) for data, see in zip((before, after), valid, strict=True)
            ]
            yield Case(name=name, before=dates[0], after=dates[1], valid=valid, bands=COMMON_BANDS, shift=shift)


def ground(seed: int, changed: float) -> Landscape:
    """Farmland, a share of it built over between the dates."""
    land = farmland("bench", west=WEST, north=NORTH, epsg=EPSG, size_m=(SIDE * 10.0, SIDE * 10.0), seed=seed)
    rng = np.random.default_rng([seed, 1])
    features, covered = [], np.zeros((SIDE, SIDE), dtype=bool)
    while covered.mean() < changed:
        height, width = rng.integers(6, 30, 2)
        row, col = rng.integers(0, SIDE - height), rng.integers(0, SIDE - width)
        covered[row : row + height, col : col + width] = True
        x, y = WEST + col * 10, NORTH - row * 10
        cover = str(rng.choice(["white_roof", "concrete", "grey_roof", "graded_earth", "asphalt"]))
        shape = box(x, y - height * 10, x + width * 10, y)
        features.append(Feature(feature_id=str(len(features)), geometry=shape, cover=cover, built=date(2023, 2, 1)))
    return replace(land, features=tuple(features))


def lit(land: Landscape, day: date) -> FloatArray:
    """(band, y, x) of a day, on the landscape's fine grid."""
    reflectance, height = render(land, day)
    shaded = reflectance * (1 - 0.7 * cast_shadows(height, 52.0, 155.0))
    return np.asarray(shaded[[BANDS.index(name) for name in COMMON_BANDS]], dtype=np.float32)


def look(land: Landscape, fine: FloatArray, shift: tuple[float, float], seed: int) -> FloatArray:
    """(band, y, x) in pixels of 10 m, with the sensor's noise."""
    grid, shift_m = native_grid(land, 10.0), (shift[0] * 10, shift[1] * 10)
    data = np.stack([sample(band, grid, land.geobox, shift_m) for band in fine])
    noise = np.random.default_rng(seed).standard_normal(data.shape) * noise_of(data) / 2
    return np.asarray(data + noise, dtype=np.float32)


def clear(seed: int, cloudy: float) -> BoolArray:
    """(y, x) True where no cloud is."""
    field = smooth_noise(np.random.default_rng(seed), (SIDE, SIDE), 10)
    return np.asarray(field <= np.quantile(field, 1 - cloudy))


def real(before: str, after: str) -> Iterator[Case]:
    """Two rasters, the later one moved further by every shift."""
    rasters = tiling.open_rasters(before, after)
    first, second = tiling.read_rasters(rasters, rasters.geobox)
    for shift in SHIFTS:
        data = ndi.shift(np.where(second.valid, second.data, 0), (0, *shift), order=3, mode="nearest")
        valid = ndi.shift(second.valid.astype(np.float32), shift, order=1, mode="nearest") > 0.99
        kept = np.where(first.valid, first.data, 0).astype(np.float32)
        seen = (first.valid, np.asarray(valid, dtype=bool))
        moved = np.where(valid, data, 0).astype(np.float32)
        yield Case(name="real", before=kept, after=moved, valid=seen, bands=rasters.bands, shift=shift)


def ours(case: Case) -> tuple[float, float]:
    """Give what `fit_alignment` measures, applied or not."""
    height, width = case.before.shape[1:]
    grid = GeoBox((height, width), Affine(10, 0, WEST, 0, -10, NORTH), f"EPSG:{EPSG}")
    dates = [
        Composite(geobox=grid, bands=case.bands, data=data, valid=valid, looks=valid.astype(np.uint8))
        for data, valid in zip((case.before, case.after), case.valid, strict=True)
    ]
    spec = TileSpec(grid=grid, rows=slice(0, height), cols=slice(0, width), halo_px=0)
    measured = fit_alignment(sample_blocks([(spec, Pair(before=dates[0], after=dates[1]))])).measured
    return (np.nan, np.nan) if measured is None else (measured.shift.dy_px, measured.shift.dx_px)


def phase(case: Case) -> tuple[float, float]:
    """Plain phase correlation of the red bands, to a hundredth of a pixel, clouds filled with the mean."""
    red = case.bands.index("red")
    filled = [
        np.where(valid, data[red], data[red][valid].mean())
        for data, valid in zip((case.before, case.after), case.valid, strict=True)
    ]
    found = phase_cross_correlation(*filled, upsample_factor=100)[0]
    return -float(found[0]), -float(found[1])


def masked_phase(case: Case) -> tuple[float, float]:
    """Give masked phase correlation (Padfield 2012) of the red bands: whole pixels only."""
    red = case.bands.index("red")
    found = phase_cross_correlation(
        case.before[red], case.after[red], reference_mask=case.valid[0], moving_mask=case.valid[1]
    )[0]
    return -float(found[0]), -float(found[1])


def arosics() -> Callable[[Case], tuple[float, float]] | None:
    """AROSICS on the red bands (Scheffler et al. 2017, doi:10.3390/rs9070676), if it is there."""
    try:
        from arosics import COREG  # noqa: PLC0415 - an optional package
        from geoarray import GeoArray  # noqa: PLC0415
    except ImportError as error:
        print(f"AROSICS is not compared: {error} (pip install arosics needs GDAL's own Python bindings)")
        return None

    def found(case: Case) -> tuple[float, float]:
        red, place = case.bands.index("red"), (WEST, 10.0, 0.0, NORTH, 0.0, -10.0)
        images = [GeoArray(data[red], place, f"EPSG:{EPSG}") for data in (case.before, case.after)]
        masks = [GeoArray(~valid, place, f"EPSG:{EPSG}") for valid in case.valid]
        told = COREG(*images, mask_baddata_ref=masks[0], mask_baddata_tgt=masks[1], q=True, ignore_errors=True)
        told.calculate_spatial_shifts()
        # It says what to add to map coordinates: x right, y up, in pixels.
        return -float(told.y_shift_px or np.nan), -float(told.x_shift_px or np.nan)

    return found


def main() -> None:
    """Print errors and time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rasters", nargs="*", help="BEFORE.tif AFTER.tif")
    parser.add_argument("--seeds", type=int, default=2, help="simulated landscapes")
    told = parser.parse_args()
    if len(told.rasters) not in (0, 2):
        parser.error("give two rasters, or none")
    cases = (
        list(real(*told.rasters)) if told.rasters else [case for seed in range(told.seeds) for case in simulated(seed)]
    )
    methods = {"changedetect": ours, "skimage phase": phase, "skimage masked": masked_phase}
    if (other := arosics()) is not None:
        methods["AROSICS"] = other
    seconds = compare(cases, methods)
    for name, spent in seconds.items():
        print(
            f"{name:16} {spent / seconds['changedetect']:6.2f} x the time of changedetect ({spent:.2f} s a pair here)"
        )


def compare(cases: list[Case], methods: dict[str, Callable[[Case], tuple[float, float]]]) -> dict[str, float]:
    """Print a line a case and method; give the median seconds of each method."""
    found: dict[tuple[str, str], list[float]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    lies = {name: np.zeros(2) for name in methods}
    for case, (name, method) in product(cases, methods.items()):
        start = time.perf_counter()
        shift = np.array(method(case))
        seconds[name].append(time.perf_counter() - start)
        if case.name == "real" and case.shift == (0, 0):
            lies[name] = shift
            print(f"{name:16} as they lie: {shift[0]:+.3f} px down, {shift[1]:+.3f} px right")
        error = float(np.abs(shift - case.shift - lies[name]).max())
        found.setdefault((case.name, name), []).append(error)
    print(f"{'error, px':16} {'method':16}" + "".join(f"{y:g},{x:g}".rjust(11) for y, x in SHIFTS) + "      worst")
    for (case_name, name), errors in found.items():
        by_shift = [max(errors[number :: len(SHIFTS)]) for number in range(len(SHIFTS))]
        print(f"{case_name:16} {name:16}" + "".join(f"{one:11.3f}" for one in by_shift) + f"{max(by_shift):11.3f}")
    return {name: statistics.median(spent) for name, spent in seconds.items()}


if __name__ == "__main__":
    main()
