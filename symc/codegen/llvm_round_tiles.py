"""Writes the jobs of a nest whose reduction goes in rounds (`llvm_rounds`)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from symc.codegen.llvm_builder import POINTER, Builder, Integer, Value
from symc.codegen.llvm_elements import Element
from symc.codegen.llvm_jobs import MOST_CHAINS, Tiling, tile_sizes
from symc.codegen.llvm_place import Place, Run
from symc.codegen.llvm_schedule import Schedule
from symc.codegen.llvm_tile import TileWriter


class RoundsWriter(TileWriter):
    """Writes jobs whose tiles add round after round of the reduction to sums in memory: see `llvm_rounds`.

    That memory has all points of a job, the axes of the tilings from the slowest to the fastest; and again for each
    chain.
    """

    def __init__(self, builder: Builder, schedule: Schedule, elements: Sequence[Element], pointers: Sequence[Value],
                 epilogue: Callable[..., object]) -> None:
        super().__init__(builder, schedule, elements, pointers, epilogue)
        self.distances: dict[str, int] = {}     # in memory, of neighbouring points
        self.sums = schedule.pieces * schedule.width
        for tiling in reversed(schedule.tilings):
            self.distances[tiling.axis] = self.sums
            self.sums *= self._points_of_job(tiling)
        self.size = self.sums * self._most_chains()
        self.chunks: Mapping[str, Integer] = {}
        self.memory = builder.register(f"alloca [{self.size} x {self.vector.element}], align 64", POINTER)
        self.write: Callable[[Place, int], None] = self._add_round

    def _most_chains(self) -> int:
        """Of any tile: those of few cells have several sums for each."""
        if self.nest.bounds:
            return MOST_CHAINS
        points = math.prod(tile_sizes(self.nest.extents[tiling.axis], tiling.size)[-1]
                           for tiling in self.schedule.tilings)
        return self.schedule.core.chains(points * self.schedule.pieces)

    def write_job(self, number: Integer) -> None:
        chunks = self.chunks = self._chunks_of(number)
        self.builder.loop(0, self.size, self.schedule.width, self._clear)
        self.write = self._add_round
        self._walk_rounds(self.schedule.reduction[:self.schedule.rounds], chunks, Place({}, {}))
        self.write = self._finish_tile
        self._walk_tiles(self._in_output_order(), chunks, Place({}, {}))

    def _in_output_order(self) -> list[Tiling]:
        address = self.nest.output.address
        return sorted(self.schedule.tilings, key=lambda tiling: -abs(address.coefficient(tiling.axis)))

    def _clear(self, index: Integer, _: list[Value]) -> list[Value]:
        self.builder.store(self.builder.zero(self.vector), self.builder.offset(self.memory, index, self.vector.element))
        return []

    def _walk_rounds(self, axes: Sequence[str], chunks: Mapping[str, Integer], place: Place) -> None:
        if not axes:
            self._walk_tiles(self.schedule.tilings, chunks, place)
            return
        axis, *inner = axes
        limits = self._limits(axis, place)
        for run in self._runs(axis, 1, place):
            def step(index: Integer, _: list[Value], run: Run = run) -> list[Value]:
                self._walk_rounds(inner, chunks, place.enter(axis, index, run.start, 1))
                return []
            low, high = run.start, run.start + run.count
            self.builder.loop(*(self._within(limits, low, high) if limits is not None else (low, high)), 1, step)

    def _write_tile(self, place: Place) -> None:
        if count := self._enter_tile(place):
            self.write(place, count // len(self.cells))

    def _add_round(self, place: Place, chains: int) -> None:
        slots = self._slots(place, chains)
        inner = self.schedule.reduction[self.schedule.rounds:]
        sums = self._sums(place, inner, [self.builder.load(slot, self.vector) for slot in slots])
        for total, slot in zip(sums, slots, strict=True):
            self.builder.store(total, slot)

    def _finish_tile(self, place: Place, chains: int) -> None:
        """Point by point, in loops: where lanes are scattered, each is much code."""
        self._finish_points([tiling.axis for tiling in self._in_output_order()], place, chains)

    def _finish_points(self, axes: Sequence[str], place: Place, chains: int) -> None:
        if not axes:
            self._enter_tile(place)
            sums = [self.builder.load(slot, self.vector) for slot in self._slots(place, chains)]
            self._finish(place, self._totals(sums))
            return
        axis, *inner = axes
        start, size = place.known[axis]
        for _, points in itertools.groupby(range(start, start + size), lambda point: self._case_of(axis, point, place)):
            first, *rest = points

            def step(index: Integer, _: list[Value], first: int = first) -> list[Value]:
                value = place.values[axis] + index
                self._finish_points(inner, place.enter(axis, value, first, 1), chains)
                return []
            self.builder.loop(first - start, first - start + 1 + len(rest), 1, step)

    def _case_of(self, axis: str, point: int, place: Place) -> list[tuple[int, int]]:
        return [*self._case(place.enter(axis, 0, point, 1), axis)]

    def _slots(self, place: Place, chains: int) -> list[Value]:
        """Where the sums of a tile lie: one of each cell, and again for each chain."""
        element, start = self.vector.element, self.builder.offset(self.memory, self._place_in_memory(place),
                                                                  self.vector.element)
        cells = [cell.piece * self.schedule.width
                 + sum(self.distances[axis] * offset for axis, offset in cell.point.items()) for cell in self.cells]
        return [self.builder.offset(start, chain * self.sums + cell, element)
                for chain in range(chains) for cell in cells]

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

    def _place_in_memory(self, place: Place) -> Integer:
        """Of a tile's first point."""
        number: Integer = 0
        for tiling in self.schedule.tilings:
            number = (place.values[tiling.axis] - self._first_of_job(tiling)) * self.distances[tiling.axis] + number
        return number
