"""The math namespace `F` that elementwise operators are written in, over NumPy.

An elementwise operator is one expression `scalar(F, x, ...)`.  Evaluated with `NumPyMath` it is the reference, with
`frontend/te.py` a TE kernel body, with `codegen/llvm_math.py` a vector epilogue of a contraction; each offers exactly
the functions of `NumPyMath`.

Rules of the language: +, -, *, unary - and comparisons work on values; `/` on floats only; a Python number takes the
dtype of the other operand; comparisons give conditions, which only `where`, `logical_*` and `cast` accept.
"""

from __future__ import annotations

import contextvars
import functools
import math as libm
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from symc.ir.types import DType

BFLOAT16, UINT16 = DType.bfloat16, DType.bfloat16.numpy
_DTYPES = {dtype.numpy: dtype for dtype in DType}
Value = Any  # an array (NumPy), a PrimExpr (TE) or a vector (LLVM)


class _Quiet(threading.local):
    """Each thread's way to run NumPy where IEEE special values are no error."""

    def __init__(self) -> None:
        with np.errstate(all="ignore"):
            self.run = contextvars.copy_context().run


QUIET = _Quiet()


def quietly(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """function(*arguments) within np.errstate(all="ignore"), which costs more than a small array's arithmetic; so the
    function runs in a context made once for the thread.  It must not come back here, nor read context variables."""
    return QUIET.run(function, *arguments, **keywords)


def _elementwise(function: Callable[[float], float],
                 pole: Callable[[float], float] = abs) -> Callable[[np.ndarray], np.ndarray]:
    """A libm function over arrays, as NumPy has none of its own; `pole` gives its value where it is not finite."""
    def guarded(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return libm.copysign(libm.inf, x)
        except ValueError:
            return pole(x)
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
    tgamma = staticmethod(_elementwise(libm.gamma, lambda x: libm.nan if x else libm.copysign(libm.inf, x)))
    lgamma = staticmethod(_elementwise(libm.lgamma, lambda x: libm.inf))

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
        return number(value, np.asarray(like).dtype)

    @staticmethod
    def cast(x: Value, dtype: DType) -> Value:
        """C's conversion: floats are truncated toward zero and integers wrap; a condition gives 0 or 1."""
        x = np.asarray(x)
        if x.dtype == UINT16:
            x = (x.astype(np.uint32) << 16).view(np.float32)
        return _as_bfloat16(x.astype(np.float32)) if dtype is BFLOAT16 else x.astype(dtype.numpy)

    @staticmethod
    def dtype(x: Value) -> DType:
        """uint16, which MXNet lacks, holds the upper halves of float32: bfloat16."""
        found = np.asarray(x).dtype
        return _DTYPES.get(found) or DType.of(found)

    @staticmethod
    def divide_truncating(x: Value, y: Value) -> Value:
        """Integer division as in C; x / 0 is 0 here, undefined there."""
        return np.floor_divide(x - np.fmod(x, y), y)

    @staticmethod
    def modulo(x: Value, y: Value) -> Value:
        """The remainder of x / y with the sign of y, as in Python; 0 where y is 0."""
        remainder = np.remainder(x, y)
        return remainder if np.count_nonzero(y) == y.size else np.where(y, remainder, y)


def number(value: float, dtype: np.dtype) -> np.ndarray:
    """A number as an array of no dimensions, which nobody may write."""
    is_key = type(value) is int or type(value) is float and value      # 0.0 and -0.0 would be one
    return _known_number(value, dtype) if is_key else np.asarray(value).astype(dtype)


@functools.lru_cache(4096, typed=True)
def _known_number(value: float, dtype: np.dtype) -> np.ndarray:
    made = np.asarray(np.asarray(value).astype(dtype))
    made.setflags(write=False)
    return made


def _as_bfloat16(x: np.ndarray) -> np.ndarray:
    """The upper halves of float32, rounded to the nearest, ties to even."""
    bits = x.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(x), 0x7FC0, rounded).astype(np.uint16)


def _same_dtype(x: Value, y: Value) -> tuple[Value, Value]:
    """A Python number beside an array takes the array's dtype, in NumPy 1 and 2 alike."""
    if isinstance(x, (int, float)) and isinstance(y, np.ndarray):
        return np.asarray(x, y.dtype), y
    if isinstance(y, (int, float)) and isinstance(x, np.ndarray):
        return x, np.asarray(y, x.dtype)
    return x, y
