"""Memory of arrays that lie on a device.

It has the shape, dtype and views of a NumPy array, but no elements that the host can see: what wants these gets a
copy, by `numpy.asarray`.  NumPy computes the views, on an array at the device's address that nobody reads.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from symc.runtime.devices import Driver, Pointer, driver_of
from symc.runtime.memory import address_of, aligned_empty

WIDEST = 4      # bytes of an element that a device fills memory with


class Block:
    """Bytes on a device, given back with the last array in them."""

    __slots__ = ("device", "driver", "pointer", "size", "_release")
    _is_ending = staticmethod(sys.is_finalizing)    # of the process, when modules are gone

    def __init__(self, device: int, size: int, purpose: str) -> None:
        """OutOfDeviceMemory: there is not as much.  MXNetError: there is no such device."""
        self.device, self.size, self.driver = device, size, driver_of(device)
        self.pointer = self.driver.allocate(max(size, 1), purpose)
        self._release: Callable[[], None] | None = None

    @classmethod
    def borrowed(cls, device: int, pointer: Pointer, size: int, release: Callable[[], None]) -> Block:
        """Bytes of somebody else, to be told by `release` that they are not needed any more."""
        block = cls.__new__(cls)
        block.device, block.size, block.driver, block.pointer = device, size, driver_of(device), pointer
        block._release = release
        return block

    def __del__(self) -> None:
        if not hasattr(self, "_release") or self._is_ending():
            return      # it was never made, or all ends
        if self._release is None:
            self.driver.release(self.pointer)
        else:
            self._release()


class _Place:
    """What NumPy makes an array of that is never read."""

    def __init__(self, pointer: Pointer, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
        self.__array_interface__ = {"data": (pointer, False), "shape": tuple(shape), "typestr": dtype.str,
                                    "version": 3}


class DeviceMemory:
    """A C-contiguous array on a device."""

    __slots__ = ("block", "_place", "__weakref__")
    __array_ufunc__ = None      # NumPy does not compute with it

    def __init__(self, block: Block, place: np.ndarray) -> None:
        assert place.flags.c_contiguous
        self.block, self._place = block, place

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self._place.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._place.dtype

    @property
    def ndim(self) -> int:
        return self._place.ndim

    @property
    def size(self) -> int:
        return self._place.size

    @property
    def nbytes(self) -> int:
        return self._place.nbytes

    @property
    def flags(self) -> Any:
        return self._place.flags

    @property
    def pointer(self) -> Pointer:
        return address_of(self._place)

    @property
    def driver(self) -> Driver:
        return self.block.driver

    @property
    def device(self) -> int:
        return self.block.device

    # ---- elements

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """A copy on the host."""
        if copy is False:
            raise ValueError("an array on a GPU is copied to NumPy")
        values = aligned_empty(self.shape, self.dtype)
        if self.size:
            self.driver.read(values, self.pointer)
        return values if dtype is None else values.astype(dtype, copy=False)

    def __dlpack__(self, *, stream: int | None = None, max_version: tuple[int, int] | None = None,
                   dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any:
        """A capsule of the memory, without a version, as all versions of the protocol take it; whatever the stream,
        all that was written is there.  BufferError: it is asked for on another device, which takes a copy."""
        if dl_device not in (None, self.__dlpack_device__()):
            raise BufferError(f"the array lies on gpu({self.device}), not on device {dl_device}; copy it first")
        from symc.runtime.dlpack import capsule_of  # which few programs need

        return capsule_of(self.copy() if copy else self)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device

    def item(self) -> Any:
        """The one element.  ValueError: there are more or fewer."""
        return np.asarray(self).item()

    def copy(self) -> DeviceMemory:
        """A copy on the same device."""
        made = empty(self.shape, self.dtype, self.device)
        made.put(self)
        return made

    def put(self, values: np.ndarray | DeviceMemory) -> None:
        """Take all elements of an array of the same shape and dtype, from wherever it lies."""
        assert values.shape == self.shape and values.dtype == self.dtype
        if not self.size:
            return
        if not isinstance(values, DeviceMemory):
            self.driver.write(self.pointer, np.ascontiguousarray(values))
        elif values.device == self.device:
            self.driver.copy(self.pointer, values.pointer, self.nbytes)
        else:
            self.driver.fetch(self.pointer, values.driver, values.pointer, self.nbytes)
        self.driver.wait()

    def fill(self, value: Any) -> None:
        """Let all elements be one value."""
        element = np.asarray(value).astype(self.dtype).tobytes()
        if not self.size:
            return
        if not element.strip(b"\0"):
            element = b"\0"
        if len(element) > WIDEST:
            self.put(np.full(self.shape, np.frombuffer(element, self.dtype)[0], self.dtype))
        else:
            self.driver.fill(self.pointer, self.nbytes, element)
            self.driver.wait()

    # ---- parts

    def reshape(self, *shape: Any) -> DeviceMemory:
        return DeviceMemory(self.block, self._place.reshape(*shape))

    def __getitem__(self, key: Any) -> Any:
        """A view where that is contiguous, else a copy on the host."""
        part = self._part(key)
        return np.asarray(self)[key] if part is None else part

    def __setitem__(self, key: Any, values: Any) -> None:
        part = self._part(key)
        if part is None:        # what lies between the elements is copied back and forth
            whole = np.asarray(self)
            whole[key] = np.asarray(values)
            self.put(whole)
        elif np.ndim(values) == 0 and not isinstance(values, DeviceMemory):
            part.fill(values)
        else:
            part.put(values if values.shape == part.shape and values.dtype == part.dtype
                     else np.broadcast_to(np.asarray(values).astype(self.dtype), part.shape))

    def _part(self, key: Any) -> DeviceMemory | None:
        """A part that is one run of memory; None of others."""
        keys = key if isinstance(key, tuple) else (key,)
        if not all(type(one) in (int, slice) or one is None or one is Ellipsis for one in keys):
            return None
        # the ellipsis keeps NumPy from reading an element
        place = self._place[keys if Ellipsis in keys else (*keys, Ellipsis)]
        return DeviceMemory(self.block, place) if place.flags.c_contiguous else None

    def shares(self, other: Any) -> bool:
        """Whether both lie in the same block."""
        return isinstance(other, DeviceMemory) and other.block is self.block

    def __bool__(self) -> NoReturn:
        raise TypeError("memory on a device has no truth value")


def memory_at(block: Block, pointer: Pointer, shape: Sequence[int], dtype: np.dtype[Any]) -> DeviceMemory:
    """An array within a block."""
    return DeviceMemory(block, np.asarray(_Place(pointer, shape, dtype)))


def empty(shape: Sequence[int], dtype: np.dtype[Any], device: int) -> DeviceMemory:
    """An array whose elements are not set."""
    block = Block(device, math.prod(shape) * dtype.itemsize, f"an array {dtype}{list(shape)}")
    return memory_at(block, block.pointer, shape, dtype)


def zeros(shape: Sequence[int], dtype: np.dtype[Any], device: int) -> DeviceMemory:
    """An array of zeros."""
    made = empty(shape, dtype, device)
    made.fill(0)
    return made


def placed(memory: np.ndarray | DeviceMemory, device: int) -> DeviceMemory:
    """What lies on a device as it is, from elsewhere a copy there."""
    if isinstance(memory, DeviceMemory) and memory.device == device:
        return memory
    made = empty(memory.shape, memory.dtype, device)
    made.put(memory)
    return made
