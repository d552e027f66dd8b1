"""Conversions between dtypes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.elementwise import Elementwise
from symc.ops.operator import Operator, Variadic, operator
from symc.ops.slots import Slots, TypeSlot

AnyType = Literal["bfloat16", "bool", "float16", "float32", "float64", "int32", "int64", "int8", "uint8"]
Number = Literal["bfloat16", "float16", "float32", "float64", "int32", "int64", "int8", "uint8"]


def convert(F: Any, x: Any, dtype: DType) -> Any:
    """C's conversion; a bool is 1 for anything but 0."""
    return F.cast(x != 0 if dtype is DType.bool else x, dtype)


@operator("Cast", aliases=("cast",))
class Cast(Elementwise):
    """data as `dtype`: floats are truncated toward zero for integers; the gradient is converted back."""

    dtype: AnyType
    widened = frozenset()

    @property
    def target(self) -> DType:
        return DType[self.dtype]

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        t.output.unify(self.target)

    def expression(self, F: Any, data: Any) -> Any:
        return convert(F, data, self.target)

    def gradient(self, g: Any, node: Node, dy: Value) -> list[Value | None]:
        return [cast_to(g, dy, node.inputs[0].type.element)]


@operator("amp_cast")
class AmpCast(Elementwise):
    """data as `dtype` if it is of a floating type, otherwise as it is."""

    dtype: Number
    widened = frozenset()
    deviations = ("floats are truncated for integers, as by Cast; MXNet's oneDNN kernel rounds them",)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if t.data.known:
            t.output.unify(DType[self.dtype] if t.data.dtype.is_float else t.data.dtype)

    def expression(self, F: Any, data: Any) -> Any:
        return convert(F, data, DType[self.dtype]) if F.dtype(data).is_float else data

    gradient = Cast.gradient


@operator("amp_multicast")
class AmpMulticast(Operator):
    """All inputs in one floating type: the widest among them, or the narrowest if `cast_narrow`."""

    num_outputs: int
    cast_narrow: bool = False
    inputs = (Variadic("data_", count="num_outputs"),)

    def argument_names(self) -> list[str]:
        return [f"data_{i}" for i in range(self.num_outputs)]

    def output_names(self) -> list[str]:
        return [f"output{i}" for i in range(self.num_outputs)]

    def infer_shape(self, s: Any) -> None:
        for data, output in zip(s.inputs, s.outputs, strict=True):
            data.unify(output.shape)
            output.unify(data.shape)

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if all(slot.known for slot in t.inputs):
            common = self.common([slot.dtype for slot in t.inputs])  # type: ignore[misc]
            for slot in t.outputs:
                slot.unify(common)

    def common(self, dtypes: list[DType]) -> DType:
        return (min if self.cast_narrow else max)(dtypes, key=lambda dtype: dtype.itemsize)

    def rewrite(self, g: Any, *inputs: Value) -> list[Value] | None:
        common = self.common([value.type.element for value in inputs])
        return [cast_to(g, value, common) for value in inputs]

    def reference(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        common = self.common([DType.of(x.dtype) for x in inputs])
        return tuple(x.astype(common.numpy) for x in inputs)

    def gradient(self, g: Any, node: Node, *dy: Value | None) -> list[Value | None]:
        return [d and cast_to(g, d, value.type.element) for d, value in zip(dy, node.inputs, strict=True)]


def cast_to(g: Any, value: Value, dtype: DType) -> Value:
    """`value` as `dtype`; itself when it is."""
    return value if value.type.dtype is dtype else g.Cast(value, dtype=dtype.name)
