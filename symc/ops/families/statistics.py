"""The parts that normalizations are made of, all hidden.

Statistics over a batch (`_moments`) are a reduction of their own, what follows is elementwise; statistics over a row
are one kernel with the normalization (`_normalize_rows`).  Sums and statistics of float16 data are float32.
Reduced dimensions stay as 1, so that statistics broadcast against the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.ir.types import DType, TensorType
from symc.ops.elementwise import Elementwise
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Dims
from symc.ops.slots import ShapeSlot, Slots, TypeSlot


def wide(dtype: DType) -> DType:
    """The dtype of sums and statistics."""
    return DType.float32 if dtype in (DType.float16, DType.bfloat16) else dtype


def kept(shape: Sequence[Any], axes: Dims) -> tuple[Any, ...]:
    """`shape`, of which extents may be None, with 1 along `axes`."""
    return tuple(1 if i in axes else extent for i, extent in enumerate(shape))


def along(axis: int, rank: int, extent: int) -> Dims:
    """The shape under which a vector varies along one axis: (1, C, 1, 1)."""
    return (*(1,) * axis, extent, *(1,) * (rank - axis - 1))


def others(axis: int, rank: int) -> Dims:
    return tuple(i for i in range(rank) if i != axis)


class Statistics(Operator):
    """Base of the hidden reductions over `axes` (a field), which stay as dimensions of extent 1."""

    axes: Dims
    pattern = "reduction"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            for output in self.statistics(s):
                output.unify(kept(s.data.shape, self.axes))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for output in self.statistics(t):
            output.unify(wide(t.data.dtype) if t.data.known else None)

    def statistics(self, slots: Any) -> list[Any]:
        """The outputs that are statistics."""
        return slots.outputs  # type: ignore[no-any-return]

    def count(self, shape: Sequence[int]) -> int:
        return math.prod(shape[axis] for axis in self.axes)

    def total(self, te: Any, shape: Sequence[int], term: Callable[..., Any]) -> Any:
        """The sums of term(*indices) over the reduced axes of `shape`."""
        def body(*i: Any) -> Any:
            def element(*r: Any) -> Any:
                inner = iter(r)
                return term(*(next(inner) if axis in self.axes else k for axis, k in enumerate(i)))
            return te.sum(tuple(shape[axis] for axis in self.axes), element)
        return te.tensor(kept(shape, self.axes), body)


def at_kept(tensor: Any, indices: Sequence[Any]) -> Any:
    """The element of `tensor`, which has extents of 1, that broadcasts to `indices`."""
    return tensor[tuple(0 if extent == 1 else i for extent, i in zip(tensor.shape, indices, strict=True))]


def moments(data: np.ndarray, axes: Dims) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance, in the wide dtype, from sums in float64."""
    dtype = wide(DType.of(data.dtype)).numpy
    x = NumPyMath.cast(data, DType.float64)
    mean = x.mean(axes, keepdims=True)
    return mean.astype(dtype), np.square(x - mean).mean(axes, keepdims=True).astype(dtype)


@operator("_moments", hidden=True)
class Moments(Statistics):
    """Mean and biased variance over `axes`."""

    axes: Dims
    outputs = ("mean", "variance")

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        return moments(data, self.axes)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        """One pass over the data: sums and sums of squares in float64, in which their difference loses nothing that
        float32 could hold.  Errors of statistics grow from layer to layer; these stay below rounding."""
        (data,), dtype, dims = inputs, outputs[0].element, outputs[0].dims
        count, F = self.count(data.shape), te.F

        def element(*i: Any) -> Any:
            return F.cast(data[i], DType.float64)

        sums = self.total(te, data.shape, element)
        squares = self.total(te, data.shape, lambda *i: element(*i) * element(*i))

        def variance(*i: Any) -> Any:
            mean = sums[i] / count
            return F.cast(F.max_nan(squares[i] / count - mean * mean, 0), dtype)
        return [te.tensor(dims, lambda *i: F.cast(sums[i] / count, dtype)), te.tensor(dims, variance)]


