"""Sampling of images at computed places: BilinearSampler, GridGenerator, SpatialTransformer.

A grid (N, 2, H, W) holds x and y of each place, -1 to 1 across the image.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.families.indexing import fill
from symc.ops.families.statistics import wide
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims, may_be_unset
from symc.ops.shapes import unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def position(grid: Any, extent: int) -> Any:
    """A coordinate of a grid in pixels."""
    return (grid + 1) * (extent - 1) / 2


def whole_and_share(F: Any, place: Any) -> tuple[Any, Any]:
    """The pixel at or before a place, and the share of the one after it."""
    whole = F.floor(place)
    return whole, place - whole


def same_floats(t: Slots[TypeSlot]) -> None:
    t.unify_all()
    known = t.inputs[0].dtype
    if known is not None and not known.is_float:
        raise Conflict(f"{t.inputs[0].name} is {known.name}; it must be float16, float32 or float64")


# ---- sampling ----------------------------------------------------------------------------------------------------


@operator("BilinearSampler")
class BilinearSampler(Operator):
    """data (N, C, H, W) at the places of grid (N, 2, H', W'), by bilinear interpolation; 0 outside of the image.

    MXNet: BilinearSampler; cudnn_off has no effect.
    """

    cudnn_off: bool | None = None
    inputs = ("data", "grid")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        for slot in s.inputs:
            if slot.rank not in (None, 4):
                raise Conflict(f"{slot.name} {show(slot.shape)} must have 4 dimensions")
        if s.data.rank is not None and s.grid.rank is not None:
            s.grid.unify((s.data[0], 2, None, None))
            s.output.unify((*s.data.shape[:2], *s.grid.shape[2:]))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_floats(t)

    def reference(self, data: np.ndarray, grid: np.ndarray) -> np.ndarray:
        total = np.zeros((*data.shape[:2], *grid.shape[2:]), wide(DType.of(data.dtype)).numpy)
        for dy, dx in CORNERS:
            total += corner_of(data, grid, dy, dx) * weight_of(data, grid, dy, dx)
        return total.astype(data.dtype)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job owns a row of an image's places; the corners of a place serve all channels."""
        (data, grid), (result,) = inputs, outputs
        images, channels, rows, columns = result.shape
        with k.jobs(images * rows) as job:
            image, i = job // rows, job % rows
            with k.loop(columns) as j:
                found = corners(k, grid, (image, i, j), data.shape[2:])
                with k.loop(channels) as c:
                    k.store(result, (image, c, i, j), self.sample(k, data, (image, c), found))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is an element."""
        (data, grid), (result,) = inputs, outputs
        with k.jobs(math.prod(result.shape)) as job:
            image, c, i, j = unravel(job, result.shape)
            found = corners(k, grid, (image, i, j), data.shape[2:])
            k.store(result, (image, c, i, j), self.sample(k, data, (image, c), found))

    def sample(self, k: Any, data: Any, plane: tuple[Any, Any], found: list[Corner]) -> Any:
        """The value between the corners, on the plane of an image and a channel."""
        total = k.cell(wide(data.dtype), 0)
        for corner in found:
            total.set(total.get() + pixel(k, data, *plane, corner) * corner.weight)
        return k.F.cast(total.get(), data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, grid = node.inputs
        h, w = data.type.dims[2:]
        return [g._backward_bilinear_sampler_data(grid, dy, height=h, width=w),
                g._backward_bilinear_sampler_grid(data, grid, dy)]


class Corner(NamedTuple):
    """One of the four pixels around a place, in a kernel: where, whether in the image, and its weight, y's times x's.
    """

    y: Any
    x: Any
    inside: Any
    weight: Any


def shares(k: Any, grid: Any, place: tuple[Any, Any, Any], extents: Dims) -> list[tuple[Any, Any]]:
    """Row and column of the place (image, i, j) of a grid, each as a whole number and the share of what follows."""
    image, i, j = place
    dtype = wide(grid.dtype)
    return [whole_and_share(k.F, position(k.F.cast(grid[image, axis, i, j], dtype), extent))
            for axis, extent in zip((1, 0), extents, strict=True)]


def corners(k: Any, grid: Any, place: tuple[Any, Any, Any], extents: Dims) -> list[Corner]:
    """The pixels around a place; NaN and infinite places have none in the image."""
    (top, y), (left, x) = shares(k, grid, place, extents)
    height, width = extents
    return [Corner(k.index(top) + down, k.index(left) + right,
                   k.all(top >= -down, top <= height - 1 - down, left >= -right, left <= width - 1 - right),
                   (y if down else 1 - y) * (x if right else 1 - x)) for down, right in CORNERS]


def pixel(k: Any, data: Any, image: Any, channel: Any, corner: Corner) -> Any:
    """The value at a corner, 0 outside."""
    value = k.cell(wide(data.dtype), 0)
    with k.when(corner.inside):
        value.set(k.F.cast(data[image, channel, corner.y, corner.x], wide(data.dtype)))
    return value.get()


def _whole_places(data: np.ndarray, grid: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    values = NumPyMath.cast(grid, wide(DType.of(grid.dtype)))
    return [whole_and_share(NumPyMath, position(values[:, axis], extent))
            for axis, extent in zip((1, 0), data.shape[2:], strict=True)]


def weight_of(data: np.ndarray, grid: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """(N, 1, H', W'): the weight of one corner at each place."""
    (_, y), (_, x) = _whole_places(data, grid)
    return ((y if dy else 1 - y) * (x if dx else 1 - x))[:, None]  # type: ignore[no-any-return]


def corner_index(data: np.ndarray, grid: np.ndarray, dy: int, dx: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of one corner of each place, clipped, and whether it lies in the image; (N, H', W') each."""
    (top, _), (left, _) = _whole_places(data, grid)
    h, w = data.shape[2:]
    inside = (top + dy >= 0) & (top + dy <= h - 1) & (left + dx >= 0) & (left + dx <= w - 1)
    y, x = (np.where(inside, at + step, 0).astype(np.int64) for at, step in ((top, dy), (left, dx)))
    return y, x, inside


