"""Operators that make a tensor from their parameters, or from the type of their input alone."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import BY_CODE, DType, TensorType
from symc.ops.elementwise import elementwise
from symc.ops.families.cast import AnyType, Number
from symc.ops.math import NumPyMath
from symc.ops.operator import NUMBERS, Operator, operator
from symc.ops.parameters import Dims
from symc.ops.shapes import axis_in
from symc.ops.slots import Conflict, ShapeSlot, Slots, TypeSlot

Plain = Literal["float16", "float32", "float64", "int32", "int64", "int8", "uint8"]


class Fill(Operator):
    """Base: every element is `value`.  A dimension of 0 in `shape` is unknown and follows from the readers."""

    inputs = ()
    reads_types = True
    shape: Dims | None
    dtype: str
    value: float

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.shape:
            s.output.unify(tuple(extent if extent > 0 else None for extent in self.shape))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.dtype])

    def reference(self, *, types: list[TensorType]) -> np.ndarray:
        return np.broadcast_to(NumPyMath.cast(self.value, types[0].element), types[0].dims)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        return [te.tensor(outputs[0].dims, lambda *i: self.value, outputs[0].element)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return []


@operator("_zeros")
class Zeros(Fill):
    """Zeros of the given shape and dtype."""

    shape: Dims = ()
    ctx: str = ""
    dtype: AnyType = "float32"
    value = 0.0


@operator("_zeros_without_dtype")
class ZerosWithoutDtype(Fill):
    """Zeros; the dtype, unless given as MXNet's code, follows from the readers."""

    shape: Dims | None = None
    ctx: str = ""
    dtype: int = -1  # type: ignore[assignment]
    value = 0.0

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(BY_CODE.get(self.dtype))


@operator("_ones")
class Ones(Fill):
    """Ones of the given shape and dtype."""

    shape: Dims = ()
    ctx: str = ""
    dtype: AnyType = "float32"
    value = 1.0


@operator("_full")
class Full(Fill):
    """`value` everywhere."""

    parameter_order = ("shape", "ctx", "dtype", "value")
    value: float
    shape: Dims | None = None
    ctx: str = ""
    dtype: AnyType = "float32"


class Pattern(Operator):
    """Base: each element follows from its position."""

    inputs: ClassVar[tuple[str, ...]] = ()
    reads_types = True

    def element(self, F: Any, type: TensorType, *index: Any) -> Any:
        """The element at `index` (int64 values), in any dtype."""
        raise NotImplementedError

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType[self.dtype])  # type: ignore[attr-defined]

    def reference(self, *data: np.ndarray, types: list[TensorType]) -> np.ndarray:
        elements = self.element(NumPyMath, types[0], *np.indices(types[0].dims))
        return NumPyMath.cast(elements, types[0].element)

    def compute(self, te: Any, inputs: list[Any], outputs: list[TensorType]) -> list[Any]:
        def element(*index: Any) -> Any:
            values = [te.value(i, DType.int64) for i in index]
            return te.F.cast(self.element(te.F, outputs[0], *values), outputs[0].element)
        return [te.tensor(outputs[0].dims, element, outputs[0].element)]

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None] * len(node.inputs)


def progression(F: Any, dtype: DType, position: Any, start: float, step: float, repeat: int) -> Any:
    """start + step·⌊position / repeat⌋, computed in `dtype` as MXNet does (float16 in float32)."""
    work = DType.float32 if dtype in (DType.float16, DType.bfloat16) else dtype
    number = F.cast(F.divide_truncating(position, F.const(repeat, position)), work)
    return F.const(start, number) + number * F.const(step, number)


