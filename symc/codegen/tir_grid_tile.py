"""How contractions are cut for a GPU: four numbers in place of many axes, the tile of a block, parts of the sums.

The axes of a contraction are joined to four numbers: b over those that both operands and the output have, m over those
of the left operand and the output, n over those of the right one and the output, k over those that are summed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from symc.codegen.tir_machine import THREADS
from symc.ops.contraction import Contraction, Index

PROCESSORS = 108        # of the GPU that tiles are chosen for
READ = 1                # what a thread's read of shared memory costs, in multiplications
LOAD = 1 / 25           # what an element of a tile costs: its load, where it lies, its place in shared memory
LATENCY = 100           # how long a load takes
TOGETHER = 3            # blocks on a processor, which fill each other's waiting
START = 250             # what a block costs before and after its sums, in multiplications of a thread
SECOND = 1000           # what a second kernel costs
BYTES = 4000            # that memory moves in the time of a multiplication of all threads of a block
FEW = 4                 # of m or n: with fewer, each result is reduced by itself
SIDES = ((16, 16), (8, 32), (32, 8), (4, 64), (64, 4))      # threads along m and n
EACH = (8, 4, 2, 1)     # results of a thread along m, or n
WARPS = (2, 4)          # of a block along m and n, where warps multiply
WARP_TILE = (16, 8)     # results of a warp's multiplication
WARP_SPEED = 8          # of a warp's multiplications, beside those of its threads
MOST_PARTS = 64
DEEP, SHALLOW = 16, 8   # steps of k in a tile
LARGE_TILE = 192        # rows and columns, with which tiles are shallow
WIDE = 320              # and in float64 the most, so that two tiles of each operand fit into shared memory
WORTH = 0.8             # of the cost in one part, with which parts are worth a second kernel


@dataclass(frozen=True)
class Sides:
    """The axes of a contraction by what they are: 'b', 'm', 'n', 'k'; each with its extent."""

    axes: dict[str, tuple[tuple[str, int], ...]]

    @staticmethod
    def of(spec: Contraction) -> Sides:
        left, right = ({name for index in operand for name, _ in index.terms} for operand in (spec.lhs, spec.rhs))
        parallel = set(spec.parallel)

        def side(name: str) -> str:
            if name not in parallel:
                return "k"
            return "m" if name not in right else "n" if name not in left else "b"
        return Sides({key: tuple((name, extent) for name, extent in spec.extents if side(name) == key)
                      for key in "bmnk"})

    def size(self, side: str) -> int:
        return math.prod(extent for _, extent in self.axes[side])

    @property
    def is_tiled(self) -> bool:
        """Whether threads share what they load."""
        return min(self.size("m"), self.size("n")) >= FEW and self.size("k") > 1


@dataclass(frozen=True)
class Tile:
    """What a block computes: rows of m and columns of n; threads along each, or with 0 warps that multiply together."""

    rows: int
    columns: int
    threads: tuple[int, int] = (0, 0)

    @property
    def by_warps(self) -> bool:
        return self.threads == (0, 0)

    @property
    def each(self) -> tuple[int, int]:
        """Results of a thread along m and n; of a warp, in its multiplications."""
        over = tuple(count * size for count, size in zip(WARPS, WARP_TILE, strict=True)) if self.by_warps \
            else self.threads
        return self.rows // over[0], self.columns // over[1]

    @property
    def depth(self) -> int:
        """Steps of k in a tile of an operand, in elements of 32 bits."""
        return SHALLOW if not self.by_warps and self.rows + self.columns > LARGE_TILE else DEEP

    def extent(self, side: str) -> int:
        return self.rows if side == "m" else self.columns

    def blocks(self, sides: Sides) -> tuple[int, int, int]:
        """Blocks along b, m and n."""
        return sides.size("b"), -(-sides.size("m") // self.rows), -(-sides.size("n") // self.columns)


def tiles(by_warps: bool, itemsize: int = 4) -> Iterator[Tile]:
    """Those of which two of each operand, in elements of `itemsize` bytes, fit into shared memory."""
    if by_warps:
        yield from (Tile(WARPS[0] * WARP_TILE[0] * m, WARPS[1] * WARP_TILE[1] * n)
                    for m in EACH[1:] for n in EACH[1:])
        return
    for along_m, along_n in SIDES:
        yield from (Tile(along_m * m, along_n * n, (along_m, along_n)) for m in EACH for n in EACH
                    if itemsize <= 4 or along_m * m + along_n * n <= WIDE)


def tile_for(sides: Sides, by_warps: bool, itemsize: int = 4) -> Tile:
    """The tile of least cost."""
    return min(tiles(by_warps, itemsize), key=lambda tile: cost(tile, sides, 1))


def cost(tile: Tile, sides: Sides, parts: int) -> float:
    """The time of a contraction whose sums are made in parts, in multiplications of a thread.

    Turns in which all blocks are done, times multiplications, reads of shared memory and loads of tiles; a block that
    is alone on its processor waits for its loads.  Parts are written and read again.
    """
    turns = -(-math.prod(tile.blocks(sides)) * parts // PROCESSORS)
    steps = -(-sides.size("k") // parts)
    multiplied = tile.rows * tile.columns / THREADS / (WARP_SPEED if tile.by_warps else 1)
    read = sum(tile.each) * (1 if tile.by_warps else READ)
    busy = steps * (multiplied + read + (tile.rows + tile.columns) * LOAD)
    waiting = -(-turns // TOGETHER) / turns * -(-steps // tile.depth) * LATENCY
    time = turns * (max(busy, waiting) + START)
    if parts == 1:
        return time
    moved = 8 * parts * sides.size("b") * sides.size("m") * sides.size("n")
    return time + SECOND + moved / BYTES


@dataclass(frozen=True)
class Parts:
    """The reduced axis `axis` in `count` parts of `size` steps."""

    axis: str
    count: int
    size: int


def parts_for(spec: Contraction, by_warps: bool) -> Parts | None:
    """In how many parts the sums are made; None: in one.

    Where there are few tiles for the processors, and much to sum.  Parts are equal, so that no place is outside.
    """
    sides = Sides.of(spec)
    if not sides.is_tiled:
        return None
    choices = [Parts(axis, count, extent // count) for axis, extent in sides.axes["k"]
               for count in range(2, MOST_PARTS + 1) if extent % count == 0]
    found = min(choices, default=None, key=lambda parts: _least_cost(sides, by_warps, parts.count))
    whole = _least_cost(sides, by_warps, 1)
    return found if found is not None and _least_cost(sides, by_warps, found.count) < WORTH * whole else None


def _least_cost(sides: Sides, by_warps: bool, parts: int) -> float:
    return min(cost(tile, sides, parts) for tile in tiles(by_warps))


PART = "part"       # the axis of parts


def parted(spec: Contraction, parts: Parts) -> Contraction:
    """The contraction whose output has the parts as its first dimension: an axis that both operands have."""
    def index(old: Index) -> Index:
        terms = [pair for name, c in old.terms
                 for pair in (((PART, c * parts.size), (name, c)) if name == parts.axis else ((name, c),))]
        return replace(old, terms=tuple(terms))
    extents = tuple((name, parts.size if name == parts.axis else extent) for name, extent in spec.extents)
    return Contraction(((PART, parts.count), *extents), (Index(((PART, 1),)), *spec.output),
                       tuple(map(index, spec.lhs)), tuple(map(index, spec.rhs)))
