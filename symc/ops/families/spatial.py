"""Images rearranged: depth_to_space, space_to_depth, UpSampling."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import PartialShape, TensorType
from symc.ops.operator import NUMBERS, Operator, Variadic, make, operator
from symc.ops.parameters import Dims, within
from symc.ops.slots import Conflict, ShapeSlot, Slots, show


class BlockPermutation(Operator):
    """Base of the permutations of the pixels of b×b blocks with the channels, (N, C, H, W)."""

    order: Dims
    block_size: int

    def split(self, shape: PartialShape) -> PartialShape:
        """The six extents that are permuted; Conflict when the shape does not divide."""
        raise NotImplementedError

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.data.rank != 4 or self.block_size < 1:
            raise Conflict(f"data {show(s.data.shape)} must be (N, C, H, W), block_size {self.block_size} positive")
        if 0 in s.data.shape[1:]:
            raise Conflict(f"data {show(s.data.shape)} has no pixels")
        s.output.unify(self.joined(self.permuted(s.data.shape)))

    def permuted(self, shape: PartialShape) -> PartialShape:
        split = self.split(shape)
        return tuple(split[axis] for axis in self.order)

    def joined(self, parts: PartialShape) -> PartialShape:
        """The output's shape from the six permuted extents."""
        raise NotImplementedError

    def divided(self, extent: int | None, by: int) -> int | None:
        if extent is not None and extent % by:
            raise Conflict(f"an extent of {extent} cannot be divided by {by}")
        return None if extent is None else extent // by

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        permuted = g.transpose(g.reshape(data, self.split(data.type.dims)), axes=self.order)
        return [g.reshape(permuted, self.joined(permuted.type.dims))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        permuted = data.reshape(self.split(data.shape)).transpose(self.order)  # type: ignore[arg-type]
        return permuted.reshape(self.joined(permuted.shape))  # type: ignore[no-any-return,arg-type]


def _times(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a * b


@operator("depth_to_space")
class DepthToSpace(BlockPermutation):
    """(N, b·b·C, H, W) → (N, C, H·b, W·b).  MXNet: depth_to_space."""

    block_size: int
    order = (0, 3, 4, 1, 5, 2)

    def split(self, shape: PartialShape) -> PartialShape:
        n, c, h, w = shape
        return (n, self.block_size, self.block_size, self.divided(c, self.block_size ** 2), h, w)

    def joined(self, parts: PartialShape) -> PartialShape:
        n, c, h, bh, w, bw = parts
        return (n, c, _times(h, bh), _times(w, bw))


@operator("space_to_depth")
class SpaceToDepth(BlockPermutation):
    """(N, C, H·b, W·b) → (N, b·b·C, H, W).  MXNet: space_to_depth."""

    block_size: int
    order = (0, 3, 5, 1, 2, 4)

    def split(self, shape: PartialShape) -> PartialShape:
        n, c, h, w = shape
        b = self.block_size
        return (n, c, self.divided(h, b), b, self.divided(w, b), b)

    def joined(self, parts: PartialShape) -> PartialShape:
        n, bh, bw, c, h, w = parts
        return (n, _times(_times(bh, bw), c), h, w)


@operator("UpSampling")
class UpSampling(Operator):
    """Images enlarged `scale` times: each pixel repeated, or interpolated by a Deconvolution with the second input.

    Several inputs (nearest) are enlarged to the size of the first one's result, and concatenated or summed.
    MXNet: UpSampling; `workspace` limits memory there and does nothing here.
    """

    dtypes = NUMBERS

    inputs = (Variadic("arg"),)
    parameter_order = ("scale", "num_filter", "sample_type", "multi_input_mode", "num_args")
    sample_type: Literal["bilinear", "nearest"]
    num_args: int
    scale: int = within(1)
    num_filter: int = 0
    multi_input_mode: Literal["concat", "sum"] = "concat"
    workspace: int = 512

    def argument_names(self) -> list[str]:
        return ["data", "weight"] if self.sample_type == "bilinear" else [f"arg{i}" for i in range(self.num_args)]

    @property
    def kernel(self) -> int:
        """Extent of the bilinear window."""
        return 2 * self.scale - self.scale % 2

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        data = s.inputs[0].shape
        if self.sample_type == "bilinear":
            if self.num_filter < 1:
                raise Conflict(f"num_filter={self.num_filter} must be positive where sample_type is bilinear")
            s.inputs[1].unify((self.num_filter, 1, self.kernel, self.kernel))
        if data is None:
            return
        if len(data) != 4 or self.scale < 1:
            raise Conflict(f"{s.inputs[0].name} {show(data)} must be (N, C, H, W), scale {self.scale} positive")
        s.output.unify((data[0], self._channels(s.inputs), *(_times(d, self.scale) for d in data[2:])))
        for slot in s.inputs[1:] if self.sample_type == "nearest" else ():
            if slot.rank not in (None, 4):
                raise Conflict(f"{slot.name} {show(slot.shape)} must be (N, C, H, W)")
            if slot.known:
                self._factor(slot.dims, s.output.shape)

    def _channels(self, inputs: list[ShapeSlot]) -> int | None:
        if self.sample_type == "bilinear" or self.multi_input_mode == "sum":
            return inputs[0][1]
        channels = [slot[1] for slot in inputs]
        return None if None in channels else sum(channels)  # type: ignore[arg-type]

    def _factor(self, shape: Dims, target: PartialShape) -> int:
        """How many times an input is enlarged.  Conflict when that is no whole number."""
        factor = (target[2] or 0) // shape[2]
        if target[2:] != (shape[2] * factor, shape[3] * factor):
            raise Conflict(f"an input {show(shape)} cannot be enlarged to {show(target)}")
        return factor

    def rewrite(self, g: Any, *inputs: Value) -> list[Value] | None:
        if self.sample_type == "bilinear":
            return [Value(g.node(self.deconvolution(), inputs))]
        if len(inputs) == 1:
            return None
        shape = inputs[0].type.dims
        target = (*shape[:2], shape[2] * self.scale, shape[3] * self.scale)
        parts = [g.UpSampling(value, scale=self._factor(value.type.dims, target), sample_type="nearest", num_args=1)
                 for value in inputs]
        join = g.Concat if self.multi_input_mode == "concat" else g.add_n
        return [join(*parts, num_args=len(parts))]

    def deconvolution(self) -> Operator:
        """The bilinear form."""
        return make("Deconvolution", kernel=(self.kernel,) * 2, stride=(self.scale,) * 2, pad=(self.scale // 2,) * 2,
                    num_filter=self.num_filter, num_group=self.num_filter, no_bias=True)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return [te.tensor(outputs[0].dims, lambda n, c, y, x: inputs[0][n, c, y // self.scale, x // self.scale])]

    def reference(self, *inputs: np.ndarray) -> np.ndarray:
        if self.sample_type == "bilinear":
            return self.deconvolution().reference(*inputs)  # type: ignore[no-any-return]
        n, c, h, w = inputs[0].shape
        target = (n, c, h * self.scale, w * self.scale)
        parts = [x.repeat(f, 2).repeat(f, 3) for x in inputs for f in (self._factor(x.shape, target),)]
        return np.concatenate(parts, 1) if self.multi_input_mode == "concat" else np.sum(parts, 0, parts[0].dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        if self.sample_type == "bilinear":
            return self.deconvolution().gradient(g, node, dy)  # type: ignore[no-any-return]
        if self.multi_input_mode == "sum":
            parts = [dy] * self.num_args
        else:
            ends = np.cumsum([value.type.dims[1] for value in node.inputs]).tolist()
            parts = [g.slice_axis(dy, axis=1, begin=b, end=e) for b, e in zip([0, *ends], ends, strict=False)]
        return [self._block_sums(g, part, value) for part, value in zip(parts, node.inputs, strict=True)]

    def _block_sums(self, g: Any, dy: Value, data: Value) -> Value:
        """The sums over the pixels that are copies of one."""
        n, c, h, w = data.type.dims
        blocks = g.reshape(dy, (n, c, h, dy.type.dims[2] // h, w, dy.type.dims[3] // w))
        return g.sum(blocks, axis=(3, 5))  # type: ignore[no-any-return]
