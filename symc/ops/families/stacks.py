"""Stacks of matrices: what the operators of linear algebra share.

The last two axes are those of a matrix, those before them number the matrices.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Value
from symc.ir.types import DType, Shape
from symc.ops.operator import Operator, Optional, Variadic
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

PRECISIONS = (DType.float32, DType.float64)


class MatrixOperator(Operator):
    """Base of the operators _linalg_*: all inputs and outputs have one dtype, float32 or float64, as in MXNet."""

    inputs: ClassVar[tuple[str | Optional | Variadic, ...]] = ("A",)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()
        check_precision(t.inputs[0])


class SquareOperator(MatrixOperator):
    """Base of those whose input and output are square matrices alike."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.unify_all()
        check_square(s.inputs[0])


class MatrixKernel(Operator):
    """Base of what a kernel computes for three axes: a stack under more axes, or fewer, is a view of such a one."""

    def rewrite(self, g: Any, *inputs: Value) -> list[Value] | None:
        if len(inputs[0].type.dims) == 3:
            return None
        lead = inputs[0].type.dims[:-2]
        node = g.node(self, [stacked(g, value) for value in inputs])
        return [g.reshape(value, (*lead, *value.type.dims[1:])) for value in node.outputs]


def check_precision(slot: TypeSlot) -> None:
    """Conflict unless the dtype is unknown, float32 or float64."""
    if slot.dtype is not None and slot.dtype not in PRECISIONS:
        raise Conflict(f"{slot.name} is {slot.dtype.name}; linear algebra takes float32 and float64")


def check_square(slot: ShapeSlot, name: str = "") -> None:
    """Make the last two extents one.  Conflict when they differ or there are less than two."""
    if slot.rank is None:
        return
    if slot.rank < 2:
        raise Conflict(f"{name or slot.name} is {show(slot.shape)}, which is no matrix")
    slot.unify_axis(-1, slot[-2])
    slot.unify_axis(-2, slot[-1])


def stacked(g: Any, value: Value) -> Value:
    """A stack with one axis that numbers the matrices."""
    shape = value.type.dims
    return g.reshape(value, (count_of(shape), *shape[-2:]))  # type: ignore[no-any-return]


def identities(g: Any, value: Value) -> Value:
    """As many identity matrices (count, n, n) as there are square matrices in `value`."""
    return g._linalg_makediag(g.ones_like(g._linalg_extractdiag(stacked(g, value))))  # type: ignore[no-any-return]


def count_of(shape: Shape) -> int:
    """How many matrices there are."""
    return math.prod(shape[:-2])


def transposed(g: Any, value: Value) -> Value:
    rank = len(value.type.dims)
    return g.transpose(value, axes=(*range(rank - 2), rank - 1, rank - 2))  # type: ignore[no-any-return]


def flipped(array: np.ndarray) -> np.ndarray:
    """The transposes of the matrices of an array."""
    return array.swapaxes(-1, -2)


def multiplied(g: Any, a: Value, b: Value, transpose_a: bool = False, transpose_b: bool = False) -> Value:
    """op(a)·op(b) for each pair of matrices."""
    return g._linalg_gemm2(a, b, transpose_a=transpose_a, transpose_b=transpose_b)  # type: ignore[no-any-return]


def scaled(g: Any, value: Value, factor: float) -> Value:
    return value if factor == 1 else g._mul_scalar(value, scalar=factor)
