"""Images as tensors, and their geometry: to_tensor, normalize, crop, flips.

An image is (H, W, C) with 1 or 3 channels, C last; some operators take batches (N, H, W, C) too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType, PartialShape, TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Floats
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot, show, unify

CHANNELS = (1, 3)


def check_image(shape: PartialShape, name: str, ranks: tuple[int, ...] = (3,), axis: int = -1) -> None:
    """Conflict when `shape` is not that of an image, whose channels lie along `axis`."""
    if len(shape) not in ranks:
        raise Conflict(f"{name} {show(shape)} must have {' or '.join(map(str, ranks))} dimensions")
    if shape[axis] not in (None, *CHANNELS):
        raise Conflict(f"{name} {show(shape)} has {shape[axis]} channels, it must be 1 or 3 (dimension {axis})")


class ImageOperator(Operator):
    """Base of the operators from an image to one of the same type.  As in MXNet, gradients pass as they are."""

    ranks: tuple[int, ...] = (3,)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is not None:
            check_image(s.data.shape, "data", self.ranks)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(t.data.dtype)
        t.data.unify(t.output.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [dy, *[None] * (len(node.inputs) - 1)]


@operator("_image_to_tensor")
class ToTensor(Operator):
    """(H, W, C) from 0 to 255 as float32 (C, H, W) from 0 to 1; batches alike.  MXNet: image.to_tensor."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        if s.data.rank not in (3, 4):
            raise Conflict(f"data {show(s.data.shape)} must be (H, W, C) or (N, H, W, C)")
        *lead, h, w, c = s.data.shape
        s.output.unify((*lead, c, h, w))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.float32)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        rank = len(data.type.dims)
        turned = g.transpose(data, axes=(*range(rank - 3), rank - 1, rank - 3, rank - 2))
        if data.type.element is DType.float16:  # which is divided as it is
            return [g.Cast(g._div_scalar(turned, scalar=255.0), dtype="float32")]
        single = turned if data.type.element is DType.float32 else g.Cast(turned, dtype="float32")
        return [g._div_scalar(single, scalar=255.0)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        turned = np.moveaxis(data, -1, -3)
        if data.dtype == np.float16:
            return (turned / np.float16(255)).astype(np.float32)
        return NumPyMath.cast(turned, DType.float32) / np.float32(255)  # type: ignore[no-any-return]


@operator("_image_normalize")
class NormalizeImage(Operator):
    """(data - mean) / std of each channel of (C, H, W) or (N, C, H, W), 1 or 3 channels.  MXNet: image.normalize."""

    mean: Floats = (0.0, 0.0, 0.0, 0.0)
    std: Floats = (1.0, 1.0, 1.0, 1.0)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        unify(s.data, s.output)
        if s.data.rank is not None:
            check_image(s.data.shape, "data", (3, 4), -3)
            for name, values in (("mean", self.mean), ("std", self.std)):
                if s.data[-3] is not None and len(values) not in (1, s.data[-3]):
                    raise Conflict(f"{name}={values} must have 1 or {s.data[-3]} values")

    def statistics(self, channels: int) -> list[np.ndarray]:
        """Mean and deviation under (C, 1, 1)."""
        return [np.array(values * channels if len(values) == 1 else values, np.float32).reshape(channels, 1, 1)
                for values in (self.mean, self.std)]

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        """Whole numbers are computed in float32 and truncated."""
        dtype = data.type.element
        if not dtype.is_float:
            data = g.Cast(data, dtype="float32")
        mean, deviation = (g.constant(value, data.type.element) for value in self.statistics(data.type.dims[-3]))
        result = g.broadcast_div(g.broadcast_sub(data, mean), deviation)
        return [result if dtype.is_float else g.Cast(result, dtype=dtype.name)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        floats = data if data.dtype.kind == "f" else NumPyMath.cast(data, DType.float32)
        mean, deviation = (value.astype(floats.dtype) for value in self.statistics(data.shape[-3]))
        return ((floats - mean) / deviation).astype(data.dtype)  # type: ignore[no-any-return]


@operator("_image_crop")
class CropImage(Operator):
    """`height` × `width` pixels of an image from column x and row y on.  MXNet: image.crop."""

    x: int
    y: int
    width: int
    height: int

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is None:
            return
        check_image(s.data.shape, "data", (3, 4))
        *lead, h, w, c = s.data.shape
        if min(self.width, self.height) < 1 or min(self.x, self.y) < 0:
            raise Conflict(f"x={self.x} y={self.y} width={self.width} height={self.height} is no part of an image")
        if (w is not None and self.x + self.width > w) or (h is not None and self.y + self.height > h):
            raise Conflict(f"columns up to {self.x + self.width}, rows up to {self.y + self.height} go beyond data "
                           f"{show(s.data.shape)}")
        s.output.unify((*lead, self.height, self.width, c))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        rows = g.slice_axis(data, axis=-3, begin=self.y, end=self.y + self.height)
        return [g.slice_axis(rows, axis=-2, begin=self.x, end=self.x + self.width)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return data[..., self.y:self.y + self.height, self.x:self.x + self.width, :]


# ---- flips -------------------------------------------------------------------------------------------------------


class Flip(ImageOperator):
    """Base of the reversals of an axis.  The gradient is not reversed: MXNet copies it."""

    axis: int

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [g.reverse(data, axis=(self.axis,))]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.flip(data, self.axis)


@operator("_image_flip_left_right")
class FlipLeftRight(Flip):
    """An image mirrored, left for right.  MXNet: image.flip_left_right, which leaves odd middles unset."""

    axis = 1


@operator("_image_flip_top_bottom")
class FlipTopBottom(Flip):
    """An image upside down.  MXNet: image.flip_top_bottom, which leaves odd middles unset."""

    axis = 0


class RandomFlip(ImageOperator):
    """Base of the reversals that happen half of the time."""

    axis: int
    is_random = True

    def seeded(self, g: Any, seed: Value, salt: int, data: Value) -> list[Value]:
        draw = g._draw_uniform(seed, low=0.0, high=1.0, count=1, dtype="float32", salt=salt)
        return [g._flip_perhaps(data, draw, axis=self.axis)]


@operator("_image_random_flip_left_right")
class RandomFlipLeftRight(RandomFlip):
    """An image, mirrored half of the time.  MXNet: image.random_flip_left_right."""

    axis = 1


@operator("_image_random_flip_top_bottom")
class RandomFlipTopBottom(RandomFlip):
    """An image, upside down half of the time.  MXNet: image.random_flip_top_bottom."""

    axis = 0


@operator("_flip_perhaps", hidden=True)
class FlipPerhaps(ImageOperator):
    """data reversed along `axis` if draw, from 0 to 1, is not below ½."""

    axis: int
    inputs = ("data", "draw")

    def reference(self, data: np.ndarray, draw: np.ndarray) -> np.ndarray:
        return data if draw[0] < 0.5 else np.flip(data, self.axis)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data, draw = inputs

        def element(*i: Any) -> Any:
            mirrored = tuple(data.shape[axis] - 1 - at if axis == self.axis else at for axis, at in enumerate(i))
            return te.F.where(draw[0] < 0.5, data[i], data[mirrored])
        return [te.tensor(data.shape, element)]
