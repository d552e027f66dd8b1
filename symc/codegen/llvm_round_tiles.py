"""Writes the jobs of a nest whose reduction goes in rounds (`llvm_rounds`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from symc.codegen.llvm_builder import POINTER, Builder, Integer, Value
from symc.codegen.llvm_elements import Element
from symc.codegen.llvm_jobs import MOST_CHAINS, Tiling, tile_sizes
from symc.codegen.llvm_schedule import Schedule
from symc.codegen.llvm_tile import Place, Run, TileWriter


class RoundsWriter(TileWriter):
    """Writes jobs whose tiles add round after round of the reduction to sums in memory: see `llvm_rounds`."""

    def __init__(self, builder: Builder, schedule: Schedule, elements: Sequence[Element], pointers: Sequence[Value],
                 epilogue: Callable[..., object]) -> None:
        super().__init__(builder, schedule, elements, pointers, epilogue)
        self.step = MOST_CHAINS * schedule.pieces * schedule.width
        self.shared = [tiling for tiling in schedule.tilings if tiling.tiles_per_job != 1]
        self.single = math.prod(tiling.size for tiling in schedule.tilings if tiling.tiles_per_job == 1)
        self.size = self.step * self.single * math.prod(map(self._points_of_job, self.shared))
        self.chunks: Mapping[str, Integer] = {}
        self.memory = builder.register(f"alloca [{self.size} x {self.vector.element}], align 64", POINTER)
        self.write: Callable[[Place], None] = self._add_round

    def write_job(self, number: Integer) -> None:
        chunks = self.chunks = self._chunks_of(number)
        self.builder.loop(0, self.size, self.schedule.width, self._clear)
        self.write = self._add_round
        self._walk_rounds(self.schedule.reduction[:self.schedule.rounds], chunks, Place({}, {}))
        self.write = self._finish_tile
        self._walk_tiles(self.schedule.tilings, chunks, Place({}, {}))

    def _clear(self, index: Integer, _: list[Value]) -> list[Value]:
        self.builder.store(self.builder.zero(self.vector), self.builder.offset(self.memory, index, self.vector.element))
        return []

    def _walk_rounds(self, axes: Sequence[str], chunks: Mapping[str, Integer], place: Place) -> None:
        if not axes:
            self._walk_tiles(self.schedule.tilings, chunks, place)
            return
        axis, *inner = axes
        for run in self._runs(axis, 1, place):
            def step(index: Integer, _: list[Value], run: Run = run) -> list[Value]:
                self._walk_rounds(inner, chunks, place.enter(axis, index, run.start, 1))
                return []
            self.builder.loop(run.start, run.start + run.count, 1, step)

    def _write_tile(self, place: Place) -> None:
        self.write(place)

    def _add_round(self, place: Place) -> None:
        slots = self._slots(place)
        inner = self.schedule.reduction[self.schedule.rounds:]
        sums = self._sums(place, inner, [self.builder.load(slot, self.vector) for slot in slots])
        for total, slot in zip(sums, slots, strict=True):
            self.builder.store(total, slot)

    def _finish_tile(self, place: Place) -> None:
        self._finish(place, self._totals([self.builder.load(slot, self.vector) for slot in self._slots(place)]))

    def _slots(self, place: Place) -> list[Value]:
        """Where the sums of a tile lie."""
        count = self._enter_tile(place)
        first = self.builder.offset(self.memory, self._place_of_tile(place) * self.step, self.vector.element)
        return [self.builder.offset(first, i * self.schedule.width, self.vector.element) for i in range(count)]

    def _points_of_job(self, tiling: Tiling) -> int:
        """How many points of an axis have places in memory."""
        extent = self.nest.extents[tiling.axis]
        if self._is_cut(tiling.axis) or not tiling.tiles_per_job:
            return extent
        return min(extent, tiling.size * tiling.tiles_per_job)

    def _first_of_job(self, tiling: Tiling) -> Integer:
        """The point whose place is the first."""
        if self._is_cut(tiling.axis) or not tiling.tiles_per_job:
            return 0
        sizes = tile_sizes(self.nest.extents[tiling.axis], tiling.size)
        first = self.chunks[tiling.axis] * tiling.tiles_per_job
        return first * sizes[-1] + self.builder.minimum(first, sum(size > sizes[-1] for size in sizes))

    def _place_of_tile(self, place: Place) -> Integer:
        """How many points lie before it: each tile of columns has all rows of the job, tiles of rows their columns."""
        number: Integer = 0
        inner, outer = math.prod(map(self._points_of_job, self.shared)) * self.single, 1
        for tiling in self.shared:
            inner //= self._points_of_job(tiling)
            number = (place.values[tiling.axis] - self._first_of_job(tiling)) * (inner * outer) + number
            outer *= place.known[tiling.axis][1]
        return number
