"""DLPack: memory shared with PyTorch, CuPy and others.  What lies on the CPU is NumPy's to read, the rest is read here.

The structures are those of DLPack 0.8 (dlpack.h), without versions, which all libraries give and take.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symc.errors import MXNetError
from symc.runtime.device_memory import Block, DeviceMemory, memory_at
from symc.runtime.devices import driver_of

CUDA = 2        # kDLCUDA
NAME, USED = b"dltensor", b"used_dltensor"
CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
BFLOAT16 = (4, 16)      # lies in uint16 here


class _Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("number", ctypes.c_int32)]


class _Type(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device", _Device), ("ndim", ctypes.c_int32), ("dtype", _Type),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("offset", ctypes.c_uint64)]


class _Managed(ctypes.Structure):
    _fields_ = [("tensor", _Tensor), ("owner", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


_DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)      # takes the lock of the interpreter: anybody may call it
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi))
# The capsule as an address: a destructor must not take a reference to what is being destroyed.
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi))
_rename = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_SetName", ctypes.pythonapi))

_lent: dict[int, tuple[Any, ...]] = {}      # what capsules point to, by the address of the structure


@_DELETER
def _take_back(address: int) -> None:
    _lent.pop(address, None)


@ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
def _destroy(capsule: int) -> None:
    """A capsule that nobody has used still owns the memory."""
    if _is_valid(capsule, NAME):
        _lent.pop(_pointer(capsule, NAME) or 0, None)


def capsule_of(memory: DeviceMemory) -> Any:
    """A capsule that shares memory, which lives until whoever takes it gives it back."""
    dtype = memory.dtype
    code, bits = BFLOAT16 if dtype == np.uint16 else (CODES[dtype.kind], 8 * dtype.itemsize)
    shape = (ctypes.c_int64 * max(1, memory.ndim))(*memory.shape)
    tensor = _Tensor(memory.pointer, _Device(CUDA, memory.device), memory.ndim, _Type(code, bits, 1), shape, None, 0)
    managed = _Managed(tensor, None, ctypes.cast(_take_back, ctypes.c_void_p))
    address = ctypes.addressof(managed)
    _lent[address] = managed, shape, memory
    return _new(address, NAME, ctypes.cast(_destroy, ctypes.c_void_p))


def shared_memory(source: Any) -> np.ndarray | DeviceMemory:
    """The memory that an object or a capsule shares.  MXNetError: on a GPU it has strides, or there is no such GPU."""
    if not _is_on_device(source):
        return np.from_dlpack(source if hasattr(source, "__dlpack__") else _Capsule(source))
    return _device_memory(source)


class _Capsule:
    """A bare DLPack capsule of CPU memory as an object that NumPy accepts."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def _is_on_device(source: Any) -> bool:
    if hasattr(source, "__dlpack_device__"):
        return source.__dlpack_device__()[0] == CUDA
    return bool(_is_valid(id(source), NAME)) and _managed(source).tensor.device.type == CUDA


def _managed(capsule: Any) -> _Managed:
    return _Managed.from_address(_pointer(id(capsule), NAME) or 0)


def _device_memory(source: Any) -> DeviceMemory:
    capsule = source
    if hasattr(source, "__dlpack__"):
        driver = driver_of(source.__dlpack_device__()[1])
        capsule = source.__dlpack__(stream=driver.number)
        driver.wait()       # which waits for what the other library has begun
    elif _is_valid(id(capsule), NAME):      # whose streams nobody was told of
        driver_of(_managed(capsule).tensor.device.number).settle()
    if not _is_valid(id(capsule), NAME):
        raise MXNetError("the capsule is none of DLPack's, or has been used", "make a new one")
    managed = _managed(capsule)
    tensor = managed.tensor
    shape = tuple(tensor.shape[:tensor.ndim])
    dtype = _dtype(tensor.dtype)
    if tensor.strides and not _is_contiguous(shape, tensor.strides[:tensor.ndim]):
        raise MXNetError("the array is not contiguous", "pass a contiguous copy of it")
    release = _releaser(ctypes.addressof(managed), managed.deleter)
    pointer = (tensor.data or 0) + tensor.offset
    block = Block.borrowed(tensor.device.number, pointer, math.prod(shape) * dtype.itemsize, release)
    _rename(id(capsule), USED)
    return memory_at(block, pointer, shape, dtype)


def _releaser(address: int, deleter: int | None) -> Callable[[], None]:
    def release() -> None:
        if deleter:
            _DELETER(deleter)(address)
    return release


def _dtype(kind: _Type) -> np.dtype[Any]:
    if kind.lanes == 1 and (kind.code, kind.bits) == BFLOAT16:
        return np.dtype(np.uint16)
    names = {(CODES[dtype.kind], 8 * dtype.itemsize): dtype for dtype in map(np.dtype, (
        "float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool"))}
    if kind.lanes != 1 or (kind.code, kind.bits) not in names:
        raise MXNetError(f"MXNet has no arrays of DLPack's type {kind.code} of {kind.bits} bits", "convert it first")
    return names[kind.code, kind.bits]


def _is_contiguous(shape: tuple[int, ...], strides: list[int]) -> bool:
    expected = 1
    for extent, stride in zip(reversed(shape), reversed(strides), strict=True):
        if extent != 1 and stride != expected:
            return 0 in shape
        expected *= extent
    return True
