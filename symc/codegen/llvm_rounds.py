"""Long reductions in rounds.

A tile of a weight's gradient reads two whole images.  Where these do not stay in the second cache, every tile of a job
would read them from beyond it.  So the reduction is cut into rounds: all tiles of the job add one round to their sums,
which lie in memory of the job meanwhile, before any takes the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from symc.codegen.llvm_jobs import CACHE
from symc.codegen.llvm_nest import Nest, split_axis

BYTES_OF_A_ROUND = 192 << 10    # that it reads, for all tiles: they stay in the second cache
LEAST_STEPS = 32                # of a round, that pay for loading and storing the sums
LARGEST_SUMS = 32 << 10         # bytes, of the stack


def cut_into_rounds(nest: Nest, reduction: Sequence[str], row: str, sizes: Mapping[str, int], lanes: int,
                    itemsize: int) -> tuple[Nest, tuple[str, ...], int]:
    """The nest, its reduced axes from the outermost on, and how many of these are rounds: 0 where they would not pay.

    row: the axis whose tiles a job has.  sizes: of the tiles.  lanes: elements of the output side by side in a tile.
    """
    unchanged = nest, tuple(reduction), 0
    extent = min([nest.extents[row], *(bound.extent for bound in nest.bounds if bound.position.axes == {row})])
    width = lanes * math.prod(size for axis, size in sizes.items() if axis != row)
    steps = math.prod(nest.extents[axis] for axis in reduction)
    is_padded = any(constraint.position.coefficient(axis) for constraint in nest.constraints for axis in reduction)
    if (is_padded or extent <= sizes[row] or steps * (width + sizes[row]) * itemsize <= CACHE
            or extent * width * itemsize > LARGEST_SUMS):
        return unchanged
    wanted, steps = BYTES_OF_A_ROUND // ((width + extent) * itemsize), 1
    inner: list[str] = []
    for axis in reversed(reduction):
        size = _divisor(nest.extents[axis], wanted // steps)
        steps *= size
        if size == nest.extents[axis]:
            inner.insert(0, axis)
            continue
        if steps < LEAST_STEPS:
            return unchanged
        outer = list(reduction[:len(reduction) - len(inner) - 1])
        if size == 1:
            return nest, (*outer, axis, *inner), len(outer) + 1
        return split_axis(nest, axis, [size]), (*outer, f"{axis}/{size}", f"{axis}%{size}", *inner), len(outer) + 1
    return unchanged


def _divisor(number: int, at_most: int) -> int:
    """The largest divisor of `number` that is not above `at_most`; 1 if there is none."""
    return max((d for d in range(1, min(number, at_most) + 1) if number % d == 0), default=1)
