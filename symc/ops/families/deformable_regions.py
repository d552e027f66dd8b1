"""_contrib_DeformablePSROIPooling: bins of regions moved by learned offsets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.families.boxes import larger, single, smaller
from symc.ops.families.indexing import fill, same_type
from symc.ops.families.regions import check_regions, each_bin, image_of, images_of
from symc.ops.families.unary import round_away
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, Optional, operator
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.shapes import unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

Pair = tuple[Any, Any]      # along y and x


@record
class DeformableBins(Operator):
    """Base: the geometry.  Bins have sample_per_part² samples; those outside of the data do not count."""

    spatial_scale: float
    output_dim: int
    group_size: int
    pooled_size: int
    part_size: int = 0
    sample_per_part: int = 1
    trans_std: float = 0.0
    no_trans: bool = False

    @property
    def parts(self) -> int:
        """Offsets of a region along an axis."""
        return self.part_size or self.pooled_size

    def part(self, bin: Any) -> Any:
        """The number of the offset of a bin, along an axis."""
        return bin * self.parts // self.pooled_size

    def channel(self, c: Any, v: Any, u: Any) -> Any:
        rows, columns = (number * self.group_size // self.pooled_size for number in (v, u))
        return (c * self.group_size + rows) * self.group_size + columns

    def begin_and_extent(self, F: Any, region: Any, axis: int) -> Pair:
        begin = round_away(F, region[2 - axis]) * single(self.spatial_scale) - 0.5
        end = (round_away(F, region[4 - axis]) + 1) * single(self.spatial_scale) - 0.5
        return begin, larger(F, end - begin, 0.1)

    def place(self, F: Any, region: Any, bin: Pair, offset: Pair, number: Pair) -> Pair:
        """The place (y, x) of a sample of a bin, all given by numbers."""
        result = []
        for axis in (0, 1):
            begin, extent = self.begin_and_extent(F, region, axis)
            size = extent / self.pooled_size
            result.append(bin[axis] * size + begin + offset[axis] * single(self.trans_std) * extent
                          + number[axis] * (size / self.sample_per_part))
        return result[0], result[1]

    def counts(self, F: Any, place: Pair, shape: Dims) -> Any:
        """Whether a sample lies on the data."""
        low, high = (F.logical_and(place[axis] >= -0.5, place[axis] <= shape[axis] - 0.5) for axis in (0, 1))
        return F.logical_and(low, high)

    def around(self, F: Any, place: Pair, shape: Dims) -> list[tuple[Any, Any, Any]]:
        """Along each axis the pixel before and that behind a place, as numbers, and how far it lies from the former."""
        found = []
        for axis in (0, 1):
            at = smaller(F, larger(F, place[axis], 0), shape[axis] - 1)
            found.append((F.floor(at), F.ceil(at), at - F.floor(at)))
        return found

    @contextmanager
    def each_sample(self, k: Any, inputs: tuple[Any, ...], at: tuple[Any, ...], shape: Dims) -> Iterator[Any]:
        """A loop over the samples that count of bin (v, u) of output channel c of region r; `around` each one."""
        (rois, *offsets), (r, _, v, u), F = inputs, at, k.F
        region = [rois[r, i] for i in range(5)]
        offset = self.offset(k, offsets, at) if offsets else (region[0] * 0, region[0] * 0)
        with k.loop(self.sample_per_part) as y, k.loop(self.sample_per_part) as x:
            bin, number = (tuple(k.value(i, rois.dtype) for i in pair) for pair in ((v, u), (y, x)))
            place = self.place(F, region, bin, offset, number)
            with k.when(self.counts(F, place, shape)):
                yield self.around(F, place, shape)

    def classes(self, trans: Any) -> int:
        """The number of kinds of offsets, each of which so many output channels share."""
        return trans.shape[1] // 2      # type: ignore[no-any-return]

    def offset(self, k: Any, offsets: list[Any], at: tuple[Any, ...]) -> Pair:
        (trans,), (r, c, v, u) = offsets, at
        kind = c // (self.output_dim // self.classes(trans))
        return (trans[r, kind * 2 + 1, self.part(v), self.part(u)], trans[r, kind * 2, self.part(v), self.part(u)])

    # ---- NumPy ---------------------------------------------------------------------------------------------------

    def samples(self, rois: np.ndarray, trans: np.ndarray | None, shape: Dims) -> tuple[np.ndarray, Any, np.ndarray]:
        """For (regions, channels, bins, bins, samples, samples): which count, `around` them, and extents of regions."""
        dtype, n = rois.dtype, self.sample_per_part
        axes = np.ix_(range(len(rois)), range(self.output_dim), *[range(self.pooled_size)] * 2, *[range(n)] * 2)
        r, c, v, u, y, x = axes
        region = rois.T[:, :, None, None, None, None, None]
        offset: Any = (0, 0)
        if trans is not None:
            kind = c // (self.output_dim // self.classes(trans))
            offset = tuple(trans[r, kind * 2 + 1 - axis, self.part(v), self.part(u)] for axis in (0, 1))
        numbers = [axis.astype(dtype) for axis in (v, u, y, x)]
        place = self.place(NumPyMath, region, (numbers[0], numbers[1]), offset, (numbers[2], numbers[3]))
        place = tuple(np.broadcast_to(p, np.broadcast_shapes(*(a.shape for a in axes))) for p in place)  # type: ignore
        extents = np.stack([self.begin_and_extent(NumPyMath, region, axis)[1] for axis in (0, 1)])
        return self.counts(NumPyMath, place, shape), self.around(NumPyMath, place, shape), extents

    def pixel_places(self, rois: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
        """Image and channel of the data, to go with the axes of `samples`."""
        c, v, u = np.ix_(range(self.output_dim), range(self.pooled_size), range(self.pooled_size))
        return (images_of(rois, images)[:, None, None, None, None, None],
                np.asarray(self.channel(c, v, u))[..., None, None])


def pixels_of(around: Any) -> list[tuple[Any, Any, Any]]:
    """The four pixels around a place, as numbers, and their weights."""
    (top, bottom, down), (left, right, across) = around
    return [(top, left, (1 - down) * (1 - across)), (bottom, left, down * (1 - across)),
            (top, right, (1 - down) * across), (bottom, right, down * across)]


@operator("_contrib_DeformablePSROIPooling")
class DeformablePsRoiPooling(DeformableBins):
    """Means (R, output_dim, pooled_size, pooled_size) of samples of bins of regions rois (R, 5), each bin of a channel
    of its own of data (N, output_dim·group_size², H, W).

    Bins are moved by trans (R, 2·K, part_size, part_size) times trans_std, in units of the region: x, then y, for each
    of K kinds of output channels.  The hidden output counts samples.  MXNet: _contrib_DeformablePSROIPooling.
    """

    dtypes = REAL

    inputs = ("data", "rois", Optional("trans", unless="no_trans"))
    outputs = ("output", "top_count")
    visible_count = 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        check_regions(s)
        if s.data.rank is not None:
            s.data.unify_axis(1, self.output_dim * self.group_size ** 2)
        if s.trans is not None and s.trans.rank is not None:
            s.trans.unify((s.rois[0] if s.rois.rank else None, None, self.parts, self.parts))
            kinds = (s.trans[1] or 2) // 2
            if kinds == 0 or self.output_dim % kinds:
                raise Conflict(f"output_dim {self.output_dim} must be a multiple of the {kinds} kinds of offsets")
        if s.rois.rank is not None:
            for output in s.outputs:
                output.unify((s.rois[0], self.output_dim, self.pooled_size, self.pooled_size))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data, *others), (output, counts) = inputs, outputs
        regions, channels, bins, _ = output.shape
        with k.jobs(regions * channels, width=bins * bins) as job:
            r, c = job // channels, job % channels
            n = image_of(k, others[0], r, data.shape[0])
            with each_bin(k, (bins, bins)) as (v, u):
                total, count = k.cell(data.dtype, 0), k.cell(data.dtype, 0)
                with self.each_sample(k, tuple(others), (r, c, v, u), data.shape[2:]) as around:
                    own = self.channel(c, v, u)
                    first, *rest = (data[n, own, k.index(y), k.index(x)] * w for y, x, w in pixels_of(around))
                    total.set(total.get() + sum(rest, first))
                    count.set(count.get() + 1)
                k.store(output, (r, c, v, u), total.get() / larger(k.F, count.get(), 1))
                k.store(counts, (r, c, v, u), count.get())

    def reference(self, data: np.ndarray, rois: np.ndarray,
                  trans: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        chosen, around, _ = self.samples(rois, trans, data.shape[2:])
        places = self.pixel_places(rois, len(data))
        total = sum(data[(*places, y.astype(int), x.astype(int))] * w for y, x, w in pixels_of(around))
        count = chosen.sum((-2, -1)).astype(data.dtype)
        return np.where(chosen, total, 0).sum((-2, -1)) / np.maximum(count, 1), count

    def gradient(self, g: Any, node: Node, dy: Value, *_: Value | None) -> list[Value | None]:
        parameters = [getattr(self, name) for name in self.parameters()]
        inputs = (dy, Value(node, 1), *node.inputs)
        dx = Value(g.node(DeformableDataGradient(*parameters), inputs))
        if self.no_trans:
            return [dx, None]
        return [dx, None, Value(g.node(DeformableOffsetGradient(*parameters), inputs))]


class DeformableGradient(DeformableBins):
    """Base of the gradients, from that of the output and the counts of samples."""

    inputs = ("dy", "count", "data", "rois", Optional("trans", unless="no_trans"))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for slot in (t.output, t.count, t.data, t.rois):
            same_type(slot, t.dy)


@operator("_backward_deformable_psroi_data", hidden=True)
class DeformableDataGradient(DeformableGradient):
    """dy over its count, added to the pixels of each sample by their weights.  A job owns an output channel's planes of
    one image; on GPUs all bins are added at once, in any order."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, _, data, *others), (dx,) = inputs, outputs
        images, _, height, width = data.shape
        planes = self.group_size ** 2
        with k.jobs(images * self.output_dim) as job:
            n, c = job // self.output_dim, job % self.output_dim
            with k.loop(planes) as plane, k.loop(height) as y, k.loop(width) as x:
                k.store(dx, (n, c * planes + plane, y, x), 0)
            with (k.loop(dy.shape[0]) as r, k.when(image_of(k, others[0], r, images) == n),
                  k.loop(self.pooled_size) as v, k.loop(self.pooled_size) as u):
                self._add_bin(k, inputs, dx, n, (r, c, v, u))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, _, data, rois, *_), (dx,) = inputs, outputs
        fill(k, dx)
        with k.jobs(math.prod(dy.shape)) as job:
            r, c, v, u = unravel(job, dy.shape)
            self._add_bin(k, inputs, dx, image_of(k, rois, r, data.shape[0]), (r, c, v, u))

    def _add_bin(self, k: Any, inputs: list[Any], dx: Any, n: Any, at: tuple[Any, ...]) -> None:
        dy, count, data, *others = inputs
        share = dy[at] / larger(k.F, count[at], 1)
        with self.each_sample(k, tuple(others), at, data.shape[2:]) as around:
            for y, x, weight in pixels_of(around):
                k.add(dx, (n, self.channel(*at[1:]), k.index(y), k.index(x)), share * weight)

    def reference(self, dy: np.ndarray, count: np.ndarray, data: np.ndarray, rois: np.ndarray,
                  trans: np.ndarray | None = None) -> np.ndarray:
        dx = np.zeros_like(data)
        chosen, around, _ = self.samples(rois, trans, data.shape[2:])
        share = (dy / np.maximum(count, 1))[..., None, None] * chosen
        for y, x, weight in pixels_of(around):
            np.add.at(dx, (*self.pixel_places(rois, len(data)), y.astype(int), x.astype(int)), share * weight)
        return dx


