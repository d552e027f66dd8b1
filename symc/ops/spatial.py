"""What convolutions and pooling share: parameters with one entry for each spatial dimension, and channels-last data.

Blocks are written for channels first (NCW, NCHW, NCDHW).  A node whose data has its channels last (NWC, NHWC, NDHWC)
is put between two transpositions, for which the functions below make the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symc.ir.graph import Value
from symc.ops.parameters import Dims
from symc.ops.slots import Conflict, ShapeSlot


def per_dimension(values: Dims, count: int, default: int, name: str) -> Dims:
    """`values`, or `default` for each of `count` dimensions when it is empty.  Conflict when the count differs."""
    if values and len(values) != count:
        raise Conflict(f"{name} has {len(values)} dimensions, the kernel {count}")
    return values or (default,) * count


def has_channels_last(layout: str | None) -> bool:
    return layout is not None and layout.endswith("C")


def channels_first_axes(rank: int) -> tuple[int, ...]:
    """The permutation that brings NHWC to NCHW (and a weight OHWI to OIHW)."""
    return (0, rank - 1, *range(1, rank - 1))


def channels_last_axes(rank: int) -> tuple[int, ...]:
    """The inverse of `channels_first_axes`."""
    return (0, *range(2, rank), 1)


def permuted(slot: ShapeSlot, axes: Sequence[int]) -> ShapeSlot:
    """A slot with the shape of `slot` in another order of axes; a shape of another rank is a Conflict."""
    if slot.shape is not None and slot.rank != len(axes):
        raise Conflict(f"{slot.name} has {slot.rank} dimensions, expected {len(axes)}")
    return ShapeSlot(slot.name, None if slot.shape is None else tuple(slot.shape[i] for i in axes))


def transpose(g: Any, value: Value, axes: Sequence[int]) -> Value:
    return g.transpose(value, axes=tuple(axes))
