"""Correlation of two feature maps (FlowNet)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.sampler import same_floats
from symc.ops.families.statistics import wide
from symc.ops.math import NumPyMath
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Dims
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, unify


@record
class Correlating(Operator):
    """Base: where windows of the first map lie, and by how much those of the second are displaced."""

    kernel_size: int = 1
    max_displacement: int = 1
    stride1: int = 1
    stride2: int = 1
    pad_size: int = 0
    is_multiply: bool = True

    @property
    def reach(self) -> int:
        """Displacements in one direction."""
        return self.max_displacement // self.stride2

    @property
    def displacements(self) -> int:
        """Displacements along one axis."""
        return 2 * self.reach + 1

    def windows(self, extent: int) -> int:
        """Windows along an axis."""
        border = self.max_displacement + (self.kernel_size - 1) // 2
        return -(-(extent + 2 * self.pad_size - 2 * border) // self.stride1)

    def displacement(self, number: Any) -> tuple[Any, Any]:
        """Down and right, in pixels, of a displacement."""
        width = self.displacements
        return (number // width - self.reach) * self.stride2, (number % width - self.reach) * self.stride2

    def terms(self, channels: int) -> int:
        """What a sum is divided by."""
        return self.kernel_size ** 2 * channels

    def steps(self) -> Iterator[tuple[int, ...]]:
        """(displacement, row, column of the window) of all terms."""
        return itertools.product(range(self.displacements ** 2), *[range(self.kernel_size)] * 2)

    def padded(self, data: np.ndarray) -> np.ndarray:
        edge = (self.pad_size,) * 2
        return np.pad(NumPyMath.cast(data, wide(DType.of(data.dtype))), ((0, 0), (0, 0), edge, edge))

    def seen(self, y: int, x: int, counts: Dims) -> tuple[slice, slice]:
        """Rows and columns of a padded map that windows have at (y, x), windows counting from the first."""
        starts = (self.max_displacement + at for at in (y, x))
        rows, columns = (slice(start, start + (count - 1) * self.stride1 + 1, self.stride1)
                         for start, count in zip(starts, counts, strict=True))
        return rows, columns


@operator("Correlation")
class Correlation(Correlating):
    """The mean product (or |difference|) of windows of data1 with displaced windows of data2.

    Data are (N, C, H, W); each displacement is a channel of the result.  MXNet: Correlation.
    """

    dtypes = REAL

    inputs = ("data1", "data2")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data1, s.data2)
        if self.kernel_size % 2 == 0:
            raise Conflict(f"kernel_size={self.kernel_size} must be odd")
        if min(self.stride1, self.stride2) < 1:
            raise Conflict(f"stride1={self.stride1} and stride2={self.stride2} must be positive")
        if s.data1.rank not in (None, 4):
            raise Conflict("data must be (N, C, H, W)")
        if s.data1.known:
            counts = [self.windows(extent) for extent in s.data1.dims[2:]]
            if min(counts) < 1:
                raise Conflict(f"displacements up to {self.max_displacement} and windows of {self.kernel_size} do not "
                               f"fit into data, {s.data1.dims[2]} × {s.data1.dims[3]} with pad_size={self.pad_size}")
            s.output.unify((s.data1[0], self.displacements ** 2, *counts))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        same_floats(t)

    def reference(self, data1: np.ndarray, data2: np.ndarray) -> np.ndarray:
        a, b = self.padded(data1), self.padded(data2)
        counts = tuple(self.windows(extent) for extent in data1.shape[2:])
        result = np.zeros((len(a), self.displacements ** 2, *counts), a.dtype)
        for number, h, w in self.steps():
            down, right = self.displacement(number)
            first = a[(..., *self.seen(h, w, counts))]
            second = b[(..., *self.seen(h + down, w + right, counts))]
            result[:, number] += (first * second if self.is_multiply else np.abs(first - second)).sum(1)
        return (result / a.dtype.type(self.terms(a.shape[1]))).astype(data1.dtype)

    pattern = "reduction"

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data1, data2 = inputs
        channels = data1.shape[1]

        def element(n: Any, q: Any, i: Any, j: Any) -> Any:
            down, right = self.displacement(q)
            y, x = (at * self.stride1 + self.max_displacement - self.pad_size for at in (i, j))

            def term(h: Any, w: Any, c: Any) -> Any:
                a = load(te, data1, n, c, y + h, x + w)
                b = load(te, data2, n, c, y + h + down, x + w + right)
                return a * b if self.is_multiply else te.F.abs(a - b)
            return te.sum((self.kernel_size, self.kernel_size, channels), term)
        total = te.tensor(outputs[0].dims, element)
        return [te.tensor(outputs[0].dims, lambda *i: te.F.cast(total[i] / self.terms(channels), data1.dtype))]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        parameters = self.parameters()
        return [g._backward_correlation(*node.inputs, dy, second=second, **parameters) for second in (False, True)]


def load(te: Any, data: Any, n: Any, c: Any, y: Any, x: Any) -> Any:
    """An element of (N, C, H, W), 0 outside, in the wide type."""
    height, width = data.shape[2:]
    value = te.F.cast(data[n, c, te.clamp(y, 0, height - 1), te.clamp(x, 0, width - 1)], wide(data.dtype))
    return te.select(te.all(y >= 0, y < height, x >= 0, x < width), value, te.F.const(0, value))


@operator("_backward_correlation", hidden=True)
class BackwardCorrelation(Correlating):
    """The gradient of one of Correlation's inputs: what each window that has a pixel says, summed in order."""

    second: bool = False
    inputs = ("data1", "data2", "dy")
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data1.shape)

    def slope(self, F: Any, own: Any, other: Any) -> Any:
        """What a term's derivative is: the other factor, or the sign of the difference, as MXNet has it where it is 0.
        """
        if self.is_multiply:
            return other
        positive, negative = F.const(1, own), F.const(-1, own)
        if self.second:
            return F.where(other >= own, negative, positive)
        return F.where(own >= other, positive, negative)

    def reference(self, data1: np.ndarray, data2: np.ndarray, dy: np.ndarray) -> np.ndarray:
        a, b = self.padded(data1), self.padded(data2)
        total, counts = np.zeros_like(a), dy.shape[2:]
        for number, h, w in self.steps():
            down, right = self.displacement(number)
            places = [(..., *self.seen(h, w, counts)), (..., *self.seen(h + down, w + right, counts))]
            first, second = a[places[0]], b[places[1]]
            slope = self.slope(NumPyMath, *((second, first) if self.second else (first, second)))
            total[places[self.second]] += dy[:, number, None] * slope / a.dtype.type(self.terms(a.shape[1]))
        height, width = data1.shape[2:]
        p = self.pad_size
        return total[:, :, p:p + height, p:p + width].astype(data1.dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data1, data2, dy = inputs
        dtype, sign = wide(data1.dtype), -1 if self.second else 1
        own, other = (data2, data1) if self.second else (data1, data2)

        def element(n: Any, c: Any, y: Any, x: Any) -> Any:
            def term(q: Any, h: Any, w: Any) -> Any:
                down, right = self.displacement(q)
                moved = [at + self.pad_size - self.max_displacement - tap - (step if self.second else 0)
                         for at, tap, step in ((y, h, down), (x, w, right))]
                windows = [at // self.stride1 for at in moved]
                within = [condition for at, window, count in zip(moved, windows, dy.shape[2:], strict=True)
                          for condition in (at >= 0, at % self.stride1 == 0, window < count)]
                places = [te.clamp(at, 0, count - 1) for at, count in zip(windows, dy.shape[2:], strict=True)]
                value = te.F.cast(dy[(n, q, *places)], dtype)
                beside = load(te, other, n, c, y + sign * down, x + sign * right)
                slope = self.slope(te.F, te.F.cast(own[n, c, y, x], dtype), beside)
                return te.select(te.all(*within), value * slope, te.F.const(0, value))
            return te.sum((self.displacements ** 2, self.kernel_size, self.kernel_size), term)
        total = te.tensor(outputs[0].dims, element)
        divisor = self.terms(data1.shape[1])
        return [te.tensor(outputs[0].dims, lambda *i: te.F.cast(total[i] / divisor, data1.dtype))]
