"""NDArray: MXNet's array over 64-byte aligned NumPy memory.

Where MXNet shares memory, so does this: `a[i]`, `a[i:j]` and `reshape` are views as long as they are contiguous, all
other indexing copies.  Every write is counted, so that what was computed from an array can be computed again.
Operators beyond arithmetic are attached from above, by the operator registry.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.runtime.context import Context, cpu, current_context
from symc.runtime.memory import aligned_copy, aligned_empty

Shape = int | Sequence[int]
Number = (int, float, np.number, np.bool_)


class NDArray:
    """An n-dimensional array on a context; always C-contiguous.  Make one by `array`, `zeros`, ...  MXNet: NDArray.

    `writes` counts the writes to the memory, through whichever view; `escaped` says that NumPy or another library
    holds the memory too, so that nobody can tell whether it changed.
    """

    __slots__ = ("memory", "context", "_root", "_writes", "_escaped", "grad", "__weakref__")
    __array_ufunc__ = None

    def __init__(self, memory: np.ndarray, context: Context | None = None, root: NDArray | None = None) -> None:
        assert memory.flags.c_contiguous
        self.memory = memory
        self.context = context or current_context()
        self._root = root
        self._writes, self._escaped = 0, False
        self.grad: NDArray | None = None
        if self.context.device_type == "gpu":
            raise MXNetError(f"no array can lie on {self.context}: symc holds arrays on the CPU", "use symc.cpu()")

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self.memory.shape

    @property
    def dtype(self) -> type:
        """The NumPy scalar type, as in MXNet."""
        return self.memory.dtype.type

    @property
    def size(self) -> int:
        return self.memory.size

    @property
    def ndim(self) -> int:
        return self.memory.ndim

    @property
    def ctx(self) -> Context:
        return self.context

    @property
    def stype(self) -> str:
        """Storage type; symc has dense arrays only."""
        return "default"

    def __len__(self) -> int:
        return len(self.memory)

    def __repr__(self) -> str:
        return f"\n{self.memory}\n<{type(self).__name__} {'x'.join(map(str, self.shape))} @{self.context}>"

    # ---- writes

    @property
    def writes(self) -> int:
        """How often the memory was written, through this array or any view of it."""
        return self._owner._writes

    @property
    def escaped(self) -> bool:
        """Whether somebody else holds the memory and may write it uncounted."""
        return self._owner._escaped

    @property
    def _owner(self) -> NDArray:
        return self if self._root is None else self._root

    def count_write(self) -> None:
        """To be called by whoever wrote to `memory`."""
        self._owner._writes += 1

    # ---- values in and out

    def asnumpy(self) -> np.ndarray:
        """A copy as a NumPy array."""
        return self.memory.copy()

    def asscalar(self) -> Any:
        """The one element, as a NumPy scalar.  ValueError: more or fewer than one."""
        if self.shape != (1,) and self.shape != ():
            raise ValueError("The current array is not a scalar")
        return self.memory.reshape(1)[0]

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError("The truth value of an NDArray with multiple elements is ambiguous.")
        return bool(self.memory.reshape(-1)[0]) if self.size else False

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an NDArray is copied to NumPy; use numpy.from_dlpack to share its memory")
        return self.memory.astype(dtype or self.memory.dtype)

    def __dlpack__(self, **options: Any) -> Any:
        """A DLPack capsule of the memory itself; the array counts as changed from now on."""
        self._owner._escaped = True
        return self.memory.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.memory.__dlpack_device__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.memory, str(self.context.device_type), self.context.device_id)

    def wait_to_read(self) -> None:
        """Nothing to wait for: results are there when a call returns."""

    # ---- copies

    def copy(self) -> NDArray:
        """A copy on the same context."""
        return NDArray(aligned_copy(self.memory), self.context)

    __copy__ = copy

    def __deepcopy__(self, _: object) -> NDArray:
        return self.copy()

    def copyto(self, other: NDArray | Context) -> NDArray | bool:
        """Copy into `other`, which keeps its dtype, or to a new array on a context; returns the target.

        False, with a copy onto itself, as in MXNet.  MXNetError: the shapes differ.
        """
        if isinstance(other, Context):
            return NDArray(aligned_copy(self.memory), other)
        if other is self:
            return False
        if other.shape != self.shape:
            raise MXNetError(f"copyto: the source is {self.shape}, the target {other.shape}")
        other.memory[...] = self.memory
        other.count_write()
        return other

    def as_in_context(self, context: Context) -> NDArray:
        """This array when it lies on `context`, else a copy there."""
        return self if context == self.context else NDArray(aligned_copy(self.memory), context)

    def astype(self, dtype: Any, copy: bool = True) -> NDArray:
        """A copy in another dtype; this array itself when the dtype is the same and copy=False."""
        if not copy and np.dtype(dtype) == self.memory.dtype:
            return self
        return array(self, self.context, dtype)

    # ---- views

    def view(self, memory: np.ndarray) -> NDArray:
        """An NDArray of `memory`: a view that counts writes here when it shares memory, else a copy of its own."""
        if memory.flags.c_contiguous and np.may_share_memory(memory, self.memory):
            return NDArray(memory, self.context, self._owner)
        return NDArray(aligned_copy(memory), self.context)

    def reshape(self, *shape: Any, **options: Any) -> NDArray:
        """A view of the same elements.  0 keeps a dimension, -1 is inferred, -2 keeps all the rest, -3 merges two,
        -4 splits one into the two that follow; reverse=True reads from the right.  MXNet: NDArray.reshape.
        """
        wanted = options.pop("shape", shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
        reverse = options.pop("reverse", False)
        if options:
            raise TypeError(f"reshape has no argument '{next(iter(options))}', only shape and reverse")
        target = new_shape(self.shape, [int(extent) for extent in wanted], reverse)
        return self.view(self.memory.reshape(target))

    @property
    def T(self) -> NDArray:
        """A copy with the dimensions in reverse order."""
        return self.view(self.memory.T)

    def __getitem__(self, key: Any) -> NDArray:
        key = _numpy_key(key)
        advanced = any(isinstance(part, np.ndarray) for part in key)
        # the ellipsis turns what would be a NumPy scalar into a view of no dimensions
        part = self.memory[key] if advanced or Ellipsis in key else self.memory[(*key, Ellipsis)]
        return self.view(part.reshape(1) if part.ndim == 0 and self.ndim else part)

    def __setitem__(self, key: Any, value: Any) -> None:
        key = _numpy_key(key)
        source = value.memory if isinstance(value, NDArray) else np.asarray(value)
        with np.errstate(invalid="ignore", over="ignore"):
            self.memory[key] = source.astype(self.memory.dtype, copy=False)
        self.count_write()

    def __iter__(self) -> Iterator[NDArray]:
        return (self[i] for i in range(len(self)))

    # ---- arithmetic

    def _apply(self, function: Callable[..., np.ndarray], other: Any = None, swap: bool = False) -> NDArray:
        """function(self, other) in the dtype of the array; a number is cast to it first, as in MXNet."""
        left = self.memory
        if other is None:
            return NDArray(_aligned(function(left), left.dtype), self.context)
        if isinstance(other, NDArray):
            right = other.memory
            _check_operands(self, other)
        elif isinstance(other, Number):
            left = left.astype(np.int64) if left.dtype == bool else left
            right = cast_scalar(other, left.dtype)
        else:
            raise TypeError(f"type {type(other)} not supported")
        with np.errstate(all="ignore"):
            result = function(right, left) if swap else function(left, right)
        return NDArray(_aligned(result, left.dtype), self.context)

    def _assign(self, result: NDArray) -> NDArray:
        if result.shape != self.shape or result.dtype != self.dtype:
            raise MXNetError(f"the result {result.shape} does not fit in place into {self.shape}")
        self.memory[...] = result.memory
        self.count_write()
        return self

    def __neg__(self) -> NDArray:
        return self._apply(np.negative)

    def __abs__(self) -> NDArray:
        return self._apply(np.abs)

    __hash__ = object.__hash__


def _restore(memory: np.ndarray, device_type: str, device_id: int) -> NDArray:
    return NDArray(aligned_copy(memory), Context(device_type, device_id))


def _aligned(result: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    target = aligned_empty(np.shape(result), dtype)
    target[...] = result
    return target


def _check_operands(left: NDArray, right: NDArray) -> None:
    if left.dtype != right.dtype:
        raise MXNetError(f"operands have different types: {left.memory.dtype} and {right.memory.dtype}",
                         "convert one with astype")
    if left.context != right.context:
        raise MXNetError(f"operands lie on different contexts: {left.context} and {right.context}",
                         "copy one with as_in_context")
    pairs = zip(reversed(left.shape), reversed(right.shape), strict=False)
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        raise MXNetError(f"operands of shapes {left.shape} and {right.shape} cannot be broadcast together")


def cast_scalar(value: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """A number in `dtype` as C casts it: truncated, and wrapped around where an integer type is too small."""
    if dtype.kind in "iu" and math.isfinite(value):
        bits = 8 * dtype.itemsize
        return np.array(int(value) % 2**bits, np.uint64).astype(f"uint{bits}").view(dtype)
    with np.errstate(all="ignore"):
        return np.asarray(value).astype(dtype)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b; integers truncate towards zero, and give 0 for b = 0, where MXNet traps."""
    if a.dtype.kind not in "iu":
        return np.divide(a, b)
    quotient = np.floor_divide(a, b)
    return quotient + ((np.remainder(a, b) != 0) & ((a < 0) != (b < 0))) * (b != 0)


