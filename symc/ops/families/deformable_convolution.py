"""Deformable convolutions: each tap of the kernel reads the image where a learned offset moves it to (Dai et al. 2017),
and a mask may weaken it (Zhu et al. 2018).

The taps are sampled into a matrix of columns, one row for each place of the output, and the convolution is a matrix
product of it and the weight.  Images are sampled with their channels last, so that a place is computed once for all
channels, which are neighbours in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.families.indexing import fill
from symc.ops.families.recurrence import OnGraph
from symc.ops.families.row_kernels import dot
from symc.ops.math import NumPyMath
from symc.ops.operator import HAS_GRADIENT, REAL, Operator, Optional, operator
from symc.ops.parameters import Dims, within
from symc.ops.record import record
from symc.ops.shapes import unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, show
from symc.ops.spatial import channels_last_axes, per_dimension, transpose

MOST_COLUMNS = 1 << 24  # elements of the columns of a batch; more are sampled an image at a time
MOST_CHANNELS = 64      # of a job that gathers the gradient of an image, if their number allows it
Two = tuple[Any, Any]   # of the pixel before a place along an axis, and of that behind it


@dataclass(frozen=True)
class Between:
    """Where a place lies along an axis: whether it counts, and the two pixels around it, with their weights and how
    these change with the place."""

    inside: Any
    pixels: Two
    weights: Two
    slopes: Two


class Sampled(NamedTuple):
    """An element of the columns: image, channel, deformable group, tap, place of the output, mask."""

    n: Any
    channel: Any
    group: Any
    tap: Any
    at: Two
    mask: Any


@record
class Sampling(Operator):
    """Base: the geometry.  is_modulated: taps have masks, and images have a border of zeros, one pixel wide, to which
    they fade; otherwise the last pixel reaches up to the border."""

    kernel: Dims
    stride: Dims
    dilate: Dims
    pad: Dims
    num_group: int
    num_deformable_group: int
    is_modulated: bool

    @property
    def taps(self) -> int:
        return math.prod(self.kernel)

    def tap(self, number: Any) -> Two:
        """Row and column of a tap of the kernel."""
        return number // self.kernel[1], number % self.kernel[1]

    def run(self, channels: int) -> int:
        """Channels in a run: they are of one group and of one deformable group, and lie side by side in all arrays."""
        return math.gcd(channels // self.num_group, channels // self.num_deformable_group)

    def deformable_group(self, number: Any, channels: int) -> Any:
        """That of a run."""
        return number * self.run(channels) * self.num_deformable_group // channels

    def column(self, number: Any, tap: Any, channels: int) -> tuple[Any, Any]:
        """Group, and place in a row of columns, of a run at a tap."""
        own, first = channels // self.num_group, number * self.run(channels)
        return first // own, tap * own + first % own

    def between(self, F: Any, place: Any, extent: int) -> Between:
        low = F.floor(place)
        part, has_high = place - low, low < extent - 1
        zero, one = F.const(0, place), F.const(1, place)
        if self.is_modulated:
            inside, has_low = F.logical_and(place > -1, place < extent), low >= 0
            weights = F.where(has_low, 1 - part, zero), F.where(has_high, part, zero)
            slopes = F.where(has_low, -one, zero), F.where(has_high, one, zero)
        else:
            inside, part = F.logical_and(place >= 0, place < extent), F.where(has_high, part, zero)
            weights = 1 - part, part
            slopes = F.where(has_high, -one, zero), F.where(has_high, one, zero)
        return Between(inside, (low, low + 1), weights, slopes)

    def start(self, output: Any, tap: Any, axis: int) -> Any:
        """Where a tap without offset lies."""
        return output * self.stride[axis] - self.pad[axis] + tap * self.dilate[axis]

    # ---- kernels -------------------------------------------------------------------------------------------------

    def around(self, k: Any, offset: Any, n: Any, group: Any, tap: Any, at: Two, extents: Dims) -> list[Between]:
        """Along y and x, for a tap of a deformable group at a place of the output."""
        found = []
        for axis in (0, 1):
            moved = offset[n, (group * self.taps + tap) * 2 + axis, at[0], at[1]]
            place = k.value(self.start(at[axis], self.tap(tap)[axis], axis), offset.dtype) + moved
            found.append(self.between(k.F, place, extents[axis]))
        return found

    @contextmanager
    def where_inside(self, k: Any, around: list[Between], extents: Dims) -> Iterator[list[list[Two]]]:
        """A branch for places that count: the indices (y, x) of the four pixels, [rows][columns]."""
        with k.when(k.all(*(axis.inside for axis in around))):
            rows, columns = ([k.clamp(k.index(pixel), 0, extent - 1) for pixel in axis.pixels]
                             for axis, extent in zip(around, extents, strict=True))
            yield [[(y, x) for x in columns] for y in rows]

    def sampled_at(self, k: Any, sampling: list[Any], at: tuple[Any, ...], channels: int) -> Sampled:
        """Where an element of the columns, (group, row, place in it), comes from.  sampling: offset, and any mask."""
        (group, row, place), (offset, *masks) = at, sampling
        height, width = offset.shape[2:]
        own = channels // self.num_group
        n, y, x = unravel(row, (offset.shape[0], height, width))
        tap, channel = place // own, group * own + place % own
        deformable = channel // (channels // self.num_deformable_group)
        return Sampled(n, channel, deformable, tap, (y, x), self.mask_of(tuple(masks), n, deformable, tap, (y, x)))

    def mask_of(self, masks: tuple[Any, ...], n: Any, group: Any, tap: Any, at: Two) -> Any:
        """The mask of a tap, 1 where there is none."""
        return masks[0][n, group * self.taps + tap, at[0], at[1]] if masks else 1

    # ---- NumPy ---------------------------------------------------------------------------------------------------

    def all_around(self, offset: np.ndarray, extents: Dims) -> list[Between]:
        """`around` of all, arrays (N, deformable groups, taps, height, width)."""
        batch, _, *output = offset.shape
        moved = offset.reshape(batch, self.num_deformable_group, self.taps, 2, *output)
        taps = self.tap(np.arange(self.taps)[:, None, None])
        at = np.ix_(*map(np.arange, output))
        starts = [self.start(at[axis], taps[axis], axis).astype(offset.dtype) for axis in (0, 1)]
        return [self.between(NumPyMath, starts[axis] + moved[:, :, :, axis], extents[axis]) for axis in (0, 1)]

    def all_masks(self, masks: tuple[np.ndarray, ...]) -> Any:
        """As `all_around` has them."""
        if not masks:
            return 1
        batch, _, *output = masks[0].shape
        return masks[0].reshape(batch, self.num_deformable_group, self.taps, *output)

    def pixels(self, around: list[Between], extents: Dims) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """For the four pixels: which along y and x, and their indices."""
        rows, columns = ([np.clip(np.nan_to_num(pixel), 0, extent - 1).astype(int) for pixel in axis.pixels]
                         for axis, extent in zip(around, extents, strict=True))
        return ((i, j, rows[i], columns[j]) for i in (0, 1) for j in (0, 1))

    def runs(self, channels: int) -> Iterator[tuple[int, slice, tuple[int, int]]]:
        """Of each run: its deformable group, its channels, its group and its place there."""
        width = self.run(channels)
        for number in range(channels // width):
            yield (self.deformable_group(number, channels), slice(number * width, (number + 1) * width),
                   self.column(number, 0, channels))

    def by_tap(self, columns: np.ndarray, batch: int, output: Dims) -> np.ndarray:
        """Columns as (groups, N, height, width, taps, channels), a view."""
        return columns.reshape(self.num_group, batch, *output, self.taps, -1)


def counted(products: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """0 for places that do not count, be their values infinite."""
    return np.where(counts[..., None], products, 0)


@operator("_deformable_columns", hidden=True)
class DeformableColumns(Sampling):
    """image (N, H, W, C) sampled at all taps of all places of the output: columns (groups, N·height·width,
    taps·C/groups), channels innermost.  offset (N, 2·taps·deformable groups, height, width): y, then x, of each tap."""

    def argument_names(self) -> list[str]:
        return ["image", "offset", *["mask"] * self.is_modulated]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        batch, _, _, channels = s.image.dims
        s.output.unify((self.num_group, batch * math.prod(s.offset.dims[2:]), self.taps * channels // self.num_group))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (image, offset, *masks), (columns,) = inputs, outputs
        (batch, *extents, channels), (height, width) = image.shape, offset.shape[2:]
        run = self.run(channels)
        with k.jobs(batch * height) as job:
            n, y = job // height, job % height
            with k.loop(width) as x, k.loop(self.taps) as tap, k.loop(channels // run) as number:
                group, start = self.column(number, tap, channels)
                row, at, first = job * width + x, (y, x), number * run
                deformable = self.deformable_group(number, channels)
                around = self.around(k, offset, n, deformable, tap, at, tuple(extents))
                with k.when(~k.all(*(axis.inside for axis in around))):
                    k.vectors(run, image.dtype, lambda c, g=group, r=row, s=start: k.store(columns, (g, r, s + c), 0))
                mask = self.mask_of(tuple(masks), n, deformable, tap, at)
                weights = [[a * b * mask for b in around[1].weights] for a in around[0].weights]
                with self.where_inside(k, around, tuple(extents)) as pixels:
                    def sample(c: Any, p: Any = pixels, w: Any = weights, f: Any = first, g: Any = group, r: Any = row,
                               s: Any = start) -> None:
                        terms = [image[(n, *p[i][j], f + c)] * w[i][j] for i in (0, 1) for j in (0, 1)]
                        k.store(columns, (g, r, s + c), terms[0] + terms[1] + terms[2] + terms[3])
                    k.vectors(run, image.dtype, sample)

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is an element."""
        (image, *sampling), (columns,) = inputs, outputs
        _, *extents, channels = image.shape
        with k.jobs(math.prod(columns.shape)) as job:
            at = unravel(job, columns.shape)
            own = self.sampled_at(k, sampling, at, channels)
            around = self.around(k, sampling[0], own.n, own.group, own.tap, own.at, tuple(extents))
            total = k.cell(image.dtype, 0)
            with self.where_inside(k, around, tuple(extents)) as pixels:
                for i, j in np.ndindex(2, 2):
                    weight = around[0].weights[i] * around[1].weights[j] * own.mask
                    total.set(total.get() + image[(own.n, *pixels[i][j], own.channel)] * weight)
            k.store(columns, at, total.get())

    def reference(self, image: np.ndarray, offset: np.ndarray, *masks: np.ndarray) -> np.ndarray:
        batch, *extents, channels = image.shape
        output = offset.shape[2:]
        columns = np.zeros((self.num_group, batch * math.prod(output), self.taps * channels // self.num_group),
                           image.dtype)
        target = self.by_tap(columns, batch, output)
        around, mask = self.all_around(offset, tuple(extents)), self.all_masks(masks)
        counts = around[0].inside & around[1].inside
        n = np.arange(batch)[:, None, None, None]
        for i, j, y, x in self.pixels(around, tuple(extents)):
            weights = around[0].weights[i] * around[1].weights[j] * mask
            for d, run, (group, first) in self.runs(channels):
                found = counted(image[n, y[:, d], x[:, d], run] * weights[:, d, ..., None], counts[:, d])
                target[group, ..., first:first + found.shape[-1]] += found.transpose(0, 2, 3, 1, 4)
        return columns

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        image, *others = node.inputs
        parameters = self.parameters()
        dimage = g.node(DeformableImageGradient(**parameters, extents=image.type.dims[1:3]), (dy, *others))
        return [Value(dimage), *g.node(DeformableOffsetGradient(**parameters), (dy, image, *others)).outputs]


@operator("_backward_deformable_image", hidden=True)
class DeformableImageGradient(Sampling):
    """Gradient (N, H, W, C) of the image from that of the columns.  A job owns some channels of one image."""

    extents: Dims

    def argument_names(self) -> list[str]:
        return ["dcolumns", "offset", *["mask"] * self.is_modulated]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        channels = s.dcolumns.dims[2] // self.taps * self.num_group
        s.output.unify((s.offset.dims[0], *self.extents, channels))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (dcolumns, offset, *masks), (image,) = inputs, outputs
        (batch, *extents, channels), (height, width) = image.shape, offset.shape[2:]
        run = self.run(channels)
        piece = math.gcd(run, MOST_CHANNELS) if run % MOST_CHANNELS == 0 else run
        with k.jobs(batch * (channels // piece)) as job:
            n, begin = job // (channels // piece), job % (channels // piece) * piece
            number, within_run = begin // run, begin % run
            deformable = self.deformable_group(number, channels)
            with k.loop(extents[0]) as y, k.loop(extents[1]) as x:
                k.vectors(piece, image.dtype, lambda c, y=y, x=x: k.store(image, (n, y, x, begin + c), 0))
            with k.loop(height) as y, k.loop(width) as x, k.loop(self.taps) as tap:
                group, start = self.column(number, tap, channels)
                source = (group, (n * height + y) * width + x, start + within_run)
                around = self.around(k, offset, n, deformable, tap, (y, x), tuple(extents))
                mask = self.mask_of(tuple(masks), n, deformable, tap, (y, x))
                with self.where_inside(k, around, tuple(extents)) as pixels:
                    for i, j in np.ndindex(2, 2):
                        share = around[0].weights[i] * around[1].weights[j] * mask
                        place = (n, *pixels[i][j])

                        def add(c: Any, place: Any = place, share: Any = share, source: Any = source) -> None:
                            value = dcolumns[(*source[:2], source[2] + c)] * share
                            k.store(image, (*place, begin + c), image[(*place, begin + c)] + value)
                        k.vectors(piece, image.dtype, add)

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is an element of the columns; all are added at once, in any order, as MXNet's kernels do."""
        (dcolumns, *sampling), (image,) = inputs, outputs
        _, *extents, channels = image.shape
        fill(k, image)
        with k.jobs(math.prod(dcolumns.shape)) as job:
            at = unravel(job, dcolumns.shape)
            own = self.sampled_at(k, sampling, at, channels)
            around = self.around(k, sampling[0], own.n, own.group, own.tap, own.at, tuple(extents))
            with self.where_inside(k, around, tuple(extents)) as pixels:
                for i, j in np.ndindex(2, 2):
                    share = around[0].weights[i] * around[1].weights[j] * own.mask
                    k.add(image, (own.n, *pixels[i][j], own.channel), dcolumns[at] * share)

    def reference(self, dcolumns: np.ndarray, offset: np.ndarray, *masks: np.ndarray) -> np.ndarray:
        batch, channels = len(offset), dcolumns.shape[2] // self.taps * self.num_group
        image = np.zeros((batch, *self.extents, channels), dcolumns.dtype)
        source = self.by_tap(dcolumns, batch, offset.shape[2:])
        around, mask = self.all_around(offset, self.extents), self.all_masks(masks)
        counts = around[0].inside & around[1].inside
        n = np.arange(batch)[:, None, None, None]
        for i, j, y, x in self.pixels(around, self.extents):
            weights = around[0].weights[i] * around[1].weights[j] * mask
            for d, run, (group, first) in self.runs(channels):
                share = source[group, ..., first:first + run.stop - run.start].transpose(0, 3, 1, 2, 4)
                share = counted(share * weights[:, d, ..., None], counts[:, d])
                np.add.at(image[..., run], (n, y[:, d], x[:, d]), share)
        return image


@operator("_backward_deformable_offset", hidden=True)
class DeformableOffsetGradient(Sampling):
    """Gradients of offset, and of mask where there is one, from that of the columns.  A job owns a row of the output.

    For each tap the products of its column with the four pixels around it are summed over channels.
    """

    def argument_names(self) -> list[str]:
        return ["dcolumns", "image", "offset", *["mask"] * self.is_modulated]

    def output_names(self) -> list[str]:
        return ["doffset", *["dmask"] * self.is_modulated]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.doffset.unify(s.offset.shape)
        if s.mask:
            s.dmask.unify(s.mask.shape)

    def derivatives(self, around: list[Between], sums: Any, mask: Any) -> tuple[Any, Any, Any]:
        """By the place along y and along x, and by the mask, from sums[i][j] of the four pixels."""
        (rows, columns), pairs = around, list(np.ndindex(2, 2))

        def total(a: Two, b: Two) -> Any:
            first, *rest = (a[i] * b[j] * sums[i][j] for i, j in pairs)
            return sum(rest, first)
        return (total(rows.slopes, columns.weights) * mask, total(rows.weights, columns.slopes) * mask,
                total(rows.weights, columns.weights))

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        batch, _, height, width = inputs[2].shape
        with (k.jobs(batch * height) as job, k.loop(self.num_deformable_group) as group, k.loop(self.taps) as tap,
              k.loop(width) as x):
            self._write(k, inputs, outputs, (job // height, group, tap, job % height, x), self.product)

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job is a tap of a deformable group at a place."""
        _, image, offset, *_ = inputs
        batch, _, *output = offset.shape
        axes = (batch, self.num_deformable_group, self.taps, *output)
        with k.jobs(math.prod(axes), width=image.shape[3] // self.num_deformable_group) as job:
            self._write(k, inputs, outputs, unravel(job, axes), self.product_of_team)

    def _write(self, k: Any, inputs: list[Any], outputs: list[Any], at: tuple[Any, ...],
               product: Callable[..., Any]) -> None:
        (dcolumns, image, offset, *masks), (n, group, tap, y, x) = inputs, at
        (_, *extents, _), (height, width) = image.shape, offset.shape[2:]
        around = self.around(k, offset, n, group, tap, (y, x), tuple(extents))
        cells = [[k.cell(image.dtype, 0) for _ in range(2)] for _ in range(2)]
        with self.where_inside(k, around, tuple(extents)) as pixels:
            for i, j in np.ndindex(2, 2):
                row, place = (n * height + y) * width + x, (n, *pixels[i][j])
                cells[i][j].set(product(k, dcolumns, image, (group, tap, row), place))
        mask = self.mask_of(tuple(masks), n, group, tap, (y, x))
        found = self.derivatives(around, [[cell.get() for cell in row] for row in cells], mask)
        counts, number = k.all(*(axis.inside for axis in around)), group * self.taps + tap
        channels = (number * 2, number * 2 + 1, number)
        for value, target, channel in zip(found, (outputs[0], *outputs), channels, strict=False):
            k.store(target, (n, channel, y, x), k.F.where(counts, value, 0))

    def product_of_team(self, k: Any, dcolumns: Any, image: Any, at: tuple[Any, Any, Any],
                        place: tuple[Any, ...]) -> Any:
        """As `product`, by many threads."""
        (group, tap, row), channels = at, image.shape[3]
        run, own = self.run(channels), channels // self.num_deformable_group

        def term(step: Any) -> Any:
            number = group * (own // run) + step // run
            of, start = self.column(number, tap, channels)
            return dcolumns[of, row, start + step % run] * image[(*place, number * run + step % run)]
        return k.reduce("sum", image.dtype, own, term)

    def product(self, k: Any, dcolumns: Any, image: Any, at: tuple[Any, Any, Any], place: tuple[Any, ...]) -> Any:
        """Σ over the channels of a deformable group of the column at (group, tap, row) and a pixel."""
        (group, tap, row), channels = at, image.shape[3]
        run = self.run(channels)
        in_group, total = channels // self.num_deformable_group // run, k.cell(image.dtype, 0)
        with k.loop(in_group) as part:
            number = group * in_group + part
            own, start = self.column(number, tap, channels)
            total.set(total.get() + dot(k, (0, run), image.dtype, lambda c: dcolumns[own, row, start + c],
                                        lambda c: image[(*place, number * run + c)]))
        return total.get()

    def reference(self, dcolumns: np.ndarray, image: np.ndarray, offset: np.ndarray,
                  *masks: np.ndarray) -> tuple[np.ndarray, ...]:
        batch, *extents, channels = image.shape
        source = self.by_tap(dcolumns, batch, offset.shape[2:])
        around = self.all_around(offset, tuple(extents))
        counts = around[0].inside & around[1].inside
        sums = np.zeros((2, 2, *counts.shape), image.dtype)
        n = np.arange(batch)[:, None, None, None]
        for i, j, y, x in self.pixels(around, tuple(extents)):
            for d, run, (group, first) in self.runs(channels):
                column = source[group, ..., first:first + run.stop - run.start].transpose(0, 3, 1, 2, 4)
                sums[i, j, :, d] += (image[n, y[:, d], x[:, d], run] * column).sum(-1)
        *by_place, by_mask = (np.where(counts, value, 0)
                              for value in self.derivatives(around, sums, self.all_masks(masks)))
        doffset = np.stack(by_place, 3).reshape(offset.shape)
        return (doffset, by_mask.reshape(masks[0].shape)) if masks else (doffset,)


# ---- the operators -----------------------------------------------------------------------------------------------


@record
class DeformableConvolving(Operator):
    """Base of both.  workspace is accepted and means nothing here."""

    kernel: Dims
    num_filter: int = within(1)
    stride: Dims = ()
    dilate: Dims = ()
    pad: Dims = ()
    num_group: int = 1
    num_deformable_group: int = 1
    workspace: int = 1024
    no_bias: bool = False
    layout: Literal["NCDHW", "NCHW", "NCW"] | None = None
    dtypes = REAL
    is_modulated: ClassVar[bool] = False

    def sampling(self) -> dict[str, Any]:
        """The geometry, complete.  Conflict when it is none."""
        if len(self.kernel) != 2:
            raise Conflict(f"kernel {self.kernel} has {len(self.kernel)} dimensions, 2 are supported")
        stride, dilate, pad = (per_dimension(getattr(self, name), 2, default, name)
                               for name, default in (("stride", 1), ("dilate", 1), ("pad", 0)))
        if min(*self.kernel, *stride, *dilate, self.num_group, self.num_deformable_group) < 1:
            raise Conflict("kernel, stride, dilate, num_group and num_deformable_group are at least 1")
        return {"kernel": self.kernel, "stride": stride, "dilate": dilate, "pad": pad, "num_group": self.num_group,
                "num_deformable_group": self.num_deformable_group, "is_modulated": self.is_modulated}

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        geometry = self.sampling()
        if s.data.rank is None:
            return
        if s.data.rank != 4:
            raise Conflict(f"data {show(s.data.shape)} must be (N, C, H, W)")
        batch, channels, *image = s.data.shape
        self.check_groups(channels)
        output = tuple(self.output_extent(geometry, axis, extent) for axis, extent in enumerate(image))
        taps = math.prod(self.kernel) * self.num_deformable_group
        s.offset.unify((batch, 2 * taps, *output))
        if self.is_modulated:
            s.mask.unify((batch, taps, *output))
        s.weight.unify((self.num_filter, None if channels is None else channels // self.num_group, *self.kernel))
        if s.bias:
            s.bias.unify((self.num_filter,))
        s.output.unify((batch, self.num_filter, *output))

    def check_groups(self, channels: int | None) -> None:
        if self.num_filter % self.num_group:
            raise Conflict(f"num_filter={self.num_filter} is not divisible by num_group={self.num_group}")
        for name in ("num_group", "num_deformable_group"):
            if channels is not None and channels % getattr(self, name):
                raise Conflict(f"the {channels} channels of data are not divisible by {name}={getattr(self, name)}")

    def output_extent(self, geometry: dict[str, Any], axis: int, extent: int | None) -> int | None:
        if extent is None:
            return None
        spanned = geometry["dilate"][axis] * (self.kernel[axis] - 1) + 1
        room = extent + 2 * geometry["pad"][axis] - spanned
        if room < 0:
            raise Conflict(f"the kernel spans {spanned} elements, data has {extent} and pad {geometry['pad'][axis]} in "
                           f"spatial dimension {axis}")
        return int(room // geometry["stride"][axis] + 1)

    def rewrite(self, g: Any, data: Value, *others: Value) -> list[Value]:
        sampled, (weight, *bias) = others[:1 + self.is_modulated], others[1 + self.is_modulated:]
        depth = math.prod(weight.type.dims[1:]) * self.num_group
        if data.type.dims[0] > 1 and depth * math.prod(data.type.dims[:1] + others[0].type.dims[2:]) > MOST_COLUMNS:
            return self.by_image(g, [data, *sampled], [weight, *bias])
        image = transpose(g, data, channels_last_axes(4))
        columns = Value(g.node(DeformableColumns(**self.sampling()), (image, *sampled)))
        groups, rows, depth = columns.type.dims
        matrix = g.reshape(transpose(g, weight, channels_last_axes(4)), (self.num_filter, depth))
        batch, output, own = data.type.dims[0], others[0].type.dims[2:], self.num_filter // groups
        if groups == 1:
            product = g.FullyConnected(g.reshape(columns, (rows, depth)), matrix, *bias, num_hidden=self.num_filter,
                                       no_bias=self.no_bias)
            return [transpose(g, g.reshape(product, (batch, *output, own)), (0, 3, 1, 2))]
        product = g.batch_dot(columns, g.reshape(matrix, (groups, own, depth)), transpose_b=True)
        apart = transpose(g, g.reshape(product, (groups, batch, *output, own)), (1, 0, 4, 2, 3))
        result = g.reshape(apart, (batch, self.num_filter, *output))
        return [g.broadcast_add(result, g.reshape(bias[0], (1, self.num_filter, 1, 1))) if bias else result]

    def by_image(self, g: Any, images: list[Value], weights: list[Value]) -> list[Value]:
        """A loop over the images of a batch, whose columns take turns in memory."""
        def step(inner: OnGraph, arrays: Sequence[Value], _: Sequence[Value], weights: Sequence[Value]) -> list[Value]:
            alone = [inner.g.reshape(array, (1, *array.type.dims)) for array in arrays]
            made = Value(inner.g.node(self, [*alone, *weights]))
            return [inner.g.reshape(made, made.type.dims[1:])]
        return list(OnGraph(g).scan(step, images, [], weights, reverse=False))

    def reference(self, data: np.ndarray, *others: np.ndarray) -> np.ndarray:
        sampled, (weight, *bias) = others[:1 + self.is_modulated], others[1 + self.is_modulated:]
        columns = DeformableColumns(**self.sampling()).reference(data.transpose(0, 2, 3, 1), *sampled)
        groups, _, depth = columns.shape
        matrix = weight.transpose(0, 2, 3, 1).reshape(groups, -1, depth)
        product = columns @ matrix.transpose(0, 2, 1)
        apart = product.reshape(groups, len(data), *others[0].shape[2:], -1).transpose(1, 0, 4, 2, 3)
        result = apart.reshape(len(data), self.num_filter, *others[0].shape[2:])
        return result + bias[0].reshape(-1, 1, 1) if bias else result


@operator("_contrib_DeformableConvolution")
class DeformableConvolution(DeformableConvolving):
    """A convolution of data (N, C, H, W) whose taps offset (N, 2·taps·num_deformable_group, height, width) moves: along
    y, then along x, for each tap, in pixels.

    weight (num_filter, C/num_group, kernel...), output (N, num_filter, height, width).  Values between pixels are
    interpolated; beyond the image they are 0.  MXNet: _contrib_DeformableConvolution.
    """

    inputs = ("data", "offset", "weight", Optional("bias", unless="no_bias"))
    parameter_order = ("kernel", "stride", "dilate", "pad", "num_filter")


@operator("_contrib_ModulatedDeformableConvolution")
class ModulatedDeformableConvolution(DeformableConvolving):
    """A deformable convolution whose taps are multiplied by mask (N, taps·num_deformable_group, height, width).

    See _contrib_DeformableConvolution; but around the image there is a border of zeros, to which values fade within a
    pixel.  A batch larger than im2col_step must be a multiple of it.  MXNet: _contrib_ModulatedDeformableConvolution.
    """

    im2col_step: int = within(1, default=64)
    inputs = ("data", "offset", "mask", "weight", Optional("bias", unless="no_bias"))
    parameter_order = ("kernel", "stride", "dilate", "pad", "num_filter", "num_group", "num_deformable_group",
                       "workspace", "no_bias", "im2col_step", "layout")
    is_modulated = True
    deviations = (HAS_GRADIENT,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        batch = s.data[0]
        if batch is not None and batch > self.im2col_step and batch % self.im2col_step:
            raise Conflict(f"a batch of {batch} is not a multiple of im2col_step={self.im2col_step}")