@operator("_normalized_sums", hidden=True)
class NormalizedSums(Statistics):
    """Σ dy and Σ dy·(data - mean)·scale over `axes`: the gradients of a normalization's beta and gamma."""

    axes: Dims
    inputs = ("data", "mean", "scale", "dy")
    outputs = ("beta", "gamma")

    def reference(self, data: np.ndarray, mean: np.ndarray, scale: np.ndarray, dy: np.ndarray) -> tuple[Any, ...]:
        dtype = wide(DType.of(data.dtype)).numpy
        x, m, s, d = (a.astype(dtype, copy=False) for a in (data, mean, scale, dy))
        return d.sum(self.axes, keepdims=True), (d * (x - m) * s).sum(self.axes, keepdims=True)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data, mean, scale, dy), dtype, F = inputs, outputs[0].element, te.F

        def product(*i: Any) -> Any:
            x, m, s, d = (F.cast(v, dtype) for v in (data[i], at_kept(mean, i), at_kept(scale, i), dy[i]))
            return F.cast((x - m) * s * d, DType.float64)
        sums = (self.total(te, data.shape, lambda *i: F.cast(dy[i], DType.float64)),
                self.total(te, data.shape, product))
        return [te.tensor(outputs[0].dims, lambda *i, total=total: F.cast(total[i], dtype)) for total in sums]


# ---- elementwise parts -----------------------------------------------------------------------------------------


class Normalizing(Elementwise):
    """Base of the elementwise parts: inputs are of the dtype of data or its wide one, the output of that of data."""

    broadcasts = True

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.inputs[0].dtype)


@operator("_normalize", hidden=True)
class Normalize(Normalizing):
    """(data - mean)·scale·gamma + beta."""

    inputs = ("data", "gamma", "beta", "mean", "scale")

    def expression(self, F: Any, *inputs: Any) -> Any:
        data, gamma, beta, mean, scale = inputs
        return F.cast((F.cast(data, F.dtype(mean)) - mean) * (scale * gamma) + beta, F.dtype(data))


@operator("_scale_shift", hidden=True)
class ScaleShift(Normalizing):
    """data·scale + shift."""

    inputs = ("data", "scale", "shift")

    def expression(self, F: Any, *inputs: Any) -> Any:
        data, scale, shift = inputs
        return F.cast(F.cast(data, F.dtype(scale)) * scale + shift, F.dtype(data))


@operator("_backward_normalize", hidden=True)
class BackwardNormalize(Normalizing):
    """Gradient of data where the statistics are those of `count` elements of data itself:
    gamma·scale·(dy - (dbeta + (data - mean)·scale·dgamma) / count)."""

    count: int
    inputs = ("data", "dy", "gamma", "mean", "scale", "dbeta", "dgamma")

    def expression(self, F: Any, *inputs: Any) -> Any:
        data, dy, gamma, mean, scale, dbeta, dgamma = inputs
        normalized = (F.cast(data, F.dtype(mean)) - mean) * scale
        dx = F.cast(dy, F.dtype(mean)) - (dbeta + normalized * dgamma) * (1 / self.count)
        return F.cast(dx * (scale * gamma), F.dtype(data))


@operator("_inverse_deviation", hidden=True)
class InverseDeviation(Elementwise):
    """1 / √(variance + eps)."""

    eps: float
    inputs = ("variance",)

    def expression(self, F: Any, *inputs: Any) -> Any:
        return 1 / F.sqrt(inputs[0] + self.eps)


@operator("_moving_average", hidden=True)
class MovingAverage(Elementwise):
    """average·momentum + mean·(1 - momentum)."""

    momentum: float
    inputs = ("average", "mean")

    def expression(self, F: Any, *inputs: Any) -> Any:
        return inputs[0] * self.momentum + inputs[1] * (1 - self.momentum)


