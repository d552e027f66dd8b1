"""The operators of NDArrays as infix operators and methods.

Arithmetic on arrays of one dtype runs the expression that the operators are made of (`ops.families.binary`),
specialised for the dtype; all else calls the function of mx.nd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.frontend.nd_functions import Result, array_function
from symc.frontend.op_functions import FLUENT, FLUENT_DEFAULTS, IN_PLACE, fluent_arguments, split_points
from symc.ops.families.binary import BINARY, WITH_NUMBER_FIRST
from symc.ops.families.unary import TABLE
from symc.ops.math import QUIET, number
from symc.ops.operator import find
from symc.ops.specialise import ByDtype
from symc.runtime.ndarray import NDArray, storage_of

Method = Callable[..., Any]
NUMBERS = (int, float, np.number, np.bool_)

CAST = frozenset(map(np.dtype, ("float16", "float32", "float64", "int8", "uint8", "int32", "int64")))
SPECIAL = frozenset((*FLUENT_DEFAULTS, *IN_PLACE))      # methods whose arguments are not those of their operator

# infix operator → key in BINARY, the operators with a number on the right and on the left
ARITHMETIC = {"add": ("add", "_plus_scalar", "_plus_scalar"), "sub": ("sub", "_minus_scalar", "_rminus_scalar"),
              "mul": ("mul", "_mul_scalar", "_mul_scalar"), "truediv": ("div", "_div_scalar", "_rdiv_scalar"),
              "mod": ("mod", "_mod_scalar", "_rmod_scalar"), "pow": ("power", "_power_scalar", "_rpower_scalar")}
COMPARISONS = {"eq": "equal", "ne": "not_equal", "gt": "greater", "ge": "greater_equal", "lt": "lesser",
               "le": "lesser_equal"}


def run(name: str, *arrays: NDArray, **parameters: Any) -> Any:
    """Call the function `name` of mx.nd, of whatever namespace."""
    return (_functions.get(name) or _function(name))(*arrays, **parameters)


def _function(name: str) -> Method:
    _functions[name] = array_function(find(name), name)
    return _functions[name]


_functions: dict[str, Method] = {}


def _infix(key: str, with_number: str) -> Method:
    """array ∘ array or array ∘ number.  TypeError: the other operand is neither, MXNetError: the arrays do not fit."""
    functions = ByDtype(BINARY[key].function, 2)

    def otherwise(self: NDArray, other: Any) -> NDArray:
        if not isinstance(other, NDArray) and functions[self.memory.dtype] is not None:
            other = _beside(self, other)
        if isinstance(other, NDArray):
            return run(f"broadcast_{key}", self, other)  # type: ignore[no-any-return]
        return run(with_number, _integers(self), scalar=_number(other))  # type: ignore[no-any-return]

    def method(self: NDArray, other: Any) -> NDArray:
        left = self.memory
        function, right = functions[left.dtype], _operand(other, left.dtype)
        if function is None or right is None or not isinstance(left, np.ndarray):
            return otherwise(self, other)
        try:
            value = QUIET.run(function, left, right)
        except ValueError:      # the shapes do not fit, which the operator can tell
            return otherwise(self, other)
        return NDArray(value if type(value) is np.ndarray else np.array(value), self.context)
    return method


def _operand(value: Any, dtype: np.dtype) -> np.ndarray | None:
    """The memory of an array of this dtype, or a number as an array; None of an array of another dtype or on a GPU."""
    if isinstance(value, NDArray):
        memory = value.memory
        return memory if memory.dtype is dtype and isinstance(memory, np.ndarray) else None
    return number(_number(value), dtype)


def _reflected(key: str, with_number: str) -> Method:
    """number ∘ array."""
    functions = ByDtype(WITH_NUMBER_FIRST[key].function, 2)

    def method(self: NDArray, other: Any) -> NDArray:
        right = self.memory
        function = functions[right.dtype]
        if function is not None and isinstance(first := _beside(self, other), NDArray):
            return run(f"broadcast_{key}", first, self)  # type: ignore[no-any-return]
        if function is None or not isinstance(right, np.ndarray):
            return run(with_number, _integers(self), scalar=_number(other))  # type: ignore[no-any-return]
        value = QUIET.run(function, number(_number(other), right.dtype), right)
        return NDArray(value if type(value) is np.ndarray else np.array(value), self.context)
    return method


def _beside(array: NDArray, value: Any) -> Any:
    """A number as an array beside one on a GPU, whose kernel then serves all numbers; else the number."""
    if isinstance(array.memory, np.ndarray) or not array.ndim:
        return value
    return NDArray(number(_number(value), array.memory.dtype).reshape(1), array.context)


def _number(value: Any) -> Any:
    if not isinstance(value, NUMBERS):
        raise TypeError(f"type {type(value)} not supported")
    return value


def _integers(array: NDArray) -> NDArray:
    """An array of bool as int64, which is what it becomes beside a number."""
    return array.astype(np.int64) if array.memory.dtype == bool else array


def _in_place(key: str, method: Method) -> Method:
    """array ∘= other: the array keeps its shape and dtype.  MXNetError: the result does not fit.

    method: array ∘ other.
    """
    functions = ByDtype(BINARY[key].function, 2, in_place=True)

    def otherwise(self: NDArray, other: Any) -> NDArray:
        result = method(self, other).memory
        if result.shape != self.shape or result.dtype != self.memory.dtype:
            raise MXNetError(f"the result {result.dtype}{list(result.shape)} does not fit in place into "
                             f"{self.memory.dtype}{list(self.shape)}")
        self.memory[...] = result
        self.count_write()
        return self

    def changed(self: NDArray, other: Any) -> NDArray:
        memory = self.memory
        function, right = functions[memory.dtype], _operand(other, memory.dtype)
        if function is None or right is None or not isinstance(memory, np.ndarray):
            return otherwise(self, other)
        try:
            QUIET.run(function, memory, right, memory)
        except ValueError:
            return otherwise(self, other)
        self.count_write()
        return self
    return changed


def _prefix(name: str, otherwise: Method) -> Method:
    """∘array, for an operator of one input; otherwise: what computes dtypes that its expression alone does not."""
    functions = ByDtype(TABLE[name][1], 1)

    def method(self: NDArray) -> NDArray:
        function = functions[self.memory.dtype]
        if function is None or not isinstance(self.memory, np.ndarray):
            return otherwise(self)  # type: ignore[no-any-return]
        value = QUIET.run(function, self.memory)
        return NDArray(value if type(value) is np.ndarray else np.array(value), self.context)
    return method


negative = _prefix("negative", lambda array: run("_mul_scalar", _integers(array), scalar=-1))
absolute = _prefix("abs", lambda array: run("abs", array))


_power, _squares = _infix("power", "_power_scalar"), ByDtype(TABLE["square"][1], 1)


def power(self: NDArray, other: Any) -> NDArray:
    """array ** other; squares of floats are products, as NumPy has them, which takes a third of the time."""
    memory = self.memory
    if (type(other) in (int, float) and other == 2 and memory.dtype.kind == "f" and memory.ndim
            and isinstance(memory, np.ndarray)):
        square: Any = _squares[memory.dtype]
        return NDArray(QUIET.run(square, memory), self.context)
    return _power(self, other)  # type: ignore[no-any-return]


# ---- what copies on the host do otherwise ------------------------------------------------------------------------

_host_transposed, _host_astype = NDArray.T, NDArray.astype


def transposed(self: NDArray) -> NDArray:
    """A copy with the dimensions in reverse order; the array itself below two dimensions."""
    if isinstance(self.memory, np.ndarray) or self.ndim < 2 or not self.size:
        return _host_transposed.fget(self)  # type: ignore[attr-defined, no-any-return]
    return run("transpose", self)  # type: ignore[no-any-return]


def astype(self: NDArray, dtype: Any, copy: bool = True) -> NDArray:
    """A copy in another dtype; this array itself when the dtype is the same and copy=False."""
    storage, own = storage_of(dtype or np.float32), self.memory.dtype
    if isinstance(self.memory, np.ndarray) or not self.size or not CAST.issuperset((storage, own)):
        return _host_astype(self, dtype, copy)
    if storage != own:
        return run("cast", self, dtype=storage.name)  # type: ignore[no-any-return]
    return self.copy() if copy else self


# ---- methods that are not their operator alone -----------------------------------------------------------------


def broadcast_to(self: NDArray, shape: Sequence[int]) -> NDArray:
    """The array repeated to `shape`, which may have more dimensions.  ValueError: it does not broadcast."""
    shape = tuple(shape)
    own = (1,) * (len(shape) - self.ndim) + self.shape
    if len(own) != len(shape) or any(a not in (1, b) and b != 0 for a, b in zip(own, shape, strict=True)):
        raise ValueError(f"an array of shape {self.shape} cannot be broadcast to {shape}")
    return run("broadcast_to", self.reshape(own), shape=shape)  # type: ignore[no-any-return]


def broadcast_like(self: NDArray, other: NDArray) -> NDArray:
    """The array repeated to the shape of `other`."""
    return broadcast_to(self, other.shape)


def slice_assign(self: NDArray, rhs: NDArray, begin: Any, end: Any, step: Any) -> NDArray:
    """Put `rhs` into array[begin:end:step]; the array itself."""
    return run("_slice_assign", self, rhs, begin=begin, end=end, step=step, out=self)  # type: ignore[no-any-return]


def slice_assign_scalar(self: NDArray, value: float, begin: Any, end: Any, step: Any) -> NDArray:
    """Fill array[begin:end:step] with a number; the array itself."""
    return run("_slice_assign_scalar", self, scalar=value, begin=begin, end=end, step=step,  # type: ignore[no-any-return]
               out=self)


def split_v2(self: NDArray, indices_or_sections: int | tuple[int, ...], axis: int = 0,
             squeeze_axis: bool = False) -> Result:
    """The array in that many equal parts, or split at these indices, along an axis."""
    indices, sections = split_points(indices_or_sections)
    return run("_split_v2", self, indices=indices, axis=axis, squeeze_axis=squeeze_axis,  # type: ignore[no-any-return]
               sections=sections)


def _fluent(name: str) -> Method:
    def method(self: NDArray, *args: Any, **kwargs: Any) -> Result:
        if name in SPECIAL:
            kwargs = fluent_arguments(name, args, kwargs)
        return (_functions.get(name) or _function(name))(self, *args, **kwargs)  # type: ignore[no-any-return]
    method.__name__, method.__doc__ = name, f"`symc.nd.{name}` of the array."
    return method


def _attach() -> None:
    for name, (key, on_right, on_left) in ARITHMETIC.items():
        method = _infix(key, on_right)
        setattr(NDArray, f"__{name}__", method)
        setattr(NDArray, f"__r{name}__", _reflected(key, on_left))
        setattr(NDArray, f"__i{name}__", _in_place(key, method))
    for name, key in COMPARISONS.items():
        setattr(NDArray, f"__{name}__", _infix(key, f"_{key}_scalar"))
    own = (astype, broadcast_to, broadcast_like, slice_assign, slice_assign_scalar, split_v2)
    methods: dict[str, Any] = {"T": property(transposed), "__pow__": power, "__neg__": negative, "__abs__": absolute,
                               **{method.__name__: method for method in own}}
    for name in FLUENT:
        if not hasattr(NDArray, name):      # reshape and some others are NDArray's own
            methods.setdefault(name, _fluent(name))
    for name, method in methods.items():
        setattr(NDArray, name, method)


_attach()
