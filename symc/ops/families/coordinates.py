"""Coordinates as data: ravel and unravel, the places of all elements, rows replaced by index."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.indexing import COLUMNS, place, places, same_type
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.shapes import axis_in, unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show


@operator("_ravel_multi_index", aliases=("ravel_multi_index",))
class RavelMultiIndex(Operator):
    """Places in the flattened tensor of `shape` from coordinates (rank, n).  MXNet: _ravel_multi_index."""

    shape: Dims | None = None

    @property
    def extents(self) -> Dims:
        """`shape`, which must be given."""
        if not self.shape:
            raise Conflict("parameter shape is missing")
        return self.shape

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            if s.data.rank != 2:
                raise Conflict(f"data {show(s.data.shape)} must be (rank, n)")
            s.data.unify_axis(0, len(self.extents))
            s.output.unify(s.data.shape[1:])

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        strides = [math.prod(self.extents[axis + 1:]) for axis in range(len(self.extents))]
        column = (len(strides),) + (1,) * (len(data.type.dims) - 1)
        whole = g.trunc(data)
        return [g.sum(g.broadcast_mul(whole, g.constant(np.reshape(strides, column), data.type.element)), axis=(0,))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        place = np.zeros(data.shape[1:], np.int64)
        for row, extent in zip(data.astype(np.int64), self.extents, strict=True):
            place = place * extent + row
        return place.astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


@operator("_unravel_index", aliases=("unravel_index",))
class UnravelIndex(Operator):
    """Coordinates (rank, n) from places in the flattened tensor of `shape`, whose first extent does not matter and may
    be -1; those of a negative place are those of its magnitude, negated, as C divides.  MXNet: _unravel_index."""

    shape: Dims | None = None

    @property
    def extents(self) -> Dims:
        """`shape`, which must be given."""
        if not self.shape:
            raise Conflict("parameter shape is missing")
        return self.shape

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify((len(self.extents), *s.data.shape))
        if s.output.rank is not None:
            s.data.unify(s.output.shape[1:])

    def coordinates(self, place: Any) -> list[Any]:
        """One for each axis, of a place that is not negative; the first has no bound."""
        behind = math.prod(self.extents[1:])
        return [place // behind, *unravel(place % behind, self.extents[1:])]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs

        def coordinate(axis: Any, place: Any, sign: int) -> Any:
            coordinates = [sign * each for each in self.coordinates(sign * place)]
            value = te.value(coordinates[-1], data.dtype)
            for k, each in list(enumerate(coordinates))[-2::-1]:
                value = te.select(te.all(axis == k), te.value(each, data.dtype), value)
            return value

        def element(axis: Any, *i: Any) -> Any:
            place = te.index(data[i])
            return te.select(te.all(place < 0), coordinate(axis, place, -1), coordinate(axis, place, 1))
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        places = data.astype(np.int64)
        return (np.stack(self.coordinates(np.abs(places))) * np.sign(places)).astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


@operator("_contrib_index_array")
class IndexArray(Operator):
    """The coordinates of each element of data, or those along `axes`, int64.  MXNet: _contrib_index_array."""

    axes: Dims | None = None

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify((*s.data.shape, len(self._axes(s.data.rank))))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int64)

    def _axes(self, rank: int) -> list[int]:
        return [axis_in(axis, rank) for axis in (range(rank) if self.axes is None else self.axes)]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        axes = self._axes(len(inputs[0].shape))

        def element(*i: Any) -> Any:
            value = te.value(i[axes[-1]], DType.int64)
            for k, axis in list(enumerate(axes))[-2::-1]:
                value = te.select(te.all(i[-1] == k), te.value(i[axis], DType.int64), value)
            return value
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.moveaxis(np.indices(data.shape, np.int64)[self._axes(data.ndim)], 0, -1)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


@operator("_contrib_index_copy")
class IndexCopy(Operator):
    """old_tensor with the rows named by index_vector replaced by those of new_tensor, in order.

    MXNet: _contrib_index_copy.
    """

    inputs = ("old_tensor", "index_vector", "new_tensor")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.old_tensor.shape)
        s.old_tensor.unify(s.output.shape)
        if s.old_tensor.rank is not None:
            count = s.index_vector[0] if s.index_vector.rank == 1 else None
            if None not in (count, s.old_tensor[0]) and count > s.old_tensor[0]:
                raise Conflict(f"index_vector names {count} rows, old_tensor has {s.old_tensor[0]}")
            s.new_tensor.unify((count, *s.old_tensor.shape[1:]))
            s.index_vector.unify(s.new_tensor.shape[:1])

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for a, b in ((t.old_tensor, t.new_tensor), (t.output, t.old_tensor), (t.old_tensor, t.new_tensor)):
            same_type(a, b)

    def rewrite(self, g: Any, old: Value, index: Value, new: Value) -> list[Value] | None:
        """Matrices are the form that is computed."""
        shape = old.type.dims
        if len(shape) == 2:
            return None
        inner = math.prod(shape[1:])
        rows = [g.reshape(value, (value.type.dims[0], inner)) for value in (old, new)]
        return [g.reshape(g._contrib_index_copy(rows[0], index, rows[1]), shape)]

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job owns some columns, so that of several new rows for one place the last stays."""
        (old, index, new), (result,) = inputs, outputs
        rows, inner = old.shape
        with k.jobs(-(-inner // COLUMNS)) as job:
            columns = (job * COLUMNS, k.clamp((job + 1) * COLUMNS, 0, inner))
            with k.loop(rows) as row, k.loop(columns) as column:
                k.store(result, (row, column), old[row, column])
            with k.loop(new.shape[0]) as i:
                row = place(k, index[i], rows, "clip")
                with k.loop(columns) as column:
                    k.store(result, (row, column), new[i, column])

    def reference(self, old: np.ndarray, index: np.ndarray, new: np.ndarray) -> np.ndarray:
        result = old.copy()
        result[places(index, len(old), "clip")] = new
        return result

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        _, index, new = node.inputs
        return [g._contrib_index_copy(dy, index, g.zeros_like(new)), None, g.take(dy, index)]
