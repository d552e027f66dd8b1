"""Dropout."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.statistics import kept
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims, may_be_unset, within
from symc.ops.random import uniform
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, unify


@operator("Dropout")
class Dropout(Operator):
    """Elements become 0 with probability p, the others are divided by 1 - p; elements along `axes` share their fate.

    p = 1 gives NaN, which is 0 / 0.  In inference data itself, unless mode is always.  The hidden output is the factor.
    MXNet: Dropout.
    """

    takes_empty = True

    p: float = within(0, 1, 0.5)
    mode: Literal["always", "training"] = "training"
    axes: Dims = may_be_unset()
    cudnn_off: bool | None = False
    outputs = ("output", "mask")
    is_random = True

    @property
    def visible_count(self) -> int:
        return 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not 0 <= self.p <= 1:
            raise Conflict(f"p={self.p} is no probability")
        unify(s.data, s.output)
        if s.data.rank is not None:
            if not all(0 <= axis < s.data.rank for axis in self.axes):
                raise Conflict(f"axes {self.axes} are not all from 0 to {s.data.rank - 1}")
            s.mask.unify(kept(s.data.shape, self.axes))

    def inference(self, g: Any, data: Value) -> list[Value] | None:
        if self.mode == "always":
            return None
        return [data, g.filled(1, TensorType(kept(data.type.dims, self.axes), data.type.element))]

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        ones = g.filled(1, TensorType(kept(data.type.dims, self.axes), data.type.element))
        return [g._dropout(x, seed, p=self.p, axes=self.axes, salt=salt) for x in (data, ones)]


@operator("_dropout", hidden=True)
class SeededDropout(Operator):
    """Dropout as a pure function of the seed; its gradient is itself, so that no mask need be kept."""

    p: float = within(0, 1, 0.5)
    axes: Dims = ()
    salt: int = 0
    inputs = ("data", "seed")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.seed.unify((1,))
        unify(s.data, s.output)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.seed.unify(DType.int64)
        t.output.unify(t.data.dtype)

    @property
    def factors(self) -> tuple[float, float]:
        """Of the elements that stay, and of those that go."""
        return (1 / (1 - self.p), 0.0) if self.p < 1 else (math.nan, math.nan)

    def reference(self, data: np.ndarray, seed: np.ndarray) -> np.ndarray:
        shape = kept(data.shape, self.axes)
        draws = uniform(math.prod(shape), int(seed[0]), self.salt).reshape(shape)
        return data * np.where(draws < np.float32(1 - self.p), *self.factors).astype(data.dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, seed = inputs
        shape = kept(data.shape, self.axes)

        def element(*i: Any) -> Any:
            number = 0
            for at, extent in zip(i, shape, strict=True):
                number = number * extent + (0 if extent == 1 else at)
            draws = te.draws(seed[0], self.salt, number)
            stays = draws.unit(draws.bits(0), DType.float32) < 1 - self.p
            return data[i] * te.F.where(stays, *(te.F.const(factor, data[i]) for factor in self.factors))
        return [te.tensor(data.shape, element)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [Value(g.node(self, (dy, node.inputs[1]))), None]
