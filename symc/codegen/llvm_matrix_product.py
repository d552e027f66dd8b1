"""Which nests over pairs of bfloat16 are products of matrices.

A nest is one if every axis is one of these: rows walk lhs alone (images, lines and pixels), columns and lanes walk rhs
alone (blocks of 16 outputs, and what is in them), a batch walks both (groups), the depth is summed.  rhs has the depth
at one step in memory, as packed weights do, so that any 16 pairs of it are 16 lines of a tile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from symc.codegen.llvm_nest import Access, Nest

LANES = 16                      # float32 sums in a line of a tile


@dataclass(frozen=True, slots=True)
class Matrices:
    """A nest whose axes are those of a product; rows, batch and depth from the outermost to the innermost.

    unit: elements of rhs from one pair of the depth to the next.  pairs: how many there are.
    """

    nest: Nest
    lane: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    batch: tuple[str, ...]
    depth: tuple[str, ...]
    unit: int
    pairs: int

    def points(self, axes: Sequence[str]) -> int:
        return math.prod(self.nest.extents[axis] for axis in axes)

    def step_of(self, axis: str) -> int:
        """Pairs of the depth from one point of a summed axis to the next."""
        return self.nest.rhs.address.coefficient(axis) // self.unit


def product_of(nest: Nest) -> Matrices | None:
    """The nest as a product of matrices; None: it is none, or lies in memory otherwise."""
    left, right = nest.lhs.address, nest.rhs.address
    lanes = [axis for axis in nest.parallel if _is_lane(nest, axis)]
    depth = tuple(sorted(nest.reduced, key=lambda axis: -right.coefficient(axis)))
    if len(lanes) != 1 or not depth or nest.rhs.guards or not _is_contiguous(nest.lhs, depth):
        return None
    free = sorted((axis for axis in nest.parallel if axis not in lanes),
                  key=lambda axis: -nest.output.address.coefficient(axis))
    columns = tuple(axis for axis in free if not left.coefficient(axis) and right.coefficient(axis))
    rows = tuple(axis for axis in free if left.coefficient(axis) and not right.coefficient(axis))
    batch = tuple(axis for axis in free if left.coefficient(axis) and right.coefficient(axis))
    unit, pairs = right.coefficient(depth[-1]), _pairs(nest, depth)
    if len(columns) > 1 or len(columns + rows + batch) < len(free) or unit < LANES or not pairs:
        return None
    bounded = {axis for bound in nest.bounds for axis in bound.position.axes}
    if bounded & {*rows, *batch} or not _is_uniform(nest, depth):
        return None
    return Matrices(nest, lanes[0], columns, rows, batch, depth, unit, pairs)


def _is_lane(nest: Nest, axis: str) -> bool:
    """Whether 16 neighbours of rhs and of each output, all of which exist in memory, belong to one element of lhs."""
    cut = any(axis in bound.position.axes for bound in nest.bounds)
    steps = [access.address.coefficient(axis) for access in (nest.rhs, *nest.accesses[nest.first_output:])]
    return (nest.extents[axis] == LANES and not nest.lhs.address.coefficient(axis) and set(steps) == {1}
            and (not cut or axis in nest.rhs.blocked))


def _is_contiguous(lhs: Access, depth: Sequence[str]) -> bool:
    return lhs.address.coefficient(depth[-1]) == 1


def _is_uniform(nest: Nest, depth: Sequence[str]) -> bool:
    """Whether rhs has all points of the depth at one step."""
    steps = [nest.rhs.address.coefficient(axis) for axis in depth]
    return all(outer == inner * nest.extents[axis]
               for outer, inner, axis in zip(steps, steps[1:], depth[1:], strict=False))


def _pairs(nest: Nest, depth: Sequence[str]) -> int:
    """How many pairs of the depth exist; 0: those that do are no row."""
    whole = math.prod(nest.extents[axis] for axis in depth)
    unit = nest.rhs.address.coefficient(depth[-1])
    for bound in nest.bounds:
        walked = bound.position.axes & set(depth)
        if not walked:
            continue
        steps = all(nest.rhs.address.coefficient(axis) == unit * bound.position.coefficient(axis)
                    for axis in depth if nest.extents[axis] > 1)
        if walked != bound.position.axes or not steps or not walked <= nest.lhs.blocked | {depth[0]}:
            return 0
        whole = min(whole, bound.extent - bound.position.offset)
    return whole
