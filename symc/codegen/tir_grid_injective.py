"""Elementwise kernels and movements on a GPU: an element a thread, in four forms.

Where there are many, a thread has several elements: neighbours, 16 bytes at a time (`tir_grid_vectors.py`), or else a
block of threads apart, all loaded before the first one is stored, so that more is under way.  What is read along
another axis than it is written goes through shared memory in squares, so that neighbouring threads read and write
neighbours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_grid_form import GridForm
from symc.codegen.tir_grid_merge import synchronise
from symc.codegen.tir_grid_vectors import Vectors, has_vectors
from symc.codegen.tir_injective import Injective
from symc.codegen.tir_machine import THREADS, WARP, Launch
from symc.codegen.tir_memory import Cells
from symc.codegen.tir_module import TirKernel
from symc.codegen.tir_space import Loop, Places
from symc.codegen.tir_transpose import Turn, turn_of
from symc.frontend.te_math import Expr

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan

AT_ONCE = 4                     # elements of a thread
MANY = 108 * 2048 * AT_ONCE     # elements, of which each processor of a large GPU has as many threads as it can hold
MOST_ACCESSES = 6               # of one element, so that those of several fit the registers
MOST_VECTORS = 12               # or those of neighbours, whose addresses are one
LEAST_SIDE = 16                 # of both loops, of what is turned in squares
MOST_RESULTS = 4                # that are turned together: a square of each lies in shared memory


def grid_injective_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One kernel for results of one shape, each element of which comes from few others."""
    whole = Injective(plan, cluster)
    if len(whole.parts) > 1:
        return whole.kernel(symbol)
    (part,) = whole.parts
    turn = turn_of(part.walk, part.found)
    if turn is not None and min(turn.across.extent, turn.inner.extent) >= LEAST_SIDE \
            and len(whole.stores) <= MOST_RESULTS:
        return _Squares(whole, turn).kernel(symbol)
    accesses = len(part.found.accesses)
    if part.jobs >= MANY and accesses <= MOST_VECTORS and has_vectors(part):
        return Vectors(whole).kernel(symbol)
    if part.jobs >= MANY and accesses <= MOST_ACCESSES:
        return _Several(whole).kernel(symbol)
    return whole.kernel(symbol)


class _Several(GridForm):
    """AT_ONCE elements a thread."""

    def launch(self) -> Launch:
        return Launch(-(-self.part.jobs // (THREADS * AT_ONCE)), THREADS)

    def write(self, block: Any, thread: Any) -> None:
        emitter, count = self.emitter, self.part.jobs
        whole = emitter.constant(count // (THREADS * AT_ONCE))
        first = block * (THREADS * AT_ONCE) + thread
        with emitter.when(tirx.LT(block, whole)):
            self._write(first, AT_ONCE)
        if count % (THREADS * AT_ONCE):
            with emitter.when(tirx.GE(block, whole)), emitter.loop("k", AT_ONCE) as turn:
                element = emitter.simplify(first + turn * THREADS)
                with emitter.when(tirx.LT(element, emitter.constant(count))):
                    self._write(element, 1)

    def _write(self, first: Any, count: int) -> None:
        """Elements a block of threads apart; all are read before one is written."""
        walk = self.part.walk
        elements = [self.named("j", first + number * THREADS, self.part.jobs) for number in range(count)]
        places = [self.unravelled(element, walk, [loop.extent for loop in walk]) for element in elements]
        values = [self.values(place) for place in places]
        for place, own in zip(places, values, strict=True):
            for value, (buffer, index) in zip(own, self.stores(place), strict=True):
                self.emitter.store(buffer, index, value)


class _Squares(GridForm):
    """A block of threads turns a square: lanes read along `across` what lanes then write along `inner`."""

    def __init__(self, whole: Injective, turn: Turn) -> None:
        super().__init__(whole)
        self.turn = turn
        self.steps = [-(-loop.extent // WARP) if loop in (turn.across, turn.inner) else loop.extent
                      for loop in self.part.walk]

    def launch(self) -> Launch:
        return Launch(math.prod(self.steps), THREADS)

    def write(self, block: Any, thread: Any) -> None:
        emitter, across, inner = self.emitter, self.turn.across, self.turn.inner
        start = self.unravelled(block, self.part.walk, self.steps)
        lane, row = self.named("x", thread % WARP, WARP), self.named("y", thread // WARP, THREADS // WARP)
        rows = [emitter.simplify(row + first) for first in range(0, WARP, THREADS // WARP)]
        squares = [emitter.cells(buffer.type.element, WARP * (WARP + 1), "shared") for _, buffer in self.whole.stores]
        for other in rows:
            with emitter.block():
                self._read(self._places(start, {across: lane, inner: other}), squares, other * (WARP + 1) + lane)
        synchronise(emitter)
        for other in rows:
            with emitter.block():
                self._write(self._places(start, {across: other, inner: lane}), squares, lane * (WARP + 1) + other)

    def _places(self, start: Places, own: Places) -> dict[Loop, Any]:
        """Where a thread is, from its place in the square; beyond the end of a loop too."""
        return {**start, **{loop: self.emitter.simplify(start[loop] * WARP + place) for loop, place in own.items()}}

    def _inside(self, places: Places) -> list[Expr]:
        """The conditions that a thread is inside."""
        ends = [loop for loop in (self.turn.across, self.turn.inner) if loop.extent % WARP]
        return [tirx.LT(places[loop], self.emitter.constant(loop.extent)) for loop in ends]

    def _named(self, places: dict[Loop, Any]) -> dict[Loop, Any]:
        sides = (self.turn.across, self.turn.inner)
        return places | {loop: self.named(loop.name, places[loop], loop.extent) for loop in sides}

    def _read(self, places: dict[Loop, Any], squares: list[Cells], at: Expr) -> None:
        with self.emitter.all_hold(self._inside(places)):
            for square, value in zip(squares, self.values(self._named(places)), strict=True):
                self.emitter.write(square, self.emitter.simplify(at), value, 1)

    def _write(self, places: dict[Loop, Any], squares: list[Cells], at: Expr) -> None:
        with self.emitter.all_hold(self._inside(places)):
            stores = self.stores(self._named(places))
            for square, (buffer, index) in zip(squares, stores, strict=True):
                self.emitter.store(buffer, index, self.emitter.read(square, self.emitter.simplify(at), 1))
