"""Where the walk over a scheduled nest stands (`llvm_tile`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symc.codegen.llvm_builder import Integer, Value

Cursor = tuple[Value, int]   # a pointer, and elements to be added to it


@dataclass(frozen=True, slots=True)
class Run:
    """`count` tiles of `size` points from `start` on, the first of them tile number `first`."""

    first: int
    count: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk stands.

    values: of output axes, at run time.  known: (start, size) of the present tile of each axis, or of one that meets
    the same constraints.  cursors: where the accesses stand, by number.
    """

    values: Mapping[str, Integer]
    known: Mapping[str, tuple[int, int]]
    cursors: Mapping[int, Cursor] = field(default_factory=dict)

    def enter(self, axis: str, value: Integer, start: int, size: int) -> Place:
        return Place({**self.values, axis: value}, {**self.known, axis: (start, size)}, self.cursors)


@dataclass(frozen=True, slots=True)
class Cell:
    """One accumulator of a tile: offsets of a row and column inside the tile, and a piece of the lanes."""

    point: Mapping[str, int]
    piece: int


@dataclass(frozen=True, slots=True)
class Product:
    """A product that is to be added to a sum, by its number."""

    sum: int
    place: Place
    cell: Cell
