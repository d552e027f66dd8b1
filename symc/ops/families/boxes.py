"""Boxes: overlaps, and offsets of boxes from anchors.

A box in memory is four numbers, (x_min, y_min, x_max, y_max) in the format `corner`, (x, y, width, height) around its
middle in the format `center`.  Functions take a box as four values, of NumPy or of a kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.slots import Conflict, ShapeSlot, Slots, show, unify

Format = Literal["center", "corner"]
Box = Sequence[Any] | np.ndarray


def single(number: float) -> float:
    """A parameter as MXNet holds it, whatever the dtype of the data is: in float32."""
    return float(np.float32(number))


def larger(F: Any, a: Any, b: Any) -> Any:
    """Of two numbers as `a > b ? a : b` chooses."""
    return F.where(a > b, a, b)


def smaller(F: Any, a: Any, b: Any) -> Any:
    return F.where(a < b, a, b)


def ends(box: Box, axis: int, format: Format) -> tuple[Any, Any]:
    """Where a box begins and ends along an axis, 0 for x and 1 for y."""
    if format == "corner":
        return box[axis], box[axis + 2]
    half = box[axis + 2] * 0.5
    return box[axis] - half, box[axis] + half


def intersection(F: Any, a: Box, b: Box, format: Format = "corner") -> Any:
    """The area that two boxes share."""
    extents = []
    for axis in (0, 1):
        (a_begin, a_end), (b_begin, b_end) = ends(a, axis, format), ends(b, axis, format)
        extents.append(larger(F, smaller(F, a_end, b_end) - larger(F, a_begin, b_begin), 0))
    return extents[0] * extents[1]


def area(F: Any, box: Box, format: Format = "corner") -> Any:
    """The area of a box, 0 where an extent is negative."""
    width, height = (box[2], box[3]) if format == "center" else (box[2] - box[0], box[3] - box[1])
    return F.where(F.logical_or(width < 0, height < 0), 0, width * height)


def overlap(F: Any, a: Box, b: Box, format: Format = "corner") -> Any:
    """Intersection over union, which is 0 / 0 for two boxes without area."""
    shared = intersection(F, a, b, format)
    return shared / (area(F, a, format) + area(F, b, format) - shared)


def box_of(array: np.ndarray) -> list[np.ndarray]:
    """The four numbers of the boxes along the last axis of an array."""
    return [array[..., i] for i in range(4)]


def boxes_expected(slot: ShapeSlot, rank: int | None = None) -> None:
    """Conflict when the slot's shape is not (..., 4), or not of the given rank."""
    if slot.rank is not None and (slot.rank < 2 or slot[-1] not in (4, None) or slot.rank != (rank or slot.rank)):
        shape = "(N, M, 4)" if rank == 3 else "(..., M, 4)"
        raise Conflict(f"{slot.name} {show(slot.shape)} must be {shape}")


@operator("_contrib_box_iou")
class BoxIou(Operator):
    """The intersection over union of each box of lhs (..., 4) with each one of rhs (..., 4); 0 where they share none.

    MXNet: _contrib_box_iou.
    """

    dtypes = REAL

    format: Format = "corner"
    inputs = ("lhs", "rhs")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot in s.inputs:
            boxes_expected(slot)
        if s.lhs.rank is not None and s.rhs.rank is not None:
            s.output.unify((*s.lhs.shape[:-1], *s.rhs.shape[:-1]))

    def expression_of(self, F: Any, lhs: Box, rhs: Box) -> Any:
        shared = intersection(F, lhs, rhs, self.format)
        union = area(F, lhs, self.format) + area(F, rhs, self.format) - shared
        return F.where(shared <= 0, 0, shared / union)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        rank = len(inputs[0].shape) - 1
        return [te.tensor(outputs[0].dims, lambda *i: self.expression_of(
            te.F, *([boxes[(*at, c)] for c in range(4)] for boxes, at in zip(inputs, (i[:rank], i[rank:]),
                                                                           strict=True))))]

    def reference(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        expanded = lhs.reshape(*lhs.shape[:-1], *(1,) * (rhs.ndim - 1), 4)
        return self.expression_of(NumPyMath, box_of(expanded), box_of(rhs))  # type: ignore[no-any-return]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None, None]


@operator("_contrib_box_decode")
class BoxDecode(Operator):
    """Boxes (N, M, 4) in corners from offsets `data` (N, M, 4) of anchors (1, M, 4) in `format`.

    The middle is moved by data·std in units of the anchor's extents; the extents are multiplied by exp(data·std), that
    exponent being at most `clip` if that is positive.  MXNet: _contrib_box_decode.
    """

    dtypes = REAL

    std0: float = 1.0
    std1: float = 1.0
    std2: float = 1.0
    std3: float = 1.0
    clip: float = -1.0
    format: Format = "center"
    inputs = ("data", "anchors")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        boxes_expected(s.data, 3)
        boxes_expected(s.anchors, 3)
        if s.data.rank is not None and s.anchors.rank is not None:
            s.data.unify_axis(1, s.anchors[1])
        s.output.unify(s.data.shape)

    def expression_of(self, F: Any, offsets: Box, anchor: Box) -> list[Any]:
        """The four numbers of a box."""
        low, high = [], []
        for axis, (move, scale) in enumerate(((self.std0, self.std2), (self.std1, self.std3))):
            middle, extent = anchor[axis], anchor[axis + 2]
            if self.format == "corner":
                extent = extent - middle
                middle = middle + extent * 0.5
            exponent = offsets[axis + 2] * single(scale)
            if self.clip > 0:
                exponent = smaller(F, exponent, single(self.clip))
            place = offsets[axis] * single(move) * extent + middle
            half = F.exp(exponent) * extent * 0.5
            low.append(place - half)
            high.append(place + half)
        return low + high

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, anchors = inputs

        def element(n: Any, m: Any, c: Any) -> Any:
            box = self.expression_of(te.F, [data[n, m, i] for i in range(4)], [anchors[0, m, i] for i in range(4)])
            return te.F.where(c == 0, box[0], te.F.where(c == 1, box[1], te.F.where(c == 2, box[2], box[3])))
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray, anchors: np.ndarray) -> np.ndarray:
        return np.stack(self.expression_of(NumPyMath, box_of(data), box_of(anchors[:1])), -1).astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None, None]


