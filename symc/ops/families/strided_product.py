"""Products of matrices that lie transposed in memory, or are parts of larger arrays."""

from __future__ import annotations

import functools

import numpy as np

from symc.ir.types import TensorType
from symc.ops.contraction import Contraction, Index, axes, evaluator
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.slots import ShapeSlot, Slots

STILL = "."    # in the place of an axis: the dimension has one position


@operator("_strided_product", hidden=True)
class StridedProduct(Operator):
    """Σ lhs·rhs over the axes that the result lacks; an axis is a letter of `axes`, its number of points in `extents`.

    left, right, result: the axis along which each dimension of lhs, rhs and the result runs; '.' for none.
    left_begin, right_begin: the position in each dimension at which its axis starts.
    """

    axes: str
    extents: Dims
    left: str
    right: str
    result: str
    left_begin: Dims
    right_begin: Dims
    inputs = ("lhs", "rhs")

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.axes, self.extents, strict=True))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(tuple(self.sizes[name] for name in self.result))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        return _contraction(self)

    def reference(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        return evaluator(_contraction(self))(lhs, rhs, tuple(self.sizes[name] for name in self.result))


@functools.lru_cache(1024)
def _contraction(op: StridedProduct) -> Contraction:
    def indices(names: str, begin: Dims) -> tuple[Index, ...]:
        return tuple(Index(() if name == STILL else ((name, 1),), at) for name, at in zip(names, begin, strict=True))
    return Contraction(tuple(zip(op.axes, op.extents, strict=True)), axes(op.result),
                       indices(op.left, op.left_begin), indices(op.right, op.right_begin))
