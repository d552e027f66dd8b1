"""The parts that normalizations are made of, all hidden.

Statistics over a batch (`_moments`) are a reduction of their own, what follows is elementwise; statistics over a row
are one kernel with the normalization (`_normalize_rows`).  Sums and statistics of float16 data are float32.
Reduced dimensions stay as 1, so that statistics broadcast against the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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


def mean_and_variance(te: Any, op: Statistics, data: Any, dtype: DType) -> tuple[Any, Any]:
    """Of the reduced axes; the variance is biased."""
    share, F = 1 / op.count(data.shape) if op.count(data.shape) else math.nan, te.F
    sums = op.total(te, data.shape, lambda *i: F.cast(data[i], dtype))
    mean = te.tensor(sums.shape, lambda *i: sums[i] * share)

    def square(*i: Any) -> Any:
        centred = F.cast(data[i], dtype) - at_kept(mean, i)
        return centred * centred
    squares = op.total(te, data.shape, square)
    return mean, te.tensor(sums.shape, lambda *i: squares[i] * share)


def at_kept(tensor: Any, indices: Sequence[Any]) -> Any:
    """The element of `tensor`, which has extents of 1, that broadcasts to `indices`."""
    return tensor[tuple(0 if extent == 1 else i for extent, i in zip(tensor.shape, indices, strict=True))]


def moments(data: np.ndarray, axes: Dims) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance, in the wide dtype, from sums in float64."""
    dtype = wide(DType.of(data.dtype)).numpy
    x = NumPyMath.cast(data, DType.float64)
    mean = x.mean(axes, keepdims=True)
    return mean.astype(dtype), np.square(x - mean).mean(axes, keepdims=True).astype(dtype)


LANES = 16      # channels that a job sums side by side; a block of the blocked layouts


def moments_in_order(data: np.ndarray, axes: Dims) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance as MXNet's BatchNorm computes them: sums in the wide dtype, one element after another.

    Their error, about 1e-5 of the variance over 1e5 elements, is part of MXNet's numbers: it decides signs in front of
    ReLUs, and with them gradients in deep networks.
    """
    dtype, shape = wide(DType.of(data.dtype)).numpy, kept(data.shape, axes)
    lines = np.moveaxis(NumPyMath.cast(data, DType.of(dtype)), axes, range(-len(axes), 0)).reshape(
        *(extent for i, extent in enumerate(data.shape) if i not in axes), -1)
    count = dtype.type(lines.shape[-1])

    def total(terms: np.ndarray) -> np.ndarray:
        return np.add.accumulate(terms, axis=-1, dtype=dtype)[..., -1] if count else np.zeros(terms.shape[:-1], dtype)
    mean = total(lines) / count
    return mean.reshape(shape), (total(np.square(lines - mean[..., None])) / count).reshape(shape)


@operator("_moments", hidden=True)
class Moments(Statistics):
    """Mean and biased variance over all axes but one, summed in MXNet's order (`moments_in_order`); on GPUs, where
    MXNet's order is another too, in parts."""

    axes: Dims
    outputs = ("mean", "variance")

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        return moments_in_order(data, self.axes)

    def imperative(self, k: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """A job owns up to 16 channels, each a chain of additions in a lane of its own."""
        data = inputs[0]
        (axis,) = (i for i in range(len(data.shape)) if i not in self.axes)
        whole, rest = divmod(data.shape[axis], LANES)
        with k.jobs(whole + (rest > 0)) as job:
            for chosen, lanes in ((job < whole, LANES), (job >= whole, rest)):
                with k.when(chosen):
                    self._write(k, data, axis, k.pieces(job * LANES, lanes, outputs[0].dtype), outputs)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return list(mean_and_variance(te, self, inputs[0], outputs[0].element))

    def _write(self, k: Any, data: Any, axis: int, channels: list[tuple[Any, int]], outputs: list[Any]) -> None:
        """The mean and variance of some channels, given as vectors of indices and their numbers of lanes."""
        (mean, variance), count, dtype = outputs, self.count(data.shape), outputs[0].dtype
        means = [k.cell(dtype, total / count, lanes).get()
                 for total, (_, lanes) in zip(self._sums(k, data, axis, channels, dtype), channels, strict=True)]
        squares = self._sums(k, data, axis, channels, dtype, means)
        for (channel, _), average, square in zip(channels, means, squares, strict=True):
            place = tuple(channel if i == axis else 0 for i in range(len(data.shape)))
            k.store(mean, place, average)
            k.store(variance, place, square / count)

    def _sums(self, k: Any, data: Any, axis: int, channels: list[tuple[Any, int]], dtype: DType,
              origins: Any = None) -> list[Any]:
        """For each channel the sum of its elements, or of their squared distances from its origin."""
        cells = [k.cell(dtype, 0, lanes) for _, lanes in channels]
        with ExitStack() as loops:
            at = {i: loops.enter_context(k.loop(data.shape[i])) for i in self.axes}
            for number, (cell, (channel, _)) in enumerate(zip(cells, channels, strict=True)):
                element = k.F.cast(data[tuple(channel if i == axis else at[i] for i in range(len(data.shape)))], dtype)
                if origins is not None:
                    element = (element - origins[number]) * (element - origins[number])
                cell.set(cell.get() + element)
        return [cell.get() for cell in cells]


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
            return (x - m) * s * d
        return [self.total(te, data.shape, lambda *i: F.cast(dy[i], dtype)), self.total(te, data.shape, product)]


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
        dtype, dims = outputs[1].element, outputs[1].dims
        mean, variance = mean_and_variance(te, self, data, dtype)
        deviation = te.tensor(dims, lambda *i: F.sqrt(variance[i] + self.eps))
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
