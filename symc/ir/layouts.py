"""Moving arrays between their logical shape and the physical form of a layout, in NumPy."""

from __future__ import annotations

import numpy as np

from symc.ir.types import Shape, block_of, parse_layout, physical_shape


def to_physical(array: np.ndarray, layout: str | None) -> np.ndarray:
    """`array` (logical) as it lies in memory under `layout`; pad lanes are zero."""
    if layout is None:
        return array
    dims = parse_layout(layout)
    blocks = [block_of(layout, axis) for axis in range(array.ndim)]
    missing = [(0, -extent % block) for extent, block in zip(array.shape, blocks, strict=True)]
    padded = np.pad(array, missing) if any(count for _, count in missing) else array
    split, places = _split_axes(padded.shape, layout)
    order = [places[dim.axis].pop(0) for dim in dims]
    return np.ascontiguousarray(padded.reshape(split).transpose(order))


def to_logical(array: np.ndarray, shape: Shape, layout: str | None) -> np.ndarray:
    """The inverse of `to_physical` for a value of logical `shape`."""
    if layout is None:
        return array
    dims = parse_layout(layout)
    assert array.shape == physical_shape(shape, layout)
    padded = tuple(-(-extent // block_of(layout, i)) * block_of(layout, i) for i, extent in enumerate(shape))
    split, places = _split_axes(padded, layout)
    order = [places[dim.axis].pop(0) for dim in dims]
    joined = array.transpose(np.argsort(order)).reshape(padded)
    return np.ascontiguousarray(joined[tuple(slice(extent) for extent in shape)])


def _split_axes(padded: Shape, layout: str) -> tuple[list[int], list[list[int]]]:
    """The padded shape with each axis split into its outer part and inner blocks; the parts of each axis."""
    split: list[int] = []
    places: list[list[int]] = []
    for axis, extent in enumerate(padded):
        blocks = [dim.block for dim in parse_layout(layout) if dim.axis == axis and dim.block > 1]
        places.append(list(range(len(split), len(split) + 1 + len(blocks))))
        split += [extent // block_of(layout, axis), *blocks]
    return split, places
