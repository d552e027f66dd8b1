"""A penalty on activations that are not sparse, attached to a network: it shows in gradients alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symc.errors import UnsupportedOperatorError
from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.elementwise import Elementwise
from symc.ops.operator import REAL, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, show, unify


@operator("IdentityAttachKLSparseReg")
class IdentityAttachKLSparseReg(Elementwise):
    """data itself (N, C); its gradient pushes each channel's moving mean activation, in (0, 1), to sparseness_target.

    Added to the gradient: penalty·((1 - target)/(1 - mean) - target/mean), that of a Kullback-Leibler divergence.
    The moving mean is updated in backward.  MXNet: IdentityAttachKLSparseReg.
    """

    sparseness_target: float = 0.1
    penalty: float = 0.001
    momentum: float = 0.9
    auxiliary = ("moving_avg",)
    dtypes = REAL - {DType.bfloat16}        # of which no state can be computed in float32

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is not None:
            if s.data.rank < 2:
                raise Conflict(f"data {show(s.data.shape)} must be (N, C)")
            s.moving_avg.unify((s.data[1],))

    def expression(self, F: Any, *inputs: Any) -> Any:
        return inputs[0]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0]

    def rewrite(self, g: Any, data: Value, moving: Value) -> list[Value]:
        return [data]

    def moved(self, g: Any, node: Node, inputs: Sequence[Value]) -> Value:
        """The new moving mean.  UnsupportedOperatorError: data has more dimensions."""
        data, moving = inputs
        if len(data.type.dims) != 2:
            raise UnsupportedOperatorError(f"node '{node.name}' (IdentityAttachKLSparseReg): data has the shape "
                                           f"{data.type.dims}; gradients need (N, C)", "flatten it")
        return g._moving_average(moving, g.mean(data, axis=(0,)), momentum=self.momentum)  # type: ignore[no-any-return]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        push = g._sparseness_push(self.moved(g, node, node.inputs), target=self.sparseness_target, penalty=self.penalty)
        return [g.broadcast_add(dy, g.reshape(push, (1, *push.type.dims))), None]

    def updates(self, g: Any, node: Node, inputs: Sequence[Value]) -> dict[int, Value]:
        return {1: self.moved(g, node, inputs)}


@operator("_sparseness_push", hidden=True)
class SparsenessPush(Elementwise):
    """penalty·((1 - target)/(1 - mean) - target/mean)."""

    target: float
    penalty: float
    inputs = ("mean",)

    def expression(self, F: Any, *inputs: Any) -> Any:
        (mean,) = inputs
        return (-self.target / mean + (1 - self.target) / (1 - mean)) * self.penalty
