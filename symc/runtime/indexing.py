"""Indices of NDArrays as NumPy's.  MXNet 1.9 reads them as NumPy does, but for arrays of truth values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Key = tuple[Any, ...]
ArrayOf = Callable[[Any], np.ndarray | None]     # the memory of an NDArray, None of anything else


def numpy_key(key: Any, array_of: ArrayOf) -> Key:
    """An index as a tuple for NumPy: NDArrays, lists, tuples and ranges in it become arrays of integers.

    ValueError: something that is no index, or an NDArray of bool: MXNet 1.9 selects by truth only under np semantics.
    IndexError: several ellipses.
    """
    parts = tuple([_part(part, array_of) for part in (key if isinstance(key, tuple) else (key,))])
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("Cannot use more than one ellipsis (`...`) for indexing")
    return parts


def _part(part: Any, array_of: ArrayOf) -> Any:
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, int | np.integer | np.bool_):
        return int(part)
    if (memory := array_of(part)) is not None:
        if memory.dtype == bool and memory.ndim:
            raise ValueError("an NDArray of bool is no index of an NDArray; select rows with "
                             "nd.contrib.boolean_mask(data, mask), or use nd.where")
        return memory.astype(np.int64)
    if isinstance(part, list | tuple | range | np.ndarray):
        return np.asarray([_element(item, array_of) for item in part] if isinstance(part, list | tuple)
                          else part).astype(np.int64)
    raise ValueError(f"NDArray does not support slicing with key {part} of type {type(part)}.")


def _element(item: Any, array_of: ArrayOf) -> Any:
    memory = array_of(item)
    return item if memory is None else memory


def is_advanced(key: Key) -> bool:
    """Whether an index has arrays in it, so that the result is a copy."""
    return any(isinstance(part, np.ndarray) for part in key)


def select(memory: np.ndarray, key: Key) -> np.ndarray:
    """The part of `memory` that `key` names; a single element has shape (1,), except of an array of no dimensions."""
    # the ellipsis turns what would be a NumPy scalar into a view of no dimensions
    part = memory[key] if is_advanced(key) or Ellipsis in key else memory[(*key, Ellipsis)]
    return part.reshape(1) if part.ndim == 0 and memory.ndim else part
