"""The product in front of gates: a dense layer whose columns are several gates of the same hidden units."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node
from symc.ir.types import TensorType
from symc.ops.contraction import Contraction, Index, axis
from symc.ops.families.movement import SliceChannel
from symc.ops.operator import NUMBERS, Operator, Optional, operator
from symc.ops.parameters import within
from symc.ops.shapes import axis_in
from symc.ops.slots import ShapeSlot, Slots


@operator("_gate_product", hidden=True)
class GateProduct(Operator):
    """FullyConnected of data (N, K) with its weight seen as (gates, units, K): y (N, gates·units) = data·Wᵀ + b.

    Hidden units are a dimension of the weight of their own, so that it can be packed with all gates of some units side
    by side, whatever the number of units.
    """

    dtypes = NUMBERS

    gates: int = within(2)
    no_bias: bool = False
    inputs = ("data", "weight", Optional("bias", unless="no_bias"))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.weight.unify((self.gates, None, None))
        s.data.unify((None, s.weight[2]))
        width = None if s.weight[1] is None else self.gates * s.weight[1]
        s.output.unify((s.data[0], width))
        if s.bias:
            s.bias.unify((width,))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        (rows, depth), (gates, units, _) = inputs[0].dims, inputs[1].dims
        extents = (("m", rows), ("g", gates), ("n", units), ("k", depth))
        column = Index((("g", units), ("n", 1)))
        return Contraction(extents, (axis("m"), column), (axis("m"), axis("k")), (axis("g"), axis("n"), axis("k")))

    def finish(self, F: Any, total: Any, *bias: Any) -> Any:
        return total + bias[0] if bias else total

    def finish_dims(self, rank: int) -> tuple[tuple[int, ...], ...]:
        return () if self.no_bias else ((rank - 1,),)

    def reference(self, data: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> Any:
        y = data @ weight.reshape(-1, weight.shape[2]).T
        return y + bias[0] if bias else y


def is_gate_slice(node: Node, gates: int, whole: TensorType) -> bool:
    """Whether a node cuts a value like `whole`, (N, gates·units), into the gates, each (N, units)."""
    return (isinstance(node.op, SliceChannel) and node.op.num_outputs == gates and len(whole.dims) == 2
            and node.inputs[0].type == whole and axis_in(node.op.axis, 2) == 1
            and node.types[0].dims == part_of(whole, gates).dims)


def part_of(whole: TensorType, gates: int) -> TensorType:
    """The type of one gate of a value of all."""
    rows, width = whole.dims
    return TensorType((rows, width // gates), whole.dtype)
