"""Factors as matrix instructions of GPUs read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.types import DType, TensorType
from symc.ops.math import NumPyMath
from symc.ops.operator import Operator, operator
from symc.ops.slots import ShapeSlot, Slots

LARGE = 2.0 ** 100      # beyond which the product would overflow


def tensor_float(F: Any, x: Any) -> Any:
    """float32 with 10 bits of mantissa (NVIDIA's TF32): the upper half of Veltkamp's split."""
    wide = x * 8193.0
    return F.where(F.abs(x) < LARGE, wide - (wide - x), x)


@operator("_tensor_float", hidden=True)
class TensorFloat(Operator):
    """Its input, float32, with 10 bits of mantissa.  Made by the pass `UseTensorFloats`."""

    dtypes = frozenset((DType.float32,))

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify(s.data.shape)

    def reference(self, data: np.ndarray) -> Any:
        with np.errstate(all="ignore"):
            return tensor_float(NumPyMath, data)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return [te.rounded(inputs[0], tensor_float)]
