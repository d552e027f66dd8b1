"""Sums of many, comparison of whole tensors, division by a dimension's root, and losses of one's own making."""

from __future__ import annotations

import functools
import math
import operator as python
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.elementwise import Elementwise
from symc.ops.families.binary import divide
from symc.ops.math import NumPyMath
from symc.ops.operator import NUMBERS, Operator, Variadic, operator
from symc.ops.slots import ShapeSlot, Slots, TypeSlot


@operator("add_n", aliases=("ElementWiseSum", "_sparse_ElementWiseSum", "_sparse_add_n"))
class AddN(Elementwise):
    """The sum of all inputs, added up from left to right."""

    dtypes = NUMBERS

    num_args: int
    inputs = (Variadic("arg"),)

    def expression(self, F: Any, *args: Any) -> Any:
        return functools.reduce(python.add, args)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [dy] * len(node.inputs)


@operator("_contrib_div_sqrt_dim")
class DivSqrtDim(Operator):
    """data / √d, d being its last dimension; as in the attention of transformers."""

    dtypes = NUMBERS

    def rewrite(self, g: Any, data: Value) -> list[Value] | None:
        return [g._div_scalar(data, scalar=math.sqrt(data.type.dims[-1]))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return divide(NumPyMath, data, NumPyMath.const(math.sqrt(data.shape[-1]), data))  # type: ignore[no-any-return]


@operator("_contrib_allclose")
class AllClose(Operator):
    """1 if |a - b| ≤ atol + rtol·|b| everywhere, else 0; infinities must be equal, NaN as `equal_nan` says."""

    rtol: float = 1e-5
    atol: float = 1e-8
    equal_nan: bool = True
    inputs = ("a", "b")
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.a.unify(s.b.shape)
        s.b.unify(s.a.shape)
        s.output.unify(())

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.a.unify(t.b.dtype)
        t.b.unify(t.a.dtype)
        t.output.unify(DType.uint8)

    def close(self, F: Any, a: Any, b: Any) -> Any:
        a, b = F.cast(a, DType.float64), F.cast(b, DType.float64)
        near = F.logical_and(F.abs(b) < math.inf, F.abs(a - b) <= self.atol + self.rtol * F.abs(b))
        near = F.logical_or(a == b, near)
        return F.logical_or(near, F.logical_and(a != a, b != b)) if self.equal_nan else near

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        a, b = inputs
        return [te.tensor((), lambda: te.min(a.shape, lambda *i: te.F.cast(self.close(te.F, a[i], b[i]), DType.uint8)))]

    def reference(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(self.close(NumPyMath, a, b).all(), np.uint8)


class Loss(Elementwise):
    """Base: data itself, whose gradient does not depend on that of the output."""

    is_loss = True

    def expression(self, F: Any, data: Any) -> Any:
        return data


@operator("make_loss", aliases=("_sparse_make_loss",))
class MakeLossOfOnes(Loss):
    """data as a loss: its gradient is 1."""

    outputs = ("loss",)

    def gradient(self, g: Any, node: Node, dy: Value | None) -> list[Value | None]:
        return [g.ones_like(node.inputs[0])]


@operator("MakeLoss")
class MakeLoss(Loss):
    """data as a loss: its gradient is grad_scale, divided by the number of rows (all dimensions but the last one), or
    by that of the elements above valid_thresh (at least 1), as `normalization` says."""

    grad_scale: float = 1.0
    valid_thresh: float = 0.0
    normalization: Literal["batch", "null", "valid"] = "null"

    def gradient(self, g: Any, node: Node, dy: Value | None) -> list[Value | None]:
        data = node.inputs[0]
        if self.normalization == "valid":
            return [self._over_valid(g, data)]
        rows = math.prod(data.type.dims[:-1]) if self.normalization == "batch" else 1
        return [g._mul_scalar(g.ones_like(data), scalar=self.grad_scale / rows)]

    def _over_valid(self, g: Any, data: Value) -> Value:
        valid = g._greater_scalar(data, scalar=self.valid_thresh)
        count = g._maximum_scalar(g.sum(valid, keepdims=True), scalar=1.0)
        return g.broadcast_to(g._rdiv_scalar(count, scalar=self.grad_scale), shape=data.type.dims)  # type: ignore[no-any-return]
