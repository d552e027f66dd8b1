"""Writes the loops of one scheduled nest: jobs, tiles of accumulators, the reduction, the epilogue.

One walk serves every kernel.  An axis is walked in runs: neighbouring tiles (or points of the reduction) that meet the
same padding and the same ragged ends share one loop, whose code is written for exactly that case.  So no tile tests
what is inside at run time, and no operand is copied to be padded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from symc.codegen.llvm_ahead import NOWHERE, NextPanel
from symc.codegen.llvm_builder import Builder, Integer, Type, Value
from symc.codegen.llvm_elements import Element, multiplications
from symc.codegen.llvm_jobs import CACHE_LINE, Tiling, tile_sizes
from symc.codegen.llvm_math import VectorMath
from symc.codegen.llvm_nest import Constraint
from symc.codegen.llvm_order import are_neighbours, order_of
from symc.codegen.llvm_place import Cell, Cursor, Place, Product, Run
from symc.codegen.llvm_schedule import STEPS_UNROLLED, Schedule, lane_offsets

Sums = list[Value]           # one for each cell of the tile, or one for each chain of each cell
FACTORS = (0, 1)             # lhs and rhs among the accesses of a nest
AHEAD = -1                   # the number of the cursor at what is asked for ahead


class TileWriter:
    """Writes jobs of `schedule`; elements, pointers: of lhs, rhs, the operands and the outputs, in this order."""

    def __init__(self, builder: Builder, schedule: Schedule, elements: Sequence[Element], pointers: Sequence[Value],
                 epilogue: Callable[..., object]) -> None:
        self.builder, self.schedule, self.nest, self.pointers = builder, schedule, schedule.nest, pointers
        self.accesses, self.elements, self.epilogue = self.nest.accesses, elements, epilogue
        self.vector = Type(elements[self.nest.first_output].register, schedule.width)    # of sums
        self.multiplications = multiplications(elements[0], schedule.width, schedule.core.has_pairs)
        self.steps = STEPS_UNROLLED // len(self.multiplications)
        self.output_lanes = () if schedule.sums_lanes else schedule.lanes
        self.lane_points = self._points_of_lanes()
        lanes = [schedule.lanes if i in FACTORS else self.output_lanes for i in range(len(self.accesses))]
        self.lane_offsets = [lane_offsets(access, walked, self.nest.extents)
                             for access, walked in zip(self.accesses, lanes, strict=True)]
        self.cells: list[Cell] = []              # of the tile being written
        self.rows, self.columns = 0, 0           # elements and vectors that a step of that tile multiplies
        self.loaded: dict[tuple[object, ...], Value] = {}    # vectors at hand, by what they were loaded from
        self.summed: Sequence[str] = ()          # the axes that a tile walks
        self.visits = NOWHERE                    # of the tile being written, to weights ahead
        self.products: list[Product] | None = None   # of the points that are written out, while these are walked

    # Jobs and tiles

    @property
    def jobs(self) -> int:
        return self.schedule.jobs

    def write_job(self, number: Integer) -> None:
        self._walk_tiles(list(self.schedule.tilings), self._chunks_of(number), Place({}, {}))

    def _chunks_of(self, number: Integer) -> dict[str, Integer]:
        """The job's chunk of each axis."""
        digits: dict[str, Integer] = {}
        for tiling in reversed(self.schedule.tilings):
            chunks = self.schedule.chunks(tiling)
            digits[tiling.axis] = number % chunks if chunks > 1 else 0
            number = number // chunks
        return digits

    def _walk_tiles(self, tilings: Sequence[Tiling], chunk: Mapping[str, Integer], place: Place) -> None:
        if not tilings:
            self._write_tile(place)
            return
        tiling, *inner = tilings
        runs, limits = self._runs(tiling.axis, tiling.size, place), self._limits(tiling.axis, place)
        for run in runs:
            low, high = self._tiles_of_job(tiling, run, chunk[tiling.axis], alone=len(runs) == 1)
            if limits is not None:
                low, high = self._within(limits, low, low + 1 if low is high else high)

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
        for number, points in enumerate(self._tile_sizes(extent, size)):
            case = (points, *self._case(place.enter(axis, 0, start, points), axis))
            if case == last:
                runs[-1] = replace(runs[-1], count=runs[-1].count + 1)
            else:
                runs.append(Run(number, 1, start, points))
            start, last = start + points, case
        return runs

    def _tile_sizes(self, extent: int, size: int) -> list[int]:
        return tile_sizes(extent, size)

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
        if count := self._enter_tile(place):
            sums = [self.builder.zero(self.vector) for _ in range(count)]
            if self.schedule.asks_for_output:
                self._ask_for_output(place)
            if all(self.nest.extents[axis] for axis in self.nest.reduced):
                sums = self._sums(place, self.schedule.reduction, sums)
            self._finish(place, self._totals(sums))

    def _enter_tile(self, place: Place) -> int:
        """Sets the cells of a tile.  Returns how many sums they take."""
        self.cells = [cell for cell in self._all_cells(place) if any(self._exists(place, cell))]
        self.rows, self.columns = (len({self._factors_of(cell)[i] for cell in self.cells}) for i in range(2))
        return self.schedule.core.chains(len(self.cells)) * len(self.cells)

    def _sums(self, place: Place, reduction: Sequence[str], sums: Sums) -> Sums:
        """`sums` and the products at all points of the reduction."""
        self.loaded = {}
        self.summed = reduction
        starts = {access: self._start(access, place) for access in FACTORS}
        if panel := self.schedule.next_panel:
            starts[AHEAD] = self._start_ahead(panel, place)
        return self._reduce(reduction, replace(place, cursors=starts), sums)

    def _totals(self, sums: Sums) -> list[Value]:
        """Of each cell."""
        return [self._joined(sums[i::len(self.cells)]) for i in range(len(self.cells))]

    def _joined(self, chains: Sequence[Value]) -> Value:
        total = chains[0]
        for chain in chains[1:]:
            total = total + chain
        return self.builder.sum_of_lanes(total) if self.schedule.sums_lanes else total

    def _all_cells(self, place: Place) -> list[Cell]:
        """Elements outermost, or vectors, whichever are more: LLVM keeps the order, in which the fewest operands have
        to stay at hand."""
        tiled = [tiling.axis for tiling in sorted(self.schedule.tilings, key=lambda tiling: -tiling.size)
                 if tiling.size > 1]
        pieces = 1 if self.schedule.sums_lanes else self.schedule.pieces
        points = itertools.product(*(range(place.known[axis][1]) for axis in tiled), range(pieces))
        cells = [Cell(dict(zip(tiled, offsets, strict=True)), piece) for *offsets, piece in points]
        elements, vectors = (len(set(keys)) for keys in zip(*map(self._factors_of, cells), strict=True))
        order = -1 if vectors > elements else 1
        return sorted(cells, key=lambda cell: self._factors_of(cell)[::order])

    def _factors_of(self, cell: Cell) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Which element and which vector of the tile a cell multiplies."""
        columns = [axis for axis in cell.point if self._walks_vectors(axis)]
        return (tuple(offset for axis, offset in cell.point.items() if axis not in columns),
                (*(cell.point[axis] for axis in columns), cell.piece))

    def _walks_vectors(self, axis: str) -> bool:
        """Whether a step along the axis leads to other vectors of a factor, not to another element for all lanes."""
        addresses = [self.accesses[access].address for access in FACTORS]
        return any(address.coefficient(axis) and address.axes & {*self.schedule.lanes} for address in addresses)

    def _start(self, access: int, place: Place) -> Cursor:
        start = self.accesses[access].address.at(place.values)
        return self.builder.opaque(self._offset(access, self.pointers[access], start)), 0

    # What is asked for ahead

    def _start_ahead(self, panel: NextPanel, place: Place) -> Cursor:
        """Where the tile's share of the next weights begins; sets when it is asked for."""
        address = self.accesses[panel.access].address
        columns = {self._offsets(panel.access, self.schedule.lanes, cell)[0] for cell in self.cells if cell.piece == 0}
        rows = math.prod(place.known[held.axis][1] for held in panel.held)
        line = CACHE_LINE // self.elements[panel.access].bytes
        self.visits = panel.visits(self.nest.extents, self.schedule.reduction, self.steps, columns, rows, line)
        start = address.at(place.values) + place.known[panel.axis][1] * address.coefficient(panel.axis)
        start = panel.place_of_row(place.values) * self.visits.elements_of_row + start
        return self.builder.opaque(self._offset(panel.access, self.pointers[panel.access], start)), 0

    def _ask_ahead(self, place: Place, depth: int) -> None:
        """Some lines of the next weights, where that is done on entering the reduced axis `depth`."""
        panel = self.schedule.next_panel
        if panel is None or self.visits.depth != depth:
            return
        line = CACHE_LINE // self.elements[panel.access].bytes
        pointer, offset = place.cursors[AHEAD]
        for piece, number in itertools.product(self.visits.pieces, range(self.visits.lines)):
            there = offset + piece + number * line
            self.builder.prefetch(self._offset(panel.access, pointer, there), cache=2)

    def _step(self, access: int, axis: str) -> int:
        """By how many elements a cursor moves from one point of an axis to the next."""
        return self.visits.steps.get(axis, 0) if access == AHEAD else self.accesses[access].address.coefficient(axis)

    def _ask_for_output(self, place: Place) -> None:
        """The lines that the tile will write, which stores have to wait for otherwise."""
        number = self.nest.first_output
        pointer, _ = self._start(number, place)
        line = CACHE_LINE // self.elements[number].bytes
        offsets = (offset for cell in self.cells for offset in self._offsets(number, self.output_lanes, cell))
        for first in sorted({offset // line * line for offset in offsets}):
            self.builder.prefetch(self._offset(number, pointer, first), cache=2)

    # Reduction

    def _reduce(self, axes: Sequence[str], place: Place, sums: Sums, chain: int = 0) -> Sums:
        """Σ over `axes` and everything inside; `chain`: which of the sums of each cell to add to."""
        if not axes:
            return self._multiply(place, sums, chain)
        axis, *inner = axes
        limits = self._limits(axis, place)
        if axis in self.schedule.unrolled and self.products is None and limits is None:
            return self._in_one_block(axes, place, sums)
        if not inner:
            self._prefetch_rows(place)
        self._ask_ahead(place, len(self.summed) - len(axes))
        for run in self._runs(axis, 1, place):
            low: Integer = run.start
            high: Integer = run.start + run.count

            def points(first: Integer, sums: Sums, count: int = 1, run: Run = run) -> Sums:
                return self._points(axis, inner, place, sums, first, count, run.start)
            if limits is not None:
                low, high = self._within(limits, low, high)
                steps = 1 if inner else self._steps(len(sums))
                sums = self._in_rounds(low, self.builder.maximum(low, high), steps, points, sums)
            elif axis in self.schedule.unrolled:
                points(low, sums, run.count)
            else:
                steps = 1 if inner else self._steps(len(sums))
                sums = self._in_rounds(run.start, run.start + run.count, steps, points, sums)
        return sums

    def _in_one_block(self, axes: Sequence[str], place: Place, sums: Sums) -> Sums:
        """The same, all points written out, of whatever padding they meet."""
        self.products = []
        self._reduce(axes, place, sums)
        products, self.products = self.products, None
        return self._multiply_in_order(products, sums)

    def _steps(self, sums: int) -> int:
        """Points of the innermost loop in one block.  One for each chain where each element is multiplied with one
        vector alone: LLVM writes the sum over the element there, and moves sums about, of which it spills some, unless
        it sees that each is the next round's."""
        return min(self.steps, sums // len(self.cells)) if sums > len(self.cells) > self.columns == 1 else self.steps

    def _in_rounds(self, low: Integer, high: Integer, step: int, points: Callable[..., Sums], sums: Sums) -> Sums:
        """`step` points to a round, the rest written out behind the loop, or in one where it is known at run time."""
        whole = low + (high - low) // step * step
        sums = self._in_loop(low, whole, step, lambda first, sums: points(first, sums, step), sums)
        if isinstance(whole, int) and isinstance(high, int):
            return points(whole, sums, high - whole) if whole < high else sums
        return self._in_loop(whole, high, 1, points, sums) if step > 1 else sums

    def _in_loop(self, low: Integer, high: Integer, step: int, body: Callable[..., Sums], sums: Sums) -> Sums:
        """What is loaded inside a loop is not at hand behind it."""
        outside = self.loaded

        def inside(index: Integer, sums: Sums) -> Sums:
            self.loaded = dict(outside)
            return body(index, sums)
        sums = self.builder.loop(low, high, step, inside, sums)
        self.loaded = outside
        return sums

    def _points(self, axis: str, inner: Sequence[str], place: Place, sums: Sums, first: Integer, count: int,
                known: int) -> Sums:
        """`count` neighbouring points of a reduced axis, written out, from `first` on; `known` stands for it."""
        known = known if isinstance(first, Value) else first
        moved = {access: self._advance(access, cursor, axis, first) for access, cursor in place.cursors.items()}
        if not inner:
            self._ask_ahead(replace(place, cursors=moved), len(self.summed))
        for i in range(count):
            cursors = {access: (pointer, offset + i * self._step(access, axis))
                       for access, (pointer, offset) in moved.items()}
            here = replace(place, known={**place.known, axis: (known + i, 1)}, cursors=cursors)
            chain = i % (len(sums) // len(self.cells))
            sums = self._reduce(inner, here, sums, chain)
            if not inner and self.products is None and (i + 1 < count or self._is_crowded(sums)):
                self._end_point(sums[(chain + 1) * len(self.cells) - 1])
        return sums

    def _is_crowded(self, sums: Sums) -> bool:
        """Whether registers do not hold all operands of a point beside the sums."""
        return len(sums) + self.rows + self.columns >= self.schedule.core.registers

    def _end_point(self, last: Value) -> None:
        """A fence keeps LLVM from reading what the next point multiplies while this one is not done, and what both
        read is read twice: it would spill sums.  In a full tile the last sum alone, added behind that, would do so."""
        self.builder.fence(*[last] if self.schedule.core.is_full(self.rows, self.columns) else [])
        self.loaded = {}

    def _advance(self, access: int, cursor: Cursor, axis: str, index: Integer) -> Cursor:
        pointer, offset = cursor
        step = self._step(access, axis)
        if isinstance(index, int):
            return pointer, offset + step * index
        return self._offset(access, pointer, index * step) if step else pointer, offset

    def _offset(self, access: int, pointer: Value, elements: Integer) -> Value:
        if access == AHEAD and self.schedule.next_panel is not None:
            access = self.schedule.next_panel.access
        return self.builder.offset(pointer, elements, self.elements[access].memory)

    def _limits(self, axis: str, place: Place) -> tuple[Integer, Integer] | None:
        """First and last + 1 point of an axis inside all guards that are left to run time, all others of whose axes are
        known."""
        limits: tuple[Integer, Integer] | None = None
        for constraint in self.nest.constraints:
            axes = constraint.position.axes
            if constraint in self.schedule.checked or axis not in axes or not axes <= {axis, *place.values}:
                continue
            low, high = self._limit(constraint, axis, place)
            limits = self._within(limits, low, high) if limits is not None else (low, high)
        return limits

    def _within(self, limits: tuple[Integer, Integer], low: Integer, high: Integer) -> tuple[Integer, Integer]:
        return self.builder.maximum(low, limits[0]), self.builder.minimum(high, limits[1])

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

    def _multiply(self, place: Place, sums: Sums, chain: int) -> Sums:
        """One point of the reduction for the whole tile."""
        products = [Product(i, place, cell) for i, cell in enumerate(self.cells, start=chain * len(self.cells))]
        if self.products is not None:
            self.products += products
            return sums
        if self.schedule.sums_lanes:
            return self._multiply_in_order(products, sums)
        sums = list(sums)
        for product in products:
            self._add(product, sums)
        return sums

    def _add(self, product: Product, sums: Sums) -> None:
        factors = [self._factor(access, product.place, product.cell) for access in FACTORS]
        if factors[0] is not None and factors[1] is not None:
            for multiply in self.multiplications:
                sums[product.sum] = multiply(self.builder, factors[0], factors[1], sums[product.sum])

    def _multiply_in_order(self, products: Sequence[Product], sums: Sums) -> Sums:
        """Where not all vectors of both factors fit in registers: group by group; a fence keeps LLVM from reading
        others meanwhile, and spilling them."""
        sums = list(sums)
        reads = [[self._read(access, product) for product in products] for access in FACTORS]
        order = order_of(reads, len(sums), self.schedule.core.registers)
        for group in order.groups:
            for number in group:
                self._add(products[number], sums)
            if len(order.groups) > 1:
                self.builder.fence()
                self.loaded = {key: vector for key, vector in self.loaded.items() if key[0] == order.held}
        return sums

    def _read(self, access: int, product: Product) -> tuple[int, ...]:
        """What a factor's vector is read from: offsets of its lanes."""
        _, base = product.place.cursors[access]
        return tuple(base + offset for offset in self._offsets(access, self.schedule.lanes, product.cell))

    def _factor(self, access: int, place: Place, cell: Cell) -> Value | None:
        """One operand's vector; None where all of it is padding."""
        valid = self._holds(self.accesses[access].guards, place, cell)
        if not any(valid):
            return None
        if self.schedule.sums_lanes:
            valid = _both(valid, self._holds(self.nest.bounds, place, cell))
        return self._load(access, self.schedule.lanes, place, cell, valid)

    # Lanes

    def _points_of_lanes(self) -> list[dict[str, int]]:
        """The lane axes' values in each lane of all pieces."""
        lanes = self.schedule.lanes
        values = itertools.product(*(range(self.nest.extents[axis]) for axis in lanes))
        return [dict(zip(lanes, point, strict=True)) for point in values]

    def _holds(self, constraints: Sequence[Constraint], place: Place, cell: Cell) -> list[bool]:
        """For each lane, whether it meets all those constraints that are settled while writing."""
        width, holds = self.schedule.width, [True] * self.schedule.width
        for constraint in constraints:
            axes = constraint.position.axes
            if constraint not in self.schedule.checked or not axes <= place.known.keys() | set(self.schedule.lanes):
                continue
            here = {axis: place.known[axis][0] + cell.point.get(axis, 0) for axis in axes & place.known.keys()}
            lanes = self.lane_points[cell.piece * width:][:width]
            holds = _both(holds, [constraint.holds({**here, **lane}) for lane in lanes])
        return holds

    def _exists(self, place: Place, cell: Cell) -> list[bool]:
        """The lanes of the output that exist."""
        parallel = [bound for bound in self.nest.bounds if not bound.position.axes & set(self.nest.reduced)]
        return self._holds(parallel, place, cell)[:1 if self.schedule.sums_lanes else None]

    def _offsets(self, access: int, lanes: Sequence[str], cell: Cell) -> list[int]:
        """Of each lane of the cell from the cursor."""
        width, address = self.schedule.width if lanes else 1, self.accesses[access].address
        base = sum(address.coefficient(axis) * offset for axis, offset in cell.point.items())
        return [base + offset for offset in self.lane_offsets[access][cell.piece * width:][:width]]

    def _holds_pad_lanes(self, access: int, lanes: Sequence[str]) -> bool:
        """Whether lanes past the end may be read, and written."""
        found = self.accesses[access]
        return all(axis in found.blocked for axis in lanes if found.address.coefficient(axis))

    def _load(self, access: int, lanes: Sequence[str], place: Place, cell: Cell, valid: Sequence[bool]) -> Value:
        """The lanes of the cell; 0 in lanes that are not valid, and in those that do not exist."""
        pointer, base = place.cursors[access]
        offsets = [base + offset for offset in self._offsets(access, lanes, cell)]
        if not self._holds_pad_lanes(access, lanes):
            valid = _both(valid, self._holds(self.nest.bounds, place, cell))
        key = (access, pointer.name, tuple(offsets), tuple(valid))
        if key not in self.loaded:
            self.loaded[key] = self._load_lanes(access, pointer, offsets, valid)
        return self.loaded[key]

    def _load_lanes(self, access: int, pointer: Value, offsets: Sequence[int], valid: Sequence[bool]) -> Value:
        width, first = len(offsets), offsets[0]
        element = self.elements[access]
        if all(offset == first for offset in offsets) and all(valid):
            return element.splat(self.builder, self._offset(access, pointer, first), width)
        if are_neighbours(offsets):
            self._prefetch(access, pointer, first)
            return element.load_lanes(self.builder, self._offset(access, pointer, first), valid)
        block = min(offsets) // width * width
        if max(offsets) < block + width and all(valid) and self._walks_blocks(access):
            whole = self._load_block(access, pointer, block)
            return self.builder.shuffle(whole, [offset - block for offset in offsets])
        return self._gather(access, pointer, offsets, valid)

    def _prefetch(self, access: int, pointer: Value, offset: int) -> None:
        """Of the weights, once for each cache line.  All columns of the tile together take a part of the first cache,
        which has to hold the rows, too."""
        itemsize = self.elements[access].bytes
        if self.schedule.streamed == access and offset * itemsize % CACHE_LINE == 0:
            lines = -(-self.columns * self.schedule.width * itemsize // CACHE_LINE)
            ahead = self.schedule.core.prefetched_bytes // (lines * CACHE_LINE) * CACHE_LINE
            self.builder.prefetch(self._offset(access, pointer, offset + ahead // itemsize))

    def _prefetch_rows(self, place: Place) -> None:
        """Of the broadcast operand, the lines that a later block of the walk reads: one for each row of the tile."""
        if self.schedule.rows_ahead is None:
            return
        access, ahead = self.schedule.rows_ahead
        pointer, base = place.cursors[access]
        for offset in sorted({self._offsets(access, (), cell)[0] for cell in self.cells}):
            self.builder.prefetch(self._offset(access, pointer, base + offset + ahead))

    def _walks_blocks(self, access: int) -> bool:
        """Whether lanes stay inside blocks of the layout, of which pointers that move only ever meet the start."""
        found, lanes = self.accesses[access], set(self.schedule.lanes)
        steps = [c for axis, c in found.address.terms if axis not in lanes | self.schedule.unrolled]
        return (all(number % self.schedule.width == 0 for number in (found.address.offset, *steps))
                and bool(lanes & found.blocked) and self._holds_pad_lanes(access, self.schedule.lanes))

    def _load_block(self, access: int, pointer: Value, start: int) -> Value:
        key = (access, pointer.name, start)
        if key not in self.loaded:
            place = self._offset(access, pointer, start)
            self.loaded[key] = self.elements[access].load(self.builder, place, self.schedule.width)
        return self.loaded[key]

    def _gather(self, access: int, pointer: Value, offsets: Sequence[int], valid: Sequence[bool]) -> Value:
        element = self.elements[access]
        vector = self.builder.zero(Type(element.register, len(offsets)))
        for lane, offset in enumerate(offsets):
            if valid[lane]:
                scalar = element.load(self.builder, self._offset(access, pointer, offset))
                vector = self.builder.insert(vector, scalar, lane)
        return vector

    # Epilogue

    def _finish(self, place: Place, sums: Sequence[Value]) -> None:
        self.loaded = {}
        first_output = self.nest.first_output
        place = replace(place, cursors={i: self._start(i, place) for i in range(2, len(self.accesses))})
        functions = VectorMath(self.builder)
        for cell, total in zip(self.cells, sums, strict=True):
            exists = self._exists(place, cell)
            operands = [self._load(i, self.output_lanes, place, cell, exists) for i in range(2, first_output)]
            results = self.epilogue(functions, total, *operands)
            results = results if isinstance(results, tuple) else (results,)
            for i, result in enumerate(results, start=first_output):
                self._store(i, place, cell, result, exists)

    def _store(self, access: int, place: Place, cell: Cell, value: Value, exists: Sequence[bool]) -> None:
        pointer, _ = place.cursors[access]
        offsets = self._offsets(access, self.output_lanes, cell)
        if self._holds_pad_lanes(access, self.output_lanes):
            exists = [True] * len(offsets)
        element = self.elements[access]
        if are_neighbours(offsets):
            element.store_lanes(self.builder, value, self._offset(access, pointer, offsets[0]), exists)
            return
        for lane, offset in enumerate(offsets):
            if exists[lane]:
                element.store_lane(self.builder, value, lane, self._offset(access, pointer, offset))


def _both(a: Sequence[bool], b: Sequence[bool]) -> list[bool]:
    """Lane by lane; of the sum of all lanes, one is left."""
    return [x and y for x, y in zip(a, b, strict=False)]
