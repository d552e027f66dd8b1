"""Order: sort, argsort, topk.  NaN comes last; equal elements keep their order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, PartialShape, Shape
from symc.ops.families.indexing import same_type
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.rank_sort import RankSort
from symc.ops.shapes import axis_in, with_extent
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

IndexType = Literal["float16", "float32", "float64", "int32", "int64", "uint8"]


@dataclass(frozen=True)
class Lines:
    """The lines of a tensor of `shape` along `axis`, as the rows of a matrix; axis None: one line of all elements."""

    shape: Shape
    axis: int | None

    @property
    def extent(self) -> int:
        """Elements of one line."""
        return math.prod(self.shape) if self.axis is None else self.shape[self.axis]

    @property
    def order(self) -> Shape:
        """The axes with that of the lines last."""
        return (*(i for i in range(len(self.shape)) if i != self.axis), *(() if self.axis is None else (self.axis,)))

    def moved(self, extent: int) -> Shape:
        """The shape, axes in `order`, when lines have `extent` elements."""
        if self.axis is None:
            return self.shape if extent == self.extent else (extent,)
        return (*(self.shape[i] for i in self.order[:-1]), extent)

    def rows(self, g: Any, value: Value, extent: int) -> Value:
        """A value whose lines have `extent` elements, as a matrix."""
        shape = value.type.dims
        moved = _transposed(g, value, self.order) if self.axis is not None else value
        return g.reshape(moved, (math.prod(shape) // extent, extent))  # type: ignore[no-any-return]

    def tensor(self, g: Any, rows: Value, shape: Shape) -> Value:
        """The inverse of `rows`, for a result of `shape`."""
        if self.axis is None:
            return g.reshape(rows, shape)  # type: ignore[no-any-return]
        moved = g.reshape(rows, self.moved(rows.type.dims[-1]))
        return _transposed(g, moved, tuple(self.order.index(i) for i in range(len(shape))))

    def matrix(self, array: np.ndarray) -> np.ndarray:
        return array.transpose(self.order).reshape(-1, self.extent)

    def array(self, rows: np.ndarray, shape: Shape) -> np.ndarray:
        if self.axis is None:
            return rows.reshape(shape)
        return np.moveaxis(rows.reshape(self.moved(rows.shape[-1])), -1, self.axis)


def _transposed(g: Any, value: Value, order: Shape) -> Value:
    return value if order == tuple(range(len(order))) else g.transpose(value, axes=order)  # type: ignore


def lines_of(shape: Shape, axis: int | None) -> Lines:
    return Lines(shape, None if axis is None else axis_in(axis, len(shape)))


SELECTED = 4    # times as many elements in a row as are asked for: then finding these is faster than sorting all


@operator("_argsort", hidden=True)
class ArgSortRows(Operator):
    """For each row of a matrix the positions (int32) of its elements in order, or of the first `count`; the other
    outputs are scratch."""

    is_ascend: bool = True
    count: int | None = None

    def output_names(self) -> list[str]:
        return ["output", "scratch", *["other"] * (self.count is not None)]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify((s.data[0], s.data[1] if self.count is None else self.count))
        for scratch in s.outputs[1:]:
            scratch.unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for output in t.outputs:
            output.unify(DType.int32)

    def before(self, k: Any, a: Any, b: Any) -> Any:
        """Whether a must stand before b."""
        smaller = a < b if self.is_ascend else b < a
        return k.any(smaller, k.all(a == a, b != b))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        RankSort(k, inputs[0], partial(self.before, k)).write(*outputs)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Between two outputs; the last pass writes the first of them."""
        (data,), (order, *_), (last, other) = inputs, outputs, outputs[-2:]
        rows, extent = data.shape
        first, second = (last, other) if (extent - 1).bit_length() % 2 == 0 else (other, last)
        with k.jobs(rows) as row:
            if self.count is not None and 0 < SELECTED * self.count <= extent:
                source = self._select(k, data, row, last, other)
            else:
                with k.loop(extent) as i:
                    k.store(first, (row, i), k.value(i, DType.int32))
                source = self._sort(k, data, row, (extent, extent), first, second)
            self._keep(k, row, source, order)

    def _sort(self, k: Any, data: Any, row: Any, counts: tuple[int, Any], source: Any, target: Any) -> Any:
        """Merge sort from the bottom up of the places that the row of `source` begins with, between the two; the one
        in which they are then.  counts: how many there are at most, and how many there are.
        """
        most, held = counts
        for width in (1 << step for step in range((most - 1).bit_length())):
            with k.loop(-(-most // (2 * width))) as pair:
                first = pair * 2 * width
                self._merge(k, data, row, source, target, tuple(
                    k.clamp(first + offset, 0, held) for offset in (0, width, 2 * width)))
            source, target = target, source
        return source

    def _select(self, k: Any, data: Any, row: Any, places: Any, other: Any) -> Any:
        """Elements that stand before the last of the first `count` so far are collected behind these, and sorted with
        them when they are as many, and at the end.  Where the first `count` are then."""
        assert self.count is not None
        extent, room = data.shape[1], 2 * self.count
        with k.loop(room + 1) as i:     # merging looks at one place behind a run, whatever it holds
            k.store(places, (row, i), 0)
            k.store(other, (row, i), 0)
        held, limit, is_full = k.cell(DType.int32, 0), k.cell(data.dtype, 0), k.cell(DType.bool, False)
        with k.loop(extent) as i:
            with k.when(k.any(k.F.logical_not(is_full.get()), self.before(k, data[row, i], limit.get()))):
                k.store(places, (row, k.index(held.get())), k.value(i, DType.int32))
                held.set(held.get() + 1)
            with k.when(k.any(held.get() == room, i == extent - 1)):
                sorted_places = self._sort(k, data, row, (room, k.index(held.get())), places, other)
                self._keep(k, row, sorted_places, places)
                held.set(self.count)
                limit.set(data[row, k.index(places[row, self.count - 1])])
                is_full.set(True)
        return places

    def _keep(self, k: Any, row: Any, source: Any, target: Any) -> None:
        """The places that are asked for, where they are wanted."""
        if source is not target:
            with k.loop(target.shape[1] if self.count is None else self.count) as i:
                k.store(target, (row, i), source[row, i])

    def _merge(self, k: Any, data: Any, row: Any, source: Any, target: Any, bounds: tuple[Any, ...]) -> None:
        """Merge source[first:middle] and source[middle:end], both in order, into target[first:end]."""
        first, middle, end = bounds
        heads = [k.cell(DType.int32, k.value(first, DType.int32)), k.cell(DType.int32, k.value(middle, DType.int32))]
        with k.loop((first, end)) as i:
            left, right = (k.index(head.get()) for head in heads)
            elements = [source[row, k.clamp(at, 0, data.shape[1] - 1)] for at in (left, right)]
            a, b = (data[row, k.index(element)] for element in elements)
            from_left = k.all(left < middle, k.any(right >= end, k.F.logical_not(self.before(k, b, a))))
            k.store(target, (row, i), k.select(from_left, *elements))
            heads[0].set(k.select(from_left, heads[0].get() + 1, heads[0].get()))
            heads[1].set(k.select(from_left, heads[1].get(), heads[1].get() + 1))

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        keys = data if self.is_ascend else -data if data.dtype.kind == "f" else ~data
        order = np.argsort(keys, axis=-1, kind="stable").astype(np.int32)
        return order[:, :self.count], *[np.zeros_like(order)] * (len(self.output_names()) - 1)


def first_places(g: Any, keys: Value, count: int, is_ascend: bool = False) -> Value:
    """The places of the first `count` elements of each row in order, of all where it is negative; NaN is last."""
    is_part = 0 <= count < keys.type.dims[1]
    return g._argsort(keys, is_ascend=is_ascend, **{"count": count} if is_part else {})  # type: ignore[no-any-return]


@operator("_take_along_rows", hidden=True)
class TakeAlongRows(Operator):
    """data[r, places[r, c]], of matrices."""

    inputs = ("data", "places")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.places.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def compute(self, te: Any, inputs: list[Any], outputs: list[Any]) -> list[Any]:
        data, places = inputs
        return [te.tensor(outputs[0].dims, lambda r, c: data[r, te.index(places[r, c])])]

    def reference(self, data: np.ndarray, places: np.ndarray) -> np.ndarray:
        return np.take_along_axis(data, places, -1)


@operator("_put_along_rows", hidden=True)
class PutAlongRows(Operator):
    """Zeros (rows, extent) with data[r, c] at [r, places[r, c]]; no place occurs twice in a row."""

    extent: int
    inputs = ("data", "places")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify((s.data[0], self.extent))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, places), (result,) = inputs, outputs
        with k.jobs(data.shape[0], width=self.extent) as row:
            with k.each(self.extent) as column:
                k.store(result, (row, column), 0)
            with k.each(data.shape[1]) as i:
                k.store(result, (row, k.index(places[row, i])), data[row, i])

    def reference(self, data: np.ndarray, places: np.ndarray) -> np.ndarray:
        result = np.zeros((data.shape[0], self.extent), data.dtype)
        np.put_along_axis(result, places, data, -1)
        return result


class Ordering(Operator):
    """Base of sort, argsort and topk: the first `chosen` elements of each line along `axis`, in order."""

    axis: int | None
    is_ascend: bool

    def chosen(self, extent: int) -> int:
        """How many elements of a line are asked for."""
        return extent

    def result(self, shape: PartialShape) -> PartialShape:
        """The shape of the chosen elements."""
        at = None if self.axis is None else axis_in(self.axis, len(shape))
        if at is None:
            return (None,) if None in shape else (self.chosen(math.prod(shape)),)  # type: ignore[arg-type]
        return with_extent(shape, at, None if shape[at] is None else self.chosen(shape[at]))  # type: ignore[arg-type]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            for output in s.outputs:
                output.unify(self.result(s.data.shape))

    def ordered(self, g: Any, data: Value) -> tuple[Lines, Value, Value]:
        """The lines of data, data as a matrix, and the places of the chosen elements of each row, int32."""
        lines = lines_of(data.type.dims, self.axis)
        rows = lines.rows(g, data, lines.extent)
        return lines, rows, first_places(g, rows, self.chosen(lines.extent), self.is_ascend)

    def values(self, g: Any, data: Value) -> Value:
        lines, rows, places = self.ordered(g, data)
        return lines.tensor(g, g._take_along_rows(rows, places), self.result(data.type.dims))  # type: ignore[arg-type]

    def indices(self, g: Any, data: Value, dtype: str) -> Value:
        lines, _, places = self.ordered(g, data)
        result = self.result(data.type.dims)
        return g.Cast(lines.tensor(g, places, result), dtype=dtype)  # type: ignore[no-any-return,arg-type]

    def values_gradient(self, g: Any, data: Value, dy: Value) -> Value:
        """The gradient of `values`: dy at the places of the chosen elements."""
        lines, _, places = self.ordered(g, data)
        rows = g._put_along_rows(lines.rows(g, dy, self.chosen(lines.extent)), places, extent=lines.extent)
        return lines.tensor(g, rows, data.type.dims)

    def places_of(self, data: np.ndarray) -> tuple[Lines, np.ndarray]:
        """The lines of data, and the places of the chosen elements of each, in NumPy."""
        lines = lines_of(data.shape, self.axis)
        order = ArgSortRows(is_ascend=self.is_ascend).reference(lines.matrix(data))[0]
        return lines, order[:, :self.chosen(lines.extent)]

    def values_of(self, data: np.ndarray) -> np.ndarray:
        lines, places = self.places_of(data)
        chosen = np.take_along_axis(lines.matrix(data), places, -1)
        return lines.array(chosen, self.result(data.shape))  # type: ignore[arg-type]

    def indices_of(self, data: np.ndarray, dtype: str) -> np.ndarray:
        lines, places = self.places_of(data)
        return NumPyMath.cast(lines.array(places, self.result(data.shape)), DType[dtype])  # type: ignore


@operator("sort")
class Sort(Ordering):
    """The elements along `axis` in order; axis None flattens.  MXNet: sort."""

    axis: int | None = -1
    is_ascend: bool = True
    outputs = ("output0", "output1")      # the second, hidden one has their places
    visible_count = 1

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)
        t.outputs[1].unify(DType.int32)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [self.values(g, data), self.indices(g, data, "int32")]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        return self.values_of(data), self.indices_of(data, "int32")

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        return [None if dy is None else self.values_gradient(g, node.inputs[0], dy)]


