"""Memory for kernels: 64-byte aligned, so that vectors do not straddle cache lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symc.errors import SymcError

ALIGNMENT = 64


def aligned_empty(shape: Sequence[int], dtype: np.dtype[Any], purpose: str = "an array") -> np.ndarray:
    """An uninitialised C-contiguous array that begins at a multiple of 64 bytes.  SymcError: not enough memory."""
    size = math.prod(shape) * dtype.itemsize
    try:
        block = np.empty(size + ALIGNMENT, np.uint8)
    except MemoryError as error:
        raise SymcError(f"{purpose} needs {size} bytes ({size / 2**30:.2f} GiB) of memory, which this machine "
                        "cannot give", "use a smaller batch or input") from error
    start = -address_of(block) % ALIGNMENT
    return block[start:start + size].view(dtype).reshape(shape)


def aligned_copy(source: np.ndarray) -> np.ndarray:
    """A C-contiguous, aligned copy."""
    copy = aligned_empty(source.shape, source.dtype)
    copy[...] = source
    return copy


def address_of(array: np.ndarray) -> int:
    """Address of the first element, of read-only arrays too."""
    return array.__array_interface__["data"][0]
