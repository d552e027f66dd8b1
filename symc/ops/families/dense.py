"""Matrix products: FullyConnected."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import TensorType
from symc.ops.contraction import Contraction, evaluate, matrix_product
from symc.ops.operator import NUMBERS, Operator, Optional, operator
from symc.ops.parameters import within
from symc.ops.shapes import product
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@operator("FullyConnected", aliases=("_sparse_FullyConnected",))
class FullyConnected(Operator):
    """y = x·Wᵀ + b; x is flattened to (N, ∏d) unless flatten=False.  MXNet: FullyConnected."""

    dtypes = NUMBERS

    num_hidden: int = within(1)
    no_bias: bool = False
    flatten: bool = True
    inputs = ("data", "weight", Optional("bias", unless="no_bias"))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.weight.rank not in (None, 2):
            raise Conflict(f"weight is {show(s.weight.shape)}, expected (num_hidden, depth)")
        if not self.flatten or s.data.rank == 2:
            s.data.unify_axis(-1, s.weight[1])
        rows = s.data.shape[:1] if self.flatten else s.data.shape[:-1]
        s.output.unify((*rows, self.num_hidden))
        if rows:
            s.data.unify_axis(0, s.output[0])
        s.weight.unify((self.num_hidden, product(s.data.shape[1:]) if self.flatten else s.data[-1]))
        if s.bias:
            s.bias.unify((self.num_hidden,))

    def rows_and_depth(self, data: TensorType) -> tuple[int, int]:
        """The matrix that `data` is read as."""
        split = 1 if self.flatten else len(data.dims) - 1
        return math.prod(data.dims[:split]), math.prod(data.dims[split:])

    def rewrite(self, g: Any, data: Value, weight: Value, *bias: Value) -> list[Value] | None:
        """Products of more than two dimensions become matrices under views."""
        if len(data.type.dims) == 2:
            return None
        rows, depth = self.rows_and_depth(data.type)
        flat = g.FullyConnected(g.reshape(data, (rows, depth)), weight, *bias, num_hidden=self.num_hidden,
                                no_bias=self.no_bias)
        lead = data.type.dims[:1] if self.flatten else data.type.dims[:-1]
        return [g.reshape(flat, (*lead, self.num_hidden))]

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        (rows, depth), (hidden, _) = inputs[0].dims, inputs[1].dims
        return matrix_product(None, rows, hidden, depth, False, True)

    def finish(self, F: Any, total: Any, *bias: Any) -> Any:
        return total + bias[0] if bias else total

    def finish_dims(self, rank: int) -> tuple[tuple[int, ...], ...]:
        return () if self.no_bias else ((rank - 1,),)

    def reference(self, data: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.ndarray:
        split = 1 if self.flatten else data.ndim - 1
        rows, depth = math.prod(data.shape[:split]), math.prod(data.shape[split:])
        spec = matrix_product(None, rows, self.num_hidden, depth, False, True)
        y = evaluate(spec, data.reshape(rows, depth), weight, (rows, self.num_hidden))
        return (y + bias[0] if bias else y).reshape(*data.shape[:split], self.num_hidden)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, weight = node.inputs[:2]
        rows, depth = self.rows_and_depth(data.type)
        x, d = g.reshape(data, (rows, depth)), g.reshape(dy, (rows, self.num_hidden))
        gradients = [g.reshape(g.dot(d, weight), data.type.dims), g.dot(d, x, transpose_a=True)]
        return gradients if self.no_bias else [*gradients, g.sum(d, axis=(0,))]
