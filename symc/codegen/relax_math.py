"""The math namespace and the random draws for any of TVM's targets.

What `frontend/te_math.py` takes from LLVM is TIR's own here, which TVM lowers for each target; what TIR lacks are calls
of C's functions, which every target has that is compiled as C or by LLVM.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import tirx
from tvm_ffi import structural_equal, structural_map

from symc.frontend.te_math import Expr, Scalar, TensorMath, cast, computed_dtype, evaluator, paired
from symc.frontend.te_random import TensorDraws
from symc.ir.types import DType
from symc.ops.random import threefry


def _function(make: Callable[[Expr], Expr]) -> Callable[[Scalar], Scalar]:
    """A function of TIR over floats."""
    def call(x: Scalar) -> Scalar:
        return evaluator().shared(Scalar(make(x.expr), x.dtype, x.uses, x.weight + 1))
    return staticmethod(call)  # type: ignore[return-value]


def _of_c(name: str) -> Callable[[Scalar], Scalar]:
    """A function of C's library; `name` is that of the double version."""
    def call(x: Scalar) -> Scalar:
        dtype = computed_dtype(x.dtype)
        expr = tirx.call_pure_extern(dtype, name + ("f" if dtype == "float32" else ""), x.expr)
        return evaluator().shared(Scalar(expr, x.dtype, x.uses, x.weight + 1))
    return staticmethod(call)  # type: ignore[return-value]


class PortableMath(TensorMath):
    """F over tensor elements; see `ops.math.NumPyMath` for the meaning of each."""

    exp = _function(tirx.exp)
    log = _function(tirx.log)
    log2 = _function(tirx.log2)
    log10 = _function(tirx.log10)
    log1p = _function(tirx.log1p)
    sin = _function(tirx.sin)
    cos = _function(tirx.cos)
    tan = _function(tirx.tan)
    arcsin = _function(tirx.asin)
    arccos = _function(tirx.acos)
    arctan = _function(tirx.atan)
    sinh = _function(tirx.sinh)
    cosh = _function(tirx.cosh)
    tanh = _function(tirx.tanh)
    arcsinh = _function(tirx.asinh)
    arccosh = _function(tirx.acosh)
    arctanh = _function(tirx.atanh)
    sqrt = _function(tirx.sqrt)
    erf = _function(tirx.erf)
    expm1 = _of_c("expm1")
    cbrt = _of_c("cbrt")
    tgamma = _of_c("tgamma")
    lgamma = _of_c("lgamma")
    _fabs = _function(tirx.abs)
    _floor = _function(tirx.floor)
    _ceil = _function(tirx.ceil)
    _trunc = _function(tirx.trunc)

    @staticmethod
    def abs(x: Scalar) -> Scalar:
        return PortableMath._fabs(x) if x.dtype.is_float else TensorMath.abs(x)

    @staticmethod
    def floor(x: Scalar) -> Scalar:
        return PortableMath._floor(x) if x.dtype.is_float else x

    @staticmethod
    def ceil(x: Scalar) -> Scalar:
        return PortableMath._ceil(x) if x.dtype.is_float else x

    @staticmethod
    def trunc(x: Scalar) -> Scalar:
        return PortableMath._trunc(x) if x.dtype.is_float else x

    @staticmethod
    def rsqrt(x: Scalar) -> Scalar:
        return 1 / PortableMath.sqrt(x)

    @staticmethod
    def sigmoid(x: Scalar) -> Scalar:
        return 1 / (1 + PortableMath.exp(-x))

    @staticmethod
    def power(x: Any, y: Any) -> Scalar:
        """Integers are raised in float64."""
        a, b = paired(x, y)
        if not a.dtype.is_float:
            return cast(PortableMath.power(cast(a, DType.float64), cast(b, DType.float64)), a.dtype)
        return evaluator().shared(Scalar(tirx.power(a.expr, b.expr), a.dtype, a.uses | b.uses, a.weight + b.weight + 1))


class PortableDraws(TensorDraws):
    """The draws of an element, the generator being written out."""

    F = PortableMath

    @staticmethod
    def block(element: Expr, number: Expr, key: Scalar, uses: frozenset[Any] = frozenset()) -> Scalar:
        upper = tirx.shift_right(key.expr, tirx.const(32, "int64"))
        first, second, low, high = (_Word(tirx.Cast("uint32", expr)) for expr in (key.expr, upper, element, number))
        x, y = (tirx.Cast("uint64", word.expr) for word in threefry(_Word.rotated, (first, second), (low, high)))
        wide = tirx.bitwise_or(tirx.shift_left(y, tirx.const(32, "uint64")), x)
        return evaluator().shared(Scalar(tirx.Cast("int64", wide), DType.int64, key.uses | uses))


class _Word:
    """32 bits that wrap, for `threefry`: a uint32, held under a name as an int32."""

    def __init__(self, expr: Expr) -> None:
        self.expr = expr

    def rotated(self, count: int) -> _Word:
        return _Word(tirx.bitwise_or(tirx.shift_left(self.expr, _bits(count)),
                                     tirx.shift_right(self.expr, _bits(32 - count))))

    def __add__(self, other: _Word | int) -> _Word:
        return _named(tirx.Add(self.expr, _bits(other)))

    def __xor__(self, other: _Word | int) -> _Word:
        return _named(tirx.bitwise_xor(self.expr, _bits(other)))


def _bits(word: _Word | int) -> Expr:
    return tirx.const(word, "uint32") if isinstance(word, int) else word.expr


def _named(expr: Expr) -> _Word:
    held = evaluator().shared(Scalar(tirx.Cast("int32", expr), DType.int32))
    return _Word(tirx.Cast("uint32", held.expr))


# TVM takes x == x for true, and the negation of a comparison for the opposite one, which NaN makes false as well.
OPPOSITE = {tirx.EQ: tirx.NE, tirx.LT: tirx.GE, tirx.LE: tirx.GT, tirx.GT: tirx.LE, tirx.GE: tirx.LT}
LARGEST_READ = float(np.finfo(np.float32).max)      # TVMScript's parser reads no larger number, be it a float64


def as_meant(code: Any) -> Any:
    """An expression or a statement in a form whose meaning neither TVM's passes nor TVMScript change."""
    return structural_map(code, [(tirx.EQ, _equal), (tirx.Not, _negated), (tirx.FloatImm, _readable)])


def _equal(expr: tirx.EQ) -> Expr:
    is_test = expr.a.ty.dtype.is_float and structural_equal(expr.a, expr.b)
    return tirx.Not(tirx.isnan(expr.a)) if is_test else expr


def _negated(expr: tirx.Not) -> Expr:
    inner = expr.a
    if type(inner) not in OPPOSITE or not inner.a.ty.dtype.is_float:
        return expr
    result = OPPOSITE[type(inner)](inner.a, inner.b)
    for operand in (inner.a, inner.b):
        result = result if isinstance(operand, tirx.FloatImm) else tirx.Or(result, tirx.isnan(operand))
    return result


def _readable(number: tirx.FloatImm) -> Expr:
    if not LARGEST_READ < abs(number.value) < math.inf:
        return number
    bits = np.array(number.value, np.float64).view(np.int64)
    return tirx.reinterpret("float64", tirx.const(int(bits), "int64"))
