"""The module mx.nd: NDArray and its makers, the functions of all operators on arrays, and MXNet's helpers.

Operators run at once, by their NumPy references, in their meaning outside training.  For speed, compile a symbol.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any, NoReturn, TypeVar

import numpy as np

from symc.errors import MXNetError
from symc.frontend import array_methods, nd_control_flow, nd_sparse, params
from symc.frontend.files import FilePath
from symc.frontend.nd_functions import Result, array_function
from symc.frontend.nd_updates import update_functions
from symc.frontend.op_functions import Namespace
from symc.frontend.random_functions import sampling_functions, zipfian_function
from symc.frontend.util import is_np_shape
from symc.runtime import ndarray
from symc.runtime.ndarray import (
    NDArray,
    arange,
    array,
    concatenate,
    empty,
    from_dlpack,
    from_numpy,
    to_dlpack_for_read,
    to_dlpack_for_write,
    waitall,
)
from symc.runtime.random import seed

M = TypeVar("M", bound=Callable[..., Any])

__all__ = ["NDArray", "arange", "array", "concatenate", "empty", "eye", "from_dlpack", "from_numpy", "full",
           "fill_element_0index", "histogram", "imdecode", "linspace", "load", "load_frombuffer", "moveaxis",
           "onehot_encode", "ones", "reset_arrays", "save", "split_v2",
           "ndarray", "to_dlpack_for_read", "to_dlpack_for_write", "waitall", "zeros"]


def _of_known_shape(make: M) -> M:
    """A maker of arrays that refuses shapes without elements and (), which both mean 'unknown' outside np_shape."""
    @functools.wraps(make)
    def made(shape: Any, *args: Any, **kwargs: Any) -> Any:
        extents = shape if isinstance(shape, tuple | list) else (shape,)
        if not (extents and all(extents)) and not is_np_shape():
            raise MXNetError(f"{make.__name__}: shape {shape} is not known", "with symc.np_shape(True) it is a shape")
        return make(shape, *args, **kwargs)
    return made  # type: ignore[return-value]


zeros = _of_known_shape(ndarray.zeros)
ones = _of_known_shape(ndarray.ones)
full = _of_known_shape(ndarray.full)


# ---- operators -------------------------------------------------------------------------------------------------


def isnan(data: NDArray) -> NDArray:
    """1 where an element is no number, 0 elsewhere, in the dtype of `data`."""
    return op.broadcast_not_equal(data, data)  # type: ignore[no-any-return]


def isinf(data: NDArray) -> NDArray:
    """1 where an element is infinite, 0 elsewhere, in the dtype of `data`."""
    return _internal._equal_scalar(op.abs(data), scalar=np.inf)  # type: ignore[no-any-return]


def isfinite(data: NDArray) -> NDArray:
    """1 where an element is neither infinite nor no number, 0 elsewhere, in the dtype of `data`."""
    return _internal._lesser_scalar(op.abs(data), scalar=np.inf)  # type: ignore[no-any-return]


op = Namespace("symc.ndarray.op", "", array_function)
_internal = Namespace("symc.ndarray._internal", "_internal", array_function)
_sampling = sampling_functions(NDArray, _internal, on_arrays=True)
contrib = Namespace("symc.ndarray.contrib", "contrib", array_function,
                    {"isfinite": isfinite, "isinf": isinf, "isnan": isnan,
                     "rand_zipfian": zipfian_function(_sampling["uniform"], on_arrays=True),
                     **update_functions(_internal), **nd_control_flow.FUNCTIONS})
linalg = Namespace("symc.ndarray.linalg", "linalg", array_function)
sparse = Namespace("symc.ndarray.sparse", "sparse", array_function, nd_sparse.FUNCTIONS)
image = Namespace("symc.ndarray.image", "image", array_function)
random = Namespace("symc.ndarray.random", "random", array_function,
                   {**_sampling, "seed": seed})


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    function = getattr(op, name)
    if not hasattr(builtins, name):     # sum, max, ... are Python's in this module
        globals()[name] = function
    return function


def __dir__() -> list[str]:
    return sorted({*__all__, *_TWO, "op", "contrib", "linalg", "sparse", "image", "random", *dir(op)})


# ---- of two arrays, or an array and a number -------------------------------------------------------------------

# function → the operator on two arrays, on array and number, on number and array, and on two numbers
_TWO: Mapping[str, tuple[str, str, str, Callable[..., Any]]] = {
    "add": ("broadcast_add", "_plus_scalar", "_plus_scalar", lambda a, b: a + b),
    "subtract": ("broadcast_sub", "_minus_scalar", "_rminus_scalar", lambda a, b: a - b),
    "multiply": ("broadcast_mul", "_mul_scalar", "_mul_scalar", lambda a, b: a * b),
    "divide": ("broadcast_div", "_div_scalar", "_rdiv_scalar", lambda a, b: a / b),
    "true_divide": ("broadcast_div", "_div_scalar", "_rdiv_scalar", lambda a, b: a / b),
    "modulo": ("broadcast_mod", "_mod_scalar", "_rmod_scalar", lambda a, b: a % b),
    "power": ("broadcast_power", "_power_scalar", "_rpower_scalar", lambda a, b: a ** b),
    "maximum": ("broadcast_maximum", "_maximum_scalar", "_maximum_scalar", max),
    "minimum": ("broadcast_minimum", "_minimum_scalar", "_minimum_scalar", min),
    "hypot": ("broadcast_hypot", "_hypot_scalar", "_hypot_scalar", np.hypot),
    "equal": ("broadcast_equal", "_equal_scalar", "_equal_scalar", lambda a, b: int(a == b)),
    "not_equal": ("broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar", lambda a, b: int(a != b)),
    "greater": ("broadcast_greater", "_greater_scalar", "_lesser_scalar", lambda a, b: int(a > b)),
    "greater_equal": ("broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar",
                      lambda a, b: int(a >= b)),
    "lesser": ("broadcast_lesser", "_lesser_scalar", "_greater_scalar", lambda a, b: int(a < b)),
    "lesser_equal": ("broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar",
                     lambda a, b: int(a <= b)),
    "logical_and": ("broadcast_logical_and", "_logical_and_scalar", "_logical_and_scalar",
                    lambda a, b: int(bool(a) and bool(b))),
    "logical_or": ("broadcast_logical_or", "_logical_or_scalar", "_logical_or_scalar",
                   lambda a, b: int(bool(a) or bool(b))),
    "logical_xor": ("broadcast_logical_xor", "_logical_xor_scalar", "_logical_xor_scalar",
                    lambda a, b: int(bool(a) != bool(b))),
}


def _two(name: str) -> Callable[[Any, Any], Any]:
    both, right_scalar, left_scalar, numbers = _TWO[name]

    def function(lhs: Any, rhs: Any) -> Any:
        if isinstance(lhs, NDArray) and isinstance(rhs, NDArray):
            return getattr(op, both)(lhs, rhs)
        if isinstance(lhs, NDArray) and isinstance(rhs, Number):
            return getattr(_internal, right_scalar)(lhs, scalar=rhs)
        if isinstance(lhs, Number) and isinstance(rhs, NDArray):
            return getattr(_internal, left_scalar)(rhs, scalar=lhs)
        if isinstance(lhs, Number) and isinstance(rhs, Number):
            return numbers(lhs, rhs)
        raise TypeError(f"types ({type(lhs)}, {type(rhs)}) not supported")
    function.__name__, function.__doc__ = name, f"Elementwise {name} of two arrays, which broadcast, or numbers."
    return function


globals().update({name: _two(name) for name in _TWO})


# ---- MXNet's helpers -------------------------------------------------------------------------------------------


def eye(N: int, M: int = 0, k: int = 0, ctx: Any = None, dtype: Any = None, **kwargs: Any) -> NDArray:  # noqa: N803
    """An N × M matrix (M = 0: N × N) with ones on the k-th diagonal."""
    return _internal._eye(N, M, k, ctx=ctx or "", dtype=dtype or np.float32, **kwargs)  # type: ignore[no-any-return]


def linspace(start: float, stop: float, num: int, endpoint: bool = True, ctx: Any = None,
             dtype: Any = np.float32) -> NDArray:
    """`num` values from start to stop, which is one of them if `endpoint`."""
    return _internal._linspace(start=start, stop=stop, num=num, endpoint=endpoint,  # type: ignore[no-any-return]
                               ctx=ctx or "", dtype=dtype)


def histogram(a: NDArray, bins: Any = 10, range: tuple[float, float] | None = None) -> list[NDArray]:
    """Counts of the elements of `a` in `bins` equal parts of `range` (default: from the least to the largest), or
    between the edges that the array `bins` has; and the edges."""
    if isinstance(bins, NDArray):
        return _internal._histogram(data=a, bins=bins)  # type: ignore[no-any-return]
    if range is None:
        return [array(part) for part in np.histogram(np.asarray(a.memory), bins)]
    return _internal._histogram(data=a, bin_cnt=bins, range=range)  # type: ignore[no-any-return]


def split_v2(ary: NDArray, indices_or_sections: int | tuple[int, ...], axis: int = 0,
             squeeze_axis: bool = False) -> Result:
    """`ary` in that many equal parts, or split at these indices, along an axis."""
    return array_methods.split_v2(ary, indices_or_sections, axis, squeeze_axis)


def onehot_encode(indices: NDArray, out: NDArray) -> NDArray:
    """`out`, whose row i is 1 at indices[i] and 0 elsewhere."""
    return op.one_hot(indices, depth=out.shape[1], dtype=out.dtype, out=out)  # type: ignore[no-any-return]


def fill_element_0index(lhs: NDArray, mhs: NDArray, rhs: NDArray) -> NDArray:
    """A copy of `lhs` with mhs[i] at column rhs[i] of each row i."""
    filled = lhs.copy()
    filled.memory[np.arange(len(rhs)), rhs.asnumpy().astype(np.int64)] = np.asarray(mhs.memory)
    return filled


def reset_arrays(*data: NDArray, num_arrays: int) -> list[NDArray]:
    """Set all elements of `num_arrays` arrays to 0.  ValueError: that many are not given."""
    if len(data) != num_arrays:
        raise ValueError(f"reset_arrays: {len(data)} arrays are given, num_arrays is {num_arrays}")
    for item in data:
        item[:] = 0
    return []


def imdecode(*_: Any, **__: Any) -> NoReturn:
    """MXNetError: symc reads no images."""
    raise MXNetError("imdecode: symc decodes no images", "decode with Pillow or OpenCV, then nd.array(image)")


def moveaxis(tensor: NDArray, source: int | Sequence[int], destination: int | Sequence[int]) -> NDArray:
    """`tensor` with axes moved to other places, the rest in order.  ValueError: an axis out of range, or twice."""
    extents_are_axes = np.empty(range(tensor.ndim))
    return op.transpose(tensor, axes=np.moveaxis(extents_are_axes, source, destination).shape)  # type: ignore[no-any-return]


# ---- files -----------------------------------------------------------------------------------------------------


def save(fname: FilePath, data: NDArray | Sequence[NDArray] | Mapping[str, NDArray]) -> None:
    """Write arrays, with names if a mapping is given, as a .params file that MXNet reads."""
    given = [data] if isinstance(data, NDArray) else data
    if not isinstance(given, Mapping | list | tuple):
        raise ValueError("data needs to either be a NDArray, dict of str, NDArray pairs or a list of NDarrays.")
    values = given.values() if isinstance(given, Mapping) else given
    if not all(isinstance(item, NDArray) for item in values) or not all(
            isinstance(name, str) for name in (given if isinstance(given, Mapping) else ())):
        raise TypeError("save only accept dict str->NDArray or list of NDArray")
    if isinstance(given, Mapping):
        params.write(fname, {name: np.asarray(item.memory) for name, item in given.items()})
    else:
        params.write(fname, [np.asarray(item.memory) for item in given])


def load(fname: FilePath) -> list[NDArray] | dict[str, NDArray]:
    """The arrays of a .params or .npz file: by name, or a list when they have none."""
    return _arrays(params.read(fname))


def load_frombuffer(buf: bytes) -> list[NDArray] | dict[str, NDArray]:
    """As `load`, from the bytes of a file."""
    return _arrays(params.read(buf))


def _arrays(found: params.NamedArrays) -> list[NDArray] | dict[str, NDArray]:
    values = [array(value, dtype=value.dtype) for value in found.arrays]
    return dict(zip(found.names, values, strict=True)) if found.names else values
