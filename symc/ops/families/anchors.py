"""Anchors: _contrib_MultiBoxPrior, and those of region proposals.  Made of a shape alone, they are constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symc.ir.graph import Node, Value
from symc.ops.operator import Operator, operator
from symc.ops.parameters import Floats
from symc.ops.slots import Conflict, ShapeSlot, Slots, show

SINGLE = np.float32


@operator("_contrib_MultiBoxPrior")
class MultiBoxPrior(Operator):
    """Anchors (1, H·W·A, 4) in corners, A of them around each pixel of data (N, C, H, W), in units of the image.

    They are all `sizes` of the first of `ratios`, then the first size of the other ratios.  A step that is not positive
    is the extent of a pixel; `offsets` (y, x) say where in a pixel the middle lies.  MXNet: _contrib_MultiBoxPrior.
    """

    takes_empty = True

    sizes: Floats = (1.0,)
    ratios: Floats = (1.0,)
    clip: bool = False
    steps: Floats = (-1.0, -1.0)
    offsets: Floats = (0.5, 0.5)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if not self.sizes or not self.ratios or len(self.steps) != 2 or len(self.offsets) != 2:
            raise Conflict("sizes and ratios need one number at least, steps and offsets two")
        if s.data.rank is not None and s.data.rank < 4:
            raise Conflict(f"data {show(s.data.shape)} must be (N, C, H, W)")
        if s.data.rank is not None and None not in s.data.shape[2:4]:
            s.output.unify((1, s.data[2] * s.data[3] * (len(self.sizes) + len(self.ratios) - 1), 4))

    def boxes(self, height: int, width: int) -> np.ndarray:
        """The anchors, rounded to float32 where MXNet rounds them."""
        steps = (1 / height, 1 / width) if min(self.steps) <= 0 else self.steps
        y, x = ((np.arange(count, dtype=SINGLE) + SINGLE(offset)) * SINGLE(step)
                for count, offset, step in zip((height, width), self.offsets, steps, strict=True))
        halves = np.array([self._half(size, ratio, height, width) for size, ratio in self._kinds], SINGLE)
        middles = np.stack(np.broadcast_arrays(x[None, :, None], y[:, None, None]), -1)
        result = np.concatenate([middles - halves, middles + halves], -1).reshape(1, -1, 4)
        return np.clip(result, 0, 1) if self.clip else result

    @property
    def _kinds(self) -> list[tuple[float, float]]:
        """Size and ratio of each anchor of a pixel."""
        return [(size, self.ratios[0]) for size in self.sizes] + [(self.sizes[0], ratio) for ratio in self.ratios[1:]]

    def _half(self, size: float, ratio: float, height: int, width: int) -> tuple[Any, Any]:
        """Half the width and half the height of an anchor."""
        root, scale = np.sqrt(SINGLE(ratio)), SINGLE(size)
        return scale * SINGLE(height) / SINGLE(width) * root / SINGLE(2), scale / root / SINGLE(2)

    def rewrite(self, g: Any, data: Value) -> list[Value]:
        return [g.constant(self.boxes(*data.type.dims[2:4]), data.type.element)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return self.boxes(*data.shape[2:4]).astype(data.dtype)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


def proposal_anchors(stride: int, ratios: Floats, scales: Floats, height: int, width: int) -> np.ndarray:
    """The anchors (height·width·ratios·scales, 4) of region proposals in corners, in pixels of the image.

    Around each pixel of the feature map, `stride` pixels of the image wide, whole extents of each ratio (height by
    width), multiplied by each scale.
    """
    middle = SINGLE(0.5) * SINGLE(stride - 1)
    base = []
    for ratio in ratios:
        wide = np.floor(np.sqrt(np.floor(SINGLE(stride * stride) / SINGLE(ratio))) + SINGLE(0.5))
        for scale in map(SINGLE, scales):
            high = np.floor(wide * scale / scale * SINGLE(ratio) + SINGLE(0.5)) * scale
            half = SINGLE(0.5) * (np.array([wide * scale, high], SINGLE) - 1)
            base.append(np.concatenate([middle - half, middle + half]))
    y, x = (np.arange(count, dtype=SINGLE) * stride for count in (height, width))
    shifts = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), -1).reshape(math.prod((height, width)), 1, 2)
    return (np.array(base, SINGLE) + np.tile(shifts, 2)).reshape(-1, 4).astype(SINGLE)
