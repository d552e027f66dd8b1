"""Asks for the weights of the next columns of tiles, while those at hand are multiplied with row after row.

The first tile that meets new weights reads them at once, as fast as it multiplies, which is more than a core gets from
beyond its second cache; all other tiles read none.  So every tile asks for its share of the weights that come next, a
few cache lines at a time between its multiplications, and the second cache has them when they are needed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from symc.codegen.llvm_builder import Integer
from symc.codegen.llvm_jobs import CACHE, Tiling, tile_sizes
from symc.codegen.llvm_nest import Access, Nest

LEAST_WEIGHTS = 128 << 10   # bytes of the weights of a kernel: fewer come in no time
MOST_ROWS = 1024            # for which weights are at hand: beside more of them, reading the weights takes no time
LEAST_LINES = 0.75          # wanted of each visit; fewer are asked for at fewer visits


@dataclass(frozen=True, slots=True)
class Held:
    """A row axis that is walked while weights are at hand, over `points` points from a multiple of these."""

    axis: str
    points: int


@dataclass(frozen=True, slots=True)
class Visits:
    """When a tile asks: on entering the reduced axis `depth`, or, behind the last one, in every block of its points.

    lines: at each visit, from each of the `pieces`, which begin at so many elements.  steps: by how many elements a
    step along a reduced axis moves on.  elements_of_row: of each piece, the share of one row.
    """

    depth: int
    lines: int = 0
    steps: Mapping[str, int] = field(default_factory=dict)
    pieces: tuple[int, ...] = ()
    elements_of_row: int = 0


NOWHERE = Visits(-1)


@dataclass(frozen=True, slots=True)
class NextPanel:
    """axis: the next weights are those of the next tile along it.  column: elements of one column of weights, which lie
    side by side.  held: outermost first."""

    access: int
    axis: str
    column: int
    held: tuple[Held, ...]

    @property
    def rows(self) -> int:
        return math.prod(held.points for held in self.held)

    def place_of_row(self, values: Mapping[str, Integer]) -> Integer:
        """How many rows lie before the tile at `values`, since the weights are at hand."""
        number: Integer = 0
        for held in self.held:
            number = number * held.points + values[held.axis] % held.points
        return number

    def visits(self, extents: Mapping[str, int], reduction: Sequence[str], block: int, columns: Collection[int],
               rows: int, line: int) -> Visits:
        """Spreads the share of a tile over the blocks of points of the innermost reduced axis, or over fewer places.

        columns: offsets of those of the tile; such that lie side by side are one piece.  rows: of the tile.  line:
        elements of a cache line.
        """
        pieces = sorted(offset for offset in columns if offset - self.column not in columns)
        of_row = -(-self.column * len(columns) // (len(pieces) * self.rows))
        lines = of_row * rows / line
        rounds = [extents[axis] for axis in reduction[:-1]] + [-(-extents[reduction[-1]] // block)]
        counts = [math.prod(rounds[:depth]) for depth in range(len(rounds) + 1)]
        depth = max((depth for depth, count in enumerate(counts) if lines >= LEAST_LINES * count), default=0)
        asked = max(1, math.ceil(lines / counts[depth]))
        steps = {axis: asked * line * math.prod(rounds[number + 1:depth])
                 for number, axis in enumerate(reduction[:depth])}
        if depth == len(reduction):
            steps[reduction[-1]] //= block
        return Visits(depth, asked, steps, tuple(pieces), of_row)


def next_panel(nest: Nest, vector: Access, lanes: Sequence[str], tilings: Sequence[Tiling],
               itemsize: int) -> NextPanel | None:
    """What is asked for ahead, None where that would be of no use."""
    inner = (*nest.reduced, *lanes)
    column = math.prod(nest.extents[axis] for axis in inner)
    reach = sum(abs(vector.address.coefficient(axis)) * (nest.extents[axis] - 1) for axis in inner)
    weights = math.prod(nest.extents[axis] for axis in vector.address.axes) * itemsize
    order = _order(nest, tilings)
    panels = [place for place, (axis, _, steps) in enumerate(order) if vector.address.coefficient(axis) and steps > 1]
    if reach + 1 != column or weights < LEAST_WEIGHTS or not panels:
        return None
    last = panels[-1]
    rows = [digit for digit in order[last + 1:] if not vector.address.coefficient(digit[0])]
    found = NextPanel(nest.accesses.index(vector), order[last][0], column, _held(rows))
    tile = math.prod(tiling.size for tiling in tilings if not vector.address.coefficient(tiling.axis))
    columns = math.prod(tiling.size for tiling in tilings if vector.address.coefficient(tiling.axis))
    pays = 2 * tile <= found.rows <= MOST_ROWS and columns * column * itemsize <= CACHE
    return found if pays else None


_Digit = tuple[str, int, int]   # an axis, how many of its points are walked, and in how many steps


def _order(nest: Nest, tilings: Sequence[Tiling]) -> list[_Digit]:
    """In which order tiles are taken, outermost first: the chunks of all axes, of which jobs are made, then the tiles
    of a chunk."""
    chunks, tiles = list[_Digit](), list[_Digit]()
    for tiling in tilings:
        extent = nest.extents[tiling.axis]
        count = len(tile_sizes(extent, tiling.size))
        per_job = min(count, tiling.tiles_per_job or count)
        if per_job < count:
            chunks.append((tiling.axis, extent, -(-count // per_job)))
        tiles.append((tiling.axis, min(extent, per_job * tiling.size), per_job))
    return [*chunks, *tiles]


def _held(digits: Sequence[_Digit]) -> tuple[Held, ...]:
    """Rows that these walk: all of an axis whose chunks are among them."""
    points: dict[str, int] = {}
    for axis, walked, _ in digits:
        points.setdefault(axis, walked)
    return tuple(Held(axis, walked) for axis, walked in points.items() if walked > 1)
