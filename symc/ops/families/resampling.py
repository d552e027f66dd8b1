"""Images of another size, each pixel a weighted sum of a few pixels along either axis.

Where a row of the result takes its values from is a table, `Taps`, made when the size is known; the gradient is the
same operator with the tables transposed, so nothing is scattered and sums have one order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.statistics import wide
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, Optional, operator
from symc.ops.parameters import Dims, may_be_unset
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

Extents = tuple[int, int]
Single = np.float32


@dataclass(frozen=True, eq=False)
class Taps:
    """For each place of the result the places it takes values from, (places, taps), -1 for none, and their weights."""

    places: np.ndarray
    weights: np.ndarray

    def transposed(self, extent: int) -> Taps:
        """For each of `extent` places of the source, the places of the result that take its value."""
        found: list[list[tuple[int, float]]] = [[] for _ in range(extent)]
        for target, source in np.argwhere(self.places >= 0):
            found[self.places[target, source]].append((target, self.weights[target, source]))
        return taps_of(found)


def taps_of(found: list[list[tuple[int, float]]]) -> Taps:
    """The table of lists of (place, weight)."""
    count = max(map(len, found), default=1) or 1
    places, weights = np.full((len(found), count), -1, np.int32), np.zeros((len(found), count))
    for row, taps in enumerate(found):
        for column, (place, weight) in enumerate(taps):
            places[row, column], weights[row, column] = place, weight
    return Taps(places, weights)


def bilinear_taps(source: int, target: int, align_corners: bool) -> Taps:
    """Two neighbours for each place, weighted by their distance; in float32 as MXNet computes them."""
    if source == target:
        return taps_of([[(i, 1.0)] for i in range(target)])
    if target == 1:
        scale = Single(0)
    else:
        scale = Single(source - 1) / Single(target - 1) if align_corners else Single(source) / Single(target)
    if align_corners:
        at = scale * np.arange(target, dtype=Single)
    else:
        at = np.maximum(Single(scale) * (np.arange(target) + 0.5) - 0.5, 0).astype(Single)
    first = at.astype(np.int32)
    share = (at - first).astype(Single).astype(np.float64)
    places = np.stack([first, np.minimum(first + 1, source - 1)], 1)
    return Taps(places.astype(np.int32), np.stack([1 - share, share], 1))


def average_taps(source: int, target: int) -> Taps:
    """Equal weights for the places that a cell of the result covers, if only in part."""
    starts = [math.floor(Single(i * source) / Single(target)) for i in range(target)]
    ends = [math.ceil(Single((i + 1) * source) / Single(target)) for i in range(target)]
    return taps_of([[(i, 1 / (b - a)) for i in range(a, b)] for a, b in zip(starts, ends, strict=True)])


def resample(g: Any, data: Value, rows: Taps, columns: Taps, channels_last: bool = False) -> Value:
    """The image(s) `data`, (..., H, W) or (..., H, W, C), at the places of the tables: rows first, then columns."""
    axis, own = len(data.type.dims) - (3 if channels_last else 2), data.type.element
    for dim, taps, dtype in ((axis, rows, wide(own)), (axis + 1, columns, own)):
        tables = g.constant(taps.places, DType.int32), g.constant(taps.weights, wide(own))
        data = g._resample(data, *tables, axis=dim, has_gaps=bool((taps.places < 0).any()), dtype=dtype.name)
    return data


def along_axis(data: np.ndarray, axis: int, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums along one axis."""
    total: Any = 0
    for place, weight in zip(places.T, weights.T, strict=True):
        shape = tuple(len(place) if i == axis else 1 for i in range(data.ndim))
        taken = data.take(np.maximum(place, 0), axis) * weight.reshape(shape).astype(data.dtype)
        total = total + np.where((place >= 0).reshape(shape), taken, 0)
    return total  # type: ignore[no-any-return]


