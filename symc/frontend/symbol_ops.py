"""The module mx.sym: Symbol and its makers, the functions of all operators, and MXNet's helpers around them.

Operators' functions are derived from the registry when they are first asked for: `Convolution`, `linalg.gemm2`, ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any

import numpy as np

from symc.frontend import control_flow, symbol
from symc.frontend.op_functions import Namespace, split_points
from symc.frontend.random_functions import sampling_functions, zipfian_function
from symc.frontend.symbol import (
    Group,
    Symbol,
    Variable,
    _internal,
    fromjson,
    load,
    load_json,
    op,
    symbol_function,
    var,
)

_sampling = sampling_functions(Symbol, _internal, on_arrays=False)
contrib = Namespace("symc.symbol.contrib", "contrib", symbol_function,
                    {"rand_zipfian": zipfian_function(_sampling["uniform"], on_arrays=False), **control_flow.FUNCTIONS})
linalg = Namespace("symc.symbol.linalg", "linalg", symbol_function)
sparse = Namespace("symc.symbol.sparse", "sparse", symbol_function)
image = Namespace("symc.symbol.image", "image", symbol_function)
random = Namespace("symc.symbol.random", "random", symbol_function, _sampling)

__all__ = ["Group", "Symbol", "Variable", "arange", "contrib", "eye", "fromjson", "full", "histogram", "hypot", "image",
           "linalg", "linspace", "load", "load_json", "maximum", "minimum", "ones", "op", "pow", "power", "random",
           "sparse", "split_v2", "symbol", "var", "zeros"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(op, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(op)})


# ---- of two symbols, or a symbol and a number ------------------------------------------------------------------


def _two(left: Any, right: Any, both: str, right_scalar: str, left_scalar: str, numbers: Callable[..., Any]) -> Any:
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        return getattr(_internal, both)(left, right)
    if isinstance(left, Symbol) and isinstance(right, Number):
        return getattr(_internal, right_scalar)(left, scalar=right)
    if isinstance(left, Number) and isinstance(right, Symbol):
        return getattr(_internal, left_scalar)(right, scalar=left)
    if isinstance(left, Number) and isinstance(right, Number):
        return numbers(left, right)
    raise TypeError(f"types ({type(left)}, {type(right)}) not supported")


def pow(base: Any, exp: Any) -> Any:
    """base to the power of exp; each a symbol or a number."""
    return _two(base, exp, "_Power", "_PowerScalar", "_RPowerScalar", lambda a, b: a ** b)


power = pow


def maximum(left: Any, right: Any) -> Any:
    """The larger of two, elementwise; each a symbol or a number."""
    return _two(left, right, "_Maximum", "_MaximumScalar", "_MaximumScalar", max)


def minimum(left: Any, right: Any) -> Any:
    """The smaller of two, elementwise; each a symbol or a number."""
    return _two(left, right, "_Minimum", "_MinimumScalar", "_MinimumScalar", min)


def hypot(left: Any, right: Any) -> Any:
    """√(left² + right²), elementwise; each a symbol or a number."""
    return _two(left, right, "_Hypot", "_HypotScalar", "_HypotScalar", np.hypot)


# ---- of nothing ------------------------------------------------------------------------------------------------


def eye(N: int, M: int = 0, k: int = 0, dtype: Any = None, **kwargs: Any) -> Symbol:  # noqa: N803  (MXNet's names)
    """An N × M matrix (M = 0: N × N) with ones on the k-th diagonal."""
    return _internal._eye(N, M, k, dtype=dtype or np.float32, **kwargs)  # type: ignore[no-any-return]


def zeros(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """Zeros of a shape."""
    return _internal._zeros(shape=shape, dtype=dtype or np.float32, **kwargs)  # type: ignore[no-any-return]


def ones(shape: Any, dtype: Any = None, **kwargs: Any) -> Symbol:
    """Ones of a shape."""
    return _internal._ones(shape=shape, dtype=dtype or np.float32, **kwargs)  # type: ignore[no-any-return]


def full(shape: Any, val: float, dtype: Any = None, **kwargs: Any) -> Symbol:
    """One value everywhere."""
    return _internal._full(shape=shape, dtype=dtype or np.float32, value=float(val),  # type: ignore[no-any-return]
                           **kwargs)


def arange(start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: bool = False,
           name: str | None = None, dtype: Any = None) -> Symbol:
    """start, start + step, ... below stop, each `repeat` times; arange(n) counts from 0."""
    return _internal._arange(start=start, stop=stop, step=step, repeat=repeat,  # type: ignore[no-any-return]
                             infer_range=infer_range, name=name, dtype=dtype or np.float32)


def linspace(start: float, stop: float, num: int, endpoint: bool = True, name: str | None = None,
             dtype: Any = None) -> Symbol:
    """`num` values from start to stop, which is one of them if `endpoint`."""
    return _internal._linspace(start=start, stop=stop, num=num, endpoint=endpoint,  # type: ignore[no-any-return]
                               name=name, dtype=dtype or np.float32)


# ---- of one ----------------------------------------------------------------------------------------------------


def histogram(a: Symbol, bins: Any = 10, range: tuple[float, float] | None = None, **kwargs: Any) -> Symbol:
    """Counts of the elements of `a` in `bins` equal parts of `range`, or between the edges that the symbol `bins` has.

    ValueError: a number of bins without a range.
    """
    if isinstance(bins, Symbol):
        return _internal._histogram(data=a, bins=bins, **kwargs)  # type: ignore[no-any-return]
    if not isinstance(bins, int | np.integer):
        raise ValueError("bins argument should be either an integer or a Symbol")
    if range is None:
        raise ValueError("null range is not supported in symbol mode")
    return _internal._histogram(data=a, bin_cnt=bins, range=range, **kwargs)  # type: ignore[no-any-return]


def split_v2(ary: Symbol, indices_or_sections: int | Sequence[int], axis: int = 0,
             squeeze_axis: bool = False) -> Symbol:
    """`ary` in that many equal parts, or split at these indices, along an axis."""
    indices, sections = split_points(indices_or_sections)
    return _internal._split_v2(ary, indices, axis, squeeze_axis, sections)  # type: ignore[no-any-return]
