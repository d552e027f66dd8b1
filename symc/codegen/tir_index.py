"""Indices: logical to physical to flat, views, and places that are safe to read."""

from __future__ import annotations

from typing import Any

from tvm import tirx

from symc.frontend.te_math import Expr, Indices, lanes_of, widened
from symc.ir.types import Shape, TensorType, block_of, parse_layout

LARGE = 1 << 31     # elements from which on indices need 64 bits


def redirected(index: Expr, guard: Expr, count: int) -> Expr:
    """A flat index that is `index` where the guard holds, and else some place in a buffer of `count` elements."""
    name, lanes = str(index.ty).split("x")[0], lanes_of(index)
    zero = tirx.const(0, name)
    if lanes == 1 and lanes_of(guard) > 1:
        return clamped(index, count)
    if lanes_of(guard) == 1 and isinstance(index, tirx.Ramp) and _ramp_reach(index) < count:
        return tirx.Ramp(tirx.Select(guard, index.base, zero), index.stride, index.lanes)
    lanes = max(lanes, lanes_of(guard))
    return tirx.Select(widened(guard, lanes), widened(index, lanes), widened(zero, lanes))


def clamped(index: Expr, count: int) -> Expr:
    """The flat index, or the nearest one that a buffer of `count` elements has."""
    name, lanes = str(index.ty).split("x")[0], lanes_of(index)
    last, zero = (widened(tirx.const(place, name), lanes) for place in (max(count - 1, 0), 0))
    return tirx.max(tirx.min(widened(index, lanes), last), zero)


def _ramp_reach(index: tirx.Ramp) -> int:
    """The last place of a ramp that starts at 0; beyond any buffer when it runs backwards."""
    stride = index.stride.value if isinstance(index.stride, tirx.IntImm) else -1
    return int(stride) * (int(index.lanes) - 1) if stride >= 0 else LARGE ** 2


def free_variables(expr: Expr) -> list[Any]:
    return list(tirx.analysis.undefined_vars(expr, []))


def flat_index(type: TensorType, indices: Indices, zero: Expr) -> Expr:
    """Position in memory of the element at logical `indices`."""
    position = zero
    for extent, index in zip(type.physical, physical_indices(type.layout, indices), strict=True):
        position = position * extent + index
    return position


def physical_indices(layout: str | None, indices: Indices) -> Indices:
    """Logical indices as those of the array that lies in memory."""
    if layout is None:
        return indices
    places: list[Any] = []
    passed: dict[int, int] = {}
    for dim in reversed(parse_layout(layout)):
        inner = passed.setdefault(dim.axis, 1)
        place = indices[dim.axis] // inner if inner > 1 else indices[dim.axis]
        places.append(place % dim.block if dim.block > 1 else place)
        passed[dim.axis] = inner * dim.block
    assert all(block_of(layout, axis) == size for axis, size in passed.items())
    return tuple(reversed(places))


def view_indices(shape: Shape, source: Shape, indices: Indices) -> Indices:
    """The indices in `source` of the element at `indices` of its view under `shape`.

    Dimensions that agree on both sides keep their index; only those between are joined and split.
    """
    result: list[Any] = []
    i = j = 0
    while i < len(shape) or j < len(source):
        left, right, first, second = 1, 1, i, j
        while True:
            if (left <= right and i < len(shape)) or j == len(source):
                left, i = left * shape[i], i + 1
            else:
                right, j = right * source[j], j + 1
            if left == right and i > first and j > second or (i == len(shape) and j == len(source)):
                break
        position: Any = 0
        for extent, index in zip(shape[first:i], indices[first:i], strict=True):
            position = position * extent + index if extent != 1 else position
        result += unraveled(position, source[second:j])
    return tuple(result)


def unraveled(position: Any, shape: Shape) -> list[Any]:
    """Indices of the element at a flat position of an array of `shape`."""
    places: list[Any] = []
    for number, extent in enumerate(reversed(shape)):
        outermost = number == len(shape) - 1
        places.append(0 if extent == 1 else position if outermost else position % extent)
        position = position // extent if extent != 1 else position
    return places[::-1]
