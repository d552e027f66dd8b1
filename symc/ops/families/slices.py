"""Slices: windows of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import PartialShape, TensorType
from symc.ops.operator import Operator, Variadic, operator
from symc.ops.parameters import Dims, PartialDims, may_be_unset
from symc.ops.shapes import axis_in
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show


@operator("slice", aliases=("_sparse_slice", "crop"))
class Slice(Operator):
    """data[begin:end:step] along the leading axes, Python's rules for None, negative and outlying bounds.

    MXNet: slice.  What is empty has an extent of 0.
    """

    begin: PartialDims
    end: PartialDims
    step: PartialDims = ()

    def windows(self, shape: PartialShape) -> list[range | None]:
        """For each axis the positions taken; None where that depends on an unknown extent."""
        if not len(self.begin) == len(self.end) <= len(shape) or len(self.step) not in (0, len(self.begin)):
            raise Conflict(f"begin {self.begin}, end {self.end} and step {self.step} do not fit data {show(shape)}")
        steps = [step or 1 for step in self.step] or [1] * len(self.begin)
        if 0 in self.step:
            raise Conflict("step is 0")
        bounds = [*map(slice, self.begin, self.end, steps)] + [slice(None)] * (len(shape) - len(self.begin))
        return [None if extent is None else range(extent)[bound] for bound, extent in zip(bounds, shape, strict=True)]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(tuple(None if w is None else len(w) for w in self.windows(s.data.shape)))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        windows = [w for w in self.windows(inputs[0].shape) if w is not None]
        return [te.tensor(outputs[0].dims, lambda *i: inputs[0][tuple(
            k * w.step + w.start for k, w in zip(i, windows, strict=True))])]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return data[np.ix_(*self.windows(data.shape))]  # type: ignore[arg-type]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shape = node.inputs[0].type.dims
        windows = [w for w in self.windows(shape) if w is not None]
        return [g._backward_slice(dy, shape=shape, begin=tuple(w.start for w in windows),
                                  step=tuple(w.step for w in windows))]


def _within(i: Sequence[Any], windows: Sequence[range]) -> tuple[list[Any], list[Any]]:
    """Conditions that `i` lies in a window of a tensor, and its place there."""
    inside, place = [], []
    for position, window in zip(i, windows, strict=True):
        distance = position - window.start if window.step > 0 else window.start - position
        stride = abs(window.step)
        inside += [distance >= 0, distance < len(window) * stride, distance % stride == 0]
        place.append(distance // stride)
    return inside, place


@operator("_backward_slice", hidden=True)
class SliceGradient(Operator):
    """Zeros of `shape`, with the input's elements at begin + k·step along each axis."""

    shape: Dims
    begin: Dims
    step: Dims

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (dy,) = inputs
        windows = self.windows(dy.shape)

        def element(*i: Any) -> Any:
            inside, place = _within(i, windows)
            return te.select(te.all(*inside), dy[tuple(place)], 0)
        return [te.tensor(self.shape, element)]

    def windows(self, extents: Dims) -> list[range]:
        """For each axis the positions where the input's elements go."""
        return [range(b, b + n * s, s) for b, s, n in zip(self.begin, self.step, extents, strict=True)]

    def reference(self, dy: np.ndarray) -> np.ndarray:
        result = np.zeros(self.shape, dy.dtype)
        result[np.ix_(*self.windows(dy.shape))] = dy
        return result

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        ends = [window.stop for window in self.windows(node.inputs[0].type.dims)]
        return [g.slice(dy, begin=self.begin, step=self.step, end=tuple(e if e >= 0 else None for e in ends))]


class SliceAssignment(Operator):
    """Base: the first input with data[begin:end:step] replaced; bounds as of `slice`."""

    begin: PartialDims
    end: PartialDims
    step: PartialDims

    def windows(self, shape: PartialShape) -> list[range | None]:
        return Slice(self.begin, self.end, self.step).windows(shape)

    def replaced(self, te: Any, whole: Any, element: Callable[..., Any]) -> Any:
        """`whole` with `element(place in the window)` in the window."""
        windows = [w for w in self.windows(whole.shape) if w is not None]

        def body(*i: Any) -> Any:
            inside, place = _within(i, windows)
            return te.select(te.all(*inside), element(place), whole[i])
        return te.tensor(whole.shape, body)

    def assigned(self, whole: np.ndarray, part: Any) -> np.ndarray:
        """`replaced` in NumPy."""
        result = whole.copy()
        result[np.ix_(*self.windows(whole.shape))] = part  # type: ignore[arg-type]
        return result