@operator("_arange")
class Arange(Pattern):
    """start, start + step, ... below stop, each `repeat` times; 0 to start without a stop.

    infer_range: the length follows from the readers.
    """

    start: float
    stop: float | None = None
    step: float = 1.0
    repeat: int = 1
    infer_range: bool = False
    ctx: str = ""
    dtype: Number = "float32"

    def bounds(self) -> tuple[float, float]:
        return (0.0, self.start) if self.stop is None else (self.start, self.stop)

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.infer_range and self.stop is None:
            s.output.unify((None,))
            return
        start, stop = self.bounds()
        if self.step == 0 or self.repeat < 1 or (stop - start) / self.step <= 0:
            raise Conflict(f"the range from {start:g} to {stop:g} by {self.step:g} ({self.repeat} times each) is empty")
        s.output.unify((math.ceil((stop - start) / self.step) * self.repeat,))

    def element(self, F: Any, type: TensorType, *index: Any) -> Any:
        start = self.start if self.infer_range else self.bounds()[0]
        return progression(F, type.element, index[0], start, self.step, self.repeat)


@operator("_contrib_arange_like")
class ArangeLike(Pattern):
    """start, start + step, ..., each `repeat` times, in the shape of data, or as long as its `axis`."""

    start: float = 0.0
    step: float = 1.0
    repeat: int = 1
    ctx: str = ""
    axis: int | None = None
    inputs = ("data",)
    dtypes = NUMBERS

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.axis is None:
            s.unify_all()
        elif s.data.rank is not None:
            s.output.unify((s.data[axis_in(self.axis, s.data.rank)],))

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.unify_all()

    def element(self, F: Any, type: TensorType, *index: Any) -> Any:
        position = index[0]
        for extent, i in zip(type.dims[1:], index[1:], strict=True):
            position = position * extent + i
        return progression(F, type.element, position, self.start, self.step, self.repeat)


@operator("_linspace")
class Linspace(Pattern):
    """`num` numbers evenly spaced from start to stop, stop included if `endpoint`."""

    start: float
    stop: float
    num: int
    endpoint: bool = True
    ctx: str = ""
    dtype: Plain = "float32"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.num < 0:
            raise Conflict(f"num is {self.num}, expected 0 or more")
        s.output.unify((self.num,))

    def element(self, F: Any, type: TensorType, *index: Any) -> Any:
        step = (self.stop - self.start) / max(1, self.num - 1 if self.endpoint else self.num)
        return F.cast(index[0], DType.float64) * step + self.start


@operator("_eye")
class Eye(Pattern):
    """Ones on the k-th diagonal of an N × M matrix (M 0 or less: square), zeros elsewhere."""

    N: int
    M: int = 0
    k: int = 0
    ctx: str = ""
    dtype: Plain = "float32"

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if self.N < 0:
            raise Conflict(f"N is {self.N}, expected 0 or more")
        s.output.unify((self.N, self.M if self.M > 0 else self.N))

    def element(self, F: Any, type: TensorType, *index: Any) -> Any:
        return F.cast(index[1] - index[0] == self.k, type.element)


@elementwise("zeros_like", aliases=("_sparse_zeros_like",), gradient=(None,))
def zeros_like(F: Any, x: Any) -> Any:
    """Zeros in the shape and dtype of x."""
    return F.const(0, x)


@elementwise("ones_like", gradient=(None,))
def ones_like(F: Any, x: Any) -> Any:
    """Ones in the shape and dtype of x."""
    return F.const(1, x)


class TypeFact(Operator):
    """Base: integers that follow from the shape of data."""

    takes_empty = True

    def facts(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        raise NotImplementedError

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(DType.int64)

    def rewrite(self, g: Any, data: Value) -> list[Value] | None:
        return [g.constant(self.facts(data.type.dims), DType.int64)]

    def reference(self, data: np.ndarray) -> np.ndarray:
        return np.array(self.facts(data.shape), np.int64)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [None]


@operator("shape_array")
class ShapeArray(TypeFact):
    """The shape of data."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        if s.data.rank is not None:
            s.output.unify((s.data.rank,))

    def facts(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape


@operator("size_array")
class SizeArray(TypeFact):
    """The number of elements of data."""

    def infer_shape(self, s: Slots[ShapeSlot]) -> None:
        s.output.unify((1,))

    def facts(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (math.prod(shape),)
