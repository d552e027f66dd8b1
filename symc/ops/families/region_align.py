"""Regions of interest sampled between pixels: _contrib_ROIAlign, _contrib_RROIAlign.

Each bin of a region is the mean of a grid of samples, interpolated from four pixels each.  A gradient's job owns planes
of one image, so that no two add to the same element; on GPUs all bins are added at once, in any order, as MXNet's
kernels do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.families.boxes import larger, single
from symc.ops.families.indexing import fill
from symc.ops.families.regions import check_pooled_size, check_regions, each_bin, image_of, images_of
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.shapes import unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots

Corner = tuple[Any, Any, Any]        # row and column of a pixel, as numbers, and its weight


def neighbours(F: Any, number: Any, limit: int) -> tuple[Any, Any, Any]:
    """The pixels before and behind a place along an axis of `limit` pixels, as numbers, and the weight of the latter.

    Places up to a pixel outside are moved in.
    """
    number = larger(F, number, 0)
    low = F.trunc(number)
    is_last = low >= limit - 1
    low = F.where(is_last, limit - 1, low)
    return low, F.where(is_last, low, low + 1), F.where(is_last, 0, number - low)


def corners(F: Any, place: tuple[Any, Any], shape: Dims) -> list[Corner]:
    """The four pixels around a place (y, x), and their weights."""
    (top, bottom, down), (left, right, across) = (neighbours(F, place[axis], shape[axis]) for axis in (0, 1))
    return [(top, left, (1 - down) * (1 - across)), (top, right, (1 - down) * across),
            (bottom, left, down * (1 - across)), (bottom, right, down * across)]


def is_near(F: Any, place: tuple[Any, Any], shape: Dims) -> Any:
    """Whether a place lies at most one pixel outside; False for NaN."""
    y, x = place
    return F.logical_and(F.logical_and(y >= -1, y <= shape[0]), F.logical_and(x >= -1, x <= shape[1]))


class Aligned(Operator):
    """Base of operators that sample regions: the geometry, in numbers of NumPy or of kernels."""

    pooled_size: Dims
    spatial_scale: float

    @property
    def samples(self) -> int:
        """Samples along an axis of a bin; ≤ 0: so many that a pixel has about one."""
        raise NotImplementedError

    def extents(self, F: Any, region: Any) -> tuple[Any, Any]:
        """Height and width of a region, in pixels."""
        raise NotImplementedError

    def place(self, F: Any, region: Any, offset: tuple[Any, Any]) -> tuple[Any, Any]:
        """The place (y, x), in pixels, of an offset from the region's first corner."""
        raise NotImplementedError

    def counts(self, F: Any, region: Any) -> tuple[Any, Any]:
        """Samples of a bin along each axis, as numbers."""
        if self.samples > 0:
            one = region[1] - region[1] + self.samples
            return one, one
        return tuple(F.ceil(extent / bins) for extent, bins in     # type: ignore[return-value]
                     zip(self.extents(F, region), self.pooled_size, strict=True))

    def sample(self, F: Any, region: Any, bin: tuple[Any, Any], number: tuple[Any, Any]) -> tuple[Any, Any]:
        """The place of a sample of a bin, both given by their numbers."""
        offset = []
        counts, extents = self.counts(F, region), self.extents(F, region)
        for axis in (0, 1):
            size = extents[axis] / self.pooled_size[axis]
            offset.append(bin[axis] * size + (number[axis] + 0.5) * size / counts[axis])
        return self.place(F, region, (offset[0], offset[1]))

    def channel(self, c: Any, v: Any, u: Any) -> Any:
        """The channel of the data that output channel c has in a bin."""
        return c

    # ---- kernels -------------------------------------------------------------------------------------------------

    @contextmanager
    def each_sample(self, k: Any, rois: Any, r: Any, bin: tuple[Any, Any], shape: Dims) -> Iterator[list[Corner]]:
        """A loop over the samples of a bin that lie on the data: the pixels, as indices, and their weights."""
        region = [rois[r, c] for c in range(rois.shape[1])]
        bin_numbers = tuple(k.value(number, rois.dtype) for number in bin)
        rows, columns = map(k.index, self.counts(k.F, region))
        with k.loop(rows) as y, k.loop(columns) as x:
            numbers = (k.value(y, rois.dtype), k.value(x, rois.dtype))
            place = self.sample(k.F, region, bin_numbers, numbers)     # type: ignore[arg-type]
            with k.when(is_near(k.F, place, shape)):
                yield [(k.index(row), k.index(column), weight) for row, column, weight in corners(k.F, place, shape)]

    def sample_count(self, F: Any, region: Any) -> Any:
        rows, columns = self.counts(F, region)
        return larger(F, rows * columns, 1)

    # ---- NumPy ---------------------------------------------------------------------------------------------------

    def sampled(self, region: np.ndarray, shape: Dims) -> list[Corner]:
        """For all samples of a region (bins, bins, rows, columns): pixels and weights, 0 outside, over their count."""
        dtype = region.dtype
        counts = [max(int(count), 0) for count in self.counts(NumPyMath, region)]
        v, u, y, x = np.ix_(*(np.arange(count).astype(dtype) for count in (*self.pooled_size, *counts)))
        place = tuple(np.broadcast_arrays(*self.sample(NumPyMath, region, (v, u), (y, x))))
        near = is_near(NumPyMath, place, shape)     # type: ignore[arg-type]
        place = tuple(np.where(near, number, 0) for number in place)
        scale = near / dtype.type(max(math.prod(counts), 1))
        return [(row.astype(int), column.astype(int), (weight * scale).astype(dtype))
                for row, column, weight in corners(NumPyMath, place, shape)]     # type: ignore[arg-type]

    def forward_reference(self, data: np.ndarray, rois: np.ndarray, channels: int) -> np.ndarray:
        output = np.zeros((len(rois), channels, *self.pooled_size), data.dtype)
        for r, n in enumerate(images_of(rois, len(data))):
            if rois[r, 0] >= 0:
                for row, column, weight in self.sampled(rois[r], data.shape[2:]):
                    output[r] += (data[n][self.own_channels(channels), row, column] * weight).sum((-2, -1))
        return output

    def own_channels(self, channels: int) -> np.ndarray:
        """The channels of the data for all output channels, bins and samples."""
        c, v, u = np.ix_(*map(np.arange, (channels, *self.pooled_size)))
        return self.channel(c, v, u)[..., None, None]  # type: ignore[no-any-return]


