"""Connected parts of masks, and sums over them, strip by strip: on a site of any size only the results are large.

Whole-site calls of scipy and numpy take up to sixteen bytes a pixel on the way (`ndimage.label` numbers in 32 bits,
`numpy.bincount` casts to 64); on a Sentinel-2 tile that is two gigabytes. Results are those of the whole-site calls.
"""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from changedetect.types import BoolArray, IntArray

Value = TypeVar("Value", bound=np.generic)

STRIP_ROWS = 512
"""Rows that are looked at together."""


def strips(height: int) -> Iterator[slice]:
    """Cut rows into strips.

    >>> [(rows.start, rows.stop) for rows in strips(600)]
    [(0, 512), (512, 600)]
    """
    return (slice(top, min(top + STRIP_ROWS, height)) for top in range(0, height, STRIP_ROWS))


def numbered(mask: BoolArray) -> IntArray:
    """Number the parts of a (y, x) mask 1..n as `scipy.ndimage.label` does: by first pixel, corners don't connect.

    uint16 where that is enough, else uint32.

    >>> numbered(np.array([[True, False, True], [False, False, True]])).tolist()
    [[1, 0, 2], [0, 0, 2]]
    """
    pieces, starts, numbers = _pieces(mask)
    dtype = np.uint16 if numbers.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    out = np.empty(mask.shape, dtype=dtype)
    for rows, start, stop in zip(strips(mask.shape[0]), starts[:-1], starts[1:], strict=True):
        out[rows] = np.r_[0, numbers[start:stop]].astype(dtype)[pieces.pop(0)]
    return out


def large(mask: BoolArray, least_px: int, where: BoolArray | None = None) -> BoolArray:
    """A (y, x) mask without its parts of fewer than `least_px` pixels; their numbers are never put together.

    Only pixels that are `where` (y, x) count, if that is given.

    >>> large(np.array([[True, False, True], [False, False, True]]), 2).tolist()
    [[False, False, True], [False, False, True]]
    """
    pieces, starts, numbers = _pieces(mask)
    counts = np.diff(starts)
    sizes = [
        np.bincount(piece.ravel() if where is None else piece[where[rows]], minlength=count + 1)[1:]
        for piece, rows, count in zip(pieces, strips(mask.shape[0]), counts, strict=True)
    ]
    total = np.bincount(numbers, weights=np.concatenate([np.empty(0), *sizes]))
    keep = total[numbers] >= least_px
    out = np.empty(mask.shape, dtype=bool)
    for rows, start, stop in zip(strips(mask.shape[0]), starts[:-1], starts[1:], strict=True):
        out[rows] = np.r_[False, keep[start:stop]][pieces.pop(0)]
    return out


def _pieces(mask: BoolArray) -> tuple[list[IntArray], list[int], IntArray]:
    """Strips with their parts numbered from 1, where their numbers start among all, and (piece,) the part of each."""
    pieces: list[IntArray] = []
    starts, seams = [0], [np.empty((0, 2), dtype=np.int64)]
    # One for all strips: between the pieces, which stay, many would leave gaps in memory that nothing else fits.
    room = np.empty((min(STRIP_ROWS, mask.shape[0]), mask.shape[1]), dtype=np.int32)
    for rows in strips(mask.shape[0]):
        own = room[: rows.stop - rows.start]
        count = ndi.label(mask[rows], output=own)
        if pieces:
            seams.append(_seam(pieces[-1][-1], own[0]) + np.array([starts[-2] - 1, starts[-1] - 1]))
        pieces.append(own.astype(np.min_scalar_type(count)))
        starts.append(starts[-1] + count)
    return pieces, starts, merged(starts[-1], np.concatenate(seams))


def _seam(above: IntArray, below: IntArray) -> IntArray:
    """(pair, 2) numbers that meet where two strips do."""
    meet = (above > 0) & (below > 0)
    return np.unique(np.column_stack([above[meet], below[meet]]).astype(np.int64), axis=0)


def merged(count: int, seams: IntArray) -> IntArray:
    """(piece,) number of the part that each piece belongs to, from 1, in the order of their first pieces."""
    graph = coo_array((np.ones(len(seams), dtype=bool), (seams[:, 0], seams[:, 1])), shape=(count, count))
    part = connected_components(graph, directed=False)[1] if count else np.empty(0, dtype=np.int64)
    _, first, which = np.unique(part, return_index=True, return_inverse=True)
    return np.asarray(first.argsort().argsort()[which] + 1)


def counted(labels: IntArray, where: BoolArray | None = None) -> IntArray:
    """(n + 1,) pixels of every number from 0 to the largest of (y, x) `labels`; only those that are `where`."""
    total = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int64)
    for rows in strips(labels.shape[0]):
        some = labels[rows].ravel() if where is None else labels[rows][where[rows]]
        total += np.bincount(some, minlength=len(total))
    return total


def shared(labels: IntArray, others: IntArray, meant: BoolArray) -> IntArray:
    """(n + 1,) pixels of every number of `labels` that lie on `others` (y, x) which are `meant` (m + 1,)."""
    total = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int64)
    for rows in strips(labels.shape[0]):
        total += np.bincount(labels[rows][meant[others[rows]]], minlength=len(total))
    return total


def looked_up(labels: IntArray, table: NDArray[Value]) -> NDArray[Value]:
    """(y, x) what `table` (n + 1,) says of the number of each pixel, 0 to the largest."""
    out = np.empty(labels.shape, dtype=table.dtype)
    for rows in strips(labels.shape[0]):
        out[rows] = table[labels[rows]]
    return out
