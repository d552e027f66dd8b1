"""Images in Winograd's transformed tiles, as LLVM IR.

    void name(ptr image, ptr tiles, i64 begin, i64 end)

A job is a row of tiles of an image, or of a plane of a volume.  For some neighbouring tiles at a time, and one block
of 16 channels, columns of pixels are transformed into memory on the stack, [columns][points of a column][16], and the
lines of this into the points of the tiles: neighbours share columns, and no register has to be spilled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from symc.codegen.llvm_builder import POINTER, Builder, Integer, Type, Value
from symc.codegen.llvm_compile import LEVELS
from symc.codegen.llvm_contraction import write_jobs
from symc.ir.types import TensorType
from symc.ops.families.winograd import BLOCK, KERNEL, WinogradInput, times

FLOAT = "float"
ITEMSIZE = 4
TILES_AT_ONCE = 4       # whose columns stay in the first cache


def generate(op: WinogradInput, image: TensorType, name: str, level: str) -> tuple[str, int]:
    """A module with the kernel `name` for the CPU `level`, and its number of jobs.  image: blocked."""
    builder = Builder()
    writer = _RowWriter(builder, op, image, LEVELS[level].core.vector_bytes // ITEMSIZE)
    write_jobs(builder, [writer])
    builder.emit("ret void")
    header = f"void @{name}(ptr noalias readonly %image, ptr noalias %tiles, i64 %begin, i64 %end)"
    text = builder.function(header, "nounwind #0") + builder.declared() + LEVELS[level].attributes
    return text, writer.jobs


class _RowWriter:
    """Writes rows of tiles, in vectors of `width` channels."""

    def __init__(self, builder: Builder, op: WinogradInput, image: TensorType, width: int) -> None:
        self.builder, self.op, self.tiles, self.width = builder, op, op.tiles(image), width
        _, channels, *planes, self.height, self.line = image.dims
        self.planes = math.prod(planes)
        self.blocks, self.side = -(-channels // BLOCK), range(op.tile + KERNEL - 1)
        self.matrix = self.tiles.transforms.image
        columns = min(TILES_AT_ONCE, self.tiles.columns) * op.tile + KERNEL - 1
        self.columns = builder.register(f"alloca [{columns * len(self.side) * BLOCK} x {FLOAT}], align 64", POINTER)
        self.image, self.output = Value(builder, "%image", POINTER), Value(builder, "%tiles", POINTER)

    @property
    def jobs(self) -> int:
        return self.tiles.all_rows

    def write_job(self, number: Integer) -> None:
        tiles = self.tiles
        row = number % tiles.rows_of_image
        image = number // tiles.rows_of_image
        plane = image // self.planes * (self.blocks * self.planes) + image % self.planes if self.planes > 1 \
            else image * self.blocks
        lines = plane * self.height + row * self.op.tile + -self.op.pad[0]
        chunk, first = number // tiles.rows, number % tiles.rows * tiles.columns
        place = chunk * (tiles.transforms.points * tiles.of_chunk) + first
        for rows, inside in self._alike():
            def of_row(_: Integer, inside: Sequence[bool] = inside) -> None:
                self._write_row(lines, place, inside)
            self._loop(self.builder.maximum(row, rows.start), self.builder.minimum(row + 1, rows.stop), of_row)

    def _alike(self) -> Iterator[tuple[range, list[bool]]]:
        """Rows of tiles of an image by which of their lines of pixels lie inside."""
        rows = range(self.tiles.rows_of_image)
        first = [row * self.op.tile - self.op.pad[0] for row in rows]

        def inside_of(row: int) -> list[bool]:
            return [0 <= first[row] + i < self.height for i in self.side]
        for inside, group in itertools.groupby(rows, inside_of):
            found = list(group)
            yield range(found[0], found[-1] + 1), inside

    def _write_row(self, line: Integer, place: Integer, inside: Sequence[bool]) -> None:
        """line: the first, counted through the first blocks of all images.  place: of the first tile."""
        size, all_tiles = self.op.tile, self.tiles.columns

        def some(first: Integer) -> None:
            count = self.builder.minimum(all_tiles - first, TILES_AT_ONCE)

            def of_block(block: Integer) -> None:
                image = self._at(self.image, (block * (self.planes * self.height) + line) * (self.line * BLOCK))
                self._write_columns(image, first * size + -self.op.pad[1], count * size + (KERNEL - 1), inside)
                output = self._at(self.output, (place + first) * (self.blocks * BLOCK) + block * BLOCK)

                def tile(number: Integer) -> None:
                    columns = self._at(self.columns, number * (size * len(self.side) * BLOCK))
                    self._write_tile(columns, self._at(output, number * (self.blocks * BLOCK)))
                self._loop(0, count, tile)
            self._loop(0, self.blocks, of_block)
        self._loop(0, all_tiles, some, TILES_AT_ONCE)

    def _write_columns(self, image: Value, x: Integer, count: Integer, inside: Sequence[bool]) -> None:
        """Transform `count` columns of pixels, of which the first is `x`; zeros where there are none."""
        low = self.builder.minimum(self.builder.maximum(0 - x, 0), count)
        high = self.builder.maximum(self.builder.minimum(self.line - x, count), low)
        nothing = [False] * len(inside)
        for begin, end, lines in ((0, low, nothing), (low, high, inside), (high, count, nothing)):
            def column(number: Integer, lines: Sequence[bool] = lines) -> None:
                self._write_column(self._at(image, (number + x) * BLOCK), number, lines)
            self._loop(begin, end, column)

    def _write_column(self, pixels: Value, number: Integer, inside: Sequence[bool]) -> None:
        columns = self._at(self.columns, number * (len(self.side) * BLOCK))
        for lane in range(0, BLOCK, self.width):
            values = [self._load(pixels, i * self.line * BLOCK + lane) if there else None
                      for i, there in enumerate(inside)]
            self._store(columns, lane, BLOCK, values)

    def _write_tile(self, columns: Value, output: Value) -> None:
        step = self.tiles.of_chunk * self.blocks * BLOCK
        for i, lane in itertools.product(self.side, range(0, BLOCK, self.width)):
            values = [self._load(columns, (j * len(self.side) + i) * BLOCK + lane) for j in self.side]
            self._store(output, i * len(self.side) * step + lane, step, values)

    def _store(self, pointer: Value, first: int, step: int, values: Sequence[Value | None]) -> None:
        """The transform of `values`, `step` apart; None counts as 0."""
        for i, value in enumerate(times(self.matrix, values)):
            vector = self.builder.zero(Type(FLOAT, self.width)) if value is None else value
            self.builder.store(vector, self.builder.offset(pointer, first + i * step, FLOAT))

    def _load(self, start: Value, offset: int) -> Value:
        return self.builder.load(self.builder.offset(start, offset, FLOAT), Type(FLOAT, self.width))

    def _at(self, pointer: Value, elements: Integer) -> Value:
        return self.builder.opaque(self.builder.offset(pointer, elements, FLOAT))

    def _loop(self, begin: Integer, end: Integer, body: Callable[[Integer], None], step: int = 1) -> None:
        def round(number: Integer, _: list[Value]) -> list[Value]:
            body(number)
            return []
        self.builder.loop(begin, end, step, round)
