"""Arithmetic, comparison and logic of two operands: the table from which the elementwise operators below, the
broadcasting (broadcast.py) and the scalar ones (scalar.py) are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from symc.ir.types import DType
from symc.ops.elementwise import SAME, Derivative, Expression, elementwise, real
from symc.ops.operator import NUMBERS
from symc.ops.record import Record, record


@record
class Binary(Record):
    """A function of lhs and rhs with its derivatives for each (None: the gradient is zero)."""

    doc: str
    function: Expression
    lhs: Derivative = None
    rhs: Derivative = None
    dtypes: frozenset[DType] = frozenset(DType)


def divide(F: Any, lhs: Any, rhs: Any) -> Any:
    """lhs / rhs, truncated toward zero for integers as in C."""
    return lhs / rhs if F.dtype(lhs).is_float else F.divide_truncating(lhs, rhs)


def _truth(test: Callable[[Any, Any, Any], Any]) -> Expression:
    """1 where the test holds, 0 elsewhere, in the type of the operands."""
    return lambda F, lhs, rhs: F.cast(test(F, lhs, rhs), F.dtype(lhs))


def _where(test: Callable[[Any, Any], Any]) -> Expression:
    """The gradient flows where the test holds."""
    return lambda F, lhs, rhs, dy: F.where(test(lhs, rhs), dy, F.const(0, dy))


def _exclusive_or(F: Any, lhs: Any, rhs: Any) -> Any:
    return F.logical_or(F.logical_and(lhs != 0, rhs == 0), F.logical_and(lhs == 0, rhs != 0))


ARITHMETIC = {
    "add": Binary("lhs + rhs.", lambda F, lhs, rhs: lhs + rhs, SAME, SAME),
    "sub": Binary("lhs - rhs.", lambda F, lhs, rhs: lhs - rhs, SAME, lambda F, dy: -dy, NUMBERS),
    "mul": Binary("lhs · rhs.", lambda F, lhs, rhs: lhs * rhs,
                  lambda F, rhs, dy: dy * rhs, lambda F, lhs, dy: dy * lhs),
    "div": Binary("lhs / rhs; integers are divided as in C.", divide,
                  lambda F, rhs, dy: divide(F, dy, rhs), lambda F, lhs, rhs, dy: divide(F, -dy * lhs, rhs * rhs),
                  NUMBERS),
    "mod": Binary("The remainder of lhs / rhs with the sign of rhs; 0 where rhs is 0.",
                  lambda F, lhs, rhs: F.modulo(lhs, rhs),
                  SAME, real(lambda F, lhs, rhs, dy: -dy * F.floor(lhs / rhs)), NUMBERS),
    "power": Binary("lhs to the power of rhs.", real(lambda F, lhs, rhs: F.power(lhs, rhs)),
                    real(lambda F, lhs, rhs, dy: dy * rhs * F.power(lhs, rhs - 1)),
                    real(lambda F, lhs, y, dy: dy * y * F.log(lhs))),
    "maximum": Binary("The larger of both; NaN if either is.", lambda F, lhs, rhs: F.max_nan(lhs, rhs),
                      _where(lambda lhs, rhs: lhs >= rhs), _where(lambda lhs, rhs: lhs < rhs)),
    "minimum": Binary("The smaller of both; NaN if either is.", lambda F, lhs, rhs: F.min_nan(lhs, rhs),
                      _where(lambda lhs, rhs: lhs <= rhs), _where(lambda lhs, rhs: lhs > rhs)),
    "hypot": Binary("√(lhs² + rhs²).", real(lambda F, lhs, rhs: F.hypot(lhs, rhs)),
                    real(lambda F, lhs, y, dy: dy * lhs / y), real(lambda F, rhs, y, dy: dy * rhs / y)),
}
COMPARISONS = {
    "equal": Binary("1 where lhs = rhs, else 0.", _truth(lambda F, lhs, rhs: lhs == rhs)),
    "not_equal": Binary("1 where lhs ≠ rhs, else 0.", _truth(lambda F, lhs, rhs: lhs != rhs)),
    "greater": Binary("1 where lhs > rhs, else 0.", _truth(lambda F, lhs, rhs: lhs > rhs)),
    "greater_equal": Binary("1 where lhs ≥ rhs, else 0.", _truth(lambda F, lhs, rhs: lhs >= rhs)),
    "lesser": Binary("1 where lhs < rhs, else 0.", _truth(lambda F, lhs, rhs: lhs < rhs)),
    "lesser_equal": Binary("1 where lhs ≤ rhs, else 0.", _truth(lambda F, lhs, rhs: lhs <= rhs)),
    "logical_and": Binary("1 where both differ from 0, else 0.",
                          _truth(lambda F, lhs, rhs: F.logical_and(lhs != 0, rhs != 0))),
    "logical_or": Binary("1 where either differs from 0, else 0.",
                         _truth(lambda F, lhs, rhs: F.logical_or(lhs != 0, rhs != 0))),
    "logical_xor": Binary("1 where exactly one differs from 0, else 0.", _truth(_exclusive_or)),
}
BINARY = ARITHMETIC | COMPARISONS


def divide_number(F: Any, lhs: Any, rhs: Any) -> Any:
    """A number lhs / rhs; integers are divided as float64, so that 1 / 0 is what infinity is as an integer."""
    if F.dtype(rhs).is_float:
        return lhs / rhs
    return F.cast(F.cast(lhs, DType.float64) / F.cast(rhs, DType.float64), F.dtype(rhs))


WITH_NUMBER_FIRST = BINARY | {"div": replace(BINARY["div"], function=divide_number)}   # where lhs is a number

NAMES = {  # MXNet's elementwise operators and their aliases
    "elemwise_add": ("add", "_add", "_plus", "_Plus", "_sparse_elemwise_add"),
    "elemwise_sub": ("sub", "_sub", "_minus", "_Minus", "_sparse_elemwise_sub"),
    "elemwise_mul": ("mul", "_mul", "_Mul", "_sparse_elemwise_mul"),
    "elemwise_div": ("div", "_div", "_Div", "_sparse_elemwise_div"),
    "_scatter_elemwise_div": ("div",),
    **{f"_{name}": (name, f"_{name.title()}") for name in BINARY if name not in ("add", "sub", "mul", "div")},
}

for _name, (_key, *_aliases) in NAMES.items():
    _binary = BINARY[_key]
    elementwise(_name, aliases=_aliases, gradient=(_binary.lhs, _binary.rhs), doc=_binary.doc,
                dtypes=_binary.dtypes)(_binary.function)


@elementwise("_grad_add")
def grad_add(F: Any, lhs: Any, rhs: Any) -> Any:
    """lhs + rhs, as MXNet sums gradients."""
    return lhs + rhs


@elementwise("_identity_with_attr_like_rhs", gradient=(SAME, None))
def identity_with_attr_like_rhs(F: Any, lhs: Any, rhs: Any) -> Any:
    """lhs; its shape and type are those of rhs."""
    return lhs
