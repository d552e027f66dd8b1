"""Writes the jobs of a nest whose pairs are multiplied by the tiles of AMX: see `llvm_matrix_plan`.

The eight tiles are numbered: sums first, then those of lhs, then those of rhs.  A job configures and releases them, so
that kernels of several nests may have tiles of several sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from symc.codegen.llvm_builder import I64, POINTER, Builder, Integer, Type, Value
from symc.codegen.llvm_elements import Element
from symc.codegen.llvm_matrix_panel import PanelWriter
from symc.codegen.llvm_matrix_plan import PAIR_BYTES, TILES, MatrixPlan
from symc.codegen.llvm_matrix_product import LANES
from symc.codegen.llvm_place import Place
from symc.codegen.llvm_schedule import Core
from symc.codegen.llvm_tile import TileWriter

CONFIGURATION = 64      # bytes


@dataclass(frozen=True, slots=True)
class Job:
    """place: where the batch stands.  group: which of those that share the columns.  first, end: rows, in `tiles`."""

    place: Place
    group: Integer
    first: Integer
    end: Integer
    tiles: Integer


@dataclass(frozen=True, slots=True)
class Factors:
    """Numbers of the tiles that hold factors, and how many pairs these multiply."""

    left: Sequence[int]
    right: Sequence[int]
    pairs: int


class MatrixWriter(TileWriter):
    """Writes the jobs of `plan`; elements, pointers, epilogue: as of all tiles."""

    def __init__(self, builder: Builder, plan: MatrixPlan, core: Core, elements: Sequence[Element],
                 pointers: Sequence[Value], epilogue: Callable[..., object]) -> None:
        super().__init__(builder, plan.schedule(core), elements, pointers, epilogue)
        self.plan, self.product = plan, plan.product
        self.row_sums = plan.block[1] * LANES
        self.factors = self._factors()
        rows = plan.rows_of_job if plan.rounds > 1 else plan.block[0] * plan.height
        blocks = -(-plan.columns // plan.block[1]) if plan.rounds > 1 else 1
        self.sums_of_columns = rows * self.row_sums
        self.sums = self._memory(blocks * self.sums_of_columns, "float")
        self.panel = self.sums if plan.is_direct else self._memory(plan.panel, "i32")
        self.panel_writer = PanelWriter(builder, plan, pointers[0], self.panel)
        self.configuration = self._memory(CONFIGURATION, "i8")
        self.first_column: Integer = 0      # of the job
        column = sum(self.nest.rhs.address.coefficient(axis) for axis in self.product.columns)
        self.ahead = plan.block[1] * column     # pairs of rhs from some columns to the next
        self.write: Callable[[Place], object] = self._enter_tile

    def _factors(self) -> list[Factors]:
        """All sizes that are used."""
        sums = self.plan.block[0] * self.plan.block[1]
        own = self.plan.block[0] if self.plan.block[1] > 1 else TILES - 1 - sums
        return [Factors(range(sums, sums + own), range(sums + own, TILES), self.plan.step)]

    def _memory(self, count: int, element: str) -> Value:
        return self.builder.register(f"alloca [{count} x {element}], align 64", POINTER)

    # Jobs

    @property
    def jobs(self) -> int:
        return self.plan.jobs

    def write_job(self, number: Integer) -> None:
        job = self._job(number)
        self.first_column = job.group * self.plan.columns
        self._configure()
        if self.plan.rounds == 1:
            self._copy_rows(job, job.place)
            self._walk_columns(job, lambda place: self._write_blocks(job, place, self._write_outputs))
        else:
            self._walk_rounds(job)
        self._tile_instruction("tilerelease")

    def _job(self, number: Integer) -> Job:
        """Groups of columns outermost: their weights stay in the second cache while chunks of rows pass."""
        plan, values = self.plan, {}
        chunk, number = _digit(number, plan.chunks)
        for axis in reversed(self.product.batch):
            values[axis], number = _digit(number, self.nest.extents[axis])
        group, _ = _digit(number, plan.groups)
        first = chunk * plan.rows_of_job
        tiles: Integer = plan.tiles
        if plan.row_tiles % plan.tiles:
            tiles = self.builder.minimum(plan.row_tiles - chunk * plan.tiles, plan.tiles)
        end = self.builder.minimum(first + plan.rows_of_job, plan.all_rows)
        return Job(Place(values, {}), group, first, end, tiles)

    def _walk_rounds(self, job: Job) -> None:
        """All tiles add one round after the other to sums in memory; then these become outputs."""
        axis = self.product.depth[0]
        size = self.sums_of_columns * -(-self.plan.columns // self.plan.block[1])
        self.builder.loop(0, size, LANES, self._clear)

        def add(index: Integer, _: list[Value]) -> list[Value]:
            place = replace(job.place, values={**job.place.values, axis: index})
            self._copy_rows(job, place)
            self._walk_columns(replace(job, place=place), lambda here: self._write_blocks(job, here, None))
            return []
        self.builder.loop(0, self.plan.rounds, 1, add)
        self._walk_columns(job, lambda place: self._finish_rows(place, job.first, job.first, job.end))

    def _clear(self, index: Integer, _: list[Value]) -> list[Value]:
        self.builder.store(self.builder.zero(self.vector), self.builder.offset(self.sums, index, "float"))
        return []

    def _walk_columns(self, job: Job, write: Callable[[Place], None]) -> None:
        self.write = write
        self._walk_tiles(self.schedule.tilings, dict.fromkeys(self.product.columns, job.group), job.place)

    def _write_tile(self, place: Place) -> None:
        self.write(place)

    def _tile_sizes(self, extent: int, size: int) -> list[int]:
        """Whole ones first, so that groups of columns begin at multiples."""
        return [size] * (extent // size) + ([extent % size] if extent % size else [])

    # Tiles

    def _write_blocks(self, job: Job, place: Place, then: Callable[[Job, Place, Integer, int], None] | None) -> None:
        """All rows of the job by some columns: blocks of several tiles, and one by one what is left."""
        size = self.plan.block[0]
        whole = job.tiles // size * size
        bounds = [(0, whole, size), (whole, job.tiles, 1)]
        if isinstance(job.tiles, Value) and self.plan.row_tiles % size == self.plan.tiles % size == 0:
            bounds = [(0, job.tiles, size)]
        for low, high, count in bounds:
            def block(tile: Integer, _: list[Value], count: int = count) -> list[Value]:
                self._multiply_tiles(job, place, tile, count)
                if then is not None:
                    then(job, place, tile, count)
                return []
            self.builder.loop(low, high, count, block)

    def _multiply_tiles(self, job: Job, place: Place, tile: Integer, rows: int) -> None:
        """Sums of one block, over a round."""
        columns = self._columns_of(place)
        sums = {(i, j): i * columns + j for i in range(rows) for j in range(columns)}
        slots = {at: self._slot(place, tile, *at) for at in sums}
        for at, number in sums.items():
            if self.plan.rounds == 1:
                self._tile_instruction("tilezero", number)
            else:
                self._move("tileloadd64", number, slots[at], self.row_sums * PAIR_BYTES)
        self._add_products(self._left(job, place, tile, rows), self._right(place, columns))
        for at, number in sums.items():
            self._move("tilestored64", number, slots[at], self.row_sums * PAIR_BYTES)

    def _add_products(self, left: Sequence[Value], right: Sequence[Value]) -> None:
        """Those of a round."""
        def step(index: Integer, _: list[Value]) -> list[Value]:
            self._add_step(index, left, right)
            return []
        self.builder.loop(0, self.plan.steps, 1, step)

    def _add_step(self, index: Integer, left: Sequence[Value], right: Sequence[Value], size: int = 0) -> None:
        """The products of one step of the depth; factors that have no tile of their own share one.  size: which of
        `factors`."""
        tiles = self.factors[size]
        rows = [tiles.left[i % len(tiles.left)] for i in range(len(left))]
        columns = [tiles.right[j % len(tiles.right)] for j in range(len(right))]
        for i, start in enumerate(left):
            self._load_left(rows[i], start, index)
            for j, column in enumerate(right):
                if i == 0:
                    self._load_right(columns[j], column, index, tiles.pairs)
                self._tile_instruction("tdpbf16ps", i * len(right) + j, rows[i], columns[j])

    def _load_left(self, tile: int, start: Value, index: Integer) -> None:
        stride = self.nest.lhs.address.coefficient(self.product.rows[0]) if self.plan.is_direct else self.plan.stride
        self._move("tileloadd64", tile, self.builder.offset(start, index * self.plan.step, "i32"), stride * PAIR_BYTES)

    def _load_right(self, tile: int, start: Value, index: Integer, pairs: int) -> None:
        unit = self.product.unit
        place = self.builder.offset(start, index * (self.plan.step * unit), "i32")
        self._move("tileloadd64", tile, place, unit * PAIR_BYTES)
        if self.plan.asks_ahead:
            for line in range(pairs):
                self.builder.prefetch(self.builder.offset(place, self.ahead + line * unit, "i32"), 2)

    def _left(self, job: Job, place: Place, tile: Integer, count: int) -> list[Value]:
        """Where tiles of lhs begin."""
        height, stride = self.plan.height, self.plan.stride
        start = self.panel
        if self.plan.is_direct:
            row, = self.product.rows
            stride = self.nest.lhs.address.coefficient(row)
            start = self._offset(0, self.pointers[0], self.nest.lhs.address.at({**place.values, row: job.first}))
        start = self.builder.offset(start, tile * (height * stride), "i32")
        return [self.builder.offset(start, i * height * stride, "i32") for i in range(count)]

    def _right(self, place: Place, columns: int) -> list[Value]:
        address = self.nest.rhs.address
        start = self._offset(1, self.pointers[1], address.at(place.values))
        step = sum(address.coefficient(axis) for axis in self.product.columns)
        return [self._offset(1, start, j * step) for j in range(columns)]

    def _columns_of(self, place: Place) -> int:
        return next((place.known[axis][1] for axis in self.product.columns), 1)

    def _slot(self, place: Place, tile: Integer, row: int, column: int) -> Value:
        """Where a tile of sums lies."""
        tile = tile + row if self.plan.rounds > 1 else row
        start = self._sums_of(place, tile * self.plan.height)
        return self.builder.offset(start, column * LANES, "float")

    def _sums_of(self, place: Place, row: Integer) -> Value:
        """Of a row of the job, or where there are no rounds of the block, in the present columns."""
        number: Integer = row * self.row_sums
        if self.plan.rounds > 1:
            for axis in self.product.columns:
                first = place.values[axis] - self.first_column
                number = first // self.plan.block[1] * self.sums_of_columns + number
        return self.builder.offset(self.sums, number, "float")

    # Rows

    def _write_outputs(self, job: Job, place: Place, tile: Integer, count: int) -> None:
        first = job.first + tile * self.plan.height
        end = self.builder.minimum(first + count * self.plan.height, job.end)
        self._finish_rows(place, first, first, end)

    def _finish_rows(self, place: Place, origin: Integer, first: Integer, end: Integer) -> None:
        """Outputs of the rows from `first` on; their sums begin at row `origin`."""
        self._enter_tile(place)

        def row(number: Integer, values: Mapping[str, Integer]) -> None:
            self._finish(replace(place, values={**place.values, **values}), self._sums_of_row(place, number - origin))
        self._each_row(first, end, row)

    def _sums_of_row(self, place: Place, row: Integer) -> list[Value]:
        """Of all cells."""
        column, start = next(iter(self.product.columns), ""), self._sums_of(place, row)
        return [self.builder.load(self.builder.offset(start, cell.point.get(column, 0) * LANES, "float"), self.vector)
                for cell in self.cells]

    def _each_row(self, first: Integer, end: Integer, body: Callable[[Integer, Mapping[str, Integer]], None]) -> None:
        """body(row, the values of its axes): of the rows of a job, without a division for each."""
        rows = self.product.rows

        def step(row: Integer, digits: list[Value]) -> list[Value]:
            body(row, dict(zip(rows, digits, strict=True)))
            return self._next_row(digits)
        self.builder.loop(first, end, 1, step, self._digits_of(first))

    def _digits_of(self, row: Integer) -> list[Value]:
        digits: list[Value] = []
        for axis in reversed(self.product.rows[1:]):
            digit, row = _digit(row, self.nest.extents[axis])
            digits.insert(0, self.builder.like(digit, I64))
        return [self.builder.like(row, I64), *digits]

    def _next_row(self, digits: Sequence[Value]) -> list[Value]:
        """The values of the axes one row on."""
        moved: list[Value] = []
        carry: Integer = 1
        for axis, digit in reversed(list(zip(self.product.rows, digits, strict=True))):
            following = digit + carry
            if len(moved) < len(digits) - 1:
                wraps = following == self.nest.extents[axis]
                carry, following = self.builder.convert("zext", wraps, "i64"), self.builder.select(wraps, 0, following)
            moved.insert(0, following)
        return moved

    def _copy_rows(self, job: Job, place: Place) -> None:
        if not self.plan.is_direct:
            self._each_row(job.first, job.end, lambda row, values: self.panel_writer.copy_row(
                row - job.first, {**place.values, **values}))

    # Instructions

    def _configure(self) -> None:
        """The sizes of all tiles: sums and lhs have the rows of a tile, rhs the pairs of a step."""
        plan, whole = self.plan, 4 * LANES
        rows, row_bytes = [plan.height] * TILES, [whole] * TILES
        for factors in self.factors:
            for tile in factors.left:
                row_bytes[tile] = PAIR_BYTES * factors.pairs
            for tile in factors.right:
                rows[tile] = factors.pairs
        data = [1, *[0] * 15, *(byte for size in row_bytes for byte in (size, 0)), *[0] * 16, *rows, *[0] * 8]
        self.builder.store(self.builder.integers(data, "i8"), self.configuration)
        self._tile_instruction("ldtilecfg", self.configuration)

    def _tile_instruction(self, name: str, *operands: int | Value) -> None:
        self.builder.perform(f"llvm.x86.{name}", *(Value(self.builder, str(operand), Type("i8"))
                                                   if isinstance(operand, int) else operand for operand in operands))

    def _move(self, name: str, tile: int, pointer: Value, stride: int) -> None:
        """Load or store a tile whose lines are `stride` bytes apart."""
        self._tile_instruction(name, tile, pointer, self.builder.constant(stride, I64))


def _digit(number: Integer, extent: int) -> tuple[Integer, Integer]:
    """(the last digit, what is left)."""
    return (number % extent, number // extent) if extent > 1 else (0, number)
