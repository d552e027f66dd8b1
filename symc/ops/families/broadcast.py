"""Operators that broadcast: two operands against each other, or one to a given shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import PartialShape, TensorType
from symc.ops.elementwise import elementwise, sum_to_shape
from symc.ops.families.binary import BINARY
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.shapes import axis_in
from symc.ops.slots import Conflict, ShapeSlot, Slots, show

ALIASES = {"add": ("broadcast_plus", "_sparse_broadcast_add", "_sparse_broadcast_plus"),
           "sub": ("broadcast_minus", "_sparse_broadcast_sub", "_sparse_broadcast_minus"),
           "mul": ("_sparse_broadcast_mul",), "div": ("_sparse_broadcast_div",)}

for _name, _binary in BINARY.items():
    elementwise(f"broadcast_{_name}", aliases=ALIASES.get(_name, ()), broadcasts=True, doc=_binary.doc,
                gradient=(_binary.lhs, _binary.rhs), dtypes=_binary.dtypes, module=__name__)(_binary.function)


class Broadcast(Operator):
    """Base: the first input repeated along its axes of extent 1, to the output's shape."""

    reads_types = True

    def target(self, data: PartialShape, s: Slots[ShapeSlot]) -> PartialShape | None:
        """The output's shape, None while unknown.  Conflict when the parameters do not fit."""
        raise NotImplementedError

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        data = s.inputs[0].shape
        target = None if data is None else self.target(data, s)
        if data is None or target is None:
            return
        if len(data) != len(target) or any(None not in (a, b) and a not in (1, b)
                                           for a, b in zip(data, target, strict=True)):
            raise Conflict(f"{s.inputs[0].name} {show(data)} cannot be broadcast to {show(target)}")
        s.output.unify(target)

    def reference(self, data: np.ndarray, *like: np.ndarray, types: list[TensorType]) -> np.ndarray:
        return np.broadcast_to(data, types[0].dims)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data = inputs[0]
        return [te.tensor(outputs[0].dims, lambda *i: data[tuple(0 if extent == 1 else at
                                                                 for at, extent in zip(i, data.shape, strict=True))])]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [sum_to_shape(g, dy, node.inputs[0]), *[None] * (len(node.inputs) - 1)]


def check_extent(shape: PartialShape, axis: int) -> None:
    """Conflict: an axis to be repeated is known to have another extent than 1."""
    if shape[axis] not in (None, 1):
        raise Conflict(f"axis {axis} of {show(shape)} has the extent {shape[axis]}, not 1")


@operator("broadcast_to")
class BroadcastTo(Broadcast):
    """data repeated to `shape`; a 0 there keeps the extent of data."""

    shape: Dims = ()

    def target(self, data: PartialShape, s: Slots[ShapeSlot]) -> PartialShape | None:
        if len(self.shape) != len(data) or min(self.shape, default=0) < 0:
            raise Conflict(f"data is {show(data)}, parameter shape {show(self.shape)} needs as many dimensions")
        return tuple(extent or own for extent, own in zip(self.shape, data, strict=True))


@operator("broadcast_axis", aliases=("broadcast_axes",))
class BroadcastAxis(Broadcast):
    """data repeated along each `axis`, whose extent is 1, to the `size` that stands at its place."""

    axis: Dims = ()
    size: Dims = ()

    def target(self, data: PartialShape, s: Slots[ShapeSlot]) -> PartialShape | None:
        if min(self.size, default=0) < 0 or len(self.axis) != len(self.size):
            raise Conflict(f"axis {self.axis} and size {self.size} differ in length, or a size is negative")
        extents = list(data)
        for axis, size in zip(self.axis, self.size, strict=True):
            at = axis_in(axis, len(data))
            check_extent(data, at)
            extents[at] = size
        return tuple(extents)


@operator("broadcast_like")
class BroadcastLike(Broadcast):
    """lhs repeated to the shape of rhs, or only its `lhs_axes` to the extents of the `rhs_axes` of rhs."""

    lhs_axes: Dims | None = None
    rhs_axes: Dims | None = None
    inputs = ("lhs", "rhs")

    def target(self, data: PartialShape, s: Slots[ShapeSlot]) -> PartialShape | None:
        if s.rhs.shape is None:
            return None
        if self.lhs_axes is None or self.rhs_axes is None:
            return s.rhs.shape
        if len(self.lhs_axes) != len(self.rhs_axes):
            raise Conflict(f"lhs_axes {self.lhs_axes} and rhs_axes {self.rhs_axes} differ in length")
        if not self.lhs_axes:
            raise Conflict("lhs_axes is empty")
        extents = list(data)
        for left, right in zip(self.lhs_axes, self.rhs_axes, strict=True):
            at = axis_in(left, len(data))
            check_extent(data, at)
            extents[at] = s.rhs.shape[axis_in(right, s.rhs.rank)]
        return tuple(extents)

    def infer_type(self, t: Any) -> None:
        t.lhs.unify(t.output.dtype)
        t.output.unify(t.lhs.dtype)
