"""Regions of interest pooled: ROIPooling, _contrib_PSROIPooling.

A region is a row (number of the image, x_min, y_min, x_max, y_max) in units of the image; `spatial_scale` of them are
one pixel of the feature map.  A gradient's job owns planes of one image, so that no two add to the same element, and
adds regions in order; on GPUs all bins are added at once, in any order, as MXNet's kernels do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.families.boxes import larger, single, smaller
from symc.ops.families.indexing import fill, same_type
from symc.ops.families.unary import round_away
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.shapes import unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

LOWEST = -3.4028234663852886e38      # what a maximum starts with, in every dtype


def check_regions(s: Slots[ShapeSlot], width: int = 5) -> None:
    """Conflict when data is not (N, C, H, W) or rois not (R, width)."""
    if s.data.rank not in (None, 4):
        raise Conflict(f"data {show(s.data.shape)} must be (N, C, H, W)")
    s.rois.unify((None, width))


def image_of(k: Any, rois: Any, r: Any, images: int) -> Any:
    """The image of a region as an index, in bounds."""
    return k.clamp(k.index(rois[r, 0]), 0, images - 1)


def images_of(rois: np.ndarray, images: int) -> np.ndarray:
    return np.clip(rois[:, 0].astype(np.int64), 0, images - 1)


class Bins(Operator):
    """Base of operators that divide each region into bins of whole pixels, which may overlap."""

    spatial_scale: float

    @property
    def grid(self) -> tuple[int, int]:
        """The number of bins, rows and columns."""
        raise NotImplementedError

    def bin_bounds(self, F: Any, region: Any, axis: int, number: Any, limit: int) -> tuple[Any, Any]:
        """First pixel, and that behind the last, of a bin along an axis (0: y, 1: x) of `limit` pixels."""
        raise NotImplementedError

    def pixels(self, k: Any, rois: Any, r: Any, numbers: tuple[Any, Any], shape: Dims) -> list[tuple[Any, Any]]:
        """`bin_bounds` along both axes as indices, of the bin `numbers` of region r in planes of `shape`."""
        region = [rois[r, c] for c in range(5)]
        return [tuple(map(k.index, self.bin_bounds(k.F, region, axis, k.value(numbers[axis], rois.dtype), shape[axis])))
                for axis in (0, 1)]     # type: ignore[misc]

    def slices(self, region: np.ndarray, numbers: tuple[int, int], shape: Dims) -> tuple[slice, slice]:
        """The same in NumPy."""
        bounds = [self.bin_bounds(NumPyMath, region, axis, region.dtype.type(numbers[axis]), shape[axis])
                  for axis in (0, 1)]
        return tuple(slice(int(low), int(high)) for low, high in bounds)     # type: ignore[return-value]


@contextmanager
def each_bin(k: Any, grid: Dims) -> Iterator[tuple[Any, Any]]:
    """All bins of a region, in any order or at once: row and column."""
    with k.each(math.prod(grid)) as number:
        yield number // grid[1], number % grid[1]


def clipped(F: Any, x: Any, limit: int) -> Any:
    return smaller(F, larger(F, x, 0), limit)


# ---- the largest of each bin ---------------------------------------------------------------------------------

@operator("ROIPooling")
class RoiPooling(Bins):
    """The largest of each bin (R, C, *pooled_size) of regions rois (R, 5) of data (N, C, H, W); 0 of an empty bin.

    Corners of regions are rounded to pixels, which belong to them.  The hidden output has the places of the maxima.
    MXNet: ROIPooling.
    """

    dtypes = REAL

    pooled_size: Dims
    spatial_scale: float
    inputs = ("data", "rois")
    outputs = ("output", "maxidx")
    visible_count = 1

    @property
    def grid(self) -> tuple[int, int]:
        return self.pooled_size[0], self.pooled_size[1]

    def bin_bounds(self, F: Any, region: Any, axis: int, number: Any, limit: int) -> tuple[Any, Any]:
        low, high = (round_away(F, region[i - axis] * single(self.spatial_scale)) for i in (2, 4))
        size = larger(F, high - low + 1, 1) / self.grid[axis]
        return clipped(F, F.floor(number * size) + low, limit), clipped(F, F.ceil((number + 1) * size) + low, limit)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_pooled_size(self.pooled_size)
        check_regions(s)
        if s.data.rank is not None and s.rois.rank is not None:
            for output in s.outputs:
                output.unify((s.rois[0], s.data[1], *self.pooled_size))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in (t.rois, t.output):
            same_type(slot, t.data)
        t.maxidx.unify(DType.int32)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, rois), (output, places) = inputs, outputs
        images, channels, height, width = data.shape
        with k.jobs(rois.shape[0] * channels, width=math.prod(self.grid)) as job:
            r, c = job // channels, job % channels
            n = image_of(k, rois, r, images)
            with each_bin(k, self.grid) as (v, u):
                rows, columns = self.pixels(k, rois, r, (v, u), (height, width))
                most, place = k.cell(data.dtype, LOWEST), k.cell(DType.int32, -1)
                with k.loop(rows) as y, k.loop(columns) as x, k.when(data[n, c, y, x] > most.get()):
                    most.set(data[n, c, y, x])
                    place.set(k.value(y * width + x, DType.int32))
                is_empty = k.any(rows[1] <= rows[0], columns[1] <= columns[0])
                k.store(output, (r, c, v, u), k.F.where(is_empty, 0, most.get()))
                k.store(places, (r, c, v, u), place.get())

    def reference(self, data: np.ndarray, rois: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(rois), data.shape[1], *self.pooled_size)
        output, places = np.zeros(shape, data.dtype), np.full(shape, -1, np.int32)
        for (r, n), v, u in ((a, *b) for a in enumerate(images_of(rois, len(data))) for b in np.ndindex(*self.grid)):
            rows, columns = self.slices(rois[r], (v, u), data.shape[2:])
            window = data[n, :, rows, columns]
            if window.size:
                flat = np.where(window > LOWEST, window, LOWEST).reshape(len(window), -1)
                output[r, :, v, u] = flat.max(1)
                y, x = np.unravel_index(flat.argmax(1), window.shape[1:])
                place = (y + rows.start) * data.shape[3] + x + columns.start
                places[r, :, v, u] = np.where(flat.max(1) > LOWEST, place, -1)
        return output, places

    def gradient(self, g: Any, node: Node, dy: Value, *_: Value | None) -> list[Value | None]:
        data, rois = node.inputs
        shape = data.type.dims
        return [g._backward_roi_pooling(dy, rois, Value(node, 1), images=shape[0], extents=shape[2:]), None]


def check_pooled_size(pooled_size: Dims) -> None:
    if len(pooled_size) != 2 or min(pooled_size) < 1:
        raise Conflict(f"pooled_size {pooled_size} must be two positive numbers")


@operator("_backward_roi_pooling", hidden=True)
class RoiPoolingGradient(Operator):
    """dy (R, C, bins) added at the places of the maxima in zeros (images, C, *extents)."""

    images: int
    extents: Dims
    inputs = ("dy", "rois", "places")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.dy.rank is not None:
            s.output.unify((self.images, s.dy[1], *self.extents))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_type(t.output, t.dy)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, rois, _), (dx,) = inputs, outputs
        regions, channels, rows, columns = dy.shape
        height, width = self.extents
        with k.jobs(self.images * channels) as job:
            n, c = job // channels, job % channels
            with k.loop(height) as y, k.loop(width) as x:
                k.store(dx, (n, c, y, x), 0)
            with (k.loop(regions) as r, k.when(image_of(k, rois, r, self.images) == n),
                  k.loop(rows) as v, k.loop(columns) as u):
                self._add_bin(k, inputs, dx, n, (r, c, v, u))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, rois, _), (dx,) = inputs, outputs
        fill(k, dx)
        with k.jobs(math.prod(dy.shape)) as job:
            r, c, v, u = unravel(job, dy.shape)
            self._add_bin(k, inputs, dx, image_of(k, rois, r, self.images), (r, c, v, u))

    def _add_bin(self, k: Any, inputs: list[Any], dx: Any, n: Any, at: tuple[Any, ...]) -> None:
        dy, _, places = inputs
        with k.when(places[at] >= 0):
            place = k.index(places[at])
            k.add(dx, (n, at[1], place // self.extents[1], place % self.extents[1]), dy[at])

    def reference(self, dy: np.ndarray, rois: np.ndarray, places: np.ndarray) -> np.ndarray:
        dx = np.zeros((self.images, dy.shape[1], *self.extents), dy.dtype)
        r, c, v, u = np.nonzero(places >= 0)
        y, x = np.divmod(places[r, c, v, u], self.extents[1])
        np.add.at(dx, (images_of(rois, self.images)[r], c, y, x), dy[r, c, v, u])
        return dx


# ---- position-sensitive means --------------------------------------------------------------------------------

@record
class PositionSensitiveBins(Bins):
    """Bins of _contrib_PSROIPooling; `group_size` squared groups of channels stand for the places in a region."""

    spatial_scale: float
    output_dim: int
    pooled_size: int
    group_size: int = 0

    @property
    def grid(self) -> tuple[int, int]:
        return self.pooled_size, self.pooled_size

    @property
    def groups(self) -> int:
        """Groups of channels along an axis."""
        return self.group_size or self.pooled_size

    def bin_bounds(self, F: Any, region: Any, axis: int, number: Any, limit: int) -> tuple[Any, Any]:
        low = round_away(F, region[2 - axis]) * single(self.spatial_scale)
        high = (round_away(F, region[4 - axis]) + 1) * single(self.spatial_scale)
        size = larger(F, high - low, 0.1) / self.pooled_size
        return clipped(F, F.floor(number * size + low), limit), clipped(F, F.ceil((number + 1) * size + low), limit)

    def channel(self, c: Any, v: Any, u: Any) -> Any:
        """The channel that output channel c has in a bin."""
        rows, columns = (number * self.groups // self.pooled_size for number in (v, u))
        return (c * self.groups + rows) * self.groups + columns


@operator("_contrib_PSROIPooling")
class PsRoiPooling(PositionSensitiveBins):
    """The mean of each bin (R, output_dim, pooled_size, pooled_size) of regions rois (R, 5) of data (N, C, H, W), of a
    channel that is the bin's own: C = output_dim·group_size².  0 of an empty bin.  MXNet: _contrib_PSROIPooling.
    """

    dtypes = REAL

    inputs = ("data", "rois")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_regions(s)
        if s.data.rank is not None:
            s.data.unify_axis(1, self.output_dim * self.groups ** 2)
        if s.rois.rank is not None:
            s.output.unify((s.rois[0], self.output_dim, self.pooled_size, self.pooled_size))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, rois), (output,) = inputs, outputs
        with k.jobs(rois.shape[0] * self.output_dim, width=math.prod(self.grid)) as job:
            r, c = job // self.output_dim, job % self.output_dim
            n = image_of(k, rois, r, data.shape[0])
            with each_bin(k, self.grid) as (v, u):
                rows, columns = self.pixels(k, rois, r, (v, u), data.shape[2:])
                total = k.cell(data.dtype, 0)
                with k.loop(rows) as y, k.loop(columns) as x:
                    total.set(total.get() + data[n, self.channel(c, v, u), y, x])
                height, width = (k.clamp(high - low, 0, high) for low, high in (rows, columns))
                count = k.value(k.clamp(height * width, 1, data.shape[2] * data.shape[3]), data.dtype)
                k.store(output, (r, c, v, u), total.get() / count)

    def reference(self, data: np.ndarray, rois: np.ndarray) -> np.ndarray:
        output = np.zeros((len(rois), self.output_dim, self.pooled_size, self.pooled_size), data.dtype)
        for (r, n), v, u in ((a, *b) for a in enumerate(images_of(rois, len(data))) for b in np.ndindex(*self.grid)):
            window = data[(n, self.channel(np.arange(self.output_dim), v, u),
                           *self.slices(rois[r], (v, u), data.shape[2:]))]
            if window.size:
                output[r, :, v, u] = window.mean((1, 2))
        return output

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, rois = node.inputs
        made = g.node(PsRoiPoolingGradient(self.spatial_scale, self.output_dim, self.pooled_size, self.group_size,
                                           data.type.dims), (dy, rois))
        return [Value(made), None]


@operator("_backward_psroi_pooling", hidden=True)
class PsRoiPoolingGradient(PositionSensitiveBins):
    """dy (R, output_dim, bins), divided by the pixels of its bin, added to each of them in zeros of `shape`."""

    shape: Dims = ()
    inputs = ("dy", "rois")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, rois), (dx,) = inputs, outputs
        images, channels, height, width = self.shape
        with k.jobs(images * self.output_dim) as job:
            n, c = job // self.output_dim, job % self.output_dim
            with k.loop(self.groups ** 2) as plane, k.loop(height) as y, k.loop(width) as x:
                k.store(dx, (n, c * self.groups ** 2 + plane, y, x), 0)
            with (k.loop(dy.shape[0]) as r, k.when(image_of(k, rois, r, images) == n),
                  k.loop(self.pooled_size) as v, k.loop(self.pooled_size) as u):
                self._add_bin(k, inputs, dx, n, (r, c, v, u))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, rois), (dx,) = inputs, outputs
        fill(k, dx)
        with k.jobs(math.prod(dy.shape)) as job:
            r, c, v, u = unravel(job, dy.shape)
            self._add_bin(k, inputs, dx, image_of(k, rois, r, self.shape[0]), (r, c, v, u))

    def _add_bin(self, k: Any, inputs: list[Any], dx: Any, n: Any, at: tuple[Any, ...]) -> None:
        (dy, rois), (r, c, v, u) = inputs, at
        rows, columns = self.pixels(k, rois, r, (v, u), self.shape[2:])
        share = dy[at] / k.value((rows[1] - rows[0]) * (columns[1] - columns[0]), dy.dtype)
        with k.loop(rows) as y, k.loop(columns) as x:
            k.add(dx, (n, self.channel(c, v, u), y, x), share)

    def reference(self, dy: np.ndarray, rois: np.ndarray) -> np.ndarray:
        dx = np.zeros(self.shape, dy.dtype)
        for (r, n), v, u in ((a, *b) for a in enumerate(images_of(rois, len(dx))) for b in np.ndindex(*self.grid)):
            at = (n, self.channel(np.arange(self.output_dim), v, u), *self.slices(rois[r], (v, u), self.shape[2:]))
            count = dx[at][0].size
            dx[at] += dy[r, :, v, u, None, None] / max(count, 1)
        return dx
