"""Sequences of several lengths, padded to one: SequenceMask, SequenceLast, SequenceReverse."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import TensorType
from symc.ops.families.indexing import same_type
from symc.ops.operator import Operator, Optional, operator
from symc.ops.record import record
from symc.ops.shapes import without
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show


@record
class SequenceOperator(Operator):
    """Base: time lies along `axis` (0 or 1) of data, the batch along the other of the two; sequence_length gives
    the length of each sequence, all of the time axis unless use_sequence_length.
    """

    use_sequence_length: bool = False
    axis: int = 0
    inputs: ClassVar[Any] = ("data", Optional("sequence_length", when=lambda op: op.use_sequence_length))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if self.axis not in (0, 1) or s.data.rank < 2:
            raise Conflict(f"axis {self.axis} of data {show(s.data.shape)}: sequences lie along axis 0 or 1 of two "
                           "or more")
        if s.sequence_length:
            s.sequence_length.unify((s.data[1 - self.axis],))
            s.data.unify_axis(1 - self.axis, s.sequence_length[0])
        self.infer_output(s)

    def infer_output(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)
        s.data.unify(s.output.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def lengths(self, data: np.ndarray, length: tuple[np.ndarray, ...]) -> np.ndarray:
        """The lengths, to broadcast against data."""
        batch, rest = data.shape[1 - self.axis], (1,) * (data.ndim - 2)
        whole = length[0].astype(np.int64) if length else np.full(batch, data.shape[self.axis])
        return whole.reshape((1, batch, *rest) if self.axis == 0 else (batch, 1, *rest))

    def times(self, data: np.ndarray) -> np.ndarray:
        """The place of each element in time, to broadcast against data."""
        return np.arange(data.shape[self.axis]).reshape((-1,) + (1,) * (data.ndim - 1 - self.axis))

    def length(self, te: Any, inputs: list[Any], batch: Any) -> Any:
        """The length of one sequence."""
        return te.index(inputs[1][batch,]) if self.use_sequence_length else inputs[0].shape[self.axis]

    def backward(self, g: Any, node: Node, gradient: Value) -> list[Value | None]:
        return [gradient, *[None] * (len(node.inputs) - 1)]


@operator("SequenceMask")
class SequenceMask(SequenceOperator):
    """data, with `value` behind the end of each sequence.  MXNet: SequenceMask."""

    parameter_order = ("use_sequence_length", "value", "axis")
    value: float = 0.0

    def rewrite(self, g: Any, data: Value, *length: Value) -> list[Value] | None:
        return None if length else [g._copy(data)]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return [te.tensor(outputs[0].dims, lambda *i: te.select(
            te.all(i[self.axis] < self.length(te, inputs, i[1 - self.axis])), inputs[0][i], self.value))]

    def reference(self, data: np.ndarray, *length: np.ndarray) -> np.ndarray:
        inside = self.times(data) < self.lengths(data, length)
        return np.where(inside, data, np.asarray(self.value).astype(data.dtype))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        masked = g.SequenceMask(dy, *node.inputs[1:], use_sequence_length=self.use_sequence_length, axis=self.axis)
        return self.backward(g, node, masked)


@operator("SequenceLast")
class SequenceLast(SequenceOperator):
    """The last element of each sequence; the first one of an empty sequence.  MXNet: SequenceLast."""

    def infer_output(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(without(s.data.shape, self.axis))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data = inputs[0]

        def element(*i: Any) -> Any:
            last = te.clamp(self.length(te, inputs, i[0]) - 1, 0, data.shape[self.axis] - 1)
            return data[(*i[:self.axis], last, *i[self.axis:])]
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray, *length: np.ndarray) -> np.ndarray:
        last = np.clip(self.lengths(data, length) - 1, 0, data.shape[self.axis] - 1)
        return np.take_along_axis(data, last, self.axis).squeeze(self.axis)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        extent = node.inputs[0].type.dims[self.axis]
        return self.backward(g, node, g._backward_SequenceLast(
            dy, *node.inputs[1:], use_sequence_length=self.use_sequence_length, axis=self.axis, extent=extent))


@operator("_backward_SequenceLast", hidden=True)
class SequenceLastGradient(Operator):
    """Zeros with dy at the last element of each sequence."""

    extent: int
    use_sequence_length: bool = False
    axis: int = 0
    inputs = ("dy", Optional("sequence_length", when=lambda op: op.use_sequence_length))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.dy.rank is not None:
            s.output.unify((*s.dy.shape[:self.axis], self.extent, *s.dy.shape[self.axis:]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.dy)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        def element(*i: Any) -> Any:
            source = without(i, self.axis)
            length = te.index(inputs[1][source[0],]) if self.use_sequence_length else self.extent
            return te.select(te.all(i[self.axis] == te.clamp(length - 1, 0, self.extent - 1)), inputs[0][source], 0)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, dy: np.ndarray, *length: np.ndarray) -> np.ndarray:
        wide = np.expand_dims(dy, self.axis)
        like = np.broadcast_to(wide, (*dy.shape[:self.axis], self.extent, *dy.shape[self.axis:]))
        forward = SequenceLast(use_sequence_length=self.use_sequence_length, axis=self.axis)
        last = np.clip(forward.lengths(like, length) - 1, 0, self.extent - 1)
        return np.where(forward.times(like) == last, wide, np.zeros((), dy.dtype))


@operator("SequenceReverse")
class SequenceReverse(SequenceOperator):
    """Each sequence in reverse order, what lies behind its end in place.  MXNet: SequenceReverse, of axis 0 only."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.axis != 0:
            raise Conflict(f"axis is {self.axis}, SequenceReverse knows 0")
        super().infer_shape(s)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data = inputs[0]

        def element(*i: Any) -> Any:
            length = te.clamp(self.length(te, inputs, i[1]), 0, data.shape[0])
            return te.select(te.all(i[0] < length), data[(length - 1 - i[0], *i[1:])], data[i])
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray, *length: np.ndarray) -> np.ndarray:
        times, lengths = self.times(data), np.clip(self.lengths(data, length), 0, data.shape[0])
        return np.take_along_axis(data, np.where(times < lengths, lengths - 1 - times, times), 0)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        turned = g.SequenceReverse(dy, *node.inputs[1:], use_sequence_length=self.use_sequence_length)
        return self.backward(g, node, turned)