def corner_of(data: np.ndarray, grid: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """(N, C, H', W'): the pixels at one corner of each place, 0 outside, in the wide type."""
    y, x, inside = corner_index(data, grid, dy, dx)
    taken = data[np.arange(len(data))[:, None, None], :, y, x].transpose(0, 3, 1, 2)
    return np.where(inside[:, None], NumPyMath.cast(taken, wide(DType.of(data.dtype))), 0)


@operator("_backward_bilinear_sampler_data", hidden=True)
class BackwardSamplerData(Operator):
    """The gradient of BilinearSampler's data: each job adds up what falls on one channel of one image, in order; on
    GPUs all is added at once, in any order, as MXNet's kernels do."""

    height: int
    width: int
    inputs = ("grid", "dy")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((*s.dy.dims[:2], self.height, self.width))

    def reference(self, grid: np.ndarray, dy: np.ndarray) -> np.ndarray:
        n, c = dy.shape[:2]
        total = np.zeros((n, c, self.height, self.width), wide(DType.of(dy.dtype)).numpy)
        lead = np.arange(n)[:, None, None]
        for down, right in CORNERS:
            y, x, inside = corner_index(total, grid, down, right)
            share = np.where(inside[:, None], dy * weight_of(total, grid, down, right), 0)
            np.add.at(total, (lead, slice(None), y, x), share.transpose(0, 2, 3, 1))  # type: ignore[arg-type]
        return total.astype(dy.dtype)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (_, dy), (result,) = inputs, outputs
        n, c, rows, columns = dy.shape
        with k.jobs(n * c) as job:
            image, channel = job // c, job % c
            with k.loop(self.height) as y, k.loop(self.width) as x:
                k.store(result, (image, channel, y, x), k.F.const(0, dy[0, 0, 0, 0]))
            with k.loop(rows) as i, k.loop(columns) as j:
                self._add(k, inputs, result, (image, channel, i, j))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (_, dy), (result,) = inputs, outputs
        fill(k, result)
        with k.jobs(math.prod(dy.shape)) as job:
            self._add(k, inputs, result, tuple(unravel(job, dy.shape)))

    def _add(self, k: Any, inputs: list[Any], result: Any, at: tuple[Any, ...]) -> None:
        (grid, dy), (image, channel, i, j) = inputs, at
        for corner in corners(k, grid, (image, i, j), (self.height, self.width)):
            with k.when(corner.inside):
                share = k.F.cast(dy[at], corner.weight.dtype) * corner.weight
                k.add(result, (image, channel, corner.y, corner.x), k.F.cast(share, result.dtype))


@operator("_backward_bilinear_sampler_grid", hidden=True)
class BackwardSamplerGrid(Operator):
    """The gradient of BilinearSampler's grid: sums over channels."""

    inputs = ("data", "grid", "dy")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.grid.shape)

    def reference(self, data: np.ndarray, grid: np.ndarray, dy: np.ndarray) -> np.ndarray:
        (_, y), (_, x) = ((whole, share[:, None]) for whole, share in _whole_places(data, grid))
        a, b, c, d = (corner_of(data, grid, down, right) for down, right in CORNERS)
        by_x = dy * ((1 - y) * (b - a) + y * (d - c))
        by_y = dy * ((1 - x) * (c - a) + x * (d - b))
        h, w = data.shape[2:]
        return np.stack([by_x.sum(1) * (w - 1) / 2, by_y.sum(1) * (h - 1) / 2], 1).astype(grid.dtype)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job owns a row of an image's places."""
        images, _, rows, columns = inputs[2].shape
        with k.jobs(images * rows) as job, k.loop(columns) as j:
            self._sum(k, inputs, outputs[0], (job // rows, job % rows, j))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is a place."""
        images, _, *extents = inputs[2].shape
        with k.jobs(images * math.prod(extents)) as job:
            self._sum(k, inputs, outputs[0], tuple(unravel(job, (images, *extents))))

    def _sum(self, k: Any, inputs: list[Any], result: Any, place: tuple[Any, Any, Any]) -> None:
        (data, grid, dy), (image, i, j) = inputs, place
        sums = [k.cell(wide(data.dtype), 0) for _ in range(2)]
        (_, y), (_, x) = shares(k, grid, place, data.shape[2:])
        found = corners(k, grid, place, data.shape[2:])
        with k.loop(dy.shape[1]) as c:
            slope = k.F.cast(dy[image, c, i, j], wide(data.dtype))
            a, b, c_, d = (pixel(k, data, image, c, corner) for corner in found)
            sums[0].set(sums[0].get() + slope * ((1 - y) * (b - a) + y * (d - c_)))
            sums[1].set(sums[1].get() + slope * ((1 - x) * (c_ - a) + x * (d - b)))
        for axis, (total, extent) in enumerate(zip(sums, data.shape[:1:-1], strict=True)):
            k.store(result, (image, axis, i, j), k.F.cast(total.get() * (extent - 1) / 2, result.dtype))


# ---- grids -------------------------------------------------------------------------------------------------------


def affine_places(height: int, width: int) -> np.ndarray:
    """(3, H·W): x, y and 1 of all places, -1 to 1 across; NaN along an axis of extent 1, as in MXNet."""
    with np.errstate(all="ignore"):
        y, x = (-1 + np.arange(extent) * (np.float64(2) / (extent - 1)) for extent in (height, width))
    return np.stack([np.tile(x, height), np.repeat(y, width), np.ones(height * width)])


class Affine(Operator):
    """Base of the operators that have a target_shape, checked."""

    target_shape: Dims

    def extents(self) -> Dims:
        if len(self.target_shape) != 2 or min(self.target_shape) < 1:
            raise Conflict(f"target_shape={self.target_shape} must be two positive numbers, height and width")
        return self.target_shape

    def affine_grid(self, g: Any, data: Value) -> Value:
        """The grid of the affine maps data (N, 6)."""
        height, width = self.extents()
        count = data.type.dims[0]
        lines = g.dot(g.reshape(data, (2 * count, 3)), g.constant(affine_places(height, width), data.type.element))
        return g.reshape(lines, (count, 2, height, width))  # type: ignore[no-any-return]

    def affine_reference(self, data: np.ndarray) -> np.ndarray:
        lines = data.reshape(-1, 3) @ affine_places(*self.extents()).astype(data.dtype)
        return lines.reshape(len(data), 2, *self.extents())  # type: ignore[no-any-return]


@operator("GridGenerator")
class GridGenerator(Affine):
    """A grid for BilinearSampler: of affine maps (N, 6) onto target_shape, or of optical flows (N, 2, H, W) in pixels.

    MXNet: GridGenerator.
    """

    transform_type: Literal["affine", "warp"]
    target_shape: Dims = may_be_unset((0, 0))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        wanted: tuple[int | None, ...] = (None, 6) if self.transform_type == "affine" else (None, 2, None, None)
        s.data.unify(wanted)
        s.output.unify((s.data[0], 2, *self.extents()) if self.transform_type == "affine" else s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_floats(t)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        if self.transform_type == "affine":
            return [self.affine_grid(g, data)]
        own, half = (g.constant(array, data.type.element) for array in self._warp(data.type.dims))
        return [g._minus_scalar(g.broadcast_div(g.broadcast_add(data, own), half), scalar=1.0)]

    def _warp(self, shape: Dims) -> tuple[np.ndarray, np.ndarray]:
        """(1, 2, H, W): x and y of each pixel; (1, 2, 1, 1): half the extents."""
        height, width = shape[2:]
        y, x = np.indices((height, width))
        return np.stack([x, y])[None], np.array([(width - 1) / 2, (height - 1) / 2]).reshape(1, 2, 1, 1)

    def reference(self, data: np.ndarray) -> np.ndarray:
        if self.transform_type == "affine":
            return self.affine_reference(data)
        own, half = (array.astype(data.dtype) for array in self._warp(data.shape))
        return (data + own) / half - 1  # type: ignore[no-any-return]


@operator("SpatialTransformer")
class SpatialTransformer(Affine):
    """data (N, C, H, W) sampled bilinearly on the grid of the affine maps loc (N, 6).  MXNet: SpatialTransformer."""

    transform_type: Literal["affine"]
    sampler_type: Literal["bilinear"]
    target_shape: Dims = may_be_unset((0, 0))
    cudnn_off: bool | None = None
    parameter_order = ("target_shape", "transform_type", "sampler_type", "cudnn_off")
    inputs = ("data", "loc")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.data.rank != 4:
            raise Conflict(f"data {show(s.data.shape)} must be (N, C, H, W)")
        s.loc.unify((s.data[0], 6))
        s.output.unify((*s.data.shape[:2], *self.extents()))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_floats(t)

    def rewrite(self, g: Any, data: Value, loc: Value) -> list[Value]:
        return [g.BilinearSampler(data, self.affine_grid(g, loc))]

    def reference(self, data: np.ndarray, loc: np.ndarray) -> np.ndarray:
        return BilinearSampler().reference(data, self.affine_reference(loc))