class AlignedForward(Aligned):
    """Base of the forward operators."""

    dtypes = REAL
    widened = frozenset({DType.float16, DType.bfloat16})    # places in float16 are off by parts of a pixel
    inputs = ("data", "rois")
    columns = 5

    def output_channels(self, channels: int) -> int:
        return channels

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_pooled_size(self.pooled_size)
        check_regions(s, self.columns)
        if s.data.rank is not None and s.rois.rank is not None:
            channels = None if s.data[1] is None else self.output_channels(s.data[1])
            s.output.unify((s.rois[0], channels, *self.pooled_size))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is a region and a channel."""
        (data, rois), (output,) = inputs, outputs
        channels = output.shape[1]
        with k.jobs(rois.shape[0] * channels, width=math.prod(self.pooled_size)) as job:
            r, c = job // channels, job % channels
            n = image_of(k, rois, r, data.shape[0])
            with each_bin(k, self.pooled_size) as (v, u):
                total = k.cell(data.dtype, 0)
                with k.when(rois[r, 0] >= 0), self.each_sample(k, rois, r, (v, u), data.shape[2:]) as pixels:
                    own = self.channel(c, v, u)
                    first, *others = (data[n, own, row, column] * weight for row, column, weight in pixels)
                    total.set(total.get() + sum(others, first))
                count = self.sample_count(k.F, [rois[r, i] for i in range(self.columns)])
                k.store(output, (r, c, v, u), total.get() / count)

    def reference(self, data: np.ndarray, rois: np.ndarray) -> np.ndarray:
        return self.forward_reference(data, rois, self.output_channels(data.shape[1]))


@record
class UprightAligned(Aligned):
    """The geometry of _contrib_ROIAlign."""

    pooled_size: Dims
    spatial_scale: float
    sample_ratio: int = -1
    position_sensitive: bool = False
    aligned: bool = False

    @property
    def samples(self) -> int:
        return self.sample_ratio

    @property
    def bins(self) -> int:
        return math.prod(self.pooled_size)

    def extents(self, F: Any, region: Any) -> tuple[Any, Any]:
        found = (region[i + 2] * single(self.spatial_scale) - region[i] * single(self.spatial_scale) for i in (2, 1))
        return tuple(extent if self.aligned else larger(F, extent, 1) for extent in found)     # type: ignore

    def place(self, F: Any, region: Any, offset: tuple[Any, Any]) -> tuple[Any, Any]:
        shift = 0.5 if self.aligned else 0.0
        return tuple(region[2 - axis] * single(self.spatial_scale) - shift + offset[axis] for axis in (0, 1))  # type: ignore

    def channel(self, c: Any, v: Any, u: Any) -> Any:
        return (c * self.pooled_size[0] + v) * self.pooled_size[1] + u if self.position_sensitive else c + 0 * (v + u)


@operator("_contrib_ROIAlign")
class RoiAlign(UprightAligned, AlignedForward):
    """Means (R, C, *pooled_size) of samples of the bins of regions rois (R, 5) of data (N, C, H, W).

    A bin has sample_ratio² samples, or about one for each pixel.  aligned: pixels' middles lie at halves, and regions
    may be smaller than a pixel.  position_sensitive: each bin has channels of its own.  A region whose image is
    negative gives zeros.  MXNet: _contrib_ROIAlign.
    """

    deviations = (
        "regions of negative images are zeros; MXNet's CPU kernel leaves in their place what the memory held before",)

    def output_channels(self, channels: int) -> int:
        if self.position_sensitive and channels % self.bins:
            raise Conflict(f"{channels} channels cannot be divided by {self.bins} bins")
        return channels // self.bins if self.position_sensitive else channels

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, rois = node.inputs
        made = RoiAlignGradient(self.pooled_size, self.spatial_scale, self.sample_ratio, self.position_sensitive,
                                self.aligned, data.type.dims)
        return [Value(g.node(made, (dy, rois))), None]


@operator("_backward_roi_align", hidden=True)
class RoiAlignGradient(UprightAligned):
    """dy (R, C, bins) added to the pixels of the samples of each bin, by their weights, in zeros of `shape`."""

    shape: Dims = ()
    inputs = ("dy", "rois")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(self.shape)

    @property
    def planes(self) -> int:
        """Planes of the data for each channel of the output."""
        return self.bins if self.position_sensitive else 1

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, rois), (dx,) = inputs, outputs
        images, _, height, width = self.shape
        channels = dy.shape[1]
        with k.jobs(images * channels) as job:
            n, c = job // channels, job % channels
            with k.loop(self.planes) as plane, k.loop(height) as y, k.loop(width) as x:
                k.store(dx, (n, c * self.planes + plane, y, x), 0)
            with (k.loop(dy.shape[0]) as r, k.when(k.all(rois[r, 0] >= 0, image_of(k, rois, r, images) == n)),
                  k.loop(self.pooled_size[0]) as v, k.loop(self.pooled_size[1]) as u):
                self._add_bin(k, inputs, dx, n, (r, c, v, u))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, rois), (dx,) = inputs, outputs
        fill(k, dx)
        with k.jobs(math.prod(dy.shape)) as job:
            r, c, v, u = unravel(job, dy.shape)
            with k.when(rois[r, 0] >= 0):
                self._add_bin(k, inputs, dx, image_of(k, rois, r, self.shape[0]), (r, c, v, u))

    def _add_bin(self, k: Any, inputs: list[Any], dx: Any, n: Any, at: tuple[Any, ...]) -> None:
        (dy, rois), (r, c, v, u) = inputs, at
        share = dy[at] / self.sample_count(k.F, [rois[r, i] for i in range(5)])
        with self.each_sample(k, rois, r, (v, u), self.shape[2:]) as pixels:
            for row, column, weight in pixels:
                k.add(dx, (n, self.channel(c, v, u), row, column), share * weight)

    def reference(self, dy: np.ndarray, rois: np.ndarray) -> np.ndarray:
        dx = np.zeros(self.shape, dy.dtype)
        for r, n in enumerate(images_of(rois, len(dx))):
            if rois[r, 0] >= 0:
                for row, column, weight in self.sampled(rois[r], self.shape[2:]):
                    own = self.own_channels(dy.shape[1])
                    np.add.at(dx[n], (own, row, column), dy[r][..., None, None] * weight)
        return dx


@operator("_contrib_RROIAlign")
class RotatedRoiAlign(AlignedForward):
    """Means (R, C, *pooled_size) of samples of the bins of turned regions of data (N, C, H, W).

    rois (R, 6): number of the image, x and y of the middle, width, height, angle in degrees.
    MXNet: _contrib_RROIAlign, which has no gradient.
    """

    pooled_size: Dims
    spatial_scale: float
    sampling_ratio: int = -1
    columns = 6

    @property
    def samples(self) -> int:
        return self.sampling_ratio

    def extents(self, F: Any, region: Any) -> tuple[Any, Any]:
        height, width = (region[i] * single(self.spatial_scale) for i in (4, 3))
        return larger(F, height, 1), larger(F, width, 1)

    def place(self, F: Any, region: Any, offset: tuple[Any, Any]) -> tuple[Any, Any]:
        height, width = self.extents(F, region)
        y, x = offset[0] - height * 0.5, offset[1] - width * 0.5
        angle = region[5] * (math.pi / 180)
        cos, sin = F.cos(angle), F.sin(angle)
        middle = [region[i] * single(self.spatial_scale) for i in (2, 1)]
        return y * cos - x * sin + middle[0], x * cos + y * sin + middle[1]
