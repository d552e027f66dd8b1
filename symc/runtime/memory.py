"""Memory for kernels: 64-byte aligned, so that vectors do not straddle cache lines."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError

ALIGNMENT = 64
BYTE = np.dtype(np.uint8)


def aligned_empty(shape: Sequence[int], dtype: np.dtype[Any], purpose: str = "an array") -> np.ndarray:
    """An uninitialised C-contiguous array that begins at a multiple of 64 bytes.  SymcError: not enough memory."""
    size = math.prod(shape) * dtype.itemsize
    try:
        block = np.empty(size + ALIGNMENT, BYTE)
    except (MemoryError, ValueError, OverflowError) as error:       # the latter two beyond what an address can say
        raise SymcError(f"{purpose} needs {size} bytes ({size / 2**30:.2f} GiB) of memory, which this machine "
                        "cannot give", "use a smaller batch or input") from error
    return np.ndarray(shape, dtype, block, -address_of(block) % ALIGNMENT)


def aligned_copy(source: np.ndarray) -> np.ndarray:
    """A C-contiguous, aligned copy."""
    copy = aligned_empty(source.shape, source.dtype)
    copy[...] = source
    return copy


def address_of(array: np.ndarray) -> int:
    """Address of the first element."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]  # five times as quick
    except (TypeError, ValueError, BufferError):    # of arrays that are read-only, empty or strided
        return array.__array_interface__["data"][0]
