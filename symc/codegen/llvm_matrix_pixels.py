"""Writes the jobs of products whose rows are windows over a panel of pixels: see `llvm_matrix_lines`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from symc.codegen.llvm_builder import I64, Integer, Value
from symc.codegen.llvm_matrix import Factors, Job, MatrixWriter
from symc.codegen.llvm_matrix_lines import BLOCK, Lines
from symc.codegen.llvm_matrix_pixel_panel import PixelPanelWriter, digits_of, each_line
from symc.codegen.llvm_matrix_plan import PAIR_BYTES, TILES
from symc.codegen.llvm_place import Place

TAPS_UNROLLED = 9


class PixelWriter(MatrixWriter):
    """The same jobs, with rows of pixels."""

    @property
    def lines(self) -> Lines:
        assert self.plan.lines is not None
        return self.plan.lines

    # Products

    def _write_blocks(self, job: Job, place: Place, then: Callable[[Job, Place, Integer, int], None] | None) -> None:
        """All of one size: the last of the image has rows too many, which nobody reads."""
        size = self.plan.block[0]

        def block(tile: Integer, _: list[Value]) -> list[Value]:
            self._multiply_tiles(job, place, tile, size)
            if then is not None:
                then(job, place, tile, size)
            return []
        self.builder.loop(0, job.tiles, size, block)

    def _left(self, job: Job, place: Place, tile: Integer, count: int) -> list[Value]:
        step = self.plan.height * self.lines.pixel
        start = self.builder.offset(self.panel, tile * step, "i32")
        return [self.builder.offset(start, i * step, "i32") for i in range(count)]

    def _factors(self) -> list[Factors]:
        """Of lines of two taps, and of the one that is left of an odd number."""
        if not self.lines.has_odd_taps:
            return super()._factors()
        sums = self.plan.block[0] * self.plan.block[1]
        return [Factors(range(sums, TILES - 3), [TILES - 3], self.plan.step),
                Factors([TILES - 2], [TILES - 1], BLOCK)]

    def _add_products(self, left: Sequence[Value], right: Sequence[Value]) -> None:
        """Planes, then taps: what windows share of a plane stays in the first cache."""
        lines = self.lines
        axes = [(self.nest.extents[axis], lines.pixel * distance) for axis, distance in lines.taps.items()]

        def walk(axes: Sequence[tuple[int, int]], start: Integer, number: Integer) -> None:
            """start: in the panel.  number: of the tap."""
            points = math.prod(extent for extent, _ in axes)
            if points <= TAPS_UNROLLED or len(axes) == 1:
                self._add_taps(left, right, start, number, [range(0, step * extent, step) for extent, step in axes])
                return
            (extent, step), *inner = axes

            def point(index: Integer, _: list[Value]) -> list[Value]:
                walk(inner, index * step + start, index * (points // extent) + number)
                return []
            self.builder.loop(0, extent, 1, point)

        def plane(index: Integer, _: list[Value]) -> list[Value]:
            walk(axes, index * (self.plan.pixels * lines.pixel), index * lines.points)
            return []
        self.builder.loop(0, lines.planes, 1, plane)

    def _add_taps(self, left: Sequence[Value], right: Sequence[Value], start: Integer, number: Integer,
                  distances: Sequence[range]) -> None:
        """Steps that are written out: of one tap, or of two."""
        unit = self.lines.pixel * self.product.unit
        rows = [self.builder.offset(one, start, "i32") for one in left]
        columns = [self.builder.offset(one, number * unit, "i32") for one in right]
        together = 1 if self.lines.half else 2
        for i, offsets in enumerate(itertools.product(*distances)):
            place = offsets[-1] // distances[-1].step if offsets else 0
            if place % together == 0:
                is_alone = together > 1 and place == len(distances[-1]) - 1
                self._add_step(0, [self.builder.offset(one, sum(offsets), "i32") for one in rows],
                               [self.builder.offset(one, i * unit, "i32") for one in columns], int(is_alone))

    def _load_left(self, tile: int, start: Value, index: Integer) -> None:
        self._move("tileloadd64", tile, start, self.lines.pixel * PAIR_BYTES)

    # Outputs

    def _finish_rows(self, place: Place, origin: Integer, first: Integer, end: Integer) -> None:
        """Line by line, of which the last rows are no outputs."""
        self._enter_tile(place)
        *outer, last = self.lines.sides

        def write(line: Integer, start: Integer, low: Integer, high: Integer) -> None:
            high = self.builder.minimum(high, last.outputs)
            values = {**place.values}
            for side, digit in digits_of(outer, line):
                values[side.axis] = digit
                if side is not outer[0] and side.pitch > side.outputs:
                    high = self.builder.select(self.builder.like(digit, I64) < side.outputs, high, 0)

            def row(point: Integer, _: list[Value]) -> list[Value]:
                self._finish(replace(place, values={**values, last.axis: point}),
                             self._sums_of_row(place, start + point - origin))
                return []
            self.builder.loop(low, high, 1, row)
        each_line(self.builder, self.lines, first, end, write)

    # Panels

    def _copy_rows(self, job: Job, place: Place) -> None:
        PixelPanelWriter(self.builder, self.plan, self.lines, self.pointers[0], self.panel).copy(job.first, place)
