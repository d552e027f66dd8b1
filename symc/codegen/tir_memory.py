"""What kernels read and write: arrays in memory, and variables of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tvm import tirx

from symc.frontend.te_math import Expr, Scalar, memory_dtype, widened
from symc.ir.types import DType, TensorType

INDEX = "int32"       # dtype of indices; int64 where a buffer has 2³¹ elements or more


@dataclass(eq=False)
class Buffer:
    """A tensor in memory, flat; `type` gives its logical shape and layout."""

    type: TensorType
    name: str
    index_dtype: str = INDEX
    var: Any = field(init=False)

    def __post_init__(self) -> None:
        itemsize = self.type.element.itemsize
        self.var = tirx.decl_buffer((max(self.count, 1),), memory_dtype(self.type.element), self.name,
                                    data_alignment=itemsize)

    @property
    def count(self) -> int:
        return self.type.bytes // self.type.element.itemsize


@dataclass(frozen=True, slots=True)
class Cells:
    """Local variables of a kernel, which become registers."""

    buffer: Any
    dtype: DType


def cell_value(value: Scalar) -> Expr:
    """What is put in a local variable: conditions as bytes."""
    if value.dtype is not DType.bool:
        return value.expr
    one, zero = (widened(tirx.const(number, "int8"), value.lanes) for number in (1, 0))
    return tirx.Select(value.expr, one, zero)
