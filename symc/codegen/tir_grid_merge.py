"""Threads of a block that work on one result: barriers, and how what each has found becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_machine import WARP
from symc.codegen.tir_memory import Cells
from symc.codegen.tir_monoid import Monoid, State
from symc.frontend.te_math import Scalar, cast
from symc.ir.types import DType

SYNCHRONISE, SHUFFLE = "__syncthreads", "__shfl_xor_sync"


@dataclass(frozen=True)
class Split:
    """How threads share rows: `lanes` to each of `rows` rows of a block.  along: whether neighbouring threads are lanes
    of one row."""

    lanes: int
    rows: int
    along: bool

    @property
    def threads(self) -> int:
        return self.lanes * self.rows


def synchronise(emitter: Emitter) -> None:
    """A barrier for the threads of a block."""
    emitter.add(tirx.Evaluate(tirx.call_extern("int32", SYNCHRONISE)))


class Lanes:
    """The lanes of the row of a thread: `place` its row in the block, `lane` its number among them."""

    def __init__(self, emitter: Emitter, split: Split, place: Any, lane: Any) -> None:
        self.emitter, self.split, self.place, self.lane = emitter, split, place, lane

    def merged(self, kind: Monoid, cells: Sequence[Cells]) -> State:
        """The state of the whole row, in every lane, from those in the cells of each."""
        shuffled = min(self.split.lanes, WARP) if self.split.along else 1
        distance = shuffled // 2
        while distance:
            mine = self.emitter.read_all(cells)
            others = tuple(self._shuffled(value, distance) for value in mine)
            self.emitter.write_all(cells, kind.merge(mine, others))
            distance //= 2
        parts = self.split.lanes // shuffled
        return self.emitter.read_all(cells) if parts == 1 else self._merged_over(kind, cells, parts, shuffled)

    def _merged_over(self, kind: Monoid, cells: Sequence[Cells], parts: int, shuffled: int) -> State:
        """The state of `parts` times as many lanes, by way of shared memory; `shuffled` lanes hold the same."""
        emitter, rows = self.emitter, self.split.rows
        memory = [emitter.cells(dtype, parts * rows, "shared") for dtype in kind.dtypes]
        first = tirx.EQ(self.lane % shuffled, emitter.constant(0))
        with emitter.when(first):
            place = emitter.simplify(self.lane // shuffled * rows + self.place)
            for whole, part in zip(memory, self.emitter.read_all(cells), strict=True):
                emitter.write(whole, place, part, 1)
        synchronise(emitter)
        self.emitter.write_all(cells, tuple(emitter.read(whole, self.place, 1) for whole in memory))
        with emitter.loop("w", parts - 1) as part:
            other = tuple(emitter.read(whole, emitter.simplify((part + 1) * rows + self.place), 1) for whole in memory)
            self.emitter.write_all(cells, kind.merge(self.emitter.read_all(cells), other))
        return self.emitter.read_all(cells)

    def _shuffled(self, value: Scalar, distance: int) -> Scalar:
        """The value of the lane whose number differs in one bit."""
        wide = cast(value, DType.int32) if value.dtype.itemsize == 1 else value
        name = str(wide.expr.ty)
        expr = tirx.call_extern(name, SHUFFLE, tirx.const(0xffffffff, "uint32"), wide.expr,
                                tirx.const(distance, "int32"))
        return cast(self.emitter.now(Scalar(expr, wide.dtype)), value.dtype)
