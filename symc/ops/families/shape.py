"""Views: operators that give the same elements, in the same order, another shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import PartialShape
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims, may_be_unset
from symc.ops.shapes import axis_in, fill_from_size, product
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show


class View(Operator):
    """Base of the views of one input; `viewed` says the shape."""

    is_view = True

    def viewed(self, shape: PartialShape) -> PartialShape:
        """The output's shape from the input's, either partly unknown.  Conflict when it cannot be."""
        raise NotImplementedError

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        s.output.unify(self.viewed(s.data.shape))
        fill_from_size(s.data, product(s.output.shape))
        fill_from_size(s.output, product(s.data.shape))

    def reference(self, data: np.ndarray) -> np.ndarray:
        return data.reshape(self.viewed(data.shape))  # type: ignore[arg-type]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.reshape(dy, node.inputs[0].type.dims)]


@operator("_reshape", hidden=True)
class Reshaped(View):
    """The input under `shape`, all of whose extents are given."""

    shape: Dims

    def viewed(self, shape: PartialShape) -> PartialShape:
        return self.shape


@operator("Reshape", aliases=("reshape",))
class Reshape(View):
    """The input under another shape, written with codes that copy, infer, merge and split dimensions.

    0 copies a dimension, -1 is inferred from the number of elements, -2 copies all that remain, -3 merges two, -4
    splits one into the two extents behind it; `reverse` reads from the right.  The legacy `target_shape` knows one
    0, which is inferred; `keep_highest` keeps its first dimension.  MXNet: Reshape.
    """

    shape: Dims = ()
    reverse: bool = False
    target_shape: Dims = may_be_unset()
    keep_highest: bool = False

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        if s.data.rank is None or self.reverse:
            return
        for i, code in enumerate(self.shape):  # copied dimensions are known from either side
            if code != 0:
                break
            s.data.unify_axis(i, s.output[i])

    def viewed(self, shape: PartialShape) -> PartialShape:
        if not self.shape:
            return self._legacy(shape)
        if self.reverse:
            return _decode(self.shape[::-1], shape[::-1])[::-1]
        return _decode(self.shape, shape)

    def _legacy(self, shape: PartialShape) -> PartialShape:
        if not self.target_shape:
            raise Conflict("parameter shape is missing")
        head = shape[:1] if self.keep_highest else ()
        target = (*head, *(extent or None for extent in self.target_shape[len(head):]))
        slot = ShapeSlot("target_shape", target)
        fill_from_size(slot, product(shape))
        return slot.shape  # type: ignore[no-any-return]


def _decode(codes: Dims, shape: PartialShape) -> PartialShape:
    """The shape that MXNet's reshape codes, read from the left, make of `shape`."""
    remaining = list(shape)
    target: list[int | None] = []
    unread = list(codes)

    def take(count: int) -> list[int | None]:
        if len(remaining) < count:
            raise Conflict(f"shape {codes} reads more dimensions than {show(shape)} has")
        taken, remaining[:count] = remaining[:count], []
        return taken

    while unread:
        code = unread.pop(0)
        if code == 0:
            target += take(1)
        elif code == -2:
            target += take(len(remaining))
        elif code == -3:
            target.append(product(tuple(take(2))))
        elif code == -4:
            if len(unread) < 2:
                raise Conflict(f"shape {codes} lacks the two extents behind -4")
            target += _split(take(1)[0], unread.pop(0), unread.pop(0))
        elif code == -1 or code > 0:
            target.append(None if code == -1 else code)
            remaining[:1] = []
        else:
            raise Conflict(f"shape {codes} has the unknown code {code}")
    return _inferred(codes, target, shape)


