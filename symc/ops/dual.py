"""Derivatives of elementwise expressions, by dual numbers (forward mode).

An expression over the namespace `F` of `ops.math` evaluated with `DualMath(F)` and operands of type `Dual` gives its
value and its derivative, in whatever `F` computes with: arrays, TE expressions, vectors, or dual numbers again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symc.ir.types import DType


class Dual:
    """A value and its tangent, the derivative along one direction; None where that is zero."""

    __slots__ = ("value", "tangent")
    __array_ufunc__ = None

    def __init__(self, value: Any, tangent: Any = None) -> None:
        self.value, self.tangent = value, tangent

    def __add__(self, other: Any) -> Dual:
        value, tangent = _parts(other)
        return Dual(self.value + value, _sum(self.tangent, tangent))

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, None if self.tangent is None else -self.tangent)

    def __sub__(self, other: Any) -> Dual:
        return self + -other

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    def __mul__(self, other: Any) -> Dual:
        value, tangent = _parts(other)
        return Dual(self.value * value, _sum(_times(self.tangent, value), _times(tangent, self.value)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        return _quotient(self, other)

    def __rtruediv__(self, other: Any) -> Dual:
        return _quotient(other, self)

    # comparisons give conditions, which have no tangent

    def __lt__(self, other: Any) -> Any:
        return self.value < _parts(other)[0]

    def __le__(self, other: Any) -> Any:
        return self.value <= _parts(other)[0]

    def __gt__(self, other: Any) -> Any:
        return self.value > _parts(other)[0]

    def __ge__(self, other: Any) -> Any:
        return self.value >= _parts(other)[0]

    def __eq__(self, other: object) -> Any:
        return self.value == _parts(other)[0]

    def __ne__(self, other: object) -> Any:
        return self.value != _parts(other)[0]

    __hash__ = None  # type: ignore[assignment]  # compared elementwise


def _parts(x: Any) -> tuple[Any, Any]:
    return (x.value, x.tangent) if isinstance(x, Dual) else (x, None)


def _sum(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _times(tangent: Any, factor: Any) -> Any:
    return None if tangent is None else tangent * factor


def _quotient(x: Any, y: Any) -> Dual:
    (a, da), (b, db) = _parts(x), _parts(y)
    quotient = a / b
    numerator = _sum(da, None if db is None else -(quotient * db))
    return Dual(quotient, None if numerator is None else numerator / b)


Derivative = Callable[[Any, Any, Any], Any]   # of (F, x, y): f'(x), where y = f(x)


def _sign(F: Any, x: Any, _: Any) -> Any:
    return F.cast(x > 0, F.dtype(x)) - F.cast(x < 0, F.dtype(x))


def _digamma(F: Any, x: Any) -> Any:
    from symc.ops.families.unary import digamma

    return digamma(F, x)


_DERIVATIVES: dict[str, Derivative] = {
    "abs": _sign,
    "exp": lambda F, x, y: y,
    "expm1": lambda F, x, y: F.exp(x),
    "log": lambda F, x, y: 1 / x,
    "log2": lambda F, x, y: 1 / (x * math.log(2)),
    "log10": lambda F, x, y: 1 / (x * math.log(10)),
    "log1p": lambda F, x, y: 1 / (1 + x),
    "sqrt": lambda F, x, y: 0.5 / y,
    "rsqrt": lambda F, x, y: -0.5 * y / x,
    "cbrt": lambda F, x, y: 1 / (3 * y * y),
    "sin": lambda F, x, y: F.cos(x),
    "cos": lambda F, x, y: -F.sin(x),
    "tan": lambda F, x, y: 1 + y * y,
    "arcsin": lambda F, x, y: F.rsqrt(1 - x * x),
    "arccos": lambda F, x, y: -F.rsqrt(1 - x * x),
    "arctan": lambda F, x, y: 1 / (1 + x * x),
    "sinh": lambda F, x, y: F.cosh(x),
    "cosh": lambda F, x, y: F.sinh(x),
    "tanh": lambda F, x, y: 1 - y * y,
    "arcsinh": lambda F, x, y: F.rsqrt(x * x + 1),
    "arccosh": lambda F, x, y: F.rsqrt(x * x - 1),
    "arctanh": lambda F, x, y: 1 / (1 - x * x),
    "erf": lambda F, x, y: 2 / math.sqrt(math.pi) * F.exp(-(x * x)),
    "tgamma": lambda F, x, y: y * _digamma(F, x),
    "lgamma": lambda F, x, y: _digamma(F, x),
    "sigmoid": lambda F, x, y: y * (1 - y),
}
_STEPS = ("ceil", "floor", "trunc")            # whose derivative is zero
_CONDITIONS = ("isnan", "logical_and", "logical_or", "logical_not")


class DualMath:
    """The namespace `F` over dual numbers of what another namespace computes with."""

    def __init__(self, F: Any) -> None:
        self.F = F
        self.pi = F.pi

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self.F, name)
        if name in _CONDITIONS:
            return lambda *operands: function(*(_parts(x)[0] for x in operands))
        if name in _STEPS:
            return lambda x: Dual(function(_parts(x)[0]))
        derivative = _DERIVATIVES[name]

        def chained(operand: Any) -> Dual:
            x, tangent = _parts(operand)
            y = function(x)
            return Dual(y, None if tangent is None else tangent * derivative(self.F, x, y))
        return chained

    def dtype(self, x: Any) -> DType:
        return self.F.dtype(_parts(x)[0])  # type: ignore[no-any-return]

    def const(self, value: float, like: Any) -> Dual:
        return Dual(self.F.const(value, _parts(like)[0]))

    def cast(self, x: Any, dtype: DType) -> Dual:
        value, tangent = _parts(x)
        keeps = tangent is not None and dtype.is_float
        return Dual(self.F.cast(value, dtype), self.F.cast(tangent, dtype) if keeps else None)

    def where(self, condition: Any, x: Any, y: Any) -> Dual:
        (a, da), (b, db) = _parts(x), _parts(y)
        value = self.F.where(condition, a, b)
        if da is None and db is None:
            return Dual(value)
        zero = self.F.const(0, db if da is None else da)
        return Dual(value, self.F.where(condition, zero if da is None else da, zero if db is None else db))

    def max_nan(self, x: Any, y: Any) -> Dual:
        return Dual(self.F.max_nan(_parts(x)[0], _parts(y)[0]), self.where(x >= y, x, y).tangent)

    def min_nan(self, x: Any, y: Any) -> Dual:
        return Dual(self.F.min_nan(_parts(x)[0], _parts(y)[0]), self.where(x <= y, x, y).tangent)

    def power(self, x: Any, y: Any) -> Dual:
        (a, da), (b, db) = _parts(x), _parts(y)
        value = self.F.power(a, b)
        along_base = None if da is None else da * (b * self.F.power(a, b - 1))
        return Dual(value, _sum(along_base, None if db is None else db * (value * self.F.log(a))))

    def hypot(self, x: Any, y: Any) -> Dual:
        (a, da), (b, db) = _parts(x), _parts(y)
        value = self.F.hypot(a, b)
        slope = _sum(_times(da, a), _times(db, b))
        return Dual(value, None if slope is None else slope / value)

    def modulo(self, x: Any, y: Any) -> Dual:
        (a, da), (b, db) = _parts(x), _parts(y)
        return Dual(self.F.modulo(a, b), _sum(da, None if db is None else -(db * self.F.floor(a / b))))

    def divide_truncating(self, x: Any, y: Any) -> Dual:
        return Dual(self.F.divide_truncating(_parts(x)[0], _parts(y)[0]))
