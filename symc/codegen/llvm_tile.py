"""Writes the loops of one scheduled nest: jobs, tiles of accumulators, the reduction, the epilogue.

One walk serves every kernel.  An axis is walked in runs: neighbouring tiles (or points of the reduction) that meet the
same padding and the same ragged ends share one loop, whose code is written for exactly that case.  So no tile tests
what is inside at run time, and no operand is copied to be padded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symc.codegen.llvm_builder import Builder, Integer, Type, Value
from symc.codegen.llvm_math import VectorMath
from symc.codegen.llvm_nest import Access, Constraint
from symc.codegen.llvm_schedule import STEPS_UNROLLED, Schedule, Tiling, lane_offsets, tile_sizes


@dataclass(frozen=True, slots=True)
class Run:
    """`count` tiles of `size` points from `start` on, the first of them tile number `first`."""

    first: int
    count: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk stands: the value of each axis at run time, and what is known of it while writing.

    known: (start, size) of the present tile, or of one that meets the same constraints.
    """

    values: Mapping[str, Integer]
    known: Mapping[str, tuple[int, int]]

    def enter(self, axis: str, value: Integer, start: int, size: int) -> Place:
        return Place({**self.values, axis: value}, {**self.known, axis: (start, size)})

    def know(self, axis: str, value: int) -> Place:
        """At a point of a reduced axis, of which no code needs the value."""
        return Place(self.values, {**self.known, axis: (value, 1)})


Cursor = tuple[Value, int]   # a pointer, and elements to be added to it
Point = Mapping[str, int]    # offsets of one row and column inside its tile


@dataclass(frozen=True, slots=True)
class Cell:
    """One accumulator of a tile: a point, and a piece of the lanes."""

    point: Point
    piece: int