@operator("_slice_assign", aliases=("_crop_assign",))
class SliceAssign(SliceAssignment):
    """lhs with lhs[begin:end:step] replaced by rhs.  MXNet: _slice_assign."""

    begin: PartialDims
    end: PartialDims
    step: PartialDims = ()
    inputs = ("lhs", "rhs")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.lhs.shape)
        s.lhs.unify(s.output.shape)
        if s.lhs.rank is not None:
            s.rhs.unify(tuple(None if w is None else len(w) for w in self.windows(s.lhs.shape)))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        lhs, rhs = inputs
        return [self.replaced(te, lhs, lambda place: rhs[tuple(place)])]

    def reference(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        return self.assigned(lhs, rhs)


@operator("_slice_assign_scalar", aliases=("_crop_assign_scalar",))
class SliceAssignScalar(SliceAssignment):
    """data with data[begin:end:step] set to `scalar`.  MXNet: _slice_assign_scalar."""

    parameter_order = ("scalar",)
    begin: PartialDims
    end: PartialDims
    step: PartialDims = ()
    scalar: float = 0.0

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.unify_all()
        if s.data.rank is not None:
            self.windows(s.data.shape)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return [self.replaced(te, inputs[0], lambda place: self.scalar)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return self.assigned(data, np.asarray(self.scalar).astype(data.dtype))


class SliceOf(Operator):
    """Base of the operators that are a `slice` of their first input; the others give shapes only."""

    def bounds(self, *shapes: PartialShape) -> list[tuple[int | None, int | None]]:
        """(begin, end) for each axis of the first input, (None, None) where all of it is taken."""
        raise NotImplementedError

    def extents(self, *shapes: PartialShape) -> PartialShape:
        """The output's shape."""
        return tuple(None if extent is None else len(range(extent)[slice(*bound)])
                     for extent, bound in zip(shapes[0], self.bounds(*shapes), strict=True))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if any(slot.rank is None for slot in s.inputs):
            return
        s.output.unify(self.extents(*(slot.shape for slot in s.inputs)))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.inputs[0].dtype)
        t.inputs[0].unify(t.output.dtype)

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        bounds = self.bounds(*(value.type.dims for value in inputs))
        return [g.slice(inputs[0], begin=tuple(b for b, _ in bounds), end=tuple(e for _, e in bounds))]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0][tuple(slice(*bound) for bound in self.bounds(*(x.shape for x in inputs)))]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        shapes = [value.type.dims for value in node.inputs]
        begins = tuple(begin or 0 for begin, _ in self.bounds(*shapes))
        return [g._backward_slice(dy, shape=shapes[0], begin=begins, step=(1,) * len(begins)),
                *[None] * (len(shapes) - 1)]


@operator("slice_axis")
class SliceAxis(SliceOf):
    """[begin, end) of one axis; negative bounds count from its end.  MXNet: slice_axis."""

    axis: int
    begin: int
    end: int | None

    def bounds(self, *shapes: PartialShape) -> list[tuple[int | None, int | None]]:
        (shape,) = shapes
        at = axis_in(self.axis, len(shape))
        result: list[tuple[int | None, int | None]] = [(None, None)] * len(shape)
        extent = shape[at]
        if extent is not None:
            begin = self.begin + extent * (self.begin < 0)
            end = extent if self.end is None else self.end + extent * (self.end < 0)
            if not 0 <= begin < end <= extent:
                raise Conflict(f"begin={self.begin} and end={self.end} select nothing, or more than there is, of "
                               f"axis {at} of data {show(shape)}")
            result[at] = (begin, end)
        return result


@operator("slice_like")
class SliceLike(SliceOf):
    """The leading part of data with the extents of shape_like along `axes`, by default along all.

    MXNet: slice_like.
    """

    axes: Dims = ()
    inputs = ("data", "shape_like")

    def bounds(self, *shapes: PartialShape) -> list[tuple[int | None, int | None]]:
        data, like = shapes
        if not self.axes and len(data) != len(like):
            raise Conflict(f"data {show(data)} and shape_like {show(like)} differ in rank")
        result: list[tuple[int | None, int | None]] = [(None, None)] * len(data)
        for axis in self.axes or range(len(data)):
            at, extent = axis_in(axis, len(data), "axes"), like[axis_in(axis, len(like), "axes")]
            if extent is not None and (data[at] or extent) < extent:
                raise Conflict(f"shape_like {show(like)} is larger than data {show(data)} along axis {at}")
            result[at] = (None, extent)
        return result

    def extents(self, *shapes: PartialShape) -> PartialShape:
        sliced = {axis_in(axis, len(shapes[0])) for axis in self.axes or range(len(shapes[0]))}
        bounds = self.bounds(*shapes)
        return tuple(bounds[i][1] if i in sliced else extent for i, extent in enumerate(shapes[0]))


@operator("Crop")
class Crop(SliceOf):
    """A window of (N, C, H, W): of size h_w, or of the H and W of a second input; at `offset`, or in the middle.

    MXNet: Crop.
    """

    num_args: int
    offset: Dims = (0, 0)
    h_w: Dims = may_be_unset((0, 0))
    center_crop: bool = False
    inputs = (Variadic("arg"),)

    def bounds(self, *shapes: PartialShape) -> list[tuple[int | None, int | None]]:
        data, size = shapes[0], shapes[1][2:] if len(shapes) > 1 else self.h_w
        if len(self.offset) != 2:
            raise Conflict(f"offset {self.offset} must be two numbers, of rows and columns")
        if len(data) != 4 or len(size) != 2:
            raise Conflict(f"Crop takes (N, C, H, W), not {', '.join(map(show, shapes))}")
        windows = [self._window(extent, length, offset)
                   for extent, length, offset in zip(data[2:], size, self.offset, strict=True)]
        return [(None, None), (None, None), *windows]

    def _window(self, extent: int | None, length: int | None, offset: int) -> tuple[int | None, int | None]:
        if extent is None or length is None:
            return None, None
        begin = (extent - length) // 2 if self.center_crop else offset
        if not 0 <= begin < begin + length <= extent:
            raise Conflict(f"the window [{begin}, {begin + length}) leaves an extent of {extent}, or is empty")
        return begin, begin + length
