"""Memory for kernels: 64-byte aligned, so that vectors do not straddle cache lines."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError

ALIGNMENT = 64
SMALL = 4096    # bytes; below, alignment is not worth its price
BYTE = np.dtype(np.uint8)
_object_at: Callable[[Any], ctypes.c_char] = ctypes.c_char.from_buffer
_address_of_object = ctypes.addressof


def aligned_empty(shape: Sequence[int], dtype: np.dtype[Any], purpose: str = "an array") -> np.ndarray:
    """An uninitialised C-contiguous array that begins at a multiple of 64 bytes.  SymcError: not enough memory."""
    size = math.prod(shape) * dtype.itemsize
    try:
        block = np.empty(size + ALIGNMENT, BYTE)
    except (MemoryError, ValueError, OverflowError) as error:       # the latter two beyond what an address can say
        raise SymcError(f"{purpose} needs {size} bytes ({size / 2**30:.2f} GiB) of memory, which this machine "
                        "cannot give", "use a smaller batch or input") from error
    return np.ndarray(shape, dtype, block, -address_of(block) % ALIGNMENT)


def new_memory(shape: Sequence[int], dtype: np.dtype[Any], purpose: str = "an array") -> np.ndarray:
    """Memory whose elements are not set, aligned to 64 bytes when it is not small.  SymcError: as `aligned_empty`."""
    size = math.prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if size < SMALL else aligned_empty(shape, dtype, purpose)


def aligned_copy(source: np.ndarray) -> np.ndarray:
    """A C-contiguous, aligned copy."""
    copy = aligned_empty(source.shape, source.dtype)
    copy[...] = source
    return copy


def address_of(array: np.ndarray) -> int:
    """Address of the first element."""
    try:
        return _address_of_object(_object_at(array))  # five times as quick
    except (TypeError, ValueError, BufferError):    # of arrays that are read-only, empty or strided
        return array.__array_interface__["data"][0]
