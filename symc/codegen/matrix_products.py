"""Contractions that are products of matrices, as libraries take them: by columns, with leading dimensions and strides.

The axes of both operands and the output are joined where memory runs through them at one step.  What is left must be
one axis of the rows, one of the columns and one of the sums; an axis more of rows or columns (the images of a batch in
a convolution of single pixels) counts as a stack of products that share the other factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from symc.ir.types import Shape
from symc.ops.contraction import Contraction, Index

LEFT, RIGHT, OUTPUT = range(3)      # the operands, in the order of an axis's steps


@dataclass(frozen=True)
class Axis:
    """Several axes of a contraction as one: their names, and the elements from one point to the next in the left and
    the right operand and the output; 0 in one that lacks them."""

    names: tuple[str, ...]
    extent: int
    steps: tuple[int, int, int]


@dataclass(frozen=True)
class Matrices:
    """A stack of products D = A·B of matrices by columns (`runtime.calls.ProductCall`).

    factors: which operand A is, and which B.  rows: the axes of the contraction that are rows of D.
    """

    factors: tuple[int, int]
    rows: tuple[str, ...]
    sizes: tuple[int, int, int, int]
    leading: tuple[int, int, int]
    strides: tuple[int, int, int]
    begins: tuple[int, int, int]
    transposed: tuple[int, int]


def matrices_of(spec: Contraction, shapes: Sequence[Shape]) -> Matrices | None:
    """What a contraction is of dense arrays of these shapes, the output's the last; None: no product of matrices."""
    walks = [_walk(spec, indices, shape) for indices, shape in
             zip((spec.lhs, spec.rhs, spec.output), shapes, strict=True)]
    begins, steps = [], []
    for walk in walks:
        if walk is None:
            return None
        begins.append(walk[0])
        steps.append(walk[1])
    sides = _sides(spec, steps)
    stack = _joined([*sides["b"], *sides["m"][:-1], *sides["n"][:-1]])
    if len(stack) > 1 or len(sides["k"]) != 1 or not (sides["m"] and sides["n"]):
        return None
    return _by_columns(sides["m"][-1], sides["n"][-1], sides["k"][0], stack, begins)


def _walk(spec: Contraction, indices: Sequence[Index], shape: Shape) -> tuple[int, dict[str, int]] | None:
    """Where an operand begins, and the step of each axis in it, in elements; None: it is padded, or has holes."""
    begin, steps, sizes = 0, dict[str, int](), spec.sizes
    for dim, (index, extent) in enumerate(zip(indices, shape, strict=True)):
        inner = math.prod(shape[dim + 1:])
        terms = [(name, c) for name, c in index.terms if sizes[name] > 1]
        last = index.offset + sum(c * (sizes[name] - 1) for name, c in terms)
        if index.divisor != 1 or index.offset < 0 or last >= extent or any(c < 0 for _, c in terms):
            return None
        begin += index.offset * inner
        for name, c in terms:
            steps[name] = steps.get(name, 0) + c * inner
    return begin, steps


def _sides(spec: Contraction, steps: Sequence[dict[str, int]]) -> dict[str, list[Axis]]:
    """The axes of more than one point by what they are: of all three (b), of the output and the left (m) or the right
    operand (n), summed (k)."""
    sides: dict[str, list[Axis]] = {side: [] for side in "bmnk"}
    for name, extent in spec.extents:
        within = "".join(letter for letter, found in zip("lro", steps, strict=True) if name in found)
        side = {"lro": "b", "lo": "m", "ro": "n"}.get(within, "k")
        if extent != 1:
            own = steps[LEFT].get(name, 0), steps[RIGHT].get(name, 0), steps[OUTPUT].get(name, 0)
            sides[side].append(Axis((name,), extent, own))
    return {side: _joined(axes) for side, axes in sides.items()}


def _joined(axes: Sequence[Axis]) -> list[Axis]:
    """The same with axes as one that memory runs through at one step, those of the largest steps first."""
    found: list[Axis] = []
    for axis in sorted(axes, key=lambda axis: max(axis.steps), reverse=True):
        if found and found[-1].steps == tuple(step * axis.extent for step in axis.steps):
            axis = Axis(found[-1].names + axis.names, found.pop().extent * axis.extent, axis.steps)
        found.append(axis)
    return found


def _by_columns(m: Axis, n: Axis, k: Axis, stack: Sequence[Axis], begins: Sequence[int]) -> Matrices | None:
    """Rows are the axis along which the output's elements are neighbours.  None: there is none, or a factor is no
    matrix."""
    a, b = (RIGHT, LEFT) if n.steps[OUTPUT] == 1 else (LEFT, RIGHT)
    rows, columns = (n, m) if a == RIGHT else (m, n)
    left, right = _placed(rows, k, a), _placed(k, columns, b)
    if rows.steps[OUTPUT] != 1 or left is None or right is None or columns.steps[OUTPUT] < rows.extent:
        return None
    count, apart = (stack[0].extent, stack[0].steps) if stack else (1, (0, 0, 0))
    order = a, b, OUTPUT
    strides, starts = (tuple(row[operand] for operand in order) for row in (apart, begins))
    return Matrices((a, b), rows.names, (rows.extent, columns.extent, k.extent, count),
                    (left[0], right[0], columns.steps[OUTPUT]), strides,  # type: ignore[arg-type]
                    starts, (left[1], right[1]))  # type: ignore[arg-type]


def _placed(rows: Axis, columns: Axis, operand: int) -> tuple[int, int] | None:
    """Leading dimension of a factor, and whether it lies transposed; None: neither axis's elements are neighbours."""
    for turned, (near, far) in enumerate([(rows, columns), (columns, rows)]):
        if near.steps[operand] == 1 and far.steps[operand] >= near.extent:
            return far.steps[operand], turned
    return None
