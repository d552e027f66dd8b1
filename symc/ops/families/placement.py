"""Where values lie: parts of others, which no kernel moves.  Made by the pass `PlaceParts`."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from symc.ir.types import TensorType
from symc.ops.families.movement import Join
from symc.ops.operator import Operator, operator
from symc.ops.shapes import with_extent
from symc.ops.slots import ShapeSlot, Slots


class Placement(Operator):
    """Base of the operators that compute nothing: their values lie in one piece of memory, at `offsets`."""

    is_placement = True

    def offsets(self, inputs: list[TensorType], outputs: list[TensorType]) -> list[int]:
        """Of a join for each input, of a piece for its output: bytes from the beginning of the whole."""
        raise NotImplementedError


@operator("_joined", hidden=True)
class Joined(Join, Placement):
    """Its inputs, which are written one behind the other into its output."""

    compute: ClassVar[Any] = None

    def offsets(self, inputs: list[TensorType], outputs: list[TensorType]) -> list[int]:
        return list(accumulate((type.bytes for type in inputs[:-1]), initial=0))


@operator("_piece", hidden=True)
class Piece(Placement):
    """data[begin:end] along `axis`, read where it lies in the input."""

    axis: int
    begin: int
    end: int

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify(with_extent(s.data.shape, self.axis, self.end - self.begin))

    def offsets(self, inputs: list[TensorType], outputs: list[TensorType]) -> list[int]:
        (whole,) = inputs
        return [TensorType(with_extent(whole.dims, self.axis, self.begin), whole.dtype, whole.layout).bytes]

    def reference(self, data: np.ndarray) -> Any:
        return data[(slice(None),) * self.axis + (slice(self.begin, self.end),)]
