"""Measures of whole tensors: moments, running sums, sums of squares, finiteness, histograms."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.cast import cast_to
from symc.ops.families.reduce import INFINITE, Mean
from symc.ops.math import NumPyMath
from symc.ops.operator import HALVES_AND_BOOL, HAS_GRADIENT, Operator, Optional, Variadic, operator
from symc.ops.parameters import Dims
from symc.ops.shapes import axis_in
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show

MANY_LINES = 1 << 12     # of running sums, that each thread of a GPU has one


@operator("moments")
class Moments(Operator):
    """Mean and variance over `axes`.  MXNet: moments."""

    widened = HALVES_AND_BOOL

    axes: Dims | None = None
    keepdims: bool = False
    outputs = ("output0", "output1")
    deviations = (INFINITE,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not self.axes:
            raise Conflict("axes are missing; for moments of the whole tensor give all axes")
        if s.data.rank is not None:
            for output in s.outputs:
                output.unify(Mean(axis=self.axes).reduced(s.data.shape, self.keepdims))

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        mean = g.mean(data, axis=self.axes, keepdims=True)
        variance = g.mean(g.square(g.broadcast_sub(data, mean)), axis=self.axes, keepdims=True)
        shape = Mean(axis=self.axes).reduced(data.type.dims, self.keepdims)
        return [g.reshape(mean, shape), g.reshape(variance, shape)]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        over = Mean(axis=self.axes, keepdims=self.keepdims)
        distance = data - Mean(axis=self.axes, keepdims=True).reference(data)
        return over.reference(data), over.reference(np.square(distance))


@operator("_np_cumsum", aliases=("cumsum",))
class CumulativeSum(Operator):
    """The running sum along `axis`, or through the flattened input, as `dtype`.  MXNet: _np_cumsum."""

    axis: int | None = None
    dtype: Literal["float16", "float32", "float64", "int32", "int64", "int8"] | None = None
    inputs = ("a",)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.axis is None:
            s.output.unify((math.prod(s.a.dims),) if s.a.known else None)
        elif s.a.rank is not None:
            if not 0 <= self.axis < s.a.rank:
                raise Conflict(f"axis {self.axis} is not from 0 to {s.a.rank - 1}")
            s.unify_all()

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if self.dtype is None and t.a.dtype is DType.bool:
            t.output.unify(DType.int64)
        elif self.dtype is None:
            t.unify_all()
        else:
            t.output.unify(DType[self.dtype])

    def lines(self, shape: Dims) -> Dims:
        """The input as lines that are summed along the middle axis."""
        if self.axis is None:
            return 1, math.prod(shape), 1
        at = axis_in(self.axis, len(shape))
        return math.prod(shape[:at]), shape[at], math.prod(shape[at + 1:])

    def rewrite(self, g: Any, a: Value) -> list[Value]:
        shape = a.type.dims
        value = cast_to(g, a, self.summed(a.type.element))
        summed = g._cumulative_sum(g.reshape(value, self.lines(shape)))
        return [g.reshape(summed, (math.prod(shape),) if self.axis is None else shape)]

    def reference(self, a: np.ndarray) -> np.ndarray:
        return np.cumsum(a, self.axis, self.summed(DType.of(a.dtype)).numpy)

    def summed(self, dtype: DType) -> DType:
        """The dtype of the sums of `dtype`."""
        if self.dtype is not None:
            return DType[self.dtype]
        return DType.int64 if dtype is DType.bool else dtype

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        """Summed in the dtype of a."""
        a = node.inputs[0]
        lines = g.reshape(cast_to(g, dy, a.type.element), self.lines(a.type.dims))
        return [g.reshape(g._cumulative_sum(lines, backwards=True), a.type.dims)]


@operator("_cumulative_sum", hidden=True)
class CumulativeSumOfLines(Operator):
    """The running sum along the middle of three axes, from its end if `backwards`."""

    backwards: bool = False

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        (data,), (result,) = inputs, outputs
        outer, extent, inner = data.shape
        with k.jobs(outer * inner) as line:
            total = k.cell(data.dtype, 0)
            with k.loop(extent) as i:
                place = self.place(line, i, data.shape)
                total.set(total.get() + data[place])
                k.store(result, place, total.get())

    def cooperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Many lines side by side in memory have a thread each, others a team."""
        (data,), (result,) = inputs, outputs
        outer, extent, inner = data.shape
        if inner > 1 and outer * inner >= MANY_LINES:
            self.imperative(k, inputs, outputs)
            return
        with (k.jobs(outer * inner, width=extent) as line,
              k.running(data.dtype, extent, lambda i: data[self.place(line, i, data.shape)]) as (i, total)):
            k.store(result, self.place(line, i, data.shape), total)

    def place(self, line: Any, i: Any, shape: Any) -> tuple[Any, ...]:
        """Where element `i` of a line is, from the end that is summed first."""
        _, extent, inner = shape
        return line // inner, extent - 1 - i if self.backwards else i, line % inner

    def reference(self, data: np.ndarray) -> np.ndarray:
        if self.backwards:
            return np.flip(np.cumsum(np.flip(data, 1), 1, data.dtype), 1)
        return np.cumsum(data, 1, data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [g._cumulative_sum(dy, backwards=not self.backwards)]


@operator("multi_sum_sq")
class SumsOfSquares(Operator):
    """Σ x² of each input, float32 (num_arrays,).  MXNet: multi_sum_sq."""

    takes_empty = True

    num_arrays: int
    inputs = (Variadic("data", count="num_arrays"),)
    deviations = (HAS_GRADIENT,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((self.num_arrays,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.float32)

    def rewrite(self, g: Any, *data: Value) -> list[Value]:
        sums = [g.sum(g.square(g.Cast(value, dtype="float32"))) for value in data]
        return [g.Concat(*sums, num_args=len(sums), dim=0)]

    def reference(self, *data: np.ndarray) -> np.ndarray:
        return np.array([np.square(x.astype(np.float32)).sum() for x in data], np.float32)


class AllFinite(Operator):
    """Base: float32 (1,), 1 if no element of any input is infinite or NaN, else 0.

    `init_output` would keep the output's old value there; here the output is always written.
    """

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.float32)

    def rewrite(self, g: Any, *data: Value) -> list[Value]:
        return [functools.reduce(g._minimum, (self._finite(g, value) for value in data))]

    def _finite(self, g: Any, value: Value) -> Value:
        """x - x is 0 where x is finite, else NaN."""
        wide = g.Cast(value, dtype="float32") if value.type.element is not DType.float64 else value
        equal = g._equal_scalar(g.elemwise_sub(wide, wide), scalar=0.0)
        return g.Cast(g.min(equal), dtype="float32")  # type: ignore[no-any-return]

    def reference(self, *data: np.ndarray) -> np.ndarray:
        return np.array([all(np.isfinite(x).all() for x in data)], np.float32)


@operator("all_finite")
class OneFinite(AllFinite):
    """Whether all elements are finite.  MXNet: all_finite."""

    init_output: bool = True


@operator("multi_all_finite")
class ManyFinite(AllFinite):
    """Whether all elements of all inputs are finite.  MXNet: multi_all_finite."""

    num_arrays: int = 1
    init_output: bool = True
    inputs = (Variadic("data", count="num_arrays"),)


@operator("_histogram")
class Histogram(Operator):
    """How many elements lie in each bin (int64), and the edges of the bins.

    Edges are the input `bins`, or cut `range` into `bin_cnt` equal parts.  A bin holds its lower edge, the last one
    also its upper edge.  MXNet: _histogram.
    """

    bin_cnt: int | None = None
    range: str | None = None
    inputs = ("data", Optional("bins", when=lambda op: op.bin_cnt is None))
    outputs = ("output0", "output1")

    def edges(self) -> np.ndarray:
        """The edges of equal bins."""
        assert self.bin_cnt is not None
        try:
            low, high = (float(part) for part in (self.range or "").strip("()[] ").split(","))
        except ValueError:
            raise Conflict(f"range {self.range!r} is not a pair of numbers") from None
        if low > high:
            raise Conflict(f"range {self.range} falls")
        if self.bin_cnt < 1:
            raise Conflict(f"bin_cnt is {self.bin_cnt}")
        if low == high:     # as in NumPy
            low, high = low - 0.5, high + 0.5
        return low + np.arange(self.bin_cnt + 1) * (high - low) / self.bin_cnt

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.bins:
            if self.range is not None:
                raise Conflict("range is given without bin_cnt")
            if s.bins.rank not in (None, 1):
                raise Conflict(f"bins {show(s.bins.shape)} must be a vector")
            s.outputs[1].unify(s.bins.shape)
            s.bins.unify(s.outputs[1].shape)
        else:
            s.outputs[1].unify(self.edges().shape)
        if s.outputs[1].known:
            s.outputs[0].unify((s.outputs[1].dims[0] - 1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.outputs[0].unify(DType.int64)
        for a, b in ((t.outputs[1], t.data), (t.data, t.outputs[1]), (t.bins or t.data, t.data)):
            a.unify(b.dtype)

    def rewrite(self, g: Any, data: Value, *bins: Value) -> list[Value]:
        edges = bins[0] if bins else g.constant(self.edges(), data.type.element)
        return [g._count_in_bins(g.reshape(data, (math.prod(data.type.dims),)), edges), g._copy(edges)]

    def reference(self, data: np.ndarray, *bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        edges = bins[0] if bins else self.edges().astype(data.dtype)
        return CountInBins().reference(data.reshape(-1), edges), edges


@operator("_count_in_bins", hidden=True)
class CountInBins(Operator):
    """For a vector and the ascending edges of bins how many elements lie in each bin, int64."""

    inputs = ("data", "edges")
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.edges.known:
            s.output.unify((s.edges.dims[0] - 1,))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int64)

    def _inside(self, F: Any, x: Any, low: Any, high: Any, last: Any) -> Any:
        return F.logical_and(x >= low, F.logical_or(x < high, F.logical_and(last, x == high)))

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, edges = inputs
        (count,) = outputs[0].dims

        def element(b: Any) -> Any:
            return te.sum(data.shape, lambda i: te.F.cast(self._inside(
                te.F, data[i], edges[b], edges[b + 1], te.all(b == count - 1)), DType.int64))
        return [te.tensor(outputs[0].dims, element)]

    def reference(self, data: np.ndarray, edges: np.ndarray) -> np.ndarray:
        x, last = data[:, None], np.arange(len(edges) - 1) == len(edges) - 2
        return self._inside(NumPyMath, x, edges[:-1], edges[1:], last).sum(0, np.int64)  # type: ignore[no-any-return]