@operator("_moving_variance", hidden=True)
class MovingVariance(Elementwise):
    """average·momentum + (1/scale² - eps)·(1 - momentum), scale being the inverse deviation."""

    momentum: float
    eps: float
    inputs = ("average", "scale")

    def expression(self, F: Any, *inputs: Any) -> Any:
        average, scale = inputs
        return average * self.momentum + (1 / (scale * scale) - self.eps) * (1 - self.momentum)


# ---- rows ------------------------------------------------------------------------------------------------------


@operator("_normalize_rows", hidden=True)
class NormalizeRows(Statistics):
    """(data - mean) / deviation · gamma + beta, with mean and deviation √(variance + eps) over `axes`.

    gamma and beta broadcast to data.  One kernel, a row at a time.
    """

    axes: Dims
    eps: float
    inputs = ("data", "gamma", "beta")
    outputs = ("output", "mean", "deviation")
    pattern = "rows"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        s.output.unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        super().infer_type(t)
        t.output.unify(t.data.dtype)

    def statistics(self, slots: Any) -> list[Any]:
        return slots.outputs[1:]  # type: ignore[no-any-return]

    def reference(self, data: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, ...]:
        mean, variance = moments(data, self.axes)
        deviation = np.sqrt(variance + variance.dtype.type(self.eps))
        return ((data - mean) / deviation * gamma + beta).astype(data.dtype), mean, deviation

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data, gamma, beta), F = inputs, te.F
        dtype, dims, count = outputs[1].element, outputs[1].dims, self.count(data.shape)
        sums = self.total(te, data.shape, lambda *i: F.cast(data[i], dtype))
        mean = te.tensor(dims, lambda *i: sums[i] * (1 / count))

        def square(*i: Any) -> Any:
            centred = F.cast(data[i], dtype) - at_kept(mean, i)
            return centred * centred
        squares = self.total(te, data.shape, square)
        deviation = te.tensor(dims, lambda *i: F.sqrt(squares[i] * (1 / count) + self.eps))
        scale = te.tensor(dims, lambda *i: 1 / deviation[i])

        def normalized(*i: Any) -> Any:
            x = (F.cast(data[i], dtype) - at_kept(mean, i)) * at_kept(scale, i)
            return F.cast(x * F.cast(at_kept(gamma, i), dtype) + F.cast(at_kept(beta, i), dtype), data.dtype)
        return [te.tensor(data.shape, normalized), mean, deviation]


@operator("_backward_normalize_rows", hidden=True)
class BackwardNormalizeRows(Statistics):
    """Gradient of the data of `_normalize_rows`."""

    axes: Dims
    inputs = ("data", "gamma", "mean", "deviation", "dy")
    pattern = "rows"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.data.dtype)

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        dtype = wide(DType.of(inputs[0].dtype)).numpy
        data, gamma, mean, deviation, dy = (x.astype(dtype, copy=False) for x in inputs)
        normalized, d = (data - mean) / deviation, dy * gamma
        inner = (d * normalized).mean(self.axes, keepdims=True)
        return ((d - d.mean(self.axes, keepdims=True) - normalized * inner) / deviation).astype(inputs[0].dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data, gamma, mean, deviation, dy), F = inputs, te.F
        dtype, share = wide(data.dtype), 1 / self.count(data.shape)
        scale = te.tensor(mean.shape, lambda *i: 1 / F.cast(deviation[i], dtype))

        def normalized(*i: Any) -> Any:
            return (F.cast(data[i], dtype) - F.cast(at_kept(mean, i), dtype)) * at_kept(scale, i)

        def d(*i: Any) -> Any:
            return F.cast(dy[i], dtype) * F.cast(at_kept(gamma, i), dtype)
        total = self.total(te, data.shape, d)
        inner = self.total(te, data.shape, lambda *i: d(*i) * normalized(*i))

        def dx(*i: Any) -> Any:
            value = d(*i) - at_kept(total, i) * share - normalized(*i) * (at_kept(inner, i) * share)
            return F.cast(value * at_kept(scale, i), data.dtype)
        return [te.tensor(data.shape, dx)]
