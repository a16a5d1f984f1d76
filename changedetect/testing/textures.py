"""Seeded random fields: the grain of fields and clouds, and the pattern of farmland."""

import numpy as np
from scipy import fft

from changedetect.types import BoolArray, FloatArray, IntArray


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale_px: float) -> FloatArray:
    """White noise under a Gaussian of `scale_px`, rescaled to mean 0 and standard deviation 1.

    >>> field = smooth_noise(np.random.default_rng(1), (64, 64), 3)
    >>> bool(abs(field.mean()) < 1e-5), round(float(field.std()), 3)
    (True, 1.0)
    """
    rows, cols = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    smooth = np.exp(-2 * (np.pi * scale_px) ** 2 * (rows**2 + cols**2))
    field = fft.irfft2(fft.rfft2(rng.standard_normal(shape)) * smooth, s=shape)
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def fractal(rng: np.random.Generator, shape: tuple[int, int], slope: float, corner_px: float) -> FloatArray:
    """Noise whose power falls as frequency to the `-slope`, mean 0, standard deviation 1; flat beyond `corner_px`.

    The outlines of clouds are fractal (Lovejoy 1982, doi:10.1126/science.216.4542.185); their liquid water varies along
    a line with a slope of 5/3, which makes 8/3 in the plane, and steeper below the thickness of the cloud (Davis et
    al. 1997, doi:10.1175/1520-0469(1997)054<0241:TLKCS>2.0.CO;2).
    """
    rows = fft.fftfreq(shape[0])[:, None]
    cols = fft.rfftfreq(shape[1])[None, :]
    frequency = np.sqrt(rows**2 + cols**2 + corner_px**-2.0)
    spectrum = fft.rfft2(rng.standard_normal(shape)) * frequency ** (-slope / 2)
    field = fft.irfft2(spectrum, s=shape)
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def districts(rng: np.random.Generator, shape: tuple[int, int], count: int) -> IntArray:
    """(y, x) label of the nearest of `count` random centres, the borders bent by noise."""
    centres = rng.uniform(0, 1, (count, 2)) * shape
    rows, cols = _bent_coordinates(rng, shape, bend_px=6.0)
    distance = np.stack([np.hypot(rows - y, cols - x) for y, x in centres])
    return np.asarray(distance.argmin(axis=0), dtype=np.int32)


def strips(
    rng: np.random.Generator, shape: tuple[int, int], width_px: tuple[float, float], length_px: tuple[float, float]
) -> IntArray:
    """(y, x) label of long fields side by side, at a random angle, each row of them cut at its own places.

    Parameters
    ----------
    width_px, length_px : tuple of float
        Least and most width and length of a field.
    """
    angle = rng.uniform(0, np.pi)
    rows, cols = _bent_coordinates(rng, shape, bend_px=1.5)
    along = cols * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - cols * np.sin(angle)
    reach = float(np.hypot(*shape)) + 20
    row_of = np.searchsorted(_cuts(rng, reach, width_px), across)
    labels = np.zeros(shape, dtype=np.int32)
    first = 0
    for row in np.unique(row_of):
        here = row_of == row
        cuts = _cuts(rng, reach, length_px)
        labels[here] = first + np.searchsorted(cuts, along[here])
        first += len(cuts) + 1
    return labels


def edges(labels: IntArray) -> BoolArray:
    """(y, x) True where the pixel below or to the right has another label."""
    found = np.zeros(labels.shape, dtype=bool)
    found[:-1] |= labels[:-1] != labels[1:]
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return found


def _cuts(rng: np.random.Generator, reach: float, length: tuple[float, float]) -> FloatArray:
    cuts = np.cumsum(rng.uniform(*length, size=int(2 * reach / length[0]) + 2)) - reach
    return np.asarray(cuts, dtype=np.float32)


def _bent_coordinates(
    rng: np.random.Generator, shape: tuple[int, int], *, bend_px: float
) -> tuple[FloatArray, FloatArray]:
    rows, cols = np.indices(shape, dtype=np.float32)
    return rows + bend_px * smooth_noise(rng, shape, 40), cols + bend_px * smooth_noise(rng, shape, 40)
