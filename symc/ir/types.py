"""Tensor types: a logical shape, a dtype of our own, and a layout.

An unknown dimension is None and 0 is zero; an unknown rank or dtype is None.  The MXNet API reads 0 as unknown
at its border, nothing inside does.
"""

from __future__ import annotations

import enum
import functools
import math
import re
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]
PartialShape = tuple[int | None, ...]


class DType(enum.Enum):
    """Element types, each with its short text name, MXNet's type code and its size in bytes."""

    float32 = ("f32", 0, 4)
    float64 = ("f64", 1, 8)
    float16 = ("f16", 2, 2)
    uint8 = ("u8", 3, 1)
    int32 = ("i32", 4, 4)
    int8 = ("i8", 5, 1)
    int64 = ("i64", 6, 8)
    bool = ("b1", 7, 1)
    bfloat16 = ("bf16", 12, 2)

    def __init__(self, short: str, code: int, itemsize: int) -> None:
        self.short = short
        self.code = code
        self.itemsize = itemsize
        # the NumPy dtype; bfloat16, which NumPy lacks, is held as the upper half of float32 in uint16
        self.numpy: np.dtype = np.dtype("uint16" if short == "bf16" else self._name_)

    @property
    def is_float(self) -> bool:  # type: ignore[valid-type]
        return self in (DType.float32, DType.float64, DType.float16, DType.bfloat16)

    @staticmethod
    def of(value: object) -> DType:
        """The DType of a name, NumPy dtype or scalar type.  KeyError when symc has no such type."""
        if isinstance(value, DType):
            return value
        if isinstance(value, np.dtype) and value in BY_NUMPY:
            return BY_NUMPY[value]
        if isinstance(value, np.dtype) and value.names == ("bfloat16",):    # as MXNet shows it to NumPy
            return DType.bfloat16
        name = value if isinstance(value, str) else np.dtype(value).name  # type: ignore[call-overload]
        return DType[name]


BY_SHORT_NAME = {dtype.short: dtype for dtype in DType}
BY_CODE = {dtype.code: dtype for dtype in DType}
BY_NUMPY = {dtype.numpy: dtype for dtype in DType if dtype is not DType.bfloat16}


@dataclass(frozen=True, slots=True)
class PhysicalDim:
    """One dimension of a layout: the logical axis it walks, its block size (1: not an inner block)."""

    axis: int
    block: int


@functools.cache
def parse_layout(tag: str) -> tuple[PhysicalDim, ...]:
    """Dimensions of a oneDNN layout tag, outermost first: 'aBcd16b' is NCHW with channels in blocks of 16.

    A bare letter is the (outer part of the) axis, a number with a letter an inner block of it.
    """
    dims = [PhysicalDim(ord(letter.lower()) - ord("a"), int(size or 1))
            for size, letter in re.findall(r"(\d*)([a-zA-Z])", tag)]
    assert re.fullmatch(r"(\d*[a-zA-Z])+", tag), f"malformed layout {tag!r}"
    return tuple(dims)


def block_of(layout: str | None, axis: int) -> int:
    """Product of the inner blocks of `axis` in `layout`; 1 when the axis is not blocked."""
    return math.prod(dim.block for dim in parse_layout(layout) if dim.axis == axis) if layout else 1


def physical_shape(shape: Shape, layout: str | None) -> Shape:
    """Extents of the array that really lies in memory; blocked axes are rounded up to whole blocks."""
    if layout is None:
        return shape
    return tuple(dim.block if dim.block > 1 else -(-shape[dim.axis] // block_of(layout, dim.axis))
                 for dim in parse_layout(layout))


@dataclass(frozen=True, slots=True)
class TensorType:
    """Type of one value.  shape None: unknown rank; a None dimension: unknown extent; dtype None: unknown."""

    shape: PartialShape | None = None
    dtype: DType | None = None
    layout: str | None = None

    @property
    def known(self) -> bool:
        return self.dtype is not None and self.shape is not None and None not in self.shape

    @property
    def dims(self) -> Shape:
        """The shape, which must be fully known."""
        assert self.shape is not None and None not in self.shape, f"shape is not known: {self}"
        return self.shape  # type: ignore[return-value]

    @property
    def element(self) -> DType:
        """The dtype, which must be known."""
        assert self.dtype is not None, "dtype is not known"
        return self.dtype

    @property
    def physical(self) -> Shape:
        return physical_shape(self.dims, self.layout)

    @property
    def bytes(self) -> int:
        return math.prod(self.physical) * self.element.itemsize

    def __str__(self) -> str:
        dtype = self.dtype.short if self.dtype else "?"
        shape = "*" if self.shape is None else ",".join("?" if d is None else str(d) for d in self.shape)
        return f"{dtype}[{shape}]" + (f":{self.layout}" if self.layout else "")


def parse_type(text: str) -> TensorType:
    """The inverse of `str(TensorType)`: 'f32[1,64,?,56]:aBcd16b'; 'f32[*]' has unknown rank."""
    match = re.fullmatch(r"([a-z]+\d*|\?)\[([\d,?]*|\*)\](?::(\w+))?", text.replace(" ", ""))
    assert match, f"malformed type {text!r}"
    dtype = None if match[1] == "?" else BY_SHORT_NAME[match[1]]
    if match[2] == "*":
        return TensorType(None, dtype, match[3])
    dims = tuple(None if d == "?" else int(d) for d in match[2].split(",") if d)
    return TensorType(dims, dtype, match[3])