def _split(extent: int | None, left: int, right: int) -> list[int | None]:
    """The two extents of code -4, one of which may be -1."""
    if left == right == -1:
        raise Conflict("both extents behind -4 are -1")
    if extent is not None:
        left, right = (extent // right if left == -1 else left), (extent // left if right == -1 else right)
        if left * right != extent:
            raise Conflict(f"cannot split the extent {extent} into {left} and {right}")
    return [None if left == -1 else left, None if right == -1 else right]


def _inferred(codes: Dims, target: list[int | None], shape: PartialShape) -> PartialShape:
    """Fill in the dimension of code -1, known only when all of `shape` is."""
    if codes.count(-1) - _split_unknowns(codes) > 1:
        raise Conflict(f"shape {codes} has more than one -1")
    slot = ShapeSlot("output", tuple(target))
    fill_from_size(slot, product(shape))
    return slot.shape  # type: ignore[no-any-return]


def _split_unknowns(codes: Dims) -> int:
    """How many of the -1 belong to a -4."""
    return sum(codes[i + 1:i + 3].count(-1) for i, code in enumerate(codes) if code == -4)


@operator("Flatten", aliases=("flatten",))
class Flatten(View):
    """(N, d1, d2, ...) as (N, d1·d2·...).  MXNet: Flatten."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        if s.data.rank is not None:
            s.data.unify_axis(0, s.output[0])

    def viewed(self, shape: PartialShape) -> PartialShape:
        return (shape[0], product(shape[1:]))


@operator("expand_dims")
class ExpandDims(View):
    """A dimension of extent 1 inserted before `axis`.  MXNet: expand_dims."""

    axis: int

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.output.rank is not None:
            at = axis_in(self.axis, s.output.rank)
            s.data.unify((*s.output.shape[:at], *s.output.shape[at + 1:]))
        super().infer_shape(s)

    def viewed(self, shape: PartialShape) -> PartialShape:
        at = axis_in(self.axis, len(shape) + 1)
        return (*shape[:at], 1, *shape[at:])


@operator("squeeze")
class Squeeze(View):
    """The dimensions of `axis`, by default all of extent 1, taken out; one dimension remains.  MXNet: squeeze."""

    axis: Dims | None = None

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None and self.axis is not None:
            for axis in self.axis:
                s.data.unify_axis(axis_in(axis, s.data.rank), 1)
        if s.data.known or self.axis is not None:
            super().infer_shape(s)

    def viewed(self, shape: PartialShape) -> PartialShape:
        if self.axis is None:
            kept = tuple(d for d in shape if d != 1)
        else:
            taken = {axis_in(axis, len(shape)) for axis in self.axis}
            if len(taken) != len(self.axis):
                raise Conflict(f"axis {self.axis} names a dimension twice")
            kept = tuple(d for i, d in enumerate(shape) if i not in taken)
        return kept or (1,)


@operator("reshape_like")
class ReshapeLike(Operator):
    """lhs with its dimensions [lhs_begin, lhs_end) replaced by those of rhs [rhs_begin, rhs_end).

    MXNet: reshape_like; rhs gives its shape only.
    """

    lhs_begin: int | None = None
    lhs_end: int | None = None
    rhs_begin: int | None = None
    rhs_end: int | None = None
    inputs = ("lhs", "rhs")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.lhs.rank is None or s.rhs.rank is None:
            return
        s.output.unify(self.viewed(s.lhs.shape, s.rhs.shape))
        fill_from_size(s.output, product(s.lhs.shape))
        fill_from_size(s.lhs, product(s.output.shape))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.lhs.unify(t.output.dtype)
        t.output.unify(t.lhs.dtype)

    def viewed(self, lhs: PartialShape, rhs: PartialShape) -> PartialShape:
        first, last = _span("lhs", len(lhs), self.lhs_begin, self.lhs_end)
        begin, end = _span("rhs", len(rhs), self.rhs_begin, self.rhs_end)
        return (*lhs[:first], *rhs[begin:end], *lhs[last:])

    def rewrite(self, g: Any, lhs: Value, rhs: Value) -> list[Value]:
        return [g.reshape(lhs, self.viewed(lhs.type.dims, rhs.type.dims))]

    def reference(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        return lhs.reshape(self.viewed(lhs.shape, rhs.shape))  # type: ignore[arg-type]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.reshape(dy, node.inputs[0].type.dims), None]


def _span(name: str, rank: int, begin: int | None, end: int | None) -> tuple[int, int]:
    first = 0 if begin is None else begin + rank * (begin < 0)
    last = rank if end is None else end + rank * (end < 0)
    if not 0 <= first < last <= rank:
        raise Conflict(f"{name}_begin={begin} and {name}_end={end} select no dimension of {rank}")
    return first, last