class TileWriter:
    """Writes jobs of `schedule`; pointers: of lhs, rhs, the operands and the outputs, in this order."""

    def __init__(self, builder: Builder, schedule: Schedule, element: str, pointers: Sequence[Value],
                 epilogue: Callable[..., object]) -> None:
        self.builder, self.schedule, self.nest = builder, schedule, schedule.nest
        self.pointers = dict(zip(map(id, self.nest.accesses), pointers, strict=True))
        self.element, self.epilogue = element, epilogue
        self.vector = Type(element, schedule.width)
        self.output_lanes = () if schedule.sums_lanes else schedule.lanes
        self.output_type = Type(element, 1 if schedule.sums_lanes else schedule.width)
        self.loaded: dict[object, Value] = {}

    # Jobs and tiles

    @property
    def jobs(self) -> int:
        return self.schedule.jobs

    def write_job(self, number: Integer) -> None:
        digits: dict[str, Integer] = {}
        for tiling in reversed(self.schedule.tilings):
            chunks = self.schedule.chunks(tiling)
            digits[tiling.axis] = number % chunks if chunks > 1 else 0
            number = number // chunks
        self._walk_tiles(list(self.schedule.tilings), digits, Place({}, {}))

    def _walk_tiles(self, tilings: Sequence[Tiling], chunk: Mapping[str, Integer], place: Place) -> None:
        if not tilings:
            return self._write_tile(place)
        tiling, *inner = tilings
        runs = self._runs(tiling.axis, tiling.size, place)
        for run in runs:
            low, high = self._tiles_of_job(tiling, run, chunk[tiling.axis], alone=len(runs) == 1)

            def tile(number: Integer, _: list[Value], run: Run = run) -> list[Value]:
                start = (number - run.first) * run.size + run.start
                self._walk_tiles(inner, chunk, place.enter(tiling.axis, start, run.start, run.size))
                return []
            if low is high:
                tile(low, [])
            else:
                self.builder.loop(low, high, 1, tile)

    def _tiles_of_job(self, tiling: Tiling, run: Run, chunk: Integer, alone: bool) -> tuple[Integer, Integer]:
        """The numbers of the tiles of `run` that belong to the job's chunk; twice the same number for that tile."""
        per_job = tiling.tiles_per_job
        if not per_job:
            return run.first, run.first + run.count
        if per_job == 1 and alone and not self._is_cut(tiling.axis):
            return chunk, chunk
        first = chunk * per_job
        return (self.builder.maximum(first, run.first), self.builder.minimum(first + per_job, run.first + run.count))

    def _is_cut(self, axis: str) -> bool:
        """Whether the number of points of `axis` depends on where another one stands."""
        return any(axis in bound.position.axes for bound in self.nest.bounds)

    def _runs(self, axis: str, size: int, place: Place) -> list[Run]:
        extent = self._extent(axis, place)
        runs: list[Run] = []
        start, last = 0, None
        for number, points in enumerate(tile_sizes(extent, size)):
            case = (points, *self._case(place.enter(axis, 0, start, points), axis))
            if case == last:
                runs[-1] = replace(runs[-1], count=runs[-1].count + 1)
            else:
                runs.append(Run(number, 1, start, points))
            start, last = start + points, case
        return runs

    def _extent(self, axis: str, place: Place) -> int:
        """Of `axis`, as far as the bounds allow where the outer axes stand."""
        extent = self.nest.extents[axis]
        for bound in self.nest.bounds:
            if unit := bound.position.coefficient(axis):
                least, _ = self._span(bound, place)
                extent = min(extent, -(-(bound.extent - least) // unit))
        return max(0, extent)

    def _span(self, constraint: Constraint, place: Place) -> tuple[int, int]:
        """Least and greatest position over all points that the place leaves open."""
        least = greatest = constraint.position.offset
        for axis, c in constraint.position.terms:
            start, size = place.known.get(axis, (0, self.nest.extents[axis]))
            ends = (c * start, c * (start + size - 1))
            least, greatest = least + min(ends), greatest + max(ends)
        return least, greatest

    def _case(self, place: Place, axis: str) -> Iterator[tuple[int, int]]:
        """By how much each checked constraint of `axis` is broken at either end; (0, 0): nowhere."""
        for constraint in self.schedule.checked:
            if constraint.position.coefficient(axis):
                least, greatest = self._span(constraint, place)
                yield min(0, least), max(0, greatest - constraint.extent + 1)

    # One tile

    def _write_tile(self, place: Place) -> None:
        cells = [cell for cell in self._cells(place) if any(self._exists(place, cell))]
        sums = [self.builder.zero(self.vector) for _ in cells]
        if all(self.nest.extents[axis] for axis in self.nest.reduced):
            cursors = {side: self._cursor(self._access(side), place) for side in ("lhs", "rhs")}
            self.loaded = {}
            sums = self._reduce(list(self.schedule.reduction), place, cursors, cells, sums)
        self.loaded = {}
        if self.schedule.sums_lanes:
            sums = [self.builder.sum_of_lanes(vector) for vector in sums]
        self._finish(place, cells, sums)

    def _cells(self, place: Place) -> Iterator[Cell]:
        tiled = [(tiling.axis, place.known[tiling.axis][1]) for tiling in self.schedule.tilings if tiling.size > 1]
        for offsets in itertools.product(*(range(size) for _, size in tiled)):
            for piece in range(1 if self.schedule.sums_lanes else self.schedule.pieces):
                yield Cell({axis: offset for (axis, _), offset in zip(tiled, offsets, strict=True) if offset}, piece)

    def _access(self, side: str) -> Access:
        return self.nest.lhs if side == "lhs" else self.nest.rhs

    def _cursor(self, access: Access, place: Place) -> Cursor:
        start = access.address.at(place.values)
        return self.builder.offset(self.pointers[id(access)], start, self.element), 0

    # Reduction

    def _reduce(self, axes: Sequence[str], place: Place, cursors: Mapping[str, Cursor], cells: Sequence[Cell],
                sums: list[Value]) -> list[Value]:
        if not axes:
            return self._multiply(place, cursors, cells, sums)
        axis, *inner = axes
        limits = self._limits(axis, place)
        for run in self._runs(axis, 1, place):
            def points(first: Integer, sums: list[Value], count: int = 1, run: Run = run) -> list[Value]:
                return self._points(axis, inner, place, cursors, cells, sums, first, count, run.start)
            low, high = run.start, run.start + run.count
            if limits is not None:
                sums = self._in_loop(self.builder.maximum(low, limits[0]), self.builder.minimum(high, limits[1]), 1, points, sums)
            elif axis in self.schedule.unrolled:
                sums = points(low, sums, run.count)
            else:
                step = STEPS_UNROLLED if not inner else 1
                whole = low + run.count // step * step
                sums = self._in_loop(low, whole, step, lambda i, sums, points=points, step=step: points(i, sums, step), sums)
                if whole < high:
                    sums = points(whole, sums, high - whole)
        return sums

    def _in_loop(self, low: Integer, high: Integer, step: int, body: Callable[..., list[Value]], sums: list[Value]) -> list[Value]:
        """What is loaded inside a loop is not at hand behind it."""
        outside = self.loaded

        def inside(index: Integer, sums: list[Value]) -> list[Value]:
            self.loaded = dict(outside)
            return body(index, sums)
        sums = self.builder.loop(low, high, step, inside, sums)
        self.loaded = outside
        return sums

    def _points(self, axis: str, inner: Sequence[str], place: Place, cursors: Mapping[str, Cursor], cells: Sequence[Cell],
                sums: list[Value], first: Integer, count: int, known: int) -> list[Value]:
        """`count` neighbouring points of a reduced axis, written out."""
        moved = {side: self._advance(self._access(side), cursor, axis, first) for side, cursor in cursors.items()}
        for i in range(count):
            at = {side: (pointer, offset + i * self._access(side).address.coefficient(axis))
                  for side, (pointer, offset) in moved.items()}
            constant = known + i if isinstance(first, Value) else first + i
            sums = self._reduce(inner, place.know(axis, constant), at, cells, sums)
        return sums

    def _advance(self, access: Access, cursor: Cursor, axis: str, index: Integer) -> Cursor:
        pointer, offset = cursor
        step = access.address.coefficient(axis)
        if isinstance(index, int) or step == 0:
            return pointer, offset + (step * index if isinstance(index, int) else 0)
        return self.builder.offset(pointer, index * step, self.element), offset

    def _limits(self, axis: str, place: Place) -> tuple[Integer, Integer] | None:
        """First and last + 1 point of a reduced axis inside all guards that are left to run time."""
        limits: tuple[Integer, Integer] | None = None
        for constraint in self.nest.constraints:
            if constraint in self.schedule.checked or not constraint.position.coefficient(axis):
                continue
            low, high = self._limit(constraint, axis, place)
            limits = (low, high) if limits is None else (self.builder.maximum(low, limits[0]), self.builder.minimum(high, limits[1]))
        return limits

    def _limit(self, constraint: Constraint, axis: str, place: Place) -> tuple[Integer, Integer]:
        """0 <= p + c·axis < extent, solved for axis."""
        position, c = constraint.position, constraint.position.coefficient(axis)
        p = position.at({a: v for a, v in place.values.items() if a != axis})
        least, greatest = position.span(self.nest.extents)
        reach = abs(least) + abs(greatest) + abs(position.offset) + constraint.extent
        if c > 0:   # from ceil(-p / c) to ceil((extent - p) / c)
            return self._floor(-p + (c - 1), c, reach), self._floor(-p + (constraint.extent + c - 1), c, reach)
        return self._floor(p + (-constraint.extent), -c, reach) + 1, self._floor(p, -c, reach) + 1

    def _floor(self, number: Integer, divisor: int, reach: int) -> Integer:
        """number // divisor of a number above -reach, which may be negative; our division is unsigned."""
        if divisor == 1 or isinstance(number, int):
            return number // divisor
        lift = -(-reach // divisor) + 1
        return (number + lift * divisor) // divisor - lift

    def _multiply(self, place: Place, cursors: Mapping[str, Cursor], cells: Sequence[Cell], sums: list[Value]) -> list[Value]:
        """One point of the reduction for the whole tile."""
        sums = list(sums)
        for i, cell in enumerate(cells):
            factors = [self._factor(side, place, cell, cursors[side]) for side in ("lhs", "rhs")]
            if factors[0] is not None and factors[1] is not None:
                sums[i] = self.builder.fma(factors[0], factors[1], sums[i])
        return sums

    def _factor(self, side: str, place: Place, cell: Cell, cursor: Cursor) -> Value | None:
        """One operand's vector; None where all of it is padding."""
        access = self._access(side)
        valid = self._inside(access, place, cell)
        if not any(valid):
            return None
        if self.schedule.sums_lanes:
            valid = [v and e for v, e in zip(valid, self._lanes_in_bounds(place, cell), strict=True)]
        return self._load(access, self.schedule.lanes, place, cell, cursor, valid)

    # Lanes

    def _lane_points(self, cell: Cell) -> list[dict[str, int]]:
        """The lane axes' values in each lane of the cell."""
        lanes = self.schedule.lanes
        ranges = itertools.product(*(range(self.nest.extents[axis]) for axis in lanes))
        points = [dict(zip(lanes, values, strict=True)) for values in ranges]
        return points[cell.piece * self.schedule.width:][:self.schedule.width]

    def _holds(self, constraints: Sequence[Constraint], place: Place, cell: Cell) -> list[bool]:
        """For each lane, whether it meets all those constraints that are settled while writing."""
        settled = [c for c in constraints if c in self.schedule.checked and c.position.axes <= place.known.keys() | set(self.schedule.lanes)]
        here = {axis: start + cell.point.get(axis, 0) for axis, (start, _) in place.known.items()}
        return [all(0 <= c.position.at({**here, **lane}) < c.extent for c in settled) for lane in self._lane_points(cell)]

    def _inside(self, access: Access, place: Place, cell: Cell) -> list[bool]:
        return self._holds(access.guards, place, cell)

    def _lanes_in_bounds(self, place: Place, cell: Cell) -> list[bool]:
        return self._holds(self.nest.bounds, place, cell)

    def _exists(self, place: Place, cell: Cell) -> list[bool]:
        """The lanes of the output that exist."""
        parallel = [bound for bound in self.nest.bounds if not bound.position.axes & set(self.nest.reduced)]
        return self._holds(parallel, place, cell)[:self.output_type.lanes]

    def _load(self, access: Access, lanes: Sequence[str], place: Place, cell: Cell, cursor: Cursor, valid: Sequence[bool]) -> Value:
        pointer, base = cursor
        base += access.address.at(cell.point) - access.address.offset  # type: ignore[operator]
        offsets = self._offsets(access, lanes, cell)
        if not self._whole_blocks(access, lanes):
            valid = [v and e for v, e in zip(valid, self._lanes_in_bounds(place, cell), strict=False)]
        key = (id(access), pointer.name, base, cell.piece if any(offsets) else 0, tuple(offsets), tuple(valid))
        if key not in self.loaded:
            self.loaded[key] = self._load_lanes(access, lanes, pointer, base, offsets, valid)
        return self.loaded[key]

    def _offsets(self, access: Access, lanes: Sequence[str], cell: Cell) -> list[int]:
        width = self.schedule.width if lanes else 1
        return lane_offsets(access, lanes, self.nest.extents)[cell.piece * width:][:width]

    def _whole_blocks(self, access: Access, lanes: Sequence[str]) -> bool:
        """Whether lanes past the end may be read, and written."""
        return all(axis in access.blocked for axis in lanes if access.address.coefficient(axis))

    def _load_lanes(self, access: Access, lanes: Sequence[str], pointer: Value, base: int, offsets: Sequence[int],
                    valid: Sequence[bool]) -> Value:
        builder, width = self.builder, len(offsets)
        type = Type(self.element, width)
        first, scalar = offsets[0], Type(self.element)
        if all(offset == first for offset in offsets) and all(valid):
            return builder.splat(builder.load(builder.offset(pointer, base + first, self.element), scalar), width)
        if [offset - first for offset in offsets] == list(range(width)):
            return builder.load_lanes(builder.offset(pointer, base + first, self.element), type, valid)
        start = (base + min(offsets)) // width * width
        if base + max(offsets) < start + width and all(valid) and self._walks_blocks(access):
            whole = self._load_block(access, pointer, start)
            return builder.shuffle(whole, [base + offset - start for offset in offsets])
        return self._gather(pointer, base, offsets, valid)

    def _walks_blocks(self, access: Access) -> bool:
        """Whether lanes stay inside blocks of the layout, of which pointers that move only ever meet the start."""
        lanes, fixed = set(self.schedule.lanes), set(self.schedule.lanes) | self.schedule.unrolled
        steps = [c for axis, c in access.address.terms if axis not in fixed]
        return (all(number % self.schedule.width == 0 for number in (access.address.offset, *steps))
                and bool(lanes & access.blocked) and self._whole_blocks(access, self.schedule.lanes))

    def _load_block(self, access: Access, pointer: Value, start: int) -> Value:
        key = (id(access), pointer.name, start)
        if key not in self.loaded:
            self.loaded[key] = self.builder.load(self.builder.offset(pointer, start, self.element), self.vector)
        return self.loaded[key]

    def _gather(self, pointer: Value, base: int, offsets: Sequence[int], valid: Sequence[bool]) -> Value:
        vector = self.builder.zero(Type(self.element, len(offsets)))
        for lane, offset in enumerate(offsets):
            if valid[lane]:
                place = self.builder.offset(pointer, base + offset, self.element)
                vector = self.builder.insert(vector, self.builder.load(place, Type(self.element)), lane)
        return vector

    # Epilogue

    def _finish(self, place: Place, cells: Sequence[Cell], sums: Sequence[Value]) -> None:
        cursors = {id(access): self._cursor(access, place) for access in (*self.nest.operands, *self.nest.outputs)}
        math_functions = VectorMath(self.builder)
        for cell, total in zip(cells, sums, strict=True):
            exists = self._exists(place, cell)
            operands = [self._load(access, self.output_lanes, place, cell, cursors[id(access)], exists)
                        for access in self.nest.operands]
            results = self.epilogue(math_functions, total, *operands)
            for access, result in zip(self.nest.outputs, results if isinstance(results, tuple) else (results,), strict=True):
                self._store(access, place, cell, cursors[id(access)], result, exists)

    def _store(self, access: Access, place: Place, cell: Cell, cursor: Cursor, value: Value, exists: Sequence[bool]) -> None:
        pointer, base = cursor
        base += access.address.at(cell.point) - access.address.offset  # type: ignore[operator]
        offsets = self._offsets(access, self.output_lanes, cell)
        if self._whole_blocks(access, self.output_lanes):
            exists = [True] * len(offsets)
        if [offset - offsets[0] for offset in offsets] == list(range(len(offsets))):
            return self.builder.store_lanes(value, self.builder.offset(pointer, base + offsets[0], self.element), exists)
        for lane, offset in enumerate(offsets):
            if exists[lane]:
                self.builder.store(self.builder.extract(value, lane), self.builder.offset(pointer, base + offset, self.element))
