"""Sums of a tile by multiply-adds of single threads, which keep their results in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_load import TileLoad
from symc.codegen.tir_grid_tile import SHALLOW, Sides, Tile
from symc.codegen.tir_memory import Cells
from symc.frontend.te_math import Scalar, cast, computed_dtype, literal
from symc.ir.types import DType

UNROLLED = tirx.ForKind.UNROLLED
VECTORS = {"float32": 4, "float64": 2}  # elements that a thread reads from shared memory at once
LONG = 512      # of k: with fewer, storing results weighs as much as reading shared memory


class MultiplyAdds:
    """The sums of a thread.

    Its rows and columns come in vectors that lie side by side, the vectors apart by all threads.  Along the side on
    which results lie in memory, single elements are apart instead where few are summed, so that neighbouring threads
    store side by side.
    """

    unit, has_rows_together = 1, True

    def __init__(self, emitter: Emitter, tile: Tile, sides: Sides, dtype: DType, thread: Any, along: str) -> None:
        self.emitter, self.tile = emitter, tile
        self.depth = min(tile.depth, SHALLOW) if dtype.itemsize > 4 else tile.depth
        self.counts = tile.each
        self.vector = VECTORS.get(computed_dtype(dtype), 1)
        self.vectors = dict(zip("mn", (min(self.vector, count) for count in self.counts), strict=True))
        if sides.size("k") < LONG:
            self.vectors[along] = 1
        first, second = (0, 1) if along == "m" else (1, 0)
        fast = tile.threads[first]
        places = thread % fast, thread // fast
        self.own = {side: emitter.name_index(side, places[number], tile.threads[at])
                    for number, (side, at) in enumerate((("mn"[first], first), ("mn"[second], second)))}
        self.sums = emitter.cells(dtype, self.counts[0] * self.counts[1])
        with emitter.loop("z", self.counts[0] * self.counts[1], kind=UNROLLED) as at:
            emitter.write(self.sums, at, literal(0, dtype), 1)

    # ---- the tiles in shared memory: k by rows -----------------------------------------------------------

    def shared_dtype(self, dtype: DType) -> DType:
        return dtype

    def shared_size(self, rows: int) -> int:
        return self.depth * (rows + self.vector)

    def shared_place(self, rows: int, row: Any, unit: Any) -> Any:
        """Rows are padded by a vector, so that columns fall into different banks."""
        return unit * (rows + self.vector) + row

    def packed(self, values: Sequence[Scalar]) -> Scalar:
        return values[0]

    # ---- sums --------------------------------------------------------------------------------------------

    def multiply(self, loads: Sequence[TileLoad], buffer: Any) -> None:
        """Add the products of the tiles 0 or 1 in shared memory."""
        emitter = self.emitter
        factors = [emitter.cells(load.shared.dtype, count) for load, count in zip(loads, self.counts, strict=True)]
        starts = [self._start(load, buffer) for load in loads]
        with emitter.loop("k", self.depth, kind=UNROLLED) as step:
            for load, start, registers in zip(loads, starts, factors, strict=True):
                self._read(load, emitter.simplify(start + self.shared_place(load.extent, 0, step)), registers)
            self._add_products(factors)

    def _start(self, load: TileLoad, buffer: Any) -> Any:
        """Where the thread begins to read a tile: a multiple of its vectors, as TVM can see."""
        lanes, size = self.vectors[load.side], self.shared_size(load.extent)
        vectors = buffer * (size // lanes) + self.own[load.side]
        return self.emitter.name_index("t", vectors, 2 * size // lanes) * lanes

    def _read(self, load: TileLoad, start: Any, registers: Cells) -> None:
        emitter, lanes = self.emitter, self.vectors[load.side]
        threads = self.tile.threads["mn".index(load.side)]
        with emitter.loop("i", self.counts["mn".index(load.side)] // lanes, kind=UNROLLED) as number:
            value = emitter.read(load.shared, emitter.simplify(start + number * threads * lanes), lanes)
            emitter.write(registers, emitter.simplify(number * lanes), value, lanes)

    def _add_products(self, factors: Sequence[Cells]) -> None:
        emitter = self.emitter
        with emitter.loop("i", self.counts[0], kind=UNROLLED) as i, \
                emitter.loop("j", self.counts[1], kind=UNROLLED) as j:
            place = self.place(i, j)
            left, right = (cast(emitter.read(cells, at, 1), self.sums.dtype)
                           for cells, at in zip(factors, (i, j), strict=True))
            emitter.write(self.sums, place, emitter.read(self.sums, place, 1) + left * right, 1)

    # ---- results -----------------------------------------------------------------------------------------

    def place(self, i: Any, j: Any) -> Any:
        """Which of the sums is that of the thread's row i and column j."""
        return self.emitter.simplify(i * self.counts[1] + j)

    def row(self, side: str, number: Any) -> Any:
        """Where row or column `number` of the thread lies in the tile."""
        lanes, threads = self.vectors[side], self.tile.threads["mn".index(side)]
        return (number // lanes * threads + self.own[side]) * lanes + number % lanes
