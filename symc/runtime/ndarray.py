"""NDArray: MXNet's array, over NumPy memory or memory of a GPU.

Where MXNet shares memory, so does this: `a[i]`, `a[i:j]` and `reshape` are views as long as they are contiguous, all
other indexing copies.  Every write is counted, so that what was computed from an array can be computed again.
All operators, arithmetic among them, are attached from above (`symc.frontend.array_methods`).
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from symc.errors import MXNetError
from symc.runtime.context import GPU, Context, cpu, current_context
from symc.runtime.indexing import is_advanced, numpy_key, select
from symc.runtime.memory import SMALL, aligned_copy, new_memory
from symc.runtime.reshaping import is_plain, new_shape

Shape = int | Sequence[int]
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])      # as MXNet shows it to NumPy; the memory is uint16
STORED = tuple(map(np.dtype, ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")))
BASIC = frozenset((int, slice))     # parts of an index that always give a view
# NumPy's functions behind infix operators → the method of the right operand
REFLECTED = {"add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__",
             "remainder": "__rmod__", "power": "__rpow__", "equal": "__eq__", "not_equal": "__ne__",
             "greater": "__lt__", "greater_equal": "__le__", "less": "__gt__", "less_equal": "__ge__"}
py_slice = slice     # MXNet's name for it in this module, which programs import
NO_AUTOGRAD = ("symc records no operators: gradients are those of symbols",
               "bind a symbol with simple_bind and call backward, or use Symbol.gradient")


class NDArray:
    """An n-dimensional array on a context; always C-contiguous.  Make one by `array`, `zeros`, ...  MXNet: NDArray.

    `memory` is a C-contiguous array, and nobody else's; on a GPU it is a `device_memory.DeviceMemory`, of which NumPy
    takes copies.  `writes` counts the writes to it, through whichever view;
    `escaped` says that NumPy or another library holds it too, so that nobody can tell whether it changed.
    """

    __slots__ = ("memory", "context", "_root", "_writes", "_escaped", "__weakref__")
    __array_priority__ = 1000.0
    writable = True

    def __init__(self, memory: np.ndarray, context: Context | None = None, root: NDArray | None = None) -> None:
        self.memory = memory
        self.context = context = current_context() if context is None else context
        self._root = root
        self._writes = 0
        self._escaped = False
        if context.device_typeid == GPU:
            self.memory = _on_device(memory, context)

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self.memory.shape

    @property
    def dtype(self) -> type:
        """The NumPy scalar type, as in MXNet; of bfloat16 the NumPy dtype that MXNet uses for it."""
        return BFLOAT16 if self.is_bfloat16 else self.memory.dtype.type  # type: ignore[return-value]

    @property
    def is_bfloat16(self) -> bool:
        """Whether the elements are bfloat16: the upper halves of float32, in uint16, which MXNet lacks."""
        return self.memory.dtype == np.uint16

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

    @property
    def grad(self) -> None:
        """None: no array has a gradient of its own; those of executors are in their `grad_dict`."""
        return None

    def __len__(self) -> int:
        return self.memory.shape[0]

    def __repr__(self) -> str:
        return f"\n{self.asnumpy()}\n<{type(self).__name__} {'x'.join(map(str, self.shape))} @{self.context}>"

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
        (self if self._root is None else self._root)._writes += 1

    # ---- values in and out

    def asnumpy(self) -> np.ndarray:
        """A copy as a NumPy array; of bfloat16 with the dtype BFLOAT16."""
        copied = np.array(self.memory)
        return copied.view(BFLOAT16) if self.is_bfloat16 else copied

    def asscalar(self) -> Any:
        """The one element, as a NumPy scalar.  ValueError: more or fewer than one."""
        if self.shape != (1,) and self.shape != ():
            raise ValueError("The current array is not a scalar")
        return self.asnumpy().reshape(1)[0]

    def item(self) -> Any:
        """The one element as a Python number.  ValueError: more or fewer than one."""
        return self.memory.item()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.memory.dtype.kind not in "iu" or self.size != 1:
            raise TypeError("only an array of one integer can be an index")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError("The truth value of an NDArray with multiple elements is ambiguous.")
        return bool(self.item()) if self.size else False

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an NDArray is copied to NumPy; use numpy.from_dlpack to share its memory")
        return np.array(self.memory, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of one array take the values (numpy.all); a NumPy number ∘ an array is the array's to
        compute.  TypeError for a NumPy array beside it, as in MXNet."""
        if any(isinstance(item, np.ndarray) for item in inputs):
            return NotImplemented
        if len(inputs) == 2 and method == "__call__":
            reflected = getattr(self, REFLECTED.get(ufunc.__name__, ""), None)
            return NotImplemented if reflected is None else reflected(inputs[0])
        return getattr(ufunc, method)(*[item.asnumpy() if isinstance(item, NDArray) else item for item in inputs],
                                      **options)

    def __dlpack__(self, **options: Any) -> Any:
        """A DLPack capsule of the memory itself; the array counts as changed from now on."""
        self._owner._escaped = True
        return self.memory.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.memory.__dlpack_device__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (np.asarray(self.memory), str(self.context.device_type), self.context.device_id)

    def wait_to_read(self) -> None:
        """Nothing to wait for: results are there when a call returns."""

    def to_dlpack_for_read(self) -> Any:
        """A DLPack capsule of the array's memory, to be read."""
        return self.__dlpack__()

    def to_dlpack_for_write(self) -> Any:
        """A DLPack capsule of the array's memory, to be written."""
        return self.__dlpack__()

    # ---- gradients

    def attach_grad(self, grad_req: str = "write", stype: str | None = None) -> NoReturn:
        """MXNetError: there is no autograd."""
        raise MXNetError(*NO_AUTOGRAD)

    def backward(self, out_grad: Any = None, retain_graph: bool = False, train_mode: bool = True) -> NoReturn:
        """MXNetError: there is no autograd."""
        raise MXNetError(*NO_AUTOGRAD)

    def detach(self) -> NDArray:
        """A view of all elements: no array belongs to a recorded computation."""
        return self.view(self.memory)

    # ---- copies

    def copy(self) -> NDArray:
        """A copy on the same context."""
        return NDArray(_copied(self.memory), self.context)

    __copy__ = copy

    def __deepcopy__(self, _: object) -> NDArray:
        return self.copy()

    def copyto(self, other: NDArray | Context) -> NDArray | bool:
        """Copy into `other`, which keeps its dtype, or to a new array on a context; returns the target.

        False, with a copy onto itself, as in MXNet.  MXNetError: the shapes differ.
        """
        if isinstance(other, Context):
            return NDArray(_copied_to(self.memory, other), other)
        if other is self:
            warnings.warn("You are attempting to copy an array to itself", RuntimeWarning, stacklevel=2)
            return False
        if not isinstance(other, NDArray):
            raise TypeError(f"copyto does not support type {type(other)}")
        if other.shape != self.shape:
            raise MXNetError(f"copyto: the source is {self.shape}, the target {other.shape}")
        other[:] = self
        return other

    def as_in_context(self, context: Context) -> NDArray:
        """This array when it lies on `context`, else a copy there."""
        return self if context == self.context else NDArray(_copied_to(self.memory, context), context)

    as_in_ctx = as_in_context

    def astype(self, dtype: Any, copy: bool = True) -> NDArray:
        """A copy in another dtype; this array itself when the dtype is the same and copy=False."""
        if not copy and storage_of(dtype or np.float32) == self.memory.dtype:
            return self
        return array(self, self.context, dtype or np.float32)

    def tostype(self, stype: str) -> NDArray:
        """A copy as a dense array.  MXNetError: any other storage type."""
        _check_storage(stype)
        return self.copy()

    def as_nd_ndarray(self) -> NDArray:
        """The array itself."""
        return self

    # ---- views

    def view(self, memory: np.ndarray) -> NDArray:
        """An NDArray of `memory`: a view that counts writes here when it shares memory, else a copy of its own."""
        if memory.flags.c_contiguous and _shares(memory, self.memory):
            return NDArray(memory, self.context, self._owner)
        return NDArray(_copied(memory), self.context)

    def reshape(self, *shape: Any, **options: Any) -> NDArray:
        """A view of the same elements.  0 keeps a dimension, -1 is inferred, -2 keeps all the rest, -3 merges two,
        -4 splits one into the two that follow; reverse=True reads from the right.  MXNet: NDArray.reshape.

        ValueError: the new shape has fewer elements; MXNetError: more, or the codes are no shape.
        """
        wanted: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape
        memory, reverse = self.memory, False
        if options:
            wanted = wanted or options.get("shape", ())
            reverse = options.pop("reverse", False)
            options.pop("shape", None)
        if options:
            raise TypeError(f"reshape has no argument '{next(iter(options))}', only shape and reverse")
        assert shape or wanted, "Shape must be provided."
        if not is_plain(wanted, memory.size):
            wanted = new_shape(memory.shape, [int(extent) for extent in wanted], reverse)
        return NDArray(memory.reshape(wanted), self.context, self if self._root is None else self._root)

    @property
    def T(self) -> NDArray:
        """A copy with the dimensions in reverse order; the array itself below two dimensions."""
        memory = self.memory
        return self if memory.ndim < 2 else NDArray(_copied(np.asarray(memory).T), self.context)

    def expand_dims(self, axis: int, inplace: bool = False) -> NDArray:
        """A copy, or a view if `inplace`, with a dimension of extent 1 at `axis`."""
        assert -self.ndim - 1 <= axis <= self.ndim, f"axis {axis} is out of range for shape {self.shape}"
        at = axis % (self.ndim + 1)
        return self._viewed(self.memory.reshape(*self.shape[:at], 1, *self.shape[at:]), inplace)

    def flatten(self, inplace: bool = False) -> NDArray:
        """A copy, or a view if `inplace`, with all dimensions behind the first merged."""
        return self._viewed(self.memory.reshape(self.shape[0], math.prod(self.shape[1:])), inplace)

    def squeeze(self, axis: int | Sequence[int] | None = None, inplace: bool = False) -> NDArray:
        """A copy, or a view if `inplace`, without dimensions of extent 1: all, or those of `axis`; (1,) remains."""
        axes = range(self.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
        gone = {at % self.ndim for at in axes if -self.ndim <= at < self.ndim and (axis is None or self.shape[at] == 1)}
        if axis is not None and len(gone) < len(list(axes)):
            raise MXNetError(f"squeeze: axis={axis} names a dimension twice, or one that is not 1, of {self.shape}")
        kept = tuple(extent for at, extent in enumerate(self.shape) if at not in gone or axis is None and extent != 1)
        return self._viewed(self.memory.reshape(kept or (1,)), inplace)

    def _viewed(self, memory: np.ndarray, inplace: bool) -> NDArray:
        return self.view(memory) if inplace else NDArray(_copied(memory), self.context)

    def __getitem__(self, key: Any) -> NDArray:
        memory = self.memory
        if type(key) is int and memory.ndim > 1:
            return NDArray(memory[key], self.context, self if self._root is None else self._root)
        if type(key) is slice and key.step is None and memory.ndim:
            part = memory[key]      # contiguous always
            return self if part.shape == memory.shape else NDArray(
                part, self.context, self if self._root is None else self._root)
        if isinstance(key, tuple):
            if not key:
                return self
            if BASIC.issuperset(map(type, key)):
                part = memory[(*key, Ellipsis)]
                part = part.reshape(1) if part.ndim == 0 else part
                return (NDArray(part, self.context, self._owner) if part.flags.c_contiguous
                        else NDArray(part.copy(), self.context))
        return self.view(select(memory, numpy_key(key, memory_of)))

    def __setitem__(self, key: Any, value: Any) -> None:
        key = numpy_key(key, memory_of)
        with np.errstate(invalid="ignore", over="ignore"):
            self.memory[key if is_advanced(key) or Ellipsis in key else (*key, Ellipsis)] = self._elements(value)
        self.count_write()

    def _elements(self, value: Any) -> np.ndarray:
        """`value` as NumPy elements of this array's dtype.  TypeError: it is no array; ValueError: of text."""
        if isinstance(value, NDArray):
            source = value.memory
        elif isinstance(value, np.ndarray) and value.dtype not in (BFLOAT16, np.uint16):
            source = value
        else:
            try:
                source = _values(value)
            except TypeError:
                raise TypeError(f"{type(self)} does not support assignment with non-array-like object {value} of type "
                                f"{type(value)}") from None
        return converted(source, self.memory.dtype)

    def __iter__(self) -> Iterator[NDArray]:
        return (self[i] for i in range(len(self)))

    __hash__ = object.__hash__


def memory_of(value: Any) -> np.ndarray | None:
    """The elements of an NDArray, None of anything else."""
    return np.asarray(value.memory) if isinstance(value, NDArray) else None


def _on_device(memory: Any, context: Context) -> Any:
    """Memory on the GPU of `context`, a copy of what lies elsewhere.  MXNetError: there is no such device."""
    from symc.runtime.device_memory import placed  # few programs have a GPU

    return placed(memory, context.device_id)


def _shares(memory: Any, other: Any) -> bool:
    """Whether two arrays may lie in the same memory, of whichever device."""
    return np.may_share_memory(memory, other) if isinstance(other, np.ndarray) else other.shares(memory)


def _restore(memory: np.ndarray, device_type: str, device_id: int) -> NDArray:
    return NDArray(aligned_copy(memory), Context(device_type, device_id))


# ---- dtypes


@functools.lru_cache(256)
def storage_of(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype that holds elements of an MXNet dtype; bfloat16 lies in uint16.

    TypeError: NumPy knows no such dtype.  MXNetError: MXNet has none.
    """
    if isinstance(dtype, str) and dtype == "bfloat16" or isinstance(dtype, np.dtype) and dtype == BFLOAT16:
        return np.dtype(np.uint16)
    found = np.dtype(dtype)
    if found not in STORED:
        raise MXNetError(f"MXNet has no arrays of {found}", f"the dtypes are {', '.join(map(str, STORED))}, bfloat16")
    return found


def converted(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Elements in another storage dtype, as C casts them; uint16 stands for bfloat16 on either side."""
    if values.dtype == dtype:
        return values
    values = np.asarray(values)
    if values.dtype == np.uint16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return _bfloat16(values.astype(np.float32)) if dtype == np.uint16 else values.astype(dtype)


def _bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32, rounded to the nearest, ties to even."""
    bits = values.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), 0x7FC0, rounded).astype(np.uint16)


def _check_storage(stype: str | None) -> None:
    if stype not in (None, "default"):
        raise MXNetError(f"symc has no arrays of storage type '{stype}', only dense ones",
                         "leave stype out, or pass 'default'")


# ---- making arrays


def _new_on(context: Context | None, shape: Sequence[int], dtype: np.dtype[Any]) -> Any:
    """As `new_memory`, where `context` is."""
    place = current_context() if context is None else context
    if place.device_typeid != GPU:
        return new_memory(shape, dtype)
    from symc.runtime.device_memory import empty

    return empty(shape, dtype, place.device_id)


def _copied(memory: np.ndarray) -> np.ndarray:
    """A C-contiguous copy on the same device."""
    return memory.copy() if memory.nbytes < SMALL or not isinstance(memory, np.ndarray) else aligned_copy(memory)


def _copied_to(memory: np.ndarray, context: Context) -> np.ndarray:
    """A copy for a context; what goes to a GPU from the host is copied by NDArray."""
    if context.device_typeid == GPU:
        return memory if isinstance(memory, np.ndarray) else memory.copy()
    return aligned_copy(memory)


def array(source_array: Any, ctx: Context | None = None, dtype: Any = None) -> NDArray:
    """A new array with the values of `source_array`: float32 unless `dtype` says otherwise or it is an NDArray."""
    if dtype is None and type(source_array) is np.ndarray and source_array.dtype == FLOAT32:
        return NDArray(_copied(source_array), ctx)
    if isinstance(source_array, NDArray):
        values = source_array.memory
        storage = values.dtype if dtype is None else storage_of(dtype)
    else:
        values = _values(source_array)
        storage = FLOAT32 if dtype is None else storage_of(dtype)
    target = new_memory(values.shape, storage)
    if values.dtype == storage:
        target[...] = values
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            target[...] = converted(values, storage)
    return NDArray(target, ctx)


FLOAT32 = np.dtype(np.float32)


def _values(source: Any) -> np.ndarray:
    try:
        values = np.asarray(source)
    except ValueError:
        values = np.empty(0, object)
    if values.dtype in STORED:
        return values
    if values.dtype == object and values.size and all(item is None for item in values.flat):
        values = values.astype(np.float32)      # None is NaN, as MXNet has it
    if values.dtype == BFLOAT16:
        return values.view(np.uint16)
    if values.dtype.kind not in "biuf":
        raise TypeError("source_array must be array like object")
    return values.astype(np.int64) if values.dtype == np.uint16 else values


def empty(shape: Shape, ctx: Context | None = None, dtype: Any = None, stype: str | None = None) -> NDArray:
    """An array whose elements are not set."""
    _check_storage(stype)
    return NDArray(_new_on(ctx, _extents(shape), FLOAT32 if dtype is None else storage_of(dtype)), ctx)


def _extents(shape: Shape) -> tuple[int, ...]:
    return shape if type(shape) is tuple else (shape,) if isinstance(shape, int | np.integer) else tuple(shape)


def full(shape: Shape, val: float, ctx: Context | None = None, dtype: Any = None,
         out: NDArray | None = None) -> NDArray:
    """An array, or `out`, filled with one value.  MXNetError: `out` has another shape."""
    if out is None:
        storage = FLOAT32 if dtype is None else storage_of(dtype)
        memory = _new_on(ctx, _extents(shape), storage)
        memory.fill(_known_element(val, storage) if type(val) is int else converted(np.asarray(val), storage))
        return NDArray(memory, ctx)
    if out.shape != _extents(shape):
        raise MXNetError(f"out is {out.shape}, the result {shape}")
    out[...] = val
    return out


@functools.lru_cache(256)
def _known_element(value: int, dtype: np.dtype[Any]) -> np.ndarray:
    return converted(np.asarray(value), dtype)


def zeros(shape: Shape, ctx: Context | None = None, dtype: Any = None, stype: str | None = None,
          out: NDArray | None = None) -> NDArray:
    """An array, or `out`, of zeros."""
    if stype is not None:
        _check_storage(stype)
    return full(shape, 0, ctx, dtype, out)


def ones(shape: Shape, ctx: Context | None = None, dtype: Any = None, out: NDArray | None = None) -> NDArray:
    """An array, or `out`, of ones."""
    return full(shape, 1, ctx, dtype, out)


def arange(start: float, stop: float | None = None, step: float = 1.0, repeat: int = 1, infer_range: bool | None = None,
           ctx: Context | None = None, dtype: Any = np.float32) -> NDArray:
    """start, start + step, ... below stop, each `repeat` times; arange(n) counts from 0.  MXNet: arange.

    As in MXNet, start and step lose their fractions in an array of integers, the number of elements does not change.
    """
    start, stop = (0, start) if stop is None else (start, stop)
    count = math.ceil((stop - start) / step)
    if count <= 0:
        raise MXNetError(f"arange from {start} to {stop} by {step} has no elements")
    if (storage := storage_of(dtype)).kind in "iu" and storage != np.uint16:    # which holds bfloat16
        start, step = int(start), int(step)
    return array(np.repeat(start + step * np.arange(count), repeat), ctx, dtype)


def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """The arrays joined along `axis`; a single one is returned itself when always_copy=False."""
    assert arrays and all(isinstance(item, NDArray) for item in arrays), "concatenate takes a list of NDArrays"
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    first = arrays[0]
    if any(item.dtype != first.dtype or item.shape[1:] != first.shape[1:] and axis == 0 for item in arrays):
        raise MXNetError("concatenate: arrays differ in dtype or shape: "
                         + ", ".join(f"{item.memory.dtype}{list(item.shape)}" for item in arrays))
    return NDArray(aligned_copy(np.concatenate([item.memory for item in arrays], axis)), first.context)


def from_numpy(ndarray: np.ndarray, zero_copy: bool = True) -> NDArray:
    """An array of the same dtype; when zero_copy it has the memory of the source, which must be contiguous and can no
    longer be written through the name it was passed by; it counts as changed before every use.

    ValueError: the source is not contiguous.  MXNetError: MXNet has no such dtype.
    """
    storage_of(ndarray.dtype)
    if not zero_copy:
        return NDArray(aligned_copy(ndarray), cpu())
    if not ndarray.flags.c_contiguous:
        raise ValueError("Only c-contiguous arrays are supported for zero-copy")
    ndarray.flags.writeable = ndarray.flags.writeable or ndarray.flags.owndata     # lent before, it is read-only now
    made = NDArray(ndarray[...], cpu())
    ndarray.flags.writeable = False
    made._escaped = True
    return made


def from_dlpack(source: Any) -> NDArray:
    """An array over the memory of a DLPack capsule, or of an object that can make one, on the CPU or a GPU.

    What NumPy hands over as read-only, or with strides, is copied.  MXNetError: it lies on a GPU, and has strides.
    """
    from symc.runtime.dlpack import shared_memory  # few programs share memory

    memory: Any = shared_memory(source)
    if not memory.flags.writeable or not memory.flags.c_contiguous:
        return NDArray(aligned_copy(memory), cpu())
    made = NDArray(memory, cpu() if isinstance(memory, np.ndarray) else Context("gpu", memory.device))
    made._escaped = True
    return made


def to_dlpack_for_read(data: NDArray) -> Any:
    """A DLPack capsule of the array's memory, to be read."""
    return data.to_dlpack_for_read()


def to_dlpack_for_write(data: NDArray) -> Any:
    """A DLPack capsule of the array's memory, to be written."""
    return data.to_dlpack_for_write()


def waitall() -> None:
    """Nothing to wait for: results are there when a call returns."""