@operator("_backward_deformable_psroi_trans", hidden=True)
class DeformableOffsetGradient(DeformableGradient):
    """The gradient of the offsets.  A job owns those of one region; on GPUs all bins are added at once, in any
    order."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.trans.shape)

    def slopes(self, around: Any, pixels: list[Any]) -> Pair:
        """How the interpolated value changes with y and x, from the pixels in the order of `pixels_of`."""
        (*_, down), (*_, across) = around
        top_left, bottom_left, top_right, bottom_right = pixels
        return ((bottom_right - top_right) * across + (bottom_left - top_left) * (1 - across),
                (bottom_right - bottom_left) * down + (top_right - top_left) * (1 - down))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        trans, (dtrans,) = inputs[-1], outputs
        with k.jobs(trans.shape[0]) as r:
            with k.loop(trans.shape[1]) as i, k.loop(self.parts) as y, k.loop(self.parts) as x:
                k.store(dtrans, (r, i, y, x), 0)
            with k.loop(self.output_dim) as c, k.loop(self.pooled_size) as v, k.loop(self.pooled_size) as u:
                self._add_bin(k, inputs, dtrans, (r, c, v, u))

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dy, *_), (dtrans,) = inputs, outputs
        fill(k, dtrans)
        with k.jobs(math.prod(dy.shape)) as job:
            self._add_bin(k, inputs, dtrans, tuple(unravel(job, dy.shape)))

    def _add_bin(self, k: Any, inputs: list[Any], dtrans: Any, at: tuple[Any, ...]) -> None:
        (dy, count, data, rois, trans), (r, c, v, u) = inputs, at
        n, own = image_of(k, rois, r, data.shape[0]), self.channel(c, v, u)
        region, kind = [rois[r, i] for i in range(5)], c // (self.output_dim // self.classes(trans))
        extents = [self.begin_and_extent(k.F, region, axis)[1] for axis in (0, 1)]
        share = dy[at] / larger(k.F, count[at], 1) * single(self.trans_std)
        with self.each_sample(k, (rois, trans), at, data.shape[2:]) as around:
            pixels = [data[n, own, k.index(y), k.index(x)] for y, x, _ in pixels_of(around)]
            for axis, slope in enumerate(self.slopes(around, pixels)):
                place = (r, kind * 2 + 1 - axis, self.part(v), self.part(u))
                k.add(dtrans, place, slope * share * extents[axis])

    def reference(self, dy: np.ndarray, count: np.ndarray, data: np.ndarray, rois: np.ndarray,
                  trans: np.ndarray) -> np.ndarray:
        dtrans = np.zeros_like(trans)
        chosen, around, extents = self.samples(rois, trans, data.shape[2:])
        places = self.pixel_places(rois, len(data))
        pixels = [data[(*places, y.astype(int), x.astype(int))] for y, x, _ in pixels_of(around)]
        share = (dy / np.maximum(count, 1) * single(self.trans_std))[..., None, None] * chosen
        r, c, v, u = np.ix_(*map(range, dy.shape))
        kind = c // (self.output_dim // self.classes(trans))
        for axis, slope in enumerate(self.slopes(around, pixels)):
            place = (r, kind * 2 + 1 - axis, self.part(v), self.part(u))
            np.add.at(dtrans, place, (slope * share * extents[axis]).sum((-2, -1)))
        return dtrans
