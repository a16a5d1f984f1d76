"""Weighted sums of planes, by matrix products that give each pixel the same wherever a tile starts.

A matrix product rounds by the shape of what it is given, so a tile would not equal the whole. Here every product has
one shape: pixels are handed over `CHUNK_PX` at a time, the last ones among fillers. Sums are in double precision, whose
last bit no strength of change in single precision shows. Beside adding plane to plane it takes a tenth of the time.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from changedetect.types import Float64Array, IntArray

CHUNK_PX = 1024
"""Pixels of one product: so few that no BLAS shares them among threads, a multiple of what its kernels do at once."""
_GROUP = 16
"""Chunks worked on together: they fit the cache of a processor."""

Planes = Sequence[NDArray[np.floating]] | NDArray[np.floating]
"""Arrays of one shape, one after the other or in one."""


def squared_length(planes: Planes, weights: Float64Array, constants: Float64Array) -> Float64Array:
    """Squared length of `weights @ pixel + constants`, (...) like a plane.

    Parameters
    ----------
    planes
        (n,) arrays of one shape.
    weights, constants
        (m, n) and (m,).

    >>> squared_length(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 1.0]]), np.zeros(2)).tolist()
    [13.0, 16.0]
    """
    out = np.empty(planes[0].size)
    for part, mixed in _mixed(planes, weights, constants):
        np.multiply(mixed, mixed, out=mixed)
        out[part] = mixed.sum(axis=1).ravel()[: part.stop - part.start]
    return out.reshape(planes[0].shape)


def nearest(planes: Planes, centres: Float64Array) -> IntArray:
    """Which of at most 256 `centres` (class, n) is nearest to each pixel, uint8 like a plane; of equals the first.

    >>> nearest([np.array([0.1, 0.9])], np.array([[0.0], [1.0]])).tolist()
    [0, 1]
    """
    out = np.empty(planes[0].size, dtype=np.uint8)
    # Half of |x - c|**2, less the part that is the same for all centres.
    for part, distance in _mixed(planes, -centres, (centres * centres).sum(axis=1) / 2):
        best = distance[:, 0].copy()
        labels = np.zeros(best.shape, dtype=np.uint8)
        for number in range(1, len(centres)):
            nearer = distance[:, number] < best
            np.minimum(best, distance[:, number], out=best)
            np.maximum(labels, nearer.view(np.uint8) * np.uint8(number), out=labels)
        out[part] = labels.ravel()[: part.stop - part.start]
    return out.reshape(planes[0].shape)


def stacked(planes: Planes) -> Float64Array:
    """(chunk, n + 1, pixel) planes and a one, for `moments`; fillers are 0, the one among them."""
    return np.concatenate([stack.copy() for _, stack in _stacks([*planes, np.ones(planes[0].size)])])[:, :-1]


def moments(stack: Float64Array, weigh: Callable[[Float64Array], Float64Array] | None) -> Float64Array:
    """(n + 1, n + 1) sums over all pixels of the weighted products of planes; the last row and column are of ones.

    Parameters
    ----------
    stack
        From `stacked`.
    weigh
        (chunk, n + 1, pixel) → (chunk, pixel) weights. None: all are 1.
    """
    total = np.zeros((stack.shape[1], stack.shape[1]))
    for start in range(0, len(stack), _GROUP):
        pixels = stack[start : start + _GROUP]
        weighted = pixels if weigh is None else pixels * weigh(pixels)[:, None]
        total += np.matmul(weighted, pixels.swapaxes(1, 2)).sum(axis=0)
    return total


def _mixed(planes: Planes, weights: Float64Array, constants: Float64Array) -> Iterator[tuple[slice, Float64Array]]:
    """Give (chunk, m, pixel) `weights @ pixel + constants`, and which pixels they are; the last chunk has fillers."""
    matrix = np.column_stack([weights, constants])
    for part, stack in _stacks(planes):
        yield part, np.matmul(matrix, stack)


def _stacks(planes: Planes) -> Iterator[tuple[slice, Float64Array]]:
    """Give (chunk, n + 1, pixel) planes and a one, and which pixels they are; the last chunk is filled up with 0."""
    flat = [np.asarray(plane).ravel() for plane in planes]
    stack = np.zeros((_GROUP, len(flat) + 1, CHUNK_PX))
    stack[:, -1] = 1
    for start in range(0, flat[0].size, _GROUP * CHUNK_PX):
        stop = min(start + _GROUP * CHUNK_PX, flat[0].size)
        full, rest = divmod(stop - start, CHUNK_PX)
        for row, plane in enumerate(flat):
            stack[:full, row] = plane[start : stop - rest].reshape(full, CHUNK_PX)
            if rest:
                stack[full, row, :rest], stack[full, row, rest:] = plane[stop - rest : stop], 0
        yield slice(start, stop), stack[: full + (rest > 0)]
