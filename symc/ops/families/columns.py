"""Windows of images as the columns of a matrix, and back: im2col, col2im."""

from __future__ import annotations

import math
from dataclasses import field
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import PartialShape, TensorType
from symc.ops.operator import HALVES_AND_BOOL, Operator, operator
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.shapes import product, unravel
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


@record
class Windows(Operator):
    """Base: the windows of a kernel over the spatial dimensions of (N, C, ...)."""

    kernel: Dims
    stride: Dims = ()
    dilate: Dims = ()
    pad: Dims = ()

    def geometry(self) -> list[tuple[int, int, int, int]]:
        """(kernel, stride, dilate, pad) for each spatial dimension."""
        ones, rank = (1,) * len(self.kernel), len(self.kernel)
        parts = (self.kernel, self.stride or ones, self.dilate or ones, self.pad or (0,) * rank)
        if any(len(part) != rank for part in parts):
            raise Conflict(f"kernel {self.kernel}, stride {self.stride}, dilate {self.dilate} and pad {self.pad} "
                           "differ in length")
        if min((*parts[0], *parts[1], *parts[2]), default=1) < 1:
            raise Conflict(f"kernel {self.kernel}, stride {self.stride} and dilate {self.dilate} are at least 1")
        return list(zip(*parts, strict=True))

    def counts(self, image: PartialShape) -> PartialShape:
        """The number of windows along each spatial dimension.  Conflict when there is none."""
        counts = tuple(None if x is None else (x + 2 * p - d * (k - 1) - 1) // s + 1
                       for x, (k, s, d, p) in zip(image, self.geometry(), strict=True))
        if any(count is not None and count < 1 for count in counts):
            raise Conflict(f"kernel {self.kernel} is larger than the image {show(image)}")
        return counts

    def source(self, tap: tuple[Any, ...], window: tuple[Any, ...]) -> list[Any]:
        """The pixel under one tap of the kernel in one window; it may lie in the padding."""
        return [w * s + t * d - p for t, w, (_, s, d, p) in zip(tap, window, self.geometry(), strict=True)]

    def pixels(self, image: Dims) -> np.ndarray:
        """Place in the padded image, flattened, of each tap (rows) in each window (columns)."""
        padded = tuple(x + 2 * p for x, (*_, p) in zip(image, self.geometry(), strict=True))
        counts = self.counts(image)
        taps = np.indices(self.kernel).reshape(len(image), -1, 1)
        places = np.indices(counts).reshape(len(image), 1, -1)  # type: ignore[arg-type]
        along = [w * s + t * d for t, w, (_, s, d, _p) in zip(taps, places, self.geometry(), strict=True)]
        return np.ravel_multi_index(tuple(along), padded)

    def padding(self) -> list[tuple[int, int]]:
        return [(0, 0), (0, 0), *((p, p) for *_, p in self.geometry())]


@operator("im2col")
class ImageToColumns(Windows):
    """(N, C, image...) → (N, C·∏kernel, windows), padding as 0.  MXNet: im2col."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.data.rank != len(self.kernel) + 2:
            raise Conflict(f"data {show(s.data.shape)} does not fit kernel {self.kernel}")
        n, channels, *image = s.data.shape
        s.output.unify((n, product((channels, *self.kernel)), product(self.counts(tuple(image)))))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        image = data.shape[2:]
        counts, taps = self.counts(image), math.prod(self.kernel)

        def element(n: Any, row: Any, column: Any) -> Any:
            pixel = self.source(unravel(row % taps, self.kernel), unravel(column, counts))  # type: ignore[arg-type]
            inside = [c for k, extent in zip(pixel, image, strict=True) for c in (k >= 0, k < extent)]
            return te.select(te.all(*inside), data[(n, row // taps, *pixel)], 0)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        n, channels, *image = data.shape
        flat = np.pad(data, self.padding()).reshape(n, channels, -1)
        pixels = self.pixels(tuple(image))
        return flat[:, :, pixels].reshape(n, -1, pixels.shape[1])

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.col2im(dy, output_size=node.inputs[0].type.dims[2:], kernel=self.kernel, stride=self.stride,
                         dilate=self.dilate, pad=self.pad)]


@operator("col2im")
class ColumnsToImage(Windows):
    """(N, C·∏kernel, windows) → (N, C, output_size...), each pixel the sum over the windows.  MXNet: col2im."""

    widened = HALVES_AND_BOOL

    parameter_order = ("output_size",)
    output_size: Dims = field(kw_only=True)
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if len(self.output_size) != len(self.kernel):
            raise Conflict(f"output_size {self.output_size} does not fit kernel {self.kernel}")
        s.data.unify((None, None, product(self.counts(self.output_size))))
        channels, remainder = divmod(s.data[1] or 0, math.prod(self.kernel))
        if remainder:
            raise Conflict(f"data {show(s.data.shape)} has no whole number of kernels {self.kernel}")
        s.output.unify((s.data[0], channels or None, *self.output_size))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,) = inputs
        counts, taps = self.counts(self.output_size), math.prod(self.kernel)

        def element(n: Any, c: Any, *pixel: Any) -> Any:
            def body(*tap: Any) -> Any:
                inside, window = [], []
                for at, t, (_, s, d, p), count in zip(pixel, tap, self.geometry(), counts, strict=True):
                    distance = at + p - t * d
                    inside += [distance >= 0, distance % s == 0, distance // s < count]
                    window.append(distance // s)
                row = c * taps + _position(tap, self.kernel)
                return te.select(te.all(*inside), data[n, row, _position(window, counts)], 0)
            return te.sum(self.kernel, body)
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        n, rows, _ = data.shape
        taps = math.prod(self.kernel)
        pixels = self.pixels(self.output_size)
        padded = [x + 2 * p for x, (*_, p) in zip(self.output_size, self.geometry(), strict=True)]
        flat = np.zeros((n, rows // taps, math.prod(padded)), data.dtype)
        np.add.at(flat, (slice(None), slice(None), pixels),  # type: ignore[arg-type]
                  data.reshape(n, rows // taps, taps, -1))
        inner = [slice(p, p + x) for x, (*_, p) in zip(self.output_size, self.geometry(), strict=True)]
        return flat.reshape(n, rows // taps, *padded)[(slice(None), slice(None), *inner)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g.im2col(dy, kernel=self.kernel, stride=self.stride, dilate=self.dilate, pad=self.pad)]


def _position(indices: Any, shape: Any) -> Any:
    """The place of an element in the flattened tensor."""
    place: Any = 0
    for index, extent in zip(indices, shape, strict=True):
        place = place * extent + index
    return place
