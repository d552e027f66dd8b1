"""Rows chosen by a mask: an operator whose result's shape depends on data."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.operator import Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot


class _Rows(Operator):
    """Rows of `data` where `index`, of one element a row, is not zero."""

    inputs = ("data", "index")
    is_host = True

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.data.dtype)
        t.data.unify(t.output.dtype)

    def reference(self, data: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.asarray(data[index != 0])


def _infer_rows(s: Slots[ShapeSlot], rows: int | None) -> None:
    s.index.unify((None,))
    if s.data.rank == 0:
        raise Conflict("data has no rows")
    if s.data.rank:
        s.data.unify_axis(0, s.index[0])
        s.index.unify((s.data[0],))
        s.output.unify((rows, *s.data.shape[1:]))
    if s.output.rank:
        s.data.unify((s.index[0], *s.output.shape[1:]))


@operator("_contrib_boolean_mask")
class BooleanMask(_Rows):
    """The rows of data where index, of one element a row, is not zero.  MXNet: _contrib_boolean_mask.

    axis: 0, the only one that MXNet has.
    """

    axis: int = 0
    shape_inputs = (1,)
    deviations = ("what lies in front of it runs twice: first to find the shape, then with kernels for that; packages, "
                  "whose shapes are fixed, refuse it",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.axis != 0:
            raise Conflict(f"axis={self.axis} is not supported, only rows are masked: axis=0")
        _infer_rows(s, None)

    def settled(self, index: np.ndarray) -> Operator:
        return MaskedRows(int(np.count_nonzero(index)))


@operator("_masked_rows", hidden=True)
class MaskedRows(_Rows):
    """`_contrib_boolean_mask` for masks that choose `rows` rows."""

    rows: int

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        _infer_rows(s, self.rows)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._backward_masked_rows(dy, node.inputs[1]), None]


@operator("_backward_masked_rows", hidden=True)
class MaskedRowsBackward(Operator):
    """The rows dy where index is not zero, zeros elsewhere: the gradient of masked rows, and the reverse of them."""

    inputs = ("dy", "index")
    is_host = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.dy.rank and s.index.rank:
            s.output.unify((s.index[0], *s.dy.shape[1:]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.dy.dtype)

    def reference(self, dy: np.ndarray, index: np.ndarray) -> np.ndarray:
        gradient = np.zeros((len(index), *dy.shape[1:]), dy.dtype)
        gradient[index != 0] = dy
        return gradient

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._masked_rows(dy, node.inputs[1], rows=node.inputs[0].type.dims[0]), None]