@operator("argsort")
class ArgSort(Ordering):
    """The places of the elements along `axis` in order, as `dtype`; axis None flattens.  MXNet: argsort."""

    axis: int | None = -1
    is_ascend: bool = True
    dtype: IndexType = "float32"

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.dtype])

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [self.indices(g, data, self.dtype)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return self.indices_of(data, self.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


@operator("topk")
class TopK(Ordering):
    """The k largest (is_ascend: smallest) elements along `axis` in order: their values, their indices as `dtype`,
    both, or a mask of the input's shape.  k<1 takes all, axis None flattens.  MXNet: topk.
    """

    axis: int | None = -1
    k: int = 1
    ret_typ: Literal["both", "indices", "mask", "value"] = "indices"
    is_ascend: bool = False
    dtype: IndexType = "float32"

    def output_names(self) -> list[str]:
        return ["output0", "output1"] if "value" in self._parts else ["output"]

    @property
    def visible_count(self) -> int:
        """The indices behind values are hidden unless both are asked for."""
        return 2 if self.ret_typ == "both" else 1

    def chosen(self, extent: int) -> int:
        if self.k > extent:
            raise Conflict(f"k is {self.k}, there are {extent} elements")
        return self.k if self.k > 0 else extent

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.ret_typ == "mask":
            s.unify_all()
            if s.data.rank is not None and self.axis is not None:
                extent = s.data.shape[axis_in(self.axis, s.data.rank)]
                if extent is not None:
                    self.chosen(extent)
        else:
            super().infer_shape(s)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if self.ret_typ != "mask":
            t.outputs[-1].unify(DType[self.dtype])
        if self.ret_typ != "indices":
            same_type(t.output, t.data)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        parts = {"value": lambda: self.values(g, data), "indices": lambda: self.indices(g, data, self.dtype),
                 "mask": lambda: self._mask(g, data)}
        return [parts[name]() for name in self._parts]

    @property
    def _parts(self) -> tuple[str, ...]:
        return ("value", "indices") if self.ret_typ in ("both", "value") else (self.ret_typ,)

    def _mask(self, g: Any, data: Value) -> Value:
        lines, _, places = self.ordered(g, data)
        ones = g.filled(1, replace(places.type, dtype=data.type.element))
        return lines.tensor(g, g._put_along_rows(ones, places, extent=lines.extent), data.type.dims)

    def reference(self, data: np.ndarray) -> np.ndarray | tuple[np.ndarray, ...]:
        parts = {"value": lambda: self.values_of(data), "indices": lambda: self.indices_of(data, self.dtype),
                 "mask": lambda: self._mask_of(data)}
        return tuple(parts[name]() for name in self._parts)

    def _mask_of(self, data: np.ndarray) -> np.ndarray:
        lines, places = self.places_of(data)
        mask = np.zeros_like(lines.matrix(data))
        np.put_along_axis(mask, places, 1, -1)
        return lines.array(mask, data.shape)

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        if self._parts[0] != "value" or dy[0] is None:
            return [None]
        return [self.values_gradient(g, node.inputs[0], dy[0])]
