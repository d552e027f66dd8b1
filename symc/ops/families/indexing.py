"""Indexing: elements chosen by data.  Indices of any dtype are truncated toward zero."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from symc.errors import OutOfBoundsError
from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.elementwise import Elementwise
from symc.ops.math import NumPyMath
from symc.ops.operator import HAS_GRADIENT, Operator, operator
from symc.ops.parameters import Dims, internal, within
from symc.ops.rank_sort import equal_places
from symc.ops.shapes import axis_in, unravel, with_extent, without
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show, unify

Number = Literal["bfloat16", "float16", "float32", "float64", "int32", "int64", "int8", "uint8"]
COLUMNS = 16  # of one job that adds up rows: a cache line of float32


def places(indices: np.ndarray, extent: int, mode: str) -> np.ndarray:
    """Indices as positions below `extent`."""
    whole = np.nan_to_num(indices).astype(np.int64)
    return whole % extent if mode == "wrap" else np.clip(whole, 0, extent - 1)


def place(te: Any, index: Any, extent: int, mode: str) -> Any:
    """One index as a position below `extent`."""
    whole = te.index(index)
    return whole % extent if mode == "wrap" else te.clamp(whole, 0, extent - 1)


@operator("_indices_inside", hidden=True)
class IndicesInside(Operator):
    """Indices whose rows, along the first axis, are positions below the extents, or from `-extent` on if `negative`;
    others are an error (MXNetError)."""

    extents: Dims
    negative: bool = False
    inputs = ("indices",)
    failure = "an index is out of bounds"

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (indices,), (result,) = inputs, outputs
        points = indices.shape[1:]
        with k.jobs(math.prod(points)) as job:
            for row, extent in enumerate(self.extents):
                place = (row, *unravel(job, points))
                index = k.index(indices[place])
                k.fail_when(k.any(index < (-extent if self.negative else 0), index >= extent))
                k.store(result, place, indices[place])

    def reference(self, indices: np.ndarray) -> np.ndarray:
        for row, extent in zip(np.trunc(indices), self.extents, strict=True):
            if not ((row >= (-extent if self.negative else 0)) & (row < extent)).all():
                raise OutOfBoundsError(self.failure)
        return indices


def fill(k: Any, tensor: Any) -> None:
    """Zeros, written by a kernel of their own."""
    with k.jobs(math.prod(tensor.shape)) as job:
        k.store(tensor, unravel(job, tensor.shape), 0)


def raveled(indices: Any, shape: Dims) -> Any:
    """The number of an element."""
    number = 0
    for index, extent in zip(indices, shape, strict=True):
        number = number * extent + index
    return number


def same_type(output: TypeSlot, data: TypeSlot) -> None:
    """The output has the dtype of the data, whatever that of the indices is."""
    output.unify(data.dtype)
    data.unify(output.dtype)


# ---- rows ----------------------------------------------------------------------------------------------------


@operator("take")
class Take(Operator):
    """The slices of `a` at `indices` along `axis`; their shape takes the place of the axis.

    MXNet: take.  Indices outside are clipped or wrapped, or with `raise` an error (MXNetError).
    """

    axis: int = 0
    mode: Literal["clip", "raise", "wrap"] = "clip"
    inputs = ("a", "indices")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.a.rank is not None and s.indices.rank is not None:
            at = axis_in(self.axis, s.a.rank)
            s.output.unify((*s.a.shape[:at], *s.indices.shape, *s.a.shape[at + 1:]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.a)

    def rewrite(self, g: Any, a: Value, indices: Value) -> list[Value] | None:
        if self.mode != "raise":
            return None
        extent, shape = a.type.dims[axis_in(self.axis, len(a.type.dims))], indices.type.dims
        inside = g._indices_inside(g.reshape(indices, (1, math.prod(shape))), extents=(extent,))
        return [g.take(a, g.reshape(inside, shape), axis=self.axis)]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        a, indices = inputs
        at = axis_in(self.axis, len(a.shape))
        end = at + len(indices.shape)
        return [te.tensor(outputs[0].dims, lambda *i: a[(
            *i[:at], place(te, indices[i[at:end]], a.shape[at], self.mode), *i[end:])])]

    def reference(self, a: np.ndarray, indices: np.ndarray) -> np.ndarray:
        if self.mode == "raise":
            IndicesInside((a.shape[self.axis],)).reference(indices[None])
        return np.take(a, places(indices, a.shape[self.axis], self.mode), axis=self.axis)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        a, indices = node.inputs
        return [add_rows(g, dy, indices, a.type.dims, axis_in(self.axis, len(a.type.dims)), self.mode), None]


def add_rows(g: Any, dy: Value, indices: Value, shape: Dims, axis: int, mode: str = "clip") -> Value:
    """The gradient of taking slices along `axis` of a tensor of `shape`: the slices of `dy` summed at their indices."""
    outer, inner, count = math.prod(shape[:axis]), math.prod(shape[axis + 1:]), math.prod(indices.type.dims)
    rows = g._backward_take(g.reshape(dy, (outer, count, inner)), g.reshape(indices, (count,)), extent=shape[axis],
                            mode=mode)
    return g.reshape(rows, shape)  # type: ignore[no-any-return]


@operator("_backward_take", hidden=True)
class TakeGradient(Operator):
    """Zeros (outer, extent, inner), to which each dy[:, i, :] is added at row indices[i], in order."""

    extent: int
    mode: str = "clip"
    inputs = ("dy", "indices")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.dy.rank is not None:
            s.output.unify(with_extent(s.dy.shape, 1, self.extent))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.dy)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job owns some columns of one outer slice, so no two add to the same element."""
        (dy, indices), (dx,) = inputs, outputs
        outer, count, inner = dy.shape
        blocks = -(-inner // COLUMNS)
        with k.jobs(outer * blocks) as job:
            lead, first = job // blocks, job % blocks * COLUMNS
            columns = (first, k.clamp(first + COLUMNS, 0, inner))
            with k.loop(self.extent) as row, k.loop(columns) as column:
                k.store(dx, (lead, row, column), 0)
            with k.loop(count) as i:
                row = place(k, indices[i], self.extent, self.mode)
                with k.loop(columns) as column:
                    k.store(dx, (lead, row, column), dx[lead, row, column] + dy[lead, i, column])

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Indices are sorted; of the places of one index, the first sums all, in their order."""
        (dy, indices), (dx,) = inputs, outputs
        outer, count, inner = dy.shape
        groups = equal_places(k, count, self.extent, lambda i: place(k, indices[i], self.extent, self.mode))
        fill(k, dx)
        with k.jobs(outer * count * inner) as job:
            lead, i, column = unravel(job, dy.shape)
            with k.when(groups.begins(i)):
                total = groups.total(i, dx.dtype, lambda number: dy[lead, number, column])
                k.store(dx, (lead, k.index(groups.place(i)), column), total)

    def reference(self, dy: np.ndarray, indices: np.ndarray) -> np.ndarray:
        result = np.zeros(with_extent(dy.shape, 1, self.extent), dy.dtype)
        np.add.at(result, (slice(None), places(indices, self.extent, self.mode)), dy)  # type: ignore[arg-type]
        return result


@operator("Embedding", aliases=("_sparse_Embedding",))
class Embedding(Operator):
    """The rows of weight (input_dim, output_dim) at the indices in data, clipped.  MXNet: Embedding.

    sparse_grad chooses the storage of the gradient there; here it is dense.
    """

    input_dim: int = within(1)
    output_dim: int = within(1)
    dtype: Number = "float32"
    sparse_grad: bool = False
    inputs = ("data", "weight")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.weight.unify((self.input_dim, self.output_dim))
        if s.data.rank is not None:
            s.output.unify((*s.data.shape, self.output_dim))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if not t.weight.known:
            t.weight.unify(t.output.dtype or DType[self.dtype])
        t.output.unify(t.weight.dtype)

    def rewrite(self, g: Any, data: Value, weight: Value) -> list[Value]:
        return [g.take(weight, data)]

    def reference(self, data: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return weight[places(data, self.input_dim, "clip")]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None, add_rows(g, dy, node.inputs[0], (self.input_dim, self.output_dim), 0)]


@operator("_contrib_SparseEmbedding")
class SparseEmbedding(Embedding):
    """Embedding, whose gradient has row-sparse storage in MXNet; here it is dense.  MXNet: _contrib_SparseEmbedding."""

    deviations = (HAS_GRADIENT,)


# ---- one element of each row ---------------------------------------------------------------------------------


@operator("pick", aliases=("choose_element_0index",))
class Pick(Operator):
    """data at index along `axis`, one element for each place on the other axes.  MXNet: pick."""

    axis: int | None = -1
    keepdims: bool = False
    mode: Literal["clip", "wrap"] = "clip"
    inputs = ("data", "index")

    def at(self, rank: int) -> int:
        if self.axis is None:
            raise Conflict("axis=None is not supported by pick")
        return axis_in(self.axis, rank)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        at = self.at(s.data.rank)
        kept = with_extent(s.data.shape, at, 1)
        dropped = without(s.data.shape, at) or (1,)
        s.output.unify(kept if self.keepdims else dropped)
        s.index.unify(kept if s.index.rank == s.data.rank else dropped)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def rewrite(self, g: Any, data: Value, index: Value) -> list[Value] | None:
        """An index that keeps the axis is the form that is computed."""
        kept = with_extent(data.type.dims, self.at(len(data.type.dims)), 1)
        if self.keepdims and index.type.dims == kept:
            return None
        picked = g.pick(data, g.reshape(index, kept), axis=self.axis, keepdims=True, mode=self.mode)
        return [picked if self.keepdims else g.reshape(picked, without(kept, self.at(len(kept))) or (1,))]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, index = inputs
        at = self.at(len(data.shape))
        return [te.tensor(outputs[0].dims, lambda *i: data[with_extent(
            i, at, place(te, index[i], data.shape[at], self.mode))])]

    def reference(self, data: np.ndarray, index: np.ndarray) -> np.ndarray:
        at = self.at(data.ndim)
        kept = with_extent(data.shape, at, 1)
        picked = np.take_along_axis(data, places(index.reshape(kept), data.shape[at], self.mode), at)
        return picked if self.keepdims else picked.reshape(without(kept, at) or (1,))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, index = node.inputs
        at = self.at(len(data.type.dims))
        kept = with_extent(data.type.dims, at, 1)
        return [g._backward_pick(g.reshape(dy, kept), g.reshape(index, kept), axis=at, extent=data.type.dims[at],
                                 mode=self.mode), None]


@operator("_backward_pick", hidden=True)
class PickGradient(Operator):
    """Zeros with dy, of extent 1 along `axis`, at index."""

    axis: int
    extent: int
    mode: str
    inputs = ("dy", "index")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.dy.rank is not None:
            s.output.unify(with_extent(s.dy.shape, self.axis, self.extent))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.dy)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        dy, index = inputs

        def element(*i: Any) -> Any:
            source = with_extent(i, self.axis, 0)
            chosen = place(te, index[source], self.extent, self.mode)
            return te.select(te.all(chosen == i[self.axis]), dy[source], 0)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, dy: np.ndarray, index: np.ndarray) -> np.ndarray:
        result = np.zeros(with_extent(dy.shape, self.axis, self.extent), dy.dtype)
        np.put_along_axis(result, places(index, self.extent, self.mode), dy, self.axis)
        return result


@operator("batch_take")
class BatchTake(Operator):
    """a[..., indices[...]], indices (int32) clipped.  MXNet: batch_take."""

    inputs = ("a", "indices")
    deviations = (HAS_GRADIENT,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.a.rank is not None:
            s.indices.unify(s.a.shape[:-1] or (1,))
        s.output.unify(s.indices.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.indices.unify(DType.int32)
        same_type(t.output, t.a)

    def rewrite(self, g: Any, a: Value, indices: Value) -> list[Value]:
        return [g.pick(a, indices)]

    def reference(self, a: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return Pick().reference(a, indices)


@operator("one_hot")
class OneHot(Operator):
    """A new last axis of extent `depth`: on_value at the index, off_value elsewhere, and everywhere for an index
    outside.  MXNet: one_hot.
    """

    depth: int
    on_value: float = 1.0
    off_value: float = 0.0
    dtype: Number = "float32"
    inputs = ("indices",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.depth < 0:
            raise Conflict(f"depth is {self.depth}")
        if s.indices.rank is not None:
            s.output.unify((*s.indices.shape, self.depth))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.dtype])

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        dtype = outputs[0].element

        def element(*i: Any) -> Any:
            values = (te.F.cast(te.F.const(v, te.value(0, DType.float64)), dtype)
                      for v in (self.on_value, self.off_value))
            return te.select(te.all(te.index(inputs[0][i[:-1]]) == i[-1]), *values)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, indices: np.ndarray) -> np.ndarray:
        hot = np.nan_to_num(indices).astype(np.int64)[..., None] == np.arange(self.depth)
        return NumPyMath.cast(np.where(hot, self.on_value, self.off_value), DType[self.dtype])

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


# ---- points --------------------------------------------------------------------------------------------------


@operator("gather_nd")
class GatherND(Operator):
    """data at the points indices[:, ...], whose coordinates lie along the first axis and name the leading axes of
    data, from their ends if negative; others are an error (MXNetError).  MXNet: gather_nd.
    """

    inputs = ("data", "indices")
    checked: bool = internal(False)     # whether the coordinates are known to lie inside

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None or s.indices.rank is None or s.indices[0] is None:
            return
        if s.indices.rank < 2:
            raise Conflict(f"indices {show(s.indices.shape)} must be (axes, ...)")
        if s.indices[0] > s.data.rank:
            raise Conflict(f"indices {show(s.indices.shape)} name more axes than data {show(s.data.shape)} has")
        s.output.unify((*s.indices.shape[1:], *s.data.shape[s.indices[0]:]) or (1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, indices = inputs
        points = len(indices.shape) - 1
        return [te.tensor(outputs[0].dims, lambda *i: data[(
            *_point(te, indices, i[:points], data.shape), *i[points:])])]

    def reference(self, data: np.ndarray, indices: np.ndarray) -> np.ndarray:
        if not self.checked:
            IndicesInside(data.shape[:len(indices)], negative=True).reference(indices)
        return data[_points(indices, data.shape)]

    def rewrite(self, g: Any, data: Value, indices: Value) -> list[Value] | None:
        if self.checked:
            return None
        inside = g._indices_inside(indices, extents=data.type.dims[:indices.type.dims[0]], negative=True)
        return [g.gather_nd(data, inside, checked=True)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, indices = node.inputs
        return [g._scatter_points(dy, indices, shape=data.type.dims, add=True), None]


def _point(te: Any, indices: Any, i: tuple[Any, ...], shape: Dims) -> list[Any]:
    """The coordinates of point `i`."""
    return [place(te, indices[(axis, *i)], extent, "wrap")
            for axis, extent in zip(range(indices.shape[0]), shape, strict=False)]


def _points(indices: np.ndarray, shape: Dims) -> tuple[np.ndarray, ...]:
    return tuple(places(row, extent, "wrap") for row, extent in zip(indices, shape, strict=False))


@operator("scatter_nd")
class ScatterND(Operator):
    """Zeros of `shape` with data at the points indices[:, ...]; of several values at one point the last counts.

    MXNet: scatter_nd.
    """

    shape: Dims
    inputs = ("data", "indices")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)
        if s.indices.rank is not None and s.indices[0] is not None:
            if s.indices.rank < 2:
                raise Conflict(f"indices {show(s.indices.shape)} must be (axes, ...)")
            if s.indices[0] > len(self.shape):
                raise Conflict(f"indices {show(s.indices.shape)} name more axes than shape {self.shape} has")
            s.data.unify((*s.indices.shape[1:], *self.shape[s.indices[0]:]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def rewrite(self, g: Any, data: Value, indices: Value) -> list[Value]:
        return [g._scatter_points(data, indices, shape=self.shape)]

    def reference(self, data: np.ndarray, indices: np.ndarray) -> np.ndarray:
        return ScatterPoints(shape=self.shape).reference(data, indices)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.gather_nd(dy, node.inputs[1], checked=True), None]


@operator("_scatter_points", hidden=True)
class ScatterPoints(Operator):
    """Zeros of `shape`, to which data is written, or added, at the points indices[:, ...], in order."""

    shape: Dims
    add: bool = False
    inputs = ("data", "indices")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.data)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job owns some of the elements behind each point, so no two write the same element."""
        (data, indices), (result,) = inputs, outputs
        named = indices.shape[0]
        inner = math.prod(self.shape[named:])
        blocks = -(-inner // COLUMNS)
        with k.jobs(blocks) as job:
            first = job * COLUMNS
            columns = (first, k.clamp(first + COLUMNS, 0, inner))
            with k.loop(math.prod(self.shape[:named])) as i, k.loop(columns) as column:
                k.store(result, (*unravel(i, self.shape[:named]), *unravel(column, self.shape[named:])), 0)
            with k.loop(math.prod(indices.shape[1:])) as i:
                lead = unravel(i, indices.shape[1:])
                point = _point(k, indices, lead, self.shape)
                with k.loop(columns) as column:
                    behind = unravel(column, self.shape[named:])
                    value = data[(*lead, *behind)]
                    k.store(result, (*point, *behind), result[(*point, *behind)] + value if self.add else value)

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Points are sorted; of the values at one point, the first sums all, or the last is written."""
        (data, indices), (result,) = inputs, outputs
        named = indices.shape[0]
        axes, behind, points = self.shape[:named], self.shape[named:], indices.shape[1:]

        def row(i: Any) -> Any:
            return raveled(_point(k, indices, unravel(i, points), self.shape), axes)

        def value(number: Any, column: Any) -> Any:
            return data[(*unravel(number, points), *unravel(column, behind))]
        groups = equal_places(k, math.prod(points), math.prod(axes), row)
        fill(k, result)
        with k.jobs(math.prod(data.shape)) as job:
            i, column = job // math.prod(behind), job % math.prod(behind)
            with k.when(groups.begins(i) if self.add else groups.ends(i)):
                at = (*unravel(k.index(groups.place(i)), axes), *unravel(column, behind))
                k.store(result, at, groups.total(i, data.dtype, lambda number: value(number, column)) if self.add
                        else value(groups.number(i), column))

    def reference(self, data: np.ndarray, indices: np.ndarray) -> np.ndarray:
        result = np.zeros(self.shape, data.dtype)
        points = _points(indices, self.shape)
        if self.add:
            np.add.at(result, points, data)
        else:
            result[points] = data
        return result


# ---- choice --------------------------------------------------------------------------------------------------


@operator("where", aliases=("_sparse_where",))
class Where(Elementwise):
    """x where condition is not 0, else y.  A condition of one axis chooses among the rows of x and y.

    MXNet: where.
    """

    inputs = ("condition", "x", "y")
    broadcasts = True

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not s.condition.known:   # as in MXNet; it says whether rows are chosen
            return
        unify(s.x, s.y, s.output)
        if s.x.rank is None:
            return
        if s.condition.rank == 1:
            s.condition.unify(s.x.shape[:1])
        elif s.condition.rank != s.x.rank or any(None not in (a, b) and a not in (1, b)
                                                 for a, b in zip(s.condition.shape, s.x.shape, strict=True)):
            raise Conflict(f"condition {show(s.condition.shape)} does not fit x {show(s.x.shape)}")

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for a, b in ((t.x, t.y), (t.output, t.x), (t.x, t.y)):
            same_type(a, b)

    def rewrite(self, g: Any, condition: Value, x: Value, y: Value) -> list[Value] | None:
        """A condition of rows gets as many axes as x."""
        shape, rank = condition.type.dims, len(x.type.dims)
        if len(shape) == rank:
            return None
        return [g.where(g.reshape(condition, shape + (1,) * (rank - 1)), x, y)]

    def expression(self, F: Any, condition: Any, x: Any, y: Any) -> Any:
        return F.where(condition != 0, x, y)

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        condition, x, y = inputs
        rows = condition.reshape(condition.shape + (1,) * (x.ndim - 1)) if condition.ndim < x.ndim else condition
        return np.where(rows != 0, x, y)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        condition, zeros = node.inputs[0], g.zeros_like(dy)
        return [None, g.where(condition, dy, zeros), g.where(condition, zeros, dy)]
