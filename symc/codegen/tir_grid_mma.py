"""Sums of a tile by the matrix instructions of warps (`mma.sync`), for factors of 10 or 7 bits of mantissa.

One multiplication takes 16 rows of m, 8 columns of n and 8 words of k from the registers of a warp: a word is one tf32,
or two neighbours of 16 bits.  PTX says which thread holds what (ISA, "Matrix fragments for mma.m16n8k8" and
"m16n8k16"); in words it is the same for all kinds.  With g = lane / 4, t = lane % 4:

    left   words (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)
    right  words (t, g), (t + 4, g)
    sums   (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_load import TileLoad
from symc.codegen.tir_grid_tile import DEEP, WARP_TILE, WARPS, Tile
from symc.codegen.tir_memory import Cells
from symc.frontend.te import Product, Rounded
from symc.frontend.te_math import Scalar, literal
from symc.ir.types import DType

UNROLLED = tirx.ForKind.UNROLLED
WARP = 32
WORDS = 8           # of k that one multiplication takes
STRIDE = DEEP + 4   # words between rows of shared memory: eight rows of four words fall into different banks
LEFT, RIGHT, RESULTS = 4, 2, 4      # registers of a thread
MULTIPLY, PACK = "symc_multiply_{}", "symc_pack_{}"     # functions of `cuda_source.MATRICES`


def factors_of(product: Product) -> str | None:
    """'f16', 'bf16' or 'tf32', if matrix instructions multiply such factors."""
    left, right = product.inputs
    if isinstance(left, Rounded) and isinstance(right, Rounded):
        return "tf32"
    same = left.dtype is right.dtype and left.dtype in (DType.float16, DType.bfloat16)
    return left.dtype.short if same else None


class WarpProducts:
    """The sums of a thread in those of its warp; `kind` of factors as of `factors_of`."""

    has_rows_together = False

    def __init__(self, emitter: Emitter, tile: Tile, kind: str, dtype: DType, thread: Any) -> None:
        self.emitter, self.kind = emitter, kind
        self.unit = 1 if kind == "tf32" else 2
        self.depth = DEEP * self.unit
        self.each = tile.each
        self.counts = 2 * self.each[0], 2 * self.each[1]
        warp, lane = thread // WARP, thread % WARP
        self.warp = {"m": emitter.name_index("w", warp // WARPS[1], WARPS[0]),
                     "n": emitter.name_index("w", warp % WARPS[1], WARPS[1])}
        self.group, self.lane = emitter.name_index("g", lane // 4, 8), emitter.name_index("t", lane % 4, 4)
        size = self.each[0] * self.each[1] * RESULTS
        self.sums = emitter.cells(dtype, size)
        with emitter.loop("z", size, kind=UNROLLED) as at:
            emitter.write(self.sums, at, literal(0, dtype), 1)

    # ---- the tiles in shared memory: rows of words -------------------------------------------------------

    def shared_dtype(self, dtype: DType) -> DType:
        return DType.int32

    def shared_size(self, rows: int) -> int:
        return rows * STRIDE

    def shared_place(self, rows: int, row: Any, unit: Any) -> Any:
        return row * STRIDE + unit

    def packed(self, values: Sequence[Scalar]) -> Scalar:
        call = tirx.call_extern("int32", PACK.format(self.kind), *(value.expr for value in values))
        return self.emitter.now(Scalar(call, DType.int32))

    # ---- sums --------------------------------------------------------------------------------------------

    def multiply(self, loads: Sequence[TileLoad], buffer: Any) -> None:
        """Add the products of the tiles 0 or 1 in shared memory."""
        emitter = self.emitter
        starts = [self._start(load, buffer) for load in loads]
        counts = self.each[0] * LEFT, self.each[1] * RIGHT
        words = [emitter.cells(DType.int32, count) for count in counts]
        with emitter.loop("k", DEEP // WORDS, kind=UNROLLED) as step:
            for load, start, registers, count in zip(loads, starts, words, counts, strict=True):
                self._read(load, start + step * WORDS, registers, count)
            with emitter.loop("i", self.each[0], kind=UNROLLED) as i, \
                    emitter.loop("j", self.each[1], kind=UNROLLED) as j:
                self._multiply_once(words, i, j)

    def _start(self, load: TileLoad, buffer: Any) -> Any:
        number = "mn".index(load.side)
        row = self.warp[load.side] * (self.each[number] * WARP_TILE[number]) + self.group
        place = buffer * self.shared_size(load.extent) + row * STRIDE + self.lane
        return self.emitter.name_index("a", place, 2 * self.shared_size(load.extent))

    def _read(self, load: TileLoad, start: Any, registers: Cells, count: int) -> None:
        """The words of a thread: of the left factor those of rows g and g + 8 by turns, of both t before t + 4."""
        emitter = self.emitter
        rows = 2 if load.side == "m" else 1
        with emitter.loop("r", count, kind=UNROLLED) as at:
            row = at // (2 * rows) * WARP_TILE["mn".index(load.side)] + (at % rows * 8 if rows > 1 else 0)
            word = at // rows % 2 * 4
            value = emitter.read(load.shared, emitter.simplify(start + row * STRIDE + word), 1)
            emitter.write(registers, at, value, 1)

    def _multiply_once(self, words: Sequence[Cells], i: Any, j: Any) -> None:
        places = (self.sums, (i * self.each[1] + j) * RESULTS), (words[0], i * LEFT), (words[1], j * RIGHT)
        addresses = [tirx.address_of(tirx.BufferLoad(cells.buffer, [self.emitter.simplify(at)]))
                     for cells, at in places]
        self.emitter.add(tirx.Evaluate(tirx.call_extern("int32", MULTIPLY.format(self.kind), *addresses)))

    # ---- results -----------------------------------------------------------------------------------------

    def place(self, i: Any, j: Any) -> Any:
        """Which of the sums is that of the thread's row i and column j."""
        return self.emitter.simplify((i // 2 * self.each[1] + j // 2) * RESULTS + i % 2 * 2 + j % 2)

    def row(self, side: str, number: Any) -> Any:
        """Where row or column `number` of the thread lies in the tile."""
        at = "mn".index(side)
        first = self.warp[side] * (self.each[at] * WARP_TILE[at]) + number // 2 * WARP_TILE[at]
        return first + (number % 2 * 8 + self.group if side == "m" else self.lane * 2 + number % 2)