def _modulo(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Remainder with the sign of b; 0 for b = 0."""
    return np.where(b == 0, np.zeros((), a.dtype), np.remainder(a, b))


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.power(a, b) if a.dtype.kind == "f" else np.power(a.astype(np.float64), b)


_ARITHMETIC: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": _divide, "mod": _modulo, "pow": _power}
_COMPARISONS: dict[str, Callable[..., np.ndarray]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}


def _attach_operators() -> None:
    """Give NDArray its infix operators: plain, reflected and in place; comparisons give 0 and 1 in the same dtype."""
    for name, function in (*_ARITHMETIC.items(), *_COMPARISONS.items()):
        setattr(NDArray, f"__{name}__", _plain(function))
    for name, function in _ARITHMETIC.items():
        setattr(NDArray, f"__r{name}__", _reflected(function))
        setattr(NDArray, f"__i{name}__", _in_place(function))


def _plain(function: Callable[..., np.ndarray]) -> Callable[[NDArray, Any], NDArray]:
    return lambda self, other: self._apply(function, _operand(other))


def _reflected(function: Callable[..., np.ndarray]) -> Callable[[NDArray, Any], NDArray]:
    return lambda self, other: self._apply(function, _operand(other), swap=True)


def _in_place(function: Callable[..., np.ndarray]) -> Callable[[NDArray, Any], NDArray]:
    return lambda self, other: self._assign(self._apply(function, _operand(other)))


def _operand(other: Any) -> Any:
    if other is None:
        raise TypeError(f"type {type(other)} not supported")
    return other


_attach_operators()


def _numpy_key(key: Any) -> tuple[Any, ...]:
    """An index as a tuple for NumPy: arrays and lists become integers, as MXNet reads them (booleans too)."""
    return tuple(_numpy_key_part(part) for part in (key if isinstance(key, tuple) else (key,)))


def _numpy_key_part(part: Any) -> Any:
    if isinstance(part, NDArray):
        return part.memory.astype(np.int64)
    if isinstance(part, list | np.ndarray):
        return np.asarray(part).astype(np.int64)
    if part is None or part is Ellipsis or isinstance(part, int | np.integer | slice):
        return part
    raise ValueError(f"NDArray does not support slicing with key {part} of type {type(part)}.")


def new_shape(shape: Sequence[int], wanted: Sequence[int], reverse: bool = False) -> tuple[int, ...]:
    """The shape that MXNet's reshape codes (0, -1, -2, -3, -4) give.  MXNetError: the sizes do not agree."""
    if reverse:
        return new_shape(shape[::-1], wanted[::-1])[::-1]
    target: list[int] = []
    at, codes = 0, iter(wanted)
    for code in codes:
        if code == -2:
            target.extend(shape[at:])
            at = len(shape)
        elif code == -3:
            target.append(math.prod(shape[at:at + 2]))
            at += 2
        elif code == -4:
            target.extend(_split(shape[at], next(codes), next(codes)))
            at += 1
        else:
            target.append(shape[at] if code == 0 and at < len(shape) else code)
            at += 1
    return _inferred(shape, target, wanted)


def _split(extent: int, left: int, right: int) -> tuple[int, int]:
    return (extent // right if left == -1 else left, extent // left if right == -1 else right)


def _inferred(shape: Sequence[int], target: list[int], wanted: Sequence[int]) -> tuple[int, ...]:
    size, known = math.prod(shape), math.prod(extent for extent in target if extent != -1)
    if target.count(-1) == 1 and known:
        target[target.index(-1)] = size // known
    if -1 in target or math.prod(target) != size:
        raise MXNetError(f"cannot reshape {tuple(shape)} to {tuple(wanted)}")
    return tuple(target)


# ---- making arrays

def array(source: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """A new array with the values of `source`: float32 unless `dtype` says otherwise or the source is an NDArray."""
    if isinstance(source, NDArray):
        values, dtype = source.memory, dtype or source.dtype
    else:
        values = _values(source)
    target = aligned_empty(values.shape, np.dtype(dtype or np.float32))
    with np.errstate(invalid="ignore", over="ignore"):
        target[...] = values
    return NDArray(target, ctx)


def _values(source: Any) -> np.ndarray:
    try:
        values = np.asarray(source)
    except ValueError:
        values = np.empty(0, object)
    if values.dtype.kind not in "biuf":
        raise TypeError("source_array must be array like object")
    return values


def empty(shape: Shape, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """An array whose elements are not set."""
    extents = (shape,) if isinstance(shape, int) else tuple(shape)
    return NDArray(aligned_empty(extents, np.dtype(dtype or np.float32)), ctx)


def full(shape: Shape, val: float, ctx: Context | None = None, dtype: Any = None,
         out: NDArray | None = None) -> NDArray:
    """An array, or `out`, filled with one value."""
    target = empty(shape, ctx, dtype) if out is None else out
    target[...] = val
    return target


def zeros(shape: Shape, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """An array of zeros."""
    return full(shape, 0, ctx, dtype)


def ones(shape: Shape, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """An array of ones."""
    return full(shape, 1, ctx, dtype)


def arange(start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: bool | None = None,
           ctx: Context | None = None, dtype: Any = np.float32) -> NDArray:
    """start, start + step, ... below stop, each `repeat` times; arange(n) counts from 0.  MXNet: arange."""
    assert infer_range is not True, "an array must know its stop"
    start, stop = (0, start) if stop is None else (start, stop)
    count = math.ceil((stop - start) / step)
    if count <= 0:
        raise MXNetError(f"arange from {start} to {stop} by {step} has no elements")
    return array(np.repeat(start + step * np.arange(count), repeat), ctx, dtype)


def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """The arrays joined along `axis`; a single one is returned itself when always_copy=False."""
    if not arrays:
        raise MXNetError("concatenate needs at least one array")
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    joined = np.concatenate([item.memory for item in arrays], axis)
    return NDArray(aligned_copy(joined), arrays[0].context)


def from_numpy(ndarray: np.ndarray, zero_copy: bool = True) -> NDArray:
    """An array of the same dtype; it shares the memory of a contiguous source when zero_copy, and then counts as
    changed before every use."""
    if not zero_copy:
        return NDArray(aligned_copy(ndarray), cpu())
    if not ndarray.flags.c_contiguous:
        raise ValueError("Only c-contiguous arrays are supported for zero-copy")
    made = NDArray(ndarray, cpu())
    made._escaped = True
    return made


def from_dlpack(source: Any) -> NDArray:
    """An array over the memory of a DLPack capsule, or of an object that can make one."""
    return from_numpy(np.from_dlpack(source if hasattr(source, "__dlpack__") else _Capsule(source)))


class _Capsule:
    """A bare DLPack capsule of CPU memory as an object that NumPy accepts."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def to_dlpack_for_read(data: NDArray) -> Any:
    """A DLPack capsule of the array's memory, to be read."""
    return data.__dlpack__()


def to_dlpack_for_write(data: NDArray) -> Any:
    """A DLPack capsule of the array's memory, to be written."""
    return data.__dlpack__()


def waitall() -> None:
    """Nothing to wait for: results are there when a call returns."""
