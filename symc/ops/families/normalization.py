"""Normalizations over rows: LayerNorm, GroupNorm, InstanceNorm, L2Normalization, and LRN across channels."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, TensorType
from symc.ops.families.statistics import (
    BackwardNormalizeRows,
    NormalizedSums,
    NormalizeRows,
    Statistics,
    along,
    at_kept,
    kept,
    wide,
)
from symc.ops.operator import REAL, Operator, operator
from symc.ops.parameters import Dims, internal
from symc.ops.record import record
from symc.ops.shapes import axis_in
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, unify


@record
class RowNormalization(Operator):
    """Base of the normalizations with statistics over parts of each sample.

    data is read as an array of shape `viewed`, of which `axes` are normalized; gamma and beta vary along
    `parameter_axis` of it.  Outputs beside the normalized data: mean and deviation √(variance + eps).
    """

    dtypes = REAL

    eps: float = 1e-5
    inputs = ("data", "gamma", "beta")
    outputs = ("output", "mean", "std")

    def viewed(self, shape: Dims) -> Dims:
        raise NotImplementedError

    def axes(self, rank: int) -> Dims:
        """The axes of the view that are normalized."""
        raise NotImplementedError

    def parameter_axis(self, rank: int) -> int:
        raise NotImplementedError

    def statistics_shape(self, shape: Dims) -> Dims:
        """Of mean and std, for data of `shape`."""
        raise NotImplementedError

    @property
    def visible_count(self) -> int:
        return 3 if getattr(self, "output_mean_var", False) else 1

    def views(self, g: Any, data: Value, *vectors: Value) -> list[Value]:
        """data as it is viewed, and gamma and beta under shapes that broadcast against it."""
        view = self.viewed(data.type.dims)
        rank = len(view)
        return [g.reshape(data, view), *(g.reshape(v, along(self.parameter_axis(rank), rank, v.type.dims[0]))
                                         for v in vectors)]

    def rewrite(self, g: Any, data: Value, gamma: Value, beta: Value) -> list[Value]:
        inputs = self.views(g, data, gamma, beta)
        made = g.node(NormalizeRows(self.axes(len(inputs[0].type.dims)), self.eps), inputs)
        output, *statistics = made.outputs
        shape = self.statistics_shape(data.type.dims)
        return [g.reshape(output, data.type.dims), *(cast(g, g.reshape(v, shape), data) for v in statistics)]

    def reference(self, data: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, ...]:
        x = data.reshape(self.viewed(data.shape))
        shape = along(self.parameter_axis(x.ndim), x.ndim, len(gamma))
        output, *statistics = NormalizeRows(self.axes(x.ndim), self.eps).reference(
            x, gamma.reshape(shape), beta.reshape(shape))
        return (output.reshape(data.shape),
                *(v.reshape(self.statistics_shape(data.shape)).astype(data.dtype) for v in statistics))

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        if dy is None:
            return [None] * len(node.inputs)
        data, gamma, _beta = node.inputs
        x, factor = self.views(g, data, gamma)
        rank = len(x.type.dims)
        axes, d = self.axes(rank), g.reshape(dy, x.type.dims)
        mean, deviation = (g.reshape(Value(node, i), kept(x.type.dims, axes)) for i in (1, 2))
        dx = g.node(BackwardNormalizeRows(axes), (x, factor, mean, deviation, d)).outputs[0]
        summed = tuple(i for i in range(rank) if i != self.parameter_axis(rank))
        dbeta, dgamma = g.node(NormalizedSums(summed), (x, mean, g.reciprocal(deviation), d)).outputs
        return [g.reshape(dx, data.type.dims),
                *(cast(g, g.reshape(v, gamma.type.dims), gamma) for v in (dgamma, dbeta))]


def cast(g: Any, value: Value, like: Value) -> Value:
    """`value` in the dtype of `like`."""
    return value if value.type.dtype is like.type.dtype else g.Cast(value, dtype=like.type.element.name)


@operator("LayerNorm")
class LayerNorm(RowNormalization):
    """(data - mean) / √(variance + eps) · gamma + beta, the statistics taken along `axis`.  MXNet: LayerNorm."""

    parameter_order = ("axis", "eps")
    axis: int = -1
    output_mean_var: bool = False

    def viewed(self, shape: Dims) -> Dims:
        return shape

    def axes(self, rank: int) -> Dims:
        return (axis_in(self.axis, rank),)

    def parameter_axis(self, rank: int) -> int:
        return axis_in(self.axis, rank)

    def statistics_shape(self, shape: Dims) -> Dims:
        return kept(shape, self.axes(len(shape)))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        unify(s.gamma, s.beta)
        if s.data.rank is None:
            return
        s.gamma.unify((s.data[axis_in(self.axis, s.data.rank)],))
        s.data.unify_axis(self.axis, s.gamma[0])
        unify(s.gamma, s.beta)
        for statistic in s.outputs[1:]:
            statistic.unify(kept(s.data.shape, self.axes(s.data.rank)))


@operator("GroupNorm")
class GroupNorm(RowNormalization):
    """Each of `num_groups` groups of channels of a sample is normalized; gamma and beta have one entry a group.

    MXNet: GroupNorm.
    """

    parameter_order: ClassVar[tuple[str, ...]] = ("num_groups", "eps")
    num_groups: int = 1
    output_mean_var: bool = False

    def groups(self, shape: Dims) -> int:
        return self.num_groups

    def viewed(self, shape: Dims) -> Dims:
        groups = self.groups(shape)
        return (shape[0], groups, math.prod(shape[1:]) // groups)

    def axes(self, rank: int) -> Dims:
        return (2,)

    def parameter_axis(self, rank: int) -> int:
        return 1

    def statistics_shape(self, shape: Dims) -> Dims:
        return (shape[0], self.groups(shape))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is not None and s.data.rank < 3:
            raise Conflict(f"data has {s.data.rank} dimensions, at least 3 are needed")
        if s.data.rank and s.data[1] is not None and (self.num_groups < 1 or s.data[1] % self.num_groups):
            raise Conflict(f"the {s.data[1]} channels of data are not divisible by num_groups={self.num_groups}")
        for vector in (s.gamma, s.beta):
            vector.unify((self.num_groups,))
        for statistic in s.outputs[1:]:
            statistic.unify((s.data[0], self.num_groups))


@operator("InstanceNorm")
class InstanceNorm(GroupNorm):
    """Each channel of a sample is normalized by itself.  MXNet: InstanceNorm."""

    parameter_order: ClassVar[tuple[str, ...]] = ()
    eps: float = 1e-3
    num_groups: int = internal(1)
    output_mean_var: bool = internal(False)

    def groups(self, shape: Dims) -> int:
        return shape[1]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is None:
            return
        if s.data.rank < 3:
            raise Conflict(f"data has {s.data.rank} dimensions, at least 3 are needed")
        for vector in (s.gamma, s.beta):
            vector.unify((s.data[1],))
            s.data.unify_axis(1, vector[0])
        for statistic in s.outputs[1:]:
            statistic.unify(s.data.shape[:2])


# ---- L2Normalization -------------------------------------------------------------------------------------------


@operator("L2Normalization")
class L2Normalization(Operator):
    """data / √(Σ data² + eps) over the channels (channel), all spatial positions of a channel (spatial) or the whole
    of each sample (instance).  The hidden output is the norm.  MXNet: L2Normalization."""

    dtypes = REAL

    eps: float = 1e-10
    mode: Literal["channel", "instance", "spatial"] = "instance"
    outputs = ("output", "norm")

    @property
    def visible_count(self) -> int:
        return 1

    def axes(self, rank: int) -> Dims:
        if self.mode == "channel":
            return (1,)
        return tuple(range(1 if self.mode == "instance" else 2, rank))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is None:
            return
        fewest = 2 if self.mode == "instance" else 3
        if s.data.rank < fewest:
            raise Conflict(f"data has {s.data.rank} dimensions, mode {self.mode} needs at least {fewest}")
        axes = self.axes(s.data.rank)
        s.norm.unify(tuple(d for i, d in enumerate(s.data.shape) if i not in axes))

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        axes = self.axes(len(data.type.dims))
        output, norm = g.node(ScaleRows(axes, self.eps), (data,)).outputs
        return [output, cast(g, g.reshape(norm, [d for i, d in enumerate(data.type.dims) if i not in axes]), data)]

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        axes = self.axes(data.ndim)
        output, norm = ScaleRows(axes, self.eps).reference(data)
        return output, norm.squeeze(axes).astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        if dy is None:
            return [None]
        axes = self.axes(len(dy.type.dims))
        norm = g.reshape(Value(node, 1), kept(dy.type.dims, axes))
        return g.node(BackwardScaleRows(axes), (Value(node), norm, dy)).outputs  # type: ignore[no-any-return]


@operator("_scale_rows", hidden=True)
class ScaleRows(Statistics):
    """data / norm, the norm √(Σ data² + eps) being over `axes`."""

    axes: Dims
    eps: float
    outputs = ("output", "norm")
    pattern = "rows"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        s.output.unify(s.data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        super().infer_type(t)
        t.output.unify(t.data.dtype)

    def statistics(self, slots: Any) -> list[Any]:
        return slots.outputs[1:]  # type: ignore[no-any-return]

    def epsilon(self, dtype: np.dtype) -> float:
        """eps as a number of data's dtype: in float16 the default is 0, and the norm of zeros too."""
        return float(np.float16(self.eps)) if dtype == np.float16 else self.eps

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        x = data.astype(wide(DType.of(data.dtype)).numpy, copy=False)
        norm = np.sqrt(np.square(x).sum(self.axes, keepdims=True) + x.dtype.type(self.epsilon(data.dtype)))
        return (x / norm).astype(data.dtype), norm

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,), F, dtype = inputs, te.F, outputs[1].element

        def square(*i: Any) -> Any:
            x = F.cast(data[i], dtype)
            return x * x
        squares = self.total(te, data.shape, square)
        norm = te.tensor(outputs[1].dims, lambda *i: F.sqrt(squares[i] + self.epsilon(data.dtype.numpy)))
        scale = te.tensor(outputs[1].dims, lambda *i: 1 / norm[i])
        return [te.tensor(data.shape, lambda *i: F.cast(F.cast(data[i], dtype) * at_kept(scale, i), data.dtype)), norm]


