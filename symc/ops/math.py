"""The math namespace `F` that elementwise operators are written in, over NumPy.

An elementwise operator is one expression `scalar(F, x, ...)`.  Evaluated with `NumPyMath` it is the reference, with
`frontend/te.py` a TE kernel body, with `codegen/llvm_math.py` a vector epilogue of a contraction; each offers exactly
the functions of `NumPyMath`.

Rules of the language: +, -, *, unary - and comparisons work on values; `/` on floats only; a Python number takes the
dtype of the other operand; comparisons give conditions, which only `where`, `logical_*` and `cast` accept.
"""

from __future__ import annotations

import math as libm
from collections.abc import Callable
from typing import Any

import numpy as np

from symc.ir.types import DType

Value = Any  # an array (NumPy), a PrimExpr (TE) or a vector (LLVM)


def _elementwise(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    """A libm function over arrays; NumPy has none of its own."""
    def guarded(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return float("nan") if x != x or x <= 0 and x == int(x) else float("inf")
    return lambda x: np.vectorize(guarded, otypes=[np.float64])(x).astype(np.asarray(x).dtype)


class NumPyMath:
    """F over NumPy arrays."""

    pi = libm.pi

    abs = staticmethod(np.abs)
    ceil = staticmethod(np.ceil)
    floor = staticmethod(np.floor)
    trunc = staticmethod(np.trunc)
    exp = staticmethod(np.exp)
    expm1 = staticmethod(np.expm1)
    log = staticmethod(np.log)
    log2 = staticmethod(np.log2)
    log10 = staticmethod(np.log10)
    log1p = staticmethod(np.log1p)
    sqrt = staticmethod(np.sqrt)
    cbrt = staticmethod(np.cbrt)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    tan = staticmethod(np.tan)
    arcsin = staticmethod(np.arcsin)
    arccos = staticmethod(np.arccos)
    arctan = staticmethod(np.arctan)
    sinh = staticmethod(np.sinh)
    cosh = staticmethod(np.cosh)
    tanh = staticmethod(np.tanh)
    arcsinh = staticmethod(np.arcsinh)
    arccosh = staticmethod(np.arccosh)
    arctanh = staticmethod(np.arctanh)
    hypot = staticmethod(np.hypot)
    power = staticmethod(np.power)
    isnan = staticmethod(np.isnan)
    where = staticmethod(lambda condition, x, y: np.where(condition, *_same_dtype(x, y)))
    logical_and = staticmethod(np.logical_and)
    logical_or = staticmethod(np.logical_or)
    logical_not = staticmethod(np.logical_not)
    erf = staticmethod(_elementwise(libm.erf))
    tgamma = staticmethod(_elementwise(libm.gamma))
    lgamma = staticmethod(_elementwise(libm.lgamma))

    @staticmethod
    def rsqrt(x: Value) -> Value:
        return 1 / np.sqrt(x)

    @staticmethod
    def sigmoid(x: Value) -> Value:
        """1 / (1 + exp(-x)), without overflow."""
        return 1 / (1 + np.exp(-x))

    @staticmethod
    def max_nan(x: Value, y: Value) -> Value:
        """Maximum; NaN if either is."""
        return np.maximum(x, y)

    @staticmethod
    def min_nan(x: Value, y: Value) -> Value:
        """Minimum; NaN if either is."""
        return np.minimum(x, y)

    @staticmethod
    def const(value: float, like: Value) -> Value:
        """`value` in the dtype of `like` (truncated toward zero for integers)."""
        return np.asarray(value).astype(np.asarray(like).dtype)

    @staticmethod
    def cast(x: Value, dtype: DType) -> Value:
        """C's conversion: floats are truncated toward zero and integers wrap; a condition gives 0 or 1."""
        return np.asarray(x).astype(dtype.numpy)

    @staticmethod
    def dtype(x: Value) -> DType:
        return DType.of(np.asarray(x).dtype)

    @staticmethod
    def divide_truncating(x: Value, y: Value) -> Value:
        """Integer division as in C; x / 0 is 0 here, undefined there."""
        quotient = np.floor_divide(np.abs(x), np.where(y == 0, 1, np.abs(y)))
        return np.where(np.equal(y, 0), 0, np.sign(x) * np.sign(y) * quotient).astype(np.asarray(x).dtype)


def _same_dtype(x: Value, y: Value) -> tuple[Value, Value]:
    """A Python number beside an array takes the array's dtype, in NumPy 1 and 2 alike."""
    if isinstance(x, (int, float)) and isinstance(y, np.ndarray):
        return np.asarray(x, y.dtype), y
    if isinstance(y, (int, float)) and isinstance(x, np.ndarray):
        return x, np.asarray(y, x.dtype)
    return x, y