@operator("_resample", hidden=True)
class Resample(Operator):
    """Σ over taps t of weights[y, t]·data[..., places[y, t], ...] along one axis, as `dtype`.

    has_gaps: some places are -1, which is none.
    """

    axis: int
    has_gaps: bool
    dtype: str
    inputs = ("data", "places", "weights")
    pattern = "window"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((*s.data.dims[:self.axis], s.places[0], *s.data.dims[self.axis + 1:]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.dtype])

    def reference(self, data: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
        values = NumPyMath.cast(data, wide(DType.of(data.dtype)))
        return along_axis(values, self.axis, places, weights).astype(DType[self.dtype].numpy)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, places, weights = inputs

        def element(*at: Any) -> Any:
            lead, row, inner = at[:self.axis], at[self.axis], at[self.axis + 1:]

            def term(tap: Any) -> Any:
                place = te.index(places[row, tap])
                product = weights[row, tap] * te.F.cast(data[(*lead, place, *inner)], weights.dtype)
                return te.select(place >= 0, product, te.F.const(0, product)) if self.has_gaps else product
            return te.sum((places.shape[1],), term)
        total = te.tensor(outputs[0].dims, element)
        if total.dtype is DType[self.dtype]:
            return [total]
        return [te.tensor(outputs[0].dims, lambda *at: te.F.cast(total[at], DType[self.dtype]))]


class Resizing(Operator):
    """Base of the operators that resize (N, C, H, W) by tables."""

    def target(self, *shapes: Any) -> Any:
        """Height and width of the result from the known shapes of the inputs.  Conflict when there is none."""
        raise NotImplementedError

    def taps(self, source: int, target: int) -> Taps:
        raise NotImplementedError

    def tables(self, source: Extents, target: Extents) -> tuple[Taps, Taps]:
        rows, columns = (self.taps(a, b) for a, b in zip(source, target, strict=True))
        return rows, columns

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if any(slot.rank is None for slot in s.inputs):
            return
        for slot in s.inputs:
            if slot.rank != 4:
                raise Conflict(f"{slot.name} {show(slot.shape)} must be (N, C, H, W)")
        if all(slot.known for slot in s.inputs):
            target = self.target(*(slot.dims[2:] for slot in s.inputs))
            if min(target) < 1:
                raise Conflict(f"the result has {target[0]} × {target[1]} pixels")
            s.output.unify((*s.inputs[0].shape[:2], *target))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.data.unify(t.output.dtype)
        t.output.unify(t.data.dtype)
        for slot in t.inputs[1:]:
            slot.unify(t.data.dtype)
        if t.data.known and not t.data.dtype.is_float:
            raise Conflict(f"data is {t.data.dtype.name}; it must be float16, float32 or float64")

    def rewrite(self, g: Any, data: Value, *others: Value) -> list[Value]:
        source = data.type.dims[2:]
        target = self.target(source, *(value.type.dims[2:] for value in others))
        return [resample(g, data, *self.tables(source, target))]  # type: ignore[arg-type]

    def reference(self, data: np.ndarray, *others: np.ndarray) -> np.ndarray:
        target = self.target(data.shape[2:], *(value.shape[2:] for value in others))
        rows, columns = self.tables(data.shape[2:], target)  # type: ignore[arg-type]
        values = NumPyMath.cast(data, wide(DType.of(data.dtype)))
        sums = along_axis(along_axis(values, 2, rows.places, rows.weights), 3, columns.places, columns.weights)
        return sums.astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        source, target = (value.type.dims[2:] for value in (node.inputs[0], dy))
        rows, columns = self.tables(source, target)  # type: ignore[arg-type]
        dx = resample(g, dy, rows.transposed(source[0]), columns.transposed(source[1]))
        return [dx, *[None] * (len(node.inputs) - 1)]


@operator("_contrib_BilinearResize2D")
class BilinearResize2D(Resizing):
    """Images (N, C, H, W) resized by bilinear interpolation.  MXNet: contrib.BilinearResize2D.

    mode: size (height, width, or both scales), odd_scale (scales; odd sizes stay odd), like (the second input's size),
    to_even_down, to_even_up, to_odd_down, to_odd_up (by one pixel at most).
    """

    height: int = 1
    width: int = 1
    scale_height: float | None = None
    scale_width: float | None = None
    mode: Literal["like", "odd_scale", "size", "to_even_down", "to_even_up", "to_odd_down", "to_odd_up"] = "size"
    align_corners: bool = True
    inputs = ("data", Optional("like", when=lambda op: op.mode == "like"))

    def target(self, source: Extents, *like: Extents) -> Extents:
        if like:
            return like[0]
        if self.mode.startswith("to_"):
            _, parity, way = self.mode.split("_")
            step = 1 if way == "up" else -1
            return tuple(x if x % 2 == (parity == "odd") else x + step for x in source)  # type: ignore[return-value]
        if self.mode == "size" and self.scale_height is None:
            return self.height, self.width
        if self.scale_height is None or self.scale_width is None:
            raise Conflict(f"mode {self.mode} needs both scale_height and scale_width")
        scales = Single(self.scale_height), Single(self.scale_width)
        odd = [x % 2 if self.mode == "odd_scale" else 0 for x in source]
        sizes = [int(Single(x - o) * scale) + o for x, o, scale in zip(source, odd, scales, strict=True)]
        return sizes[0], sizes[1]

    def taps(self, source: int, target: int) -> Taps:
        return bilinear_taps(source, target, self.align_corners)


@operator("_contrib_AdaptiveAvgPooling2D")
class AdaptiveAvgPooling2D(Resizing):
    """The mean over each of output_size × output_size cells, which may overlap.  MXNet: contrib.AdaptiveAvgPooling2D.
    """

    output_size: Dims = may_be_unset()

    def target(self, source: Extents, *_: Extents) -> Extents:
        match self.output_size:
            case (size,):
                return size, size
            case (height, width):
                return height, width
        return 1, 1

    def taps(self, source: int, target: int) -> Taps:
        return average_taps(source, target)

    def rewrite(self, g: Any, data: Value, *others: Value) -> list[Value]:
        """Cells of one size that do not overlap are those of a Pooling."""
        height, width = data.type.dims[2:]
        source, target = (height, width), self.target((height, width))
        if any(a % b for a, b in zip(source, target, strict=True)):
            return super().rewrite(g, data)
        cell = tuple(a // b for a, b in zip(source, target, strict=True))
        return [g.Pooling(data, kernel=cell, stride=cell, pool_type="avg")]
