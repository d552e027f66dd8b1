"""BatchNorm and its relatives.

In training, the statistics are a reduction (`_moments`) and the rest is elementwise; in inference it is
`_batch_norm_inference`, which scales and shifts.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.families.statistics import Moments, NormalizedSums, along, moments_in_order, others, wide
from symc.ops.operator import REAL, Operator, operator
from symc.ops.record import record
from symc.ops.shapes import axis_in
from symc.ops.slots import ShapeSlot, Slots, TypeSlot, unify


def sums_of(g: Any, data: Value, mean: Value, scale: Value, dy: Value, axis: int) -> tuple[Value, ...]:
    """The gradients of beta and gamma, under shapes that broadcast against data."""
    rank = len(data.type.dims)
    return g.node(NormalizedSums(others(axis % rank, rank)), (data, mean, scale, dy)).outputs  # type: ignore


def parameter_gradients(g: Any, sums: tuple[Value, ...], gamma: Value, fix_gamma: bool) -> list[Value | None]:
    """The gradients of gamma and beta from `sums_of`."""
    dbeta, dgamma = (g.reshape(value, gamma.type.dims) for value in sums)
    return [None if fix_gamma else dgamma, dbeta]


def scaled(g: Any, data: Value, scale: Value) -> Value:
    """data·scale in the dtype of data."""
    zero = g.constant(np.zeros((1,) * len(data.type.dims)), scale.type.element)
    return g._scale_shift(data, scale, zero)  # type: ignore[no-any-return]


@record
class BatchNormalization(Operator):
    """Base of the forms of BatchNorm: data normalized over all axes but that of the channels.

    Outputs beside the normalized data, visible with output_mean_var: the mean and the inverse deviation
    1/√(variance + eps), of the batch, or of the moving statistics with use_global_stats and in inference.
    gamma counts as 1 with fix_gamma.  The moving statistics are updated in backward with the biased variance.
    """

    dtypes = REAL

    eps: float = 1e-3
    momentum: float = 0.9
    fix_gamma: bool = True
    use_global_stats: bool = False
    output_mean_var: bool = False
    inputs = ("data", "gamma", "beta")
    auxiliary = ("moving_mean", "moving_var")
    outputs = ("output", "mean", "var")
    deviations = ("float16 data is normalized in float32 and rounded once; MXNet rounds the deviation, and what it "
                  "makes of it, to float16, so its outputs are twice as far from the exact ones, and its gradients of "
                  "gamma off by up to 3e-3 of themselves",)

    @property
    def channel_axis(self) -> int:
        return 1

    @property
    def visible_count(self) -> int:
        return 3 if self.output_mean_var else 1

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        vectors = (*s.inputs[1:], *s.outputs[1:3])
        if s.data.rank is not None:
            axis = axis_in(self.channel_axis, s.data.rank)
            for vector in vectors:
                vector.unify((s.data[axis],))
                s.data.unify_axis(axis, vector[0])
        unify(*vectors)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        for a, b in ((t.data, t.output), (t.output, t.data)):
            a.unify(b.dtype)
        for vector in (*t.inputs[1:], *t.outputs[1:3]):
            vector.unify(wide(t.data.dtype) if t.data.known else None)

    def broadcast(self, g: Any, vector: Value, data: Value) -> Value:
        """A vector of channels under a shape that broadcasts against `data`."""
        rank = len(data.type.dims)
        return g.reshape(vector, along(self.channel_axis % rank, rank, vector.type.dims[0]))

    def gamma_of(self, g: Any, data: Value, gamma: Value) -> Value:
        if not self.fix_gamma:
            return self.broadcast(g, gamma, data)
        return g.constant(np.ones((1,) * len(data.type.dims)), gamma.type.element)

    def rewrite(self, g: Any, data: Value, gamma: Value, beta: Value, *moving: Value) -> list[Value]:
        rank = len(data.type.dims)
        if self.use_global_stats:
            mean, variance = (self.broadcast(g, state, data) for state in moving)
        else:
            mean, variance = g.node(Moments(others(self.channel_axis % rank, rank)), (data,)).outputs
        scale = g._inverse_deviation(variance, eps=self.eps)
        output = g._normalize(data, self.gamma_of(g, data, gamma), self.broadcast(g, beta, data), mean, scale)
        return [output, *(g.reshape(value, beta.type.dims) for value in (mean, scale))]

    def inference(self, g: Any, data: Value, gamma: Value, beta: Value, mean: Value, variance: Value) -> list[Value]:
        output = g._batch_norm_inference(data, gamma, beta, mean, variance, eps=self.eps, fix_gamma=self.fix_gamma,
                                         axis=self.channel_axis)
        return [output, mean, g._inverse_deviation(variance, eps=self.eps)]

    def reference(self, data: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *moving: np.ndarray) -> tuple[Any, ...]:
        axis = self.channel_axis % data.ndim
        shape = along(axis, data.ndim, data.shape[axis])
        if self.use_global_stats:
            mean, variance = (state.reshape(shape) for state in moving)
        else:
            mean, variance = moments_in_order(data, others(axis, data.ndim))
        scale = 1 / np.sqrt(variance + variance.dtype.type(self.eps))
        factor = scale if self.fix_gamma else scale * gamma.reshape(shape)
        output = ((data - mean) * factor + beta.reshape(shape)).astype(data.dtype)
        return output, mean.reshape(-1), scale.reshape(-1)

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        if dy is None:
            return [None] * len(node.inputs)
        data, gamma = node.inputs[:2]
        mean, scale = (self.broadcast(g, Value(node, i), data) for i in (1, 2))
        factor = self.gamma_of(g, data, gamma)
        sums = sums_of(g, data, mean, scale, dy, self.channel_axis)
        if self.use_global_stats:
            dx = scaled(g, dy, g.broadcast_mul(scale, factor))
        else:
            count = math.prod(data.type.dims) // math.prod(gamma.type.dims)
            dx = g._backward_normalize(data, dy, factor, mean, scale, *sums, count=count)
        return [dx, *parameter_gradients(g, sums, gamma, self.fix_gamma), None, None]

    def updates(self, g: Any, node: Node, inputs: Sequence[Value]) -> dict[int, Value]:
        if self.use_global_stats:
            return {}
        mean, variance = inputs[3:]
        return {3: g._moving_average(mean, Value(node, 1), momentum=self.momentum),
                4: g._moving_variance(variance, Value(node, 2), momentum=self.momentum, eps=self.eps)}

    def overwrites(self, g: Any, node: Node) -> dict[int, Value]:
        """fix_gamma sets the array bound to gamma to 1, in training and inference alike."""
        gamma = node.inputs[1]
        return {1: g.filled(1, gamma.type)} if self.fix_gamma else {}


@operator("BatchNorm")
class BatchNorm(BatchNormalization):
    """(data - mean) / √(variance + eps) · gamma + beta, channel by channel.  MXNet: BatchNorm."""

    axis: int = 1
    cudnn_off: bool = False
    min_calib_range: float | None = None
    max_calib_range: float | None = None

    @property
    def channel_axis(self) -> int:
        return self.axis


@operator("_contrib_BatchNormWithReLU")
class BatchNormWithReLU(BatchNorm):
    """relu of BatchNorm; the last output, hidden, is what relu is applied to.  MXNet: contrib.BatchNormWithReLU."""

    outputs = (*BatchNormalization.outputs, "normalized")  # type: ignore[assignment]

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        super().infer_shape(s)
        unify(s.data, s.normalized)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        super().infer_type(t)
        t.normalized.unify(t.data.dtype)

    def rewrite(self, g: Any, *inputs: Value) -> list[Value]:
        normalized, *statistics = super().rewrite(g, *inputs)
        return [g.relu(normalized), *statistics, normalized]

    def inference(self, g: Any, *inputs: Value) -> list[Value]:
        normalized, *statistics = super().inference(g, *inputs)
        return [g.relu(normalized), *statistics, normalized]

    def reference(self, *inputs: np.ndarray) -> tuple[Any, ...]:
        normalized, *statistics = super().reference(*inputs)
        return np.maximum(normalized, 0), *statistics, normalized

    def gradient(self, g: Any, node: Node, dy: Value | None, *_: Value | None) -> list[Value | None]:
        inner = None if dy is None else g._backward_relu(Value(node), dy)
        return super().gradient(g, node, inner)


@operator("BatchNorm_v1")
class BatchNormV1(BatchNormalization):
    """BatchNorm under the name of old files; the channels are axis 1.  MXNet: BatchNorm_v1."""


@operator("_contrib_SyncBatchNorm")
class SyncBatchNorm(BatchNormalization):
    """BatchNorm whose statistics are shared by `ndev` devices; there is one.  MXNet: contrib.SyncBatchNorm."""

    parameter_order = ("eps", "momentum", "fix_gamma", "use_global_stats", "output_mean_var", "ndev", "key")
    key: str = dataclasses.field(kw_only=True)
    ndev: int = 1


@operator("_batch_norm_inference", hidden=True)
class BatchNormInference(Operator):
    """(data - mean) / √(variance + eps) · gamma + beta along `axis`; gamma counts as 1 with fix_gamma."""

    eps: float
    fix_gamma: bool
    axis: int = 1
    inputs = ("data", "gamma", "beta", "mean", "variance")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.data.dtype)

    def scale_and_shift(self, g: Any, gamma: Value, beta: Value, mean: Value,
                        variance: Value) -> tuple[Value, Value]:
        """What the operator comes to for each channel, made of parameters alone: output = data·scale + shift."""
        scale = g._inverse_deviation(variance, eps=self.eps)
        scale = scale if self.fix_gamma else g.elemwise_mul(gamma, scale)
        return scale, g.elemwise_sub(beta, g.elemwise_mul(mean, scale))

    def rewrite(self, g: Any, data: Value, *vectors: Value) -> list[Value]:
        scale, shift = self.scale_and_shift(g, *vectors)
        rank = len(data.type.dims)
        shape = along(self.axis % rank, rank, shift.type.dims[0])
        return [g._scale_shift(data, g.reshape(scale, shape), g.reshape(shift, shape))]

    def reference(self, data: np.ndarray, *vectors: np.ndarray) -> np.ndarray:
        shape = along(self.axis % data.ndim, data.ndim, data.shape[self.axis])
        gamma, beta, mean, variance = (v.reshape(shape) for v in vectors)
        scale = 1 / np.sqrt(variance + variance.dtype.type(self.eps))
        return ((data - mean) * (scale if self.fix_gamma else scale * gamma) + beta).astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, gamma, _, mean, variance = node.inputs
        rank = len(data.type.dims)
        shape = along(self.axis % rank, rank, gamma.type.dims[0])
        mean, scale = g.reshape(mean, shape), g.reshape(g._inverse_deviation(variance, eps=self.eps), shape)
        factor = scale if self.fix_gamma else g.elemwise_mul(scale, g.reshape(gamma, shape))
        sums = sums_of(g, data, mean, scale, dy, self.axis)
        return [scaled(g, dy, factor), *parameter_gradients(g, sums, gamma, self.fix_gamma), None, None]
