"""Long reductions in rounds.

A tile of a weight's gradient reads two whole images.  Where these do not stay in the second cache, every tile of a job
would read them from beyond it.  So the reduction is cut into rounds: all tiles of the job add one round to their sums,
which lie in memory of the job meanwhile, before any takes the next.  A job has all taps of a window: of a few lines at
a time, which stay in the first cache while each tap reads them.  Padding limits loops at run time.

Windows over many channels go in rounds where the weights of a tile do not stay in the second cache beside the lines of
the image: every line would read them from beyond it.

Products of matrices with long rows go in rounds too: few whole rows stay in the second cache, and the weights would be
read again for every few of them.  What a round reads of many rows stays there, for several columns of weights.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from symc.codegen.llvm_jobs import CACHE, CHUNK, LARGEST_SUMS, ROWS_IN_ROUNDS, Tiling
from symc.codegen.llvm_nest import Nest, split_axis

BYTES_OF_A_ROUND = 192 << 10    # that it reads, for all tiles: they stay in the second cache
LEAST_STEPS = 24                # of a round, that pay for loading and storing the sums
BYTES_OF_A_ROUND_OF_TAPS = 40 << 10    # the same where taps read it again and again: they stay in the first cache


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that a tile may read without rounds, and that one round may read for all tiles of a job."""

    tile: int
    round: int


OF_SUMS = Limits(CACHE, BYTES_OF_A_ROUND)
OF_TAPS = Limits(CACHE // 2, BYTES_OF_A_ROUND_OF_TAPS)      # which read again what a round reads
OF_WINDOWS = Limits(1 << 20, BYTES_OF_A_ROUND)      # jobs of some lines read the weights again that others have read


def cut_product(nest: Nest, reduction: Sequence[str], row: str, weights: int,
                itemsize: int) -> tuple[Nest, tuple[str, ...], int]:
    """The nest of a product that is summed along the first axis of `reduction`, and within blocks along the others, its
    reduced axes, and how many of these are rounds.

    Rounds pay where rows are long, and more than stay in the second cache (twice as many if they lie in blocks, side by
    side); and `weights`, the bytes of the vector operand, which are read once for each chunk of rows, do not stay there
    either.
    """
    axis, *inner = reduction
    rows, block = nest.extents[row], math.prod(nest.extents[axis] for axis in inner)
    few = CHUNK // (nest.extents[axis] * block * itemsize)
    most = BYTES_OF_A_ROUND // (min(rows, ROWS_IN_ROUNDS) * block * itemsize)
    size = max((size for size in _sizes(nest, axis, ()) if size <= most), default=1)
    if (rows <= (3 * few if inner else few) or few >= ROWS_IN_ROUNDS // 2 or weights <= CACHE
            or size == nest.extents[axis] or size * block < 5 * LEAST_STEPS):
        return nest, tuple(reduction), 0
    return split_axis(nest, axis, [size]), (f"{axis}/{size}", f"{axis}%{size}", *inner), 1


def cut_into_rounds(nest: Nest, reduction: Sequence[str], tilings: Sequence[Tiling], lanes: Sequence[str],
                    itemsize: int, limits: Limits, written: Collection[str]) -> tuple[Nest, tuple[str, ...], int]:
    """The nest, its reduced axes from the outermost on, and how many of these are rounds: 0 where they would not pay.

    tilings: that jobs would have.  lanes: the axes that each tile has whole.  written: the axes whose padding is
    written out.
    """
    unchanged = nest, tuple(reduction), 0
    whole = {axis: nest.extents[axis] for axis in lanes}
    tile = whole | {tiling.axis: tiling.size for tiling in tilings}
    job = whole | {tiling.axis: _points_of_job(nest, tiling) for tiling in tilings}
    if (all(job[axis] <= tile[axis] for axis in job)
            or _read(nest, {**tile, **{axis: nest.extents[axis] for axis in reduction}}) * itemsize <= limits.tile
            or math.prod(job.values()) * itemsize > LARGEST_SUMS):
        return unchanged
    inner: dict[str, int] = {}
    for number, axis in reversed(list(enumerate(reduction))):
        sizes = _sizes(nest, axis, written)
        inner[axis] = max((size for size in sizes
                           if _read(nest, {**job, **inner, axis: size}) * itemsize <= limits.round), default=1)
        if inner[axis] < nest.extents[axis]:
            steps = math.prod(inner.values())
            return _cut(nest, reduction, number, inner[axis]) if steps >= LEAST_STEPS else unchanged
    return unchanged


def _cut(nest: Nest, reduction: Sequence[str], number: int, size: int) -> tuple[Nest, tuple[str, ...], int]:
    """Rounds of `size` points of the reduced axis of this number, and of all points of those inside it."""
    axis, outer, inner = reduction[number], reduction[:number], reduction[number + 1:]
    if size == 1:
        return nest, tuple(reduction), number + 1
    return split_axis(nest, axis, [size]), (*outer, f"{axis}/{size}", f"{axis}%{size}", *inner), number + 1


def _points_of_job(nest: Nest, tiling: Tiling) -> int:
    bounds = (bound.extent for bound in nest.bounds if bound.position.axes == {tiling.axis})
    existing = min([nest.extents[tiling.axis], *bounds])
    return min(existing, tiling.size * tiling.tiles_per_job) if tiling.tiles_per_job else existing


def _read(nest: Nest, extents: Mapping[str, int]) -> int:
    """Elements of both operands that these points read."""
    return nest.lhs.elements(extents) + nest.rhs.elements(extents)


def _sizes(nest: Nest, axis: str, written: Collection[str]) -> list[int]:
    """Into pieces of which sizes an axis can be cut; one with a ragged end, or padding that is written out, point by
    point."""
    extent = nest.extents[axis]
    if axis in written or any(axis in bound.position.axes for bound in nest.bounds):
        return [1, extent]
    return [size for size in range(1, extent + 1) if extent % size == 0]