@operator("_backward_scale_rows", hidden=True)
class BackwardScaleRows(Statistics):
    """(dy - y · Σ y·dy) / norm, the sum being over `axes`."""

    axes: Dims
    inputs = ("y", "norm", "dy")
    pattern = "rows"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.dy.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.dy.dtype)

    def reference(self, y: np.ndarray, norm: np.ndarray, dy: np.ndarray) -> np.ndarray:
        return ((dy - y * (y * dy).sum(self.axes, keepdims=True)) / norm).astype(dy.dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (y, norm, dy), F, dtype = inputs, te.F, wide(inputs[2].dtype)
        inner = self.total(te, dy.shape, lambda *i: F.cast(y[i], dtype) * F.cast(dy[i], dtype))
        scale = te.tensor(norm.shape, lambda *i: 1 / F.cast(norm[i], dtype))

        def dx(*i: Any) -> Any:
            value = F.cast(dy[i], dtype) - F.cast(y[i], dtype) * at_kept(inner, i)
            return F.cast(value * at_kept(scale, i), dy.dtype)
        return [te.tensor(dy.shape, dx)]


# ---- LRN -------------------------------------------------------------------------------------------------------


@record
class AcrossChannels(Operator):
    """Base of LRN and its gradient: a centred window of `nsize` channels, of one less when that is even."""

    nsize: int
    alpha: float = 1e-4
    beta: float = 0.75
    knorm: float = 2.0
    pattern = "rows"

    @property
    def half(self) -> int:
        return (self.nsize - 1) // 2

    def windows(self, x: np.ndarray) -> np.ndarray:
        """Sums over the window of each channel."""
        padded = np.pad(x, [(self.half, self.half) if i == 1 else (0, 0) for i in range(x.ndim)])
        return sum(padded[:, tap:tap + x.shape[1]] for tap in range(2 * self.half + 1))  # type: ignore[return-value]

    def total(self, te: Any, shape: Dims, term: Any) -> Any:
        """The same of term(*indices)."""
        def body(n: Any, c: Any, *rest: Any) -> Any:
            def element(tap: Any) -> Any:
                at = c + tap - self.half
                return te.select(te.all(at >= 0, at < shape[1]), term(n, at, *rest), 0)
            return te.sum((2 * self.half + 1,), element)
        return te.tensor(shape, body)

    def inverse_power(self, F: Any, norm: Any) -> Any:
        """norm^-beta; by roots where beta is a number of quarters, as the usual 0.75 is."""
        if self.beta not in (0.25, 0.5, 0.75):
            return F.exp(F.log(norm) * -self.beta)
        half = F.sqrt(norm)
        if self.beta == 0.5:
            return 1 / half
        return 1 / F.sqrt(half) if self.beta == 0.25 else 1 / (half * F.sqrt(half))


@operator("LRN")
class LocalResponseNormalization(AcrossChannels):
    """data / (knorm + alpha/nsize · Σ data² over `nsize` channels)^beta; the hidden output is the base of the power.

    MXNet: LRN.
    """

    dtypes = REAL

    parameter_order = ("alpha", "beta", "knorm", "nsize")
    outputs = ("output", "tmp_norm")

    @property
    def visible_count(self) -> int:
        return 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.nsize < 1:
            raise Conflict(f"nsize={self.nsize} must be positive")
        if s.data.rank not in (None, 4):
            raise Conflict(f"data has {s.data.rank} dimensions, expected 4")
        unify(s.data, *s.outputs)

    def reference(self, data: np.ndarray) -> tuple[np.ndarray, ...]:
        norm = self.knorm + self.alpha / self.nsize * self.windows(np.square(data))
        return (data * norm ** -self.beta).astype(data.dtype), norm.astype(data.dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data,), F = inputs, te.F
        squares = self.total(te, data.shape, lambda *i: data[i] * data[i])
        norm = te.tensor(data.shape, lambda *i: squares[i] * (self.alpha / self.nsize) + self.knorm)
        return [te.tensor(data.shape, lambda *i: data[i] * self.inverse_power(F, norm[i])), norm]

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        if dy is None:
            return [None]
        return [g._backward_LRN(node.inputs[0], Value(node, 1), dy, nsize=self.nsize, alpha=self.alpha,
                                beta=self.beta)]


@operator("_backward_LRN", hidden=True)
class BackwardLRN(AcrossChannels):
    """dy·norm^-beta - 2·alpha·beta/nsize · data · Σ dy·data·norm^(-beta - 1)."""

    inputs = ("data", "norm", "dy")

    def reference(self, data: np.ndarray, norm: np.ndarray, dy: np.ndarray) -> np.ndarray:
        inner = self.windows(dy * data * norm ** (-self.beta - 1))
        factor = 2 * self.alpha * self.beta / self.nsize
        return (dy * norm ** -self.beta - factor * data * inner).astype(data.dtype)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        (data, norm, dy), F = inputs, te.F
        factor = 2 * self.alpha * self.beta / self.nsize
        power = te.tensor(dy.shape, lambda *i: dy[i] * self.inverse_power(F, norm[i]))
        inner = self.total(te, dy.shape, lambda *i: power[i] * data[i] / norm[i])
        return [te.tensor(dy.shape, lambda *i: power[i] - data[i] * inner[i] * factor)]
