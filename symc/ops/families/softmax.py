"""softmax, log_softmax, softmin and SoftmaxActivation: one kernel each, a row at a time.

A row runs along `axis`.  float16 is computed in float32.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, Optional, operator
from symc.ops.parameters import internal
from symc.ops.record import record
from symc.ops.shapes import axis_in, without
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, unify

HALF = "float16 is computed in float32, also on the way to another dtype; MXNet rounds each step to float16"
FloatName = Literal["float16", "float32", "float64"]


def row_of(indices: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    """The indices of the row that an element lies in."""
    return (*indices[:axis], *indices[axis + 1:])


def element_of(row: tuple[Any, ...], axis: int, position: Any) -> tuple[Any, ...]:
    """The indices of an element of a row."""
    return (*row[:axis], position, *row[axis:])


@record
class RowSoftmax(Operator):
    """Base of all: the softmax of sign·data/temperature, or its logarithm.  The largest of sign·data is taken from it,
    as in MXNet, so negative temperatures may overflow.

    dtype: of the output, by default that of data.  With use_length, only the first `length` elements of each row
    count, and the others are 0.
    """

    dtypes = REAL

    axis: int = -1
    temperature: float | None = None
    dtype: FloatName | None = None
    use_length: bool | None = False
    deviations = (HALF,)
    pattern = "rows"
    sign: ClassVar[int] = 1
    is_logarithm: ClassVar[bool] = False

    @property
    def factor(self) -> float:
        """What gradients are multiplied with."""
        return self.sign / self.temperature if self.temperature else self.sign * self.divisor

    @property
    def divisor(self) -> float:
        """The temperature; NaN for 0, which leaves nothing."""
        return 1.0 if self.temperature is None else self.temperature or math.nan

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is not None:
            axis = axis_in(self.axis, s.data.rank)
            if self.use_length and not s.length:
                raise Conflict(f"{self.name} has no input for lengths; softmax has one for use_length=True")
            if s.length:
                s.length.unify(without(s.data.shape, axis))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if t.data.known and not t.data.dtype.is_float:
            raise Conflict(f"data is {t.data.dtype.name}, expected a floating point type")
        t.output.unify(DType[self.dtype] if self.dtype else t.data.dtype)
        if not self.dtype:
            t.data.unify(t.output.dtype)

    def computed(self, dtype: DType) -> DType:
        """The dtype of the sums: the wider of data's and the output's, at least float32."""
        wider = max((dtype, DType[self.dtype or dtype.name], DType.float32), key=lambda d: d.itemsize)
        return wider if wider.is_float else dtype

    def reference(self, data: np.ndarray, *length: np.ndarray) -> np.ndarray:
        x = data.astype(self.computed(DType.of(data.dtype)).numpy) * self.sign
        valid: Any = True
        if length:
            extents = np.expand_dims(length[0].astype(np.int64), self.axis)
            valid = np.moveaxis(np.arange(data.shape[self.axis]) < np.moveaxis(extents, self.axis, -1), -1, self.axis)
        x = (x - np.max(np.where(valid, x, -np.inf), axis=self.axis, keepdims=True)) / x.dtype.type(self.divisor)
        e = np.where(valid, np.exp(x), 0)
        total = e.sum(axis=self.axis, keepdims=True, dtype=x.dtype)
        y = x - np.log(total) if self.is_logarithm else e / total
        return np.where(valid, y, 0).astype(self.dtype or data.dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, *length = inputs
        F, axis = te.F, self.axis % len(data.shape)
        wide, out = self.computed(data.dtype), outputs[0].element
        rows, count = row_of(data.shape, axis), (data.shape[axis],)

        def valid(i: tuple[Any, ...]) -> Any:
            return i[axis] < te.index(length[0][row_of(i, axis)])

        def x(i: tuple[Any, ...]) -> Any:
            value = F.cast(data[i], wide)
            return value if self.sign == 1 else -value

        def below(i: tuple[Any, ...]) -> Any:
            distance = x(i) - largest[row_of(i, axis)]
            return distance if self.divisor == 1 else distance / F.const(self.divisor, distance)

        def counted(i: tuple[Any, ...], value: Any, otherwise: float) -> Any:
            return F.where(valid(i), value, F.const(otherwise, value)) if length else value
        largest = te.tensor(rows, lambda *row: te.max(count, lambda k: counted(
            element_of(row, axis, k), x(element_of(row, axis, k)), float("-inf"))))

        exponential = te.tensor(data.shape, lambda *i: counted(i, F.exp(below(i)), 0.0))
        total = te.tensor(rows, lambda *row: te.sum(count, lambda k: exponential[element_of(row, axis, k)]))
        if self.is_logarithm:
            logarithm = te.tensor(rows, lambda *row: F.log(total[row]))
            return [te.tensor(data.shape, lambda *i: F.cast(below(i) - logarithm[row_of(i, axis)], out))]
        scale = te.tensor(rows, lambda *row: 1 / total[row])
        return [te.tensor(data.shape, lambda *i: F.cast(
            counted(i, exponential[i] * scale[row_of(i, axis)], 0.0), out))]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data = node.inputs[0]
        dx = g.node(BackwardSoftmax(axis=self.axis, factor=self.factor, is_logarithm=self.is_logarithm,
                                    data_dtype=data.type.element.name), (Value(node), dy))
        return [Value(dx), *(None for _ in node.inputs[1:])]


@operator("softmax")
class Softmax(RowSoftmax):
    """exp(x) / Σ exp(x), x = data/temperature, along `axis`.  MXNet: softmax."""

    inputs = ("data", Optional("length", when=lambda op: bool(op.use_length)))


@operator("softmin")
class Softmin(RowSoftmax):
    """The softmax of -data.  MXNet: softmin."""

    sign = -1


@operator("log_softmax")
class LogSoftmax(RowSoftmax):
    """x - log Σ exp(x), x = data/temperature, along `axis`.  MXNet: log_softmax."""

    is_logarithm = True


@operator("_backward_softmax", hidden=True)
class BackwardSoftmax(Operator):
    """factor · y · (dy - Σ y·dy) along `axis`; of the logarithm, factor · (dy - exp(y) · Σ dy)."""

    axis: int = -1
    factor: float = 1.0
    is_logarithm: bool = False
    data_dtype: str = internal("float32")
    inputs = ("y", "dy")
    pattern = "rows"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.y, s.dy, s.output)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.data_dtype])

    def reference(self, y: np.ndarray, dy: np.ndarray) -> np.ndarray:
        wide = np.result_type(y.dtype, dy.dtype, np.float32)
        y, dy = y.astype(wide), dy.astype(wide)
        total = self.term(y, dy).sum(axis=self.axis, keepdims=True, dtype=wide)
        return self.element(NumPyMath, y, dy, total).astype(self.data_dtype)

    def gradient(self, g: Any, node: Node, v: Value) -> list[Value | None]:
        """The operator is linear in dy, its own transpose but for the logarithm; of y it is a polynomial, or exp."""
        y, dy = node.inputs
        v = g._mul_scalar(self._cast(g, v, y), scalar=self.factor)
        if self.is_logarithm:
            part = g.elemwise_mul(v, g.exp(y))
            return [g.negative(g.broadcast_mul(part, self._summed(g, dy))), g.broadcast_sub(v, self._summed(g, part))]
        total, inner = (self._summed(g, g.elemwise_mul(y, other)) for other in (dy, v))
        along_y = g.elemwise_sub(g.elemwise_mul(v, g.broadcast_sub(dy, total)), g.broadcast_mul(dy, inner))
        return [along_y, g.elemwise_mul(y, g.broadcast_sub(v, inner))]

    def _summed(self, g: Any, value: Value) -> Value:
        return g.sum(value, axis=(self.axis,), keepdims=True)  # type: ignore[no-any-return]

    def _cast(self, g: Any, value: Value, like: Value) -> Value:
        same = value.type.dtype is like.type.dtype
        return value if same else g.Cast(value, dtype=like.type.element.name)  # type: ignore[no-any-return]

    def term(self, y: Any, dy: Any) -> Any:
        return dy if self.is_logarithm else y * dy

    def element(self, F: Any, y: Any, dy: Any, total: Any) -> Any:
        dx = dy - F.exp(y) * total if self.is_logarithm else y * (dy - total)
        return dx if self.factor == 1 else dx * self.factor

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        F, axis, shape = te.F, self.axis % len(inputs[0].shape), inputs[0].shape
        wide = max((*(t.dtype for t in inputs), DType.float32), key=lambda d: d.itemsize)

        def at(i: tuple[Any, ...]) -> tuple[Any, Any]:
            return F.cast(inputs[0][i], wide), F.cast(inputs[1][i], wide)
        total = te.tensor(row_of(shape, axis), lambda *row: te.sum(
            (shape[axis],), lambda k: self.term(*at(element_of(row, axis, k)))))
        return [te.tensor(shape, lambda *i: F.cast(
            self.element(F, *at(i), total[row_of(i, axis)]), outputs[0].element))]


@operator("SoftmaxActivation")
class SoftmaxActivation(Operator):
    """softmax along axis 1 (channel) or the last one (instance).  MXNet: SoftmaxActivation, as its CPU build runs it:
    its gradient is always that of a softmax along axis 1."""

    dtypes = REAL

    mode: Literal["channel", "instance"] = "instance"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.mode == "channel" and s.data.rank is not None and s.data.rank < 3:
            raise Conflict(f"data has {s.data.rank} dimensions, mode channel needs at least 3")
        unify(s.data, s.output)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [g.softmax(data, axis=1 if self.mode == "channel" else -1)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return Softmax(axis=1 if self.mode == "channel" else -1).reference(data)  # type: ignore[no-any-return]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [Value(g.node(BackwardSoftmax(axis=1, data_dtype=dy.type.element.name), (Value(node), dy)))]