@operator("_contrib_box_encode")
class BoxEncode(Operator):
    """Offsets (N, M, 4) from anchors (N, M, 4) to the boxes refs (N, K, 4) that matches (N, M) chooses, and a mask.

    Both are 0 where samples (N, M) is not above 0.5.  Offsets are normalised by means (4) and stds (4).
    MXNet: _contrib_box_encode.
    """

    dtypes = REAL

    inputs = ("samples", "matches", "anchors", "refs", "means", "stds")
    outputs = ("output0", "output1")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        boxes_expected(s.anchors, 3)
        boxes_expected(s.refs, 3)
        count = s.anchors[1] if s.anchors.rank is not None else None
        for slot in (s.samples, s.matches):
            slot.unify((None, count))
        unify(s.samples, s.matches)
        for slot in (s.means, s.stds):
            slot.unify((4,))
        for output in s.outputs:
            output.unify(s.anchors.shape)

    def offset(self, F: Any, anchor: Box, box: Box, axis: int, is_extent: bool) -> Any:
        """One offset, not yet normalised: of the middle along an axis, or the logarithm of the extents' quotient."""
        (a_begin, a_end), (begin, end) = ends(anchor, axis, "corner"), ends(box, axis, "corner")
        extent, own = a_end - a_begin, end - begin
        if is_extent:
            return F.log(own / extent)
        return (begin + own * 0.5 - (a_begin + extent * 0.5)) / extent

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        samples, matches, anchors, refs, means, stds = inputs
        shape = outputs[0].dims

        def target(n: Any, m: Any, c: Any) -> Any:
            at = te.clamp(te.index(matches[n, m]), 0, refs.shape[1] - 1)
            anchor, box = ([tensor[n, row, i] for i in range(4)] for tensor, row in ((anchors, m), (refs, at)))
            offsets = [self.offset(te.F, anchor, box, axis, extent) for extent in (False, True) for axis in (0, 1)]
            chosen = te.F.where(c == 0, offsets[0], te.F.where(c == 1, offsets[1], te.F.where(
                c == 2, offsets[2], offsets[3])))
            return te.F.where(samples[n, m] > 0.5, (chosen - means[c]) / stds[c], 0)
        return [te.tensor(shape, target), te.tensor(shape, lambda n, m, c: te.F.cast(
            samples[n, m] > 0.5, outputs[1].element))]

    def reference(self, samples: np.ndarray, matches: np.ndarray, anchors: np.ndarray, refs: np.ndarray,
                  means: np.ndarray, stds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at = np.clip(matches.astype(np.int64), 0, refs.shape[1] - 1)[..., None]
        anchor, box = box_of(anchors), box_of(np.take_along_axis(refs, at, 1))
        offsets = np.stack([self.offset(NumPyMath, anchor, box, axis, extent)
                            for extent in (False, True) for axis in (0, 1)], -1)
        valid = np.broadcast_to(samples[..., None] > 0.5, anchors.shape)
        return np.where(valid, (offsets - means) / stds, 0).astype(anchors.dtype), valid.astype(anchors.dtype)

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        return [None] * 6
