"""Convolution and Deconvolution in one, two and three dimensions, and their gradients: all are contractions.

Each is the other's gradient by its data; that by the weight is `_backward_convolution_weight` for both.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import TensorType
from symc.ops.contraction import Contraction, Window, evaluate
from symc.ops.operator import NUMBERS, Operator, Optional, operator
from symc.ops.parameters import Dims, may_be_unset, within
from symc.ops.record import record
from symc.ops.slots import Conflict, ShapeSlot, Slots, show
from symc.ops.spatial import (
    channels_first_axes,
    channels_last_axes,
    has_channels_last,
    per_dimension,
    permuted,
    transpose,
)


@record
class Convolving(Operator):
    """Base of both: the parameters they share.  workspace and cudnn_* are accepted and mean nothing here."""

    dtypes = NUMBERS

    parameter_order: ClassVar[tuple[str, ...]] = ("kernel", "stride", "dilate", "pad", "num_filter")
    kernel: Dims
    num_filter: int = within(1)
    stride: Dims = ()
    dilate: Dims = ()
    pad: Dims = ()
    num_group: int = 1
    workspace: int = 1024
    no_bias: bool = False
    cudnn_tune: Literal["fastest", "limited_workspace", "off"] | None = None
    cudnn_off: bool = False
    layout: Literal["NCDHW", "NCHW", "NCW", "NDHWC", "NHWC"] | None = None
    inputs = ("data", "weight", Optional("bias", unless="no_bias"))

    @property
    def rank(self) -> int:
        """Number of spatial dimensions."""
        return len(self.kernel)

    @property
    def strides(self) -> Dims:
        return per_dimension(self.stride, self.rank, 1, "stride")

    @property
    def dilations(self) -> Dims:
        return per_dimension(self.dilate, self.rank, 1, "dilate")

    @property
    def extents(self) -> Dims:
        """Extents of the dilated kernel."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not has_channels_last(self.layout):
            return self.infer_channels_first(s)
        first, last = channels_first_axes(self.rank + 2), channels_last_axes(self.rank + 2)
        inputs = [permuted(slot, first) if slot.name != "bias" else slot for slot in s.inputs]
        output = permuted(s.output, first)
        self.infer_channels_first(Slots(inputs, [output]))
        for slot, made in zip((*s.inputs, s.output), (*inputs, output), strict=True):
            slot.unify(made.shape if slot.name == "bias" or made.shape is None else permuted(made, last).shape)
        return None

    def infer_channels_first(self, s: Slots[ShapeSlot]) -> None:
        """Shape rule for NCW, NCHW and NCDHW."""
        raise NotImplementedError

    def check(self, s: Slots[ShapeSlot]) -> None:
        """Conflict when data and parameters cannot go together."""
        if not 1 <= self.rank <= 3:
            raise Conflict(f"kernel has {self.rank} dimensions, 1 to 3 are supported")
        if min((*self.kernel, *self.strides, *self.dilations, self.num_group)) < 1:
            raise Conflict("kernel, stride, dilate and num_group are at least 1")
        if s.data.rank not in (None, self.rank + 2):
            raise Conflict(f"data has {s.data.rank} dimensions, expected {self.rank + 2} for kernel {self.kernel}")
        if s.data.rank and 0 in s.data.shape[1:]:
            raise Conflict(f"data {show(s.data.shape)} has no elements; only the batch may be 0")
        if self.num_filter % self.num_group:
            raise Conflict(f"num_filter={self.num_filter} is not divisible by num_group={self.num_group}")
        if s.data.rank and s.data[1] is not None and s.data[1] % self.num_group:
            raise Conflict(f"the {s.data[1]} channels of data are not divisible by num_group={self.num_group}")

    def window(self, data: TensorType) -> Window:
        raise NotImplementedError

    def spec(self, window: Window) -> Contraction:
        raise NotImplementedError

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        return _contraction(self, inputs[0])

    def finish(self, F: Any, total: Any, *bias: Any) -> Any:
        return total + bias[0] if bias else total

    def finish_dims(self, rank: int) -> tuple[tuple[int, ...], ...]:
        return () if self.no_bias else ((1,),)

    def channels_first(self) -> Any:
        """The same operator for channels-first data."""
        return dataclasses.replace(self, layout=None)

    def rewrite(self, g: Any, data: Value, weight: Value, *bias: Value) -> list[Value] | None:
        if not has_channels_last(self.layout):
            return None
        first, last = channels_first_axes(self.rank + 2), channels_last_axes(self.rank + 2)
        inputs = (transpose(g, data, first), transpose(g, weight, first), *bias)
        return [transpose(g, Value(g.node(self.channels_first(), inputs)), last)]

    def reference(self, data: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.ndarray:
        if has_channels_last(self.layout):
            first, last = channels_first_axes(data.ndim), channels_last_axes(data.ndim)
            y = self.channels_first().reference(data.transpose(first), weight.transpose(first), *bias)
            return y.transpose(last)  # type: ignore[no-any-return]
        window = self.window(TensorType(data.shape))
        y = evaluate(self.spec(window), data, weight, (data.shape[0], self.num_filter, *self.spatial_output(window)))
        return y + bias[0].reshape(-1, *(1,) * self.rank) if bias else y

    def spatial_output(self, window: Window) -> Dims:
        raise NotImplementedError

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data, weight, *bias = node.inputs
        if not has_channels_last(self.layout):
            result = self.gradient_channels_first(g, data, weight, dy)
            return [*result, g.sum(dy, axis=(0, *range(2, self.rank + 2)))] if bias else result
        first, last = channels_first_axes(self.rank + 2), channels_last_axes(self.rank + 2)
        moved = [transpose(g, value, first) for value in (data, weight, dy)]
        result = [transpose(g, value, last) for value in self.channels_first().gradient_channels_first(g, *moved)]
        return [*result, g.sum(dy, axis=tuple(range(self.rank + 1)))] if bias else result

    def gradient_channels_first(self, g: Any, data: Value, weight: Value, dy: Value) -> list[Value | None]:
        """Gradients of data and weight."""
        raise NotImplementedError


@functools.lru_cache(4096)
def _contraction(op: Convolving, data: TensorType) -> Contraction:
    """Of a layer; passes ask again and again, and networks have few different ones."""
    return op.spec(op.window(data))


@operator("Convolution")
class Convolution(Convolving):
    """y[n,o,·] = Σ data[n,c,stride·y + dilate·k - pad] · weight[o,c,k] + bias[o].  MXNet: Convolution.

    data (N, C, spatial...), weight (num_filter, C/num_group, kernel...), output (N, num_filter, spatial...).
    """

    @property
    def padding(self) -> Dims:
        return per_dimension(self.pad, self.rank, 0, "pad")

    @property
    def weight_extents(self) -> Dims:
        """Of the weight's spatial dimensions."""
        return self.kernel

    def infer_channels_first(self, s: Slots[ShapeSlot]) -> None:
        self.check(s)
        if s.data.rank is None:
            return
        s.output.unify((s.data[0], self.num_filter, *map(self._output_extent, range(self.rank), s.data.shape[2:])))
        channels = s.weight[1] if s.data[1] is None else s.data[1] // self.num_group
        s.data.unify((s.output[0], None if channels is None else channels * self.num_group,
                      *map(self._input_extent, range(self.rank), s.output.shape[2:])))
        s.weight.unify((self.num_filter, channels, *self.weight_extents))
        if s.bias:
            s.bias.unify((self.num_filter,))

    def _output_extent(self, dim: int, extent: int | None) -> int | None:
        if extent is None:
            return None
        room = extent + 2 * self.padding[dim] - self.extents[dim]
        if room < 0:
            raise Conflict(f"the kernel spans {self.extents[dim]} elements, data has {extent} "
                           f"and pad {self.padding[dim]} in spatial dimension {dim}")
        return room // self.strides[dim] + 1

    def _input_extent(self, dim: int, extent: int | None) -> int | None:
        """Known from the output where the stride is 1."""
        if extent is None or self.strides[dim] != 1:
            return None
        return extent - 1 + self.extents[dim] - 2 * self.padding[dim]

    def window(self, data: TensorType) -> Window:
        batch, channels, *image = data.dims
        output = tuple(self._output_extent(i, extent) or 0 for i, extent in enumerate(image))
        return Window(batch, self.num_group, channels // self.num_group, self.num_filter // self.num_group,
                      tuple(image), output, self.kernel, self.strides, self.dilations, self.padding)

    def spec(self, window: Window) -> Contraction:
        return window.forward()

    def spatial_output(self, window: Window) -> Dims:
        return window.output

    def gradient_channels_first(self, g: Any, data: Value, weight: Value, dy: Value) -> list[Value | None]:
        weight_gradient = g._backward_convolution_weight(
            data, dy, kernel=self.kernel, stride=self.strides, dilate=self.dilations, pad=self.padding,
            num_group=self.num_group)
        return [self._data_gradient(g, data, weight, dy), weight_gradient]

    def _data_gradient(self, g: Any, data: Value, weight: Value, dy: Value) -> Value:
        """A Deconvolution.  At stride 1, of groups of several channels, a Convolution with the weights turned: no
        layout of those of a Deconvolution has the channels of several groups side by side, as vectors need them."""
        own, others = data.type.dims[1] // self.num_group, self.num_filter // self.num_group
        if 1 in (self.num_group, own, others) or set(self.strides) != {1} or any(
                pad >= extent for pad, extent in zip(self.padding, self.extents, strict=True)):
            return self._deconvolution(g, data, weight, dy)
        return g.Convolution(  # type: ignore[no-any-return]
            dy, self._turned(g, weight, own, others), kernel=self.kernel, num_filter=data.type.dims[1],
            dilate=self.dilations, num_group=self.num_group, no_bias=True,
            pad=tuple(extent - 1 - pad for extent, pad in zip(self.extents, self.padding, strict=True)))

    def _turned(self, g: Any, weight: Value, own: int, others: int) -> Value:
        """The weights with input and output channels of each group exchanged, and the taps in reverse order."""
        groups, taps = self.num_group, weight.type.dims[2:]
        apart = g.reshape(weight, (groups, others, own, *taps))
        exchanged = transpose(g, apart, (0, 2, 1, *range(3, self.rank + 3)))
        return g.reverse(g.reshape(exchanged, (groups * own, others, *taps)),  # type: ignore[no-any-return]
                         axis=tuple(range(2, self.rank + 2)))

    def _deconvolution(self, g: Any, data: Value, weight: Value, dy: Value) -> Value:
        window = self.window(data.type)
        reached = [(y - 1) * s + e - 2 * p for y, s, e, p
                   in zip(window.output, self.strides, self.extents, self.padding, strict=True)]
        return g.Deconvolution(  # type: ignore[no-any-return]
            dy, weight, kernel=self.kernel, num_filter=data.type.dims[1], stride=self.strides, dilate=self.dilations,
            pad=self.padding, adj=tuple(x - r for x, r in zip(window.image, reached, strict=True)),
            num_group=self.num_group)


@operator("Convolution_v1")
class ConvolutionV1(Convolution):
    """Convolution under the name of old files.  MXNet: Convolution_v1."""


@operator("Deconvolution")
class Deconvolution(Convolving):
    """The gradient of a Convolution by its data, as an operator: a convolution with fractional stride.

    data (N, C, spatial...), weight (C, num_filter/num_group, kernel...), output (N, num_filter, spatial...) with
    spatial extents stride·(x - 1) + dilate·(kernel - 1) + 1 - 2·pad + adj, or target_shape.  MXNet: Deconvolution.
    """

    parameter_order = ("kernel", "stride", "dilate", "pad", "adj", "target_shape", "num_filter")
    workspace: int = 512
    no_bias: bool = True
    adj: Dims = ()
    target_shape: Dims = may_be_unset()

    def infer_channels_first(self, s: Slots[ShapeSlot]) -> None:
        self.check(s)
        if s.data.rank is None:
            return
        spatial = [None if x is None else self._geometry(i, x)[0] for i, x in enumerate(s.data.shape[2:])]
        s.output.unify((s.data[0], self.num_filter, *spatial))
        s.data.unify_axis(0, s.output[0])
        s.data.unify_axis(1, s.weight[0])
        s.weight.unify((s.data[1], self.num_filter // self.num_group, *self.kernel))
        if s.bias:
            s.bias.unify((self.num_filter,))

    def _geometry(self, dim: int, extent: int) -> tuple[int, int]:
        """Output extent and padding in one spatial dimension; target_shape, where given, decides both."""
        full = self.strides[dim] * (extent - 1) + self.extents[dim]
        if any(self.target_shape):
            target = per_dimension(self.target_shape, self.rank, 0, "target_shape")[dim]
            if target > full:
                raise Conflict(f"target_shape {self.target_shape} is too big: at most {full} in dimension {dim}")
            if (full - target) % 2 >= self.strides[dim]:
                raise Conflict(f"target_shape {self.target_shape}: with stride 1 an even number less than {full} "
                               f"is needed in dimension {dim}")
            return target, (full - target + 1) // 2
        pad = per_dimension(self.pad, self.rank, 0, "pad")[dim]
        adj = per_dimension(self.adj, self.rank, 0, "adj")[dim]
        if adj and adj >= self.strides[dim]:
            raise Conflict(f"adj {self.adj} must be smaller than stride {self.strides}")
        if full - 2 * pad + adj < 0:
            raise Conflict(f"pad {pad} leaves nothing of the {full} elements in spatial dimension {dim}")
        return full - 2 * pad + adj, pad

    def window(self, data: TensorType) -> Window:
        batch, channels, *spatial = data.dims
        image, pad = zip(*(self._geometry(i, x) for i, x in enumerate(spatial)), strict=True)
        return Window(batch, self.num_group, self.num_filter // self.num_group, channels // self.num_group, image,
                      tuple(spatial), self.kernel, self.strides, self.dilations, pad)

    def spec(self, window: Window) -> Contraction:
        return window.image_gradient()

    def spatial_output(self, window: Window) -> Dims:
        return window.image

    def gradient_channels_first(self, g: Any, data: Value, weight: Value, dy: Value) -> list[Value | None]:
        window = self.window(data.type)
        geometry = {"kernel": self.kernel, "stride": self.strides, "dilate": self.dilations, "pad": window.pad,
                    "num_group": self.num_group}
        return [g.Convolution(dy, weight, num_filter=data.type.dims[1], no_bias=True, **geometry),
                g._backward_convolution_weight(dy, data, **geometry)]


@operator("_backward_convolution_weight", hidden=True)
class BackwardConvolutionWeight(Operator):
    """Gradient of a Convolution by its weight, from its image (N, C, ...) and output gradient (N, O, ...):
    weight[o,c,k] = Σ image[n,c,stride·y + dilate·k - pad] · dy[n,o,y], shape (O, C/num_group, kernel...)."""

    kernel: Dims
    stride: Dims
    dilate: Dims
    pad: Dims
    num_group: int = 1
    inputs = ("image", "dy")

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.image.known and s.dy.known:
            s.output.unify((s.dy[1], s.image[1] // self.num_group, *self.kernel))

    def contraction(self, inputs: list[TensorType]) -> Contraction:
        (batch, channels, *image), (_, filters, *output) = inputs[0].dims, inputs[1].dims
        return Window(batch, self.num_group, channels // self.num_group, filters // self.num_group, tuple(image),
                      tuple(output), self.kernel, self.stride, self.dilate, self.pad).weight_gradient()

    def reference(self, image: np.ndarray, dy: np.ndarray) -> np.ndarray:
        spec = self.contraction([TensorType(image.shape), TensorType(dy.shape)])
        return evaluate(spec, image, dy, (dy.shape[1], image.shape[1] // self.num_group, *self.kernel))
