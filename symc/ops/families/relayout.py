"""The change of layout, made by the layout pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from symc.ir.types import TensorType
from symc.ops.operator import Operator, operator


@operator("_relayout", hidden=True)
class Relayout(Operator):
    """The same logical values; the layouts of the node's input and output types say how each lies in memory."""

    widened = frozenset()       # nothing is computed

    def reference(self, data: np.ndarray) -> np.ndarray:
        return data

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        data = inputs[0]
        return [te.tensor(data.shape, lambda *index: data[index])]
