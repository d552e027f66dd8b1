"""Movement of elements: permutation, concatenation, splitting, repetition, padding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, PartialShape, Shape, TensorType
from symc.ops.families.indexing import add_rows
from symc.ops.operator import Operator, Variadic, operator
from symc.ops.parameters import Dims, within
from symc.ops.record import record
from symc.ops.shapes import axis_in, with_extent, without
from symc.ops.slots import Conflict, ShapeSlot, Slots, show

# ---- permutation of axes -------------------------------------------------------------------------------------


@operator("transpose")
class Transpose(Operator):
    """Output axis i is input axis axes[i]; by default the axes are reversed.  MXNet: transpose."""

    axes: Dims = ()

    def order(self, rank: int) -> Dims:
        order = self.axes or tuple(range(rank))[::-1]
        if sorted(order) != list(range(rank)):
            raise Conflict(f"axes {order} is no permutation of {rank} axes")
        return order

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        rank = s.data.rank if s.data.rank is not None else s.output.rank
        if rank is None:
            return
        order = self.order(rank)
        if s.data.rank is not None:
            s.output.unify(tuple(s.data[axis] for axis in order))
        if s.output.rank is not None:
            s.data.unify(tuple(s.output[order.index(axis)] for axis in range(rank)))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        order = self.order(len(outputs[0].dims))
        return [te.tensor(outputs[0].dims, lambda *i: inputs[0][tuple(i[order.index(axis)] for axis in range(len(i)))])]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return data.transpose(self.order(data.ndim))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        order = self.order(len(dy.type.dims))
        return [g.transpose(dy, axes=tuple(order.index(axis) for axis in range(len(order))))]


@operator("SwapAxis", aliases=("swapaxes",))
class SwapAxis(Operator):
    """Axes dim1 and dim2 exchanged.  MXNet: SwapAxis."""

    dim1: int = 0
    dim2: int = 0

    def order(self, rank: int) -> Dims:
        order = list(range(rank))
        a, b = axis_in(self.dim1, rank, "dim1"), axis_in(self.dim2, rank, "dim2")
        order[a], order[b] = b, a
        return tuple(order)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for a, b in ((s.data, s.output), (s.output, s.data)):
            if a.rank is not None:
                b.unify(tuple(a[axis] for axis in self.order(a.rank)))

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [g.transpose(data, axes=self.order(len(data.type.dims)))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return data.transpose(self.order(data.ndim))


@operator("reverse", aliases=("flip",))
class Reverse(Operator):
    """The elements in reverse order along each of `axis`.  MXNet: reverse."""

    axis: Dims

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.unify_all()
        if s.data.rank is not None:
            self._axes(s.data.rank)

    def _axes(self, rank: int) -> set[int]:
        for axis in self.axis:
            if not 0 <= axis < rank:
                raise Conflict(f"axis {axis} is not from 0 to {rank - 1}")
        return {axis for axis in self.axis if self.axis.count(axis) % 2}

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        dims = outputs[0].dims
        turned = self._axes(len(dims))
        return [te.tensor(dims, lambda *i: inputs[0][tuple(
            dims[axis] - 1 - k if axis in turned else k for axis, k in enumerate(i))])]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.flip(data, tuple(self._axes(data.ndim)))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.reverse(dy, axis=self.axis)]


# ---- joining and splitting -----------------------------------------------------------------------------------


@record
class Join(Operator):
    """Base of Concat: the inputs one behind the other along `dim`."""

    takes_empty = True
    most_unknown: ClassVar[int] = 1         # extents of inputs that follow from the output's

    num_args: int
    dim: int = 1
    inputs: ClassVar[Any] = (Variadic("arg"),)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        slots = [*s.inputs, s.output]
        rank = next((slot.rank for slot in slots if slot.rank is not None), None)
        if rank is None:
            return
        at = axis_in(self.dim, rank, "dim")
        for slot in slots * 2:  # the second round tells the first ones what the last ones know
            for other in slots:
                if slot.rank is not None:
                    other.unify(with_extent(slot.shape, at, None))
        self._unify_extents(s.inputs, s.output, at)

    def _unify_extents(self, inputs: list[ShapeSlot], output: ShapeSlot, at: int) -> None:
        unknown = [slot for slot in inputs if slot[at] is None]
        known = sum(slot[at] or 0 for slot in inputs)
        if not unknown:
            output.unify_axis(at, known)
        elif len(unknown) <= self.most_unknown and (whole := output[at]) is not None:
            each, uneven = divmod(whole - known, len(unknown))
            if each < 0 or uneven:
                raise Conflict(f"output {show(output.shape)} does not consist of its parts")
            for slot in unknown:
                slot.unify_axis(at, each)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        at = axis_in(self.dim, len(outputs[0].dims))
        begins = [sum(x.shape[at] for x in inputs[:k]) for k in range(len(inputs))]

        def element(*i: Any) -> Any:
            parts = [x[(*i[:at], i[at] - begin, *i[at + 1:])] for x, begin in zip(inputs, begins, strict=True)]
            result = parts[-1]
            for part, end in zip(parts[-2::-1], begins[:0:-1], strict=True):
                result = te.select(i[at] < end, part, result)
            return result
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        return np.concatenate(inputs, axis=self.dim)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        at = axis_in(self.dim, len(dy.type.dims))
        ends = np.cumsum([value.type.dims[at] for value in node.inputs]).tolist()
        return [g.slice_axis(dy, axis=at, begin=begin, end=end) if begin < end else None
                for begin, end in zip([0, *ends], ends, strict=False)]


@operator("Concat", aliases=("_sparse_concat", "concat"))
class Concat(Join):
    """The inputs one behind the other along `dim`.  MXNet: Concat."""


@operator("_rnn_param_concat")
class RNNParameterConcat(Join):
    """Concat of a recurrent layer's parameters.  MXNet: _rnn_param_concat.

    Two unknown extents are taken to be equal: weights of the first layer for the input, one for each direction.
    """

    most_unknown = 2


@operator("stack")
class Stack(Operator):
    """The inputs, all of one shape, along a new axis.  MXNet: stack."""

    parameter_order = ("axis", "num_args")
    num_args: int
    axis: int = 0
    inputs = (Variadic("arg"),)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.output.rank is not None:
            s.inputs[0].unify(without(s.output.shape, axis_in(self.axis, s.output.rank)))
        for slot in (*s.inputs, *s.inputs[::-1]):
            s.inputs[0].unify(slot.shape)
            slot.unify(s.inputs[0].shape)
        if s.inputs[0].rank is not None:
            s.output.unify(self._stacked(s.inputs[0].shape, self.num_args))

    def _stacked(self, shape: PartialShape, count: int) -> PartialShape:
        at = axis_in(self.axis, len(shape) + 1)
        return (*shape[:at], count, *shape[at:])

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        shape = self._stacked(inputs[0].type.dims, 1)
        return [g.Concat(*(g.reshape(value, shape) for value in inputs), num_args=len(inputs),
                         dim=axis_in(self.axis, len(shape)))]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        return np.stack(inputs, self.axis)


class Split(Operator):
    """Base of the operators that cut their input along one axis; `pieces` says where."""

    axis: int
    squeeze_axis: bool

    def pieces(self, extent: int) -> list[tuple[int, int]]:
        """(begin, length) of each output along the axis.  Conflict when that cannot be."""
        raise NotImplementedError

    def count(self) -> int:
        raise NotImplementedError

    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(self.count())]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        at = axis_in(self.axis, s.data.rank)
        if self.squeeze_axis:
            s.data.unify_axis(at, self.count())
            if s.data.rank == 1:
                raise Conflict("squeeze_axis would leave no dimension")
        for output in s.outputs:
            if output.rank is not None:
                s.data.unify((*output.shape[:at], None, *output.shape[at:]) if self.squeeze_axis
                             else with_extent(output.shape, at, None))
        extent = s.data[at]
        lengths = [None] * self.count() if extent is None else [n for _, n in self.pieces(extent)]
        for output, length in zip(s.outputs, lengths, strict=True):
            output.unify(without(s.data.shape, at) if self.squeeze_axis else with_extent(s.data.shape, at, length))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        at = axis_in(self.axis, len(data.shape))

        def piece(begin: int, shape: Shape) -> Any:
            if self.squeeze_axis:
                return te.tensor(shape, lambda *i: data[(*i[:at], begin, *i[at:])])
            return te.tensor(shape, lambda *i: data[(*i[:at], i[at] + begin, *i[at + 1:])])
        return [piece(begin, output.dims)
                for (begin, _), output in zip(self.pieces(data.shape[at]), outputs, strict=True)]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        at = axis_in(self.axis, data.ndim)
        parts = [data[(slice(None),) * at + (slice(b, b + n),)] for b, n in self.pieces(data.shape[at])]
        return tuple(part.squeeze(at) if self.squeeze_axis else part for part in parts)

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        shape = node.inputs[0].type.dims
        at = axis_in(self.axis, len(shape))
        parts = [g.zeros_like(value) if part is None else part for part, value in zip(dy, node.outputs, strict=True)]
        whole = [g.reshape(part, with_extent(shape, at, 1)) for part in parts] if self.squeeze_axis else parts
        return [g.Concat(*whole, num_args=len(whole), dim=at)]


@operator("SliceChannel", aliases=("split",))
class SliceChannel(Split):
    """num_outputs equal parts along `axis`; squeeze_axis drops the axis where they have extent 1.

    MXNet: SliceChannel.
    """

    num_outputs: int = within(1)
    axis: int = 1
    squeeze_axis: bool = False

    def count(self) -> int:
        return self.num_outputs

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        if s.data.rank is not None and not self.squeeze_axis:
            at = axis_in(self.axis, s.data.rank)
            part = next((output[at] for output in s.outputs if output[at] is not None), None)
            s.data.unify_axis(at, None if part is None else part * self.count())

    def pieces(self, extent: int) -> list[tuple[int, int]]:
        if self.num_outputs < 1 or extent % self.num_outputs:
            raise Conflict(f"an extent of {extent} cannot be cut into {self.num_outputs} equal parts")
        length = extent // self.num_outputs
        return [(i * length, length) for i in range(self.num_outputs)]


@operator("_split_v2")
class SplitV2(Split):
    """Parts along `axis` that begin at `indices` (the first of which is 0), or `sections` parts as equal as can be.

    MXNet: _split_v2.
    """

    indices: Dims
    axis: int = 1
    squeeze_axis: bool = False
    sections: int = 0

    def count(self) -> int:
        return self.sections or len(self.indices)

    def pieces(self, extent: int) -> list[tuple[int, int]]:
        short, longer = divmod(extent, max(self.sections, 1))
        begins = [i * short + min(i, longer) for i in range(self.sections)] if self.sections else [*self.indices]
        lengths = [end - begin for begin, end in zip(begins, [*begins[1:], extent], strict=True)]
        if min(lengths) < 0:
            raise Conflict(f"indices {self.indices} leave an extent of {extent}, or go backwards")
        return list(zip(begins, lengths, strict=True))


# ---- repetition and padding ----------------------------------------------------------------------------------


@operator("tile")
class Tile(Operator):
    """The whole input repeated reps[i] times along axis i, counted from the last.  MXNet: tile."""

    reps: Dims

    def aligned(self, shape: PartialShape) -> tuple[PartialShape, Dims]:
        """The shape and the repetitions, the shorter one led by ones."""
        rank = max(len(shape), len(self.reps))
        return (1,) * (rank - len(shape)) + shape, (1,) * (rank - len(self.reps)) + self.reps

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if any(rep < 1 for rep in self.reps):
            raise Conflict(f"reps {self.reps} are not positive")
        if s.data.rank is not None:
            s.output.unify(tuple(None if extent is None else extent * rep
                                 for extent, rep in zip(*self.aligned(s.data.shape), strict=True)))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        shape = inputs[0].shape
        return [te.tensor(outputs[0].dims, lambda *i: inputs[0][tuple(
            k % extent for k, extent in zip(i[len(i) - len(shape):], shape, strict=True))])]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.tile(data, self.reps)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shape = node.inputs[0].type.dims
        parts = [n for extent, rep in zip(*self.aligned(shape), strict=True) for n in (rep, extent)]
        return [g.reshape(g.sum(g.reshape(dy, parts), axis=tuple(range(0, len(parts), 2))), shape)]


@operator("repeat")
class Repeat(Operator):
    """Each element `repeats` times along `axis`, or of the flattened input.  MXNet: repeat."""

    repeats: int
    axis: int | None = None

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.repeats < 1:
            raise Conflict(f"repeats={self.repeats} is not positive")
        if s.data.rank is None or self.axis is None and not s.data.known:
            return
        shape = (math.prod(s.data.dims),) if self.axis is None else s.data.shape
        at = axis_in(self.axis or 0, len(shape))
        s.output.unify(with_extent(shape, at, None if shape[at] is None else shape[at] * self.repeats))

    def rewrite(self, g: Any, data: Value) -> list[Value] | None:
        if self.axis is not None:
            return None
        return [g.repeat(g.reshape(data, (math.prod(data.type.dims),)), repeats=self.repeats, axis=0)]

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        assert self.axis is not None
        at = axis_in(self.axis, len(outputs[0].dims))
        return [te.tensor(outputs[0].dims, lambda *i: inputs[0][(*i[:at], i[at] // self.repeats, *i[at + 1:])])]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.repeat(data, self.repeats, self.axis)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shape = node.inputs[0].type.dims
        split = math.prod(shape) if self.axis is None else math.prod(shape[:axis_in(self.axis, len(shape)) + 1])
        parts = (split, self.repeats, math.prod(shape) // split)
        return [g.reshape(g.sum(g.reshape(dy, parts), axis=(1,)), shape)]


@operator("Pad", aliases=("pad",))
class Pad(Operator):
    """pad_width = (before, after) for each axis, filled with a constant, the edge or the reflected inside.

    MXNet: Pad, for images of 4 and 5 dimensions, the first two of which are not padded.
    """

    mode: Literal["constant", "edge", "reflect"]
    pad_width: Dims
    constant_value: float = 0.0

    def widths(self, shape: PartialShape) -> list[tuple[int, int]]:
        """(before, after) for each axis."""
        widths = list(zip(self.pad_width[::2], self.pad_width[1::2], strict=False))
        if len(shape) not in (4, 5) or len(self.pad_width) != 2 * len(shape) or min(self.pad_width) < 0:
            raise Conflict(f"pad_width {self.pad_width} does not fit data {show(shape)}, which must have 4 or 5 axes")
        if any(self.pad_width[:4]):
            raise Conflict(f"pad_width {self.pad_width} pads one of the first two axes")
        if self.mode == "reflect" and any(extent is not None and max(pair) >= extent
                                          for pair, extent in zip(widths, shape, strict=True) if max(pair)):
            raise Conflict(f"data {show(shape)} is too small to reflect pad_width {self.pad_width}")
        return widths

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(tuple(None if extent is None else extent + sum(pair)
                                 for extent, pair in zip(s.data.shape, self.widths(s.data.shape), strict=True)))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        widths = self.widths(data.shape)

        def absolute(k: Any) -> Any:
            return te.clamp(k, -k, k)

        def source(position: Any, before: int, extent: int) -> Any:
            inner, last = position - before, extent - 1
            return te.clamp(inner, 0, last) if self.mode == "edge" else last - absolute(last - absolute(inner))

        def element(*i: Any) -> Any:
            axes = list(zip(i, widths, data.shape, strict=True))
            if self.mode != "constant":
                return data[tuple(source(k, pair[0], n) if max(pair) else k for k, pair, n in axes)]
            inner = [k - pair[0] for k, pair, _ in axes]
            inside = [c for k, n, pair in zip(inner, data.shape, widths, strict=True) if max(pair)
                      for c in (k >= 0, k < n)]
            return te.select(te.all(*inside), data[tuple(inner)], self.constant_value)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        fill = {"constant_values": self.constant_value} if self.mode == "constant" else {}
        return np.pad(data, self.widths(data.shape), self.mode, **fill)  # type: ignore[call-overload]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shape = node.inputs[0].type.dims
        widths = self.widths(shape)
        if self.mode == "constant":
            return [g.slice(dy, begin=tuple(b for b, _ in widths),
                            end=tuple(b + n for (b, _), n in zip(widths, shape, strict=True)))]
        for axis, pair in enumerate(widths):
            if max(pair):
                source = g.constant(np.pad(np.arange(shape[axis]), pair, self.mode), DType.int32)
                dy = add_rows(g, dy, source, with_extent(dy.type.dims, axis, shape[axis]), axis)
        return [dy]


# ---- diagonals -----------------------------------------------------------------------------------------------


@operator("diag")
class Diag(Operator):
    """The k-th diagonal over axis1 and axis2, as the last axis; of a vector the matrix that has it as k-th diagonal.

    MXNet: diag.
    """

    k: int = 0
    axis1: int = 0
    axis2: int = 1

    def plane(self, rank: int) -> tuple[int, int]:
        """The two axes."""
        rows, columns = axis_in(self.axis1, rank, "axis1"), axis_in(self.axis2, rank, "axis2")
        if rows == columns:
            raise Conflict(f"axis1 and axis2 are both {rows}")
        return rows, columns

    @property
    def first(self) -> tuple[int, int]:
        """Row and column where the diagonal begins."""
        return max(-self.k, 0), max(self.k, 0)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        shape = s.data.shape
        if s.data.rank == 1:
            s.output.unify((None if shape[0] is None else shape[0] + abs(self.k),) * 2)
        elif s.data.rank is not None:
            rows, columns = self.plane(s.data.rank)
            others = tuple(d for i, d in enumerate(shape) if i not in (rows, columns))
            s.output.unify((*others, self._length(shape[rows], shape[columns])))

    def _length(self, rows: int | None, columns: int | None) -> int | None:
        if rows is None or columns is None:
            return None
        length = min(rows - self.first[0], columns - self.first[1])
        if length <= 0:
            raise Conflict(f"a {rows}×{columns} matrix has no diagonal {self.k}")
        return length

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        if len(data.shape) == 1:
            return [_on_diagonal(te, outputs[0].dims, (0, 1), self.first, data.shape[0], lambda at: data[at])]
        rows, columns = self.plane(len(data.shape))

        def element(*i: Any) -> Any:
            others = iter(i[:-1])
            place = {rows: i[-1] + self.first[0], columns: i[-1] + self.first[1]}
            return data[tuple(place[axis] if axis in place else next(others) for axis in range(len(data.shape)))]
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.diag(data, self.k) if data.ndim == 1 else data.diagonal(self.k, *self.plane(data.ndim))

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shape = node.inputs[0].type.dims
        if len(shape) == 1:
            return [g.diag(dy, k=self.k)]
        return [g._backward_diag(dy, shape=shape, k=self.k, axes=self.plane(len(shape)))]


def _on_diagonal(te: Any, shape: Shape, plane: tuple[int, int], first: tuple[int, int], length: int,
                 element: Callable[..., Any]) -> Any:
    """Zeros with `element(*other indices, place on the diagonal)` on a diagonal of `plane`."""
    def body(*i: Any) -> Any:
        at = i[plane[0]] - first[0]
        others = [k for axis, k in enumerate(i) if axis not in plane]
        on = te.all(at >= 0, at < length, i[plane[1]] - first[1] == at)
        return te.select(on, element(*others, at), 0)
    return te.tensor(shape, body)


@operator("_backward_diag", hidden=True)
class DiagGradient(Operator):
    """Zeros of `shape` with dy on the k-th diagonal over `axes`."""

    shape: Dims
    k: int
    axes: Dims

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (dy,) = inputs
        rows, columns = self.axes
        return [_on_diagonal(te, self.shape, (rows, columns), Diag(k=self.k).first, dy.shape[-1], lambda *i: dy[i])]

    def reference(self, dy: np.ndarray) -> np.ndarray:
        result = np.zeros(self.shape, dy.dtype)
        rows, columns = (first + np.arange(dy.shape[-1]) for first in Diag(k=self.k).first)
        np.moveaxis(result, self.axes, (-2, -1))[..., rows, columns] = dy
        return result
