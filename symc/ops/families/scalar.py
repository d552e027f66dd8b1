"""Arithmetic, comparison and logic with a number: `_NAME_scalar` is NAME(data, scalar), `_rNAME_scalar` is
NAME(scalar, data).  The number takes the type of the data (2.5 is 2 beside integers), as in MXNet; but with
is_int=False integers become float64, and truth values with is_int=True int64."""

from __future__ import annotations

import inspect
from typing import Any

from symc.ir.graph import Node, Value
from symc.ir.types import DType
from symc.ops.elementwise import Derivative, Elementwise, Expression, elementwise
from symc.ops.families.binary import BINARY, WITH_NUMBER_FIRST, Binary
from symc.ops.families.cast import cast_to
from symc.ops.slots import Slots, TypeSlot

NAMES = {"plus": "add", "minus": "sub", **{name: name for name in BINARY if name not in ("add", "sub")}}
REVERSED = ("minus", "div", "mod", "power")


def promoted(dtype: DType, is_int: bool) -> DType:
    """What data of a dtype is computed in."""
    if dtype.is_float or is_int and dtype is not DType.bool:
        return dtype
    return DType.int64 if is_int else DType.float64


class WithNumber(Elementwise):
    """Base of these operators."""

    is_int: bool

    def infer_type(self, t: Slots[TypeSlot]) -> None:
        if t.data.known:
            t.output.unify(promoted(t.data.dtype, self.is_int))
        else:
            t.data.unify(t.output.dtype)


def _through_promotion(rule: Any) -> Any:
    """The gradient `rule` of an operator for data that is promoted too."""
    def gradient(self: Any, g: Any, node: Node, dy: Value) -> list[Value | None]:
        data = node.inputs[0]
        dtype, computed = data.type.element, dy.type.element
        if dtype is computed:
            return rule(self, g, node, dy)  # type: ignore[no-any-return]
        wide = Value(g.node(self, [cast_to(g, data, computed)]))
        (dx,) = rule(self, g, wide.node, dy)
        return [dx and cast_to(g, dx, dtype)]
    return gradient


def _class_name(name: str) -> str:
    """MXNet's old name: 'rminus' → '_RMinusScalar', 'greater_equal' → '_GreaterEqualScalar'."""
    reverse = name[0] == "r"
    words = name.removeprefix("r").split("_")
    return "_" + "R" * reverse + "".join(map(str.title, words)) + "Scalar"


def _with_scalar(function: Expression, number: str) -> Expression:
    """`function` of lhs and rhs with the operand called `number` replaced by the parameter `scalar`."""
    def applied(F: Any, *values: Any, scalar: float = 1.0, is_int: bool = True) -> Any:
        wide = [value if promoted(F.dtype(value), is_int) is F.dtype(value)
                else F.cast(value, promoted(F.dtype(value), is_int)) for value in values]
        operands = iter(wide)
        return function(F, *(F.const(scalar, wide[-1]) if name == number else next(operands) for name in needs))

    needs = list(inspect.signature(function).parameters)[1:]
    names = ["data" if name in ("lhs", "rhs") else name for name in needs if name != number]
    own = [p for p in inspect.signature(applied, eval_str=True).parameters.values() if p.kind is p.KEYWORD_ONLY]
    applied.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ["F", *names]] + own)
    return applied


def _register(name: str, aliases: tuple[str, ...], binary: Binary, number: str) -> None:
    derivative: Derivative = binary.lhs if number == "rhs" else binary.rhs
    gradient = _with_scalar(derivative, number) if callable(derivative) else derivative
    made = elementwise(name, aliases=aliases, gradient=(gradient,), base=WithNumber,
                       doc=f"{binary.doc}  {number} is the number `scalar`.")(_with_scalar(binary.function, number))
    made.gradient = _through_promotion(made.gradient)


for _name, _key in NAMES.items():
    _register(f"_{_name}_scalar", (_class_name(_name),), BINARY[_key], "rhs")
for _name in REVERSED:
    _register(f"_r{_name}_scalar", (_class_name("r" + _name),), WITH_NUMBER_FIRST[NAMES[_name]], "lhs")
for _name in ("plus", "minus"):
    _register(f"_scatter_{_name}_scalar", (), BINARY[NAMES[_name]], "rhs")
