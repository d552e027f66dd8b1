"""Arithmetic on partly known shapes, shared by the rules of the operators."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from symc.ir.types import PartialShape, Shape
from symc.ops.slots import Conflict, ShapeSlot, show

E = TypeVar("E")


def product(shape: PartialShape) -> int | None:
    """Number of elements, None while an extent is unknown."""
    return None if None in shape else math.prod(shape)  # type: ignore[arg-type]


def axis_in(axis: int, rank: int, what: str = "axis") -> int:
    """`axis` counted from the front.  Conflict when it lies outside the rank."""
    if not -rank <= axis < rank:
        raise Conflict(f"{what} {axis} is out of range for {rank} dimensions")
    return axis % rank


def without(shape: tuple[E, ...], axis: int) -> tuple[E, ...]:
    """`shape` less one dimension."""
    return (*shape[:axis], *shape[axis + 1:])


def with_extent(shape: tuple[E, ...], axis: int, extent: E) -> tuple[E, ...]:
    """`shape` with another extent along `axis`."""
    return (*shape[:axis], extent, *shape[axis + 1:])


def fill_from_size(slot: ShapeSlot, size: int | None) -> None:
    """Find the one unknown extent of `slot` from its number of elements.  Conflict when it does not divide."""
    if size is None or slot.shape is None or slot.shape.count(None) > 1:
        return
    known = math.prod(d for d in slot.shape if d is not None)
    if slot.known and known != size or not slot.known and (known == 0 or size % known):
        raise Conflict(f"{slot.name} is {show(slot.shape)}, which cannot hold {size} elements")
    if not slot.known:
        slot.unify_axis(slot.shape.index(None), size // known)


def unravel(position: Any, shape: Shape) -> tuple[Any, ...]:
    """The indices of an element of a tensor of `shape` from its position in logical order; both may be symbolic."""
    indices = []
    for extent in shape[::-1]:
        indices.append(position % extent)
        position = position // extent
    return tuple(indices[::-1])
