"""Writes what copies an image into the panel of pixels of a job (`llvm_matrix_lines`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symc.codegen.llvm_builder import I64, Builder, Integer, Type, Value
from symc.codegen.llvm_matrix_lines import BLOCK, Lines, Side
from symc.codegen.llvm_matrix_plan import MatrixPlan
from symc.codegen.llvm_place import Place

PIXELS_UNROLLED = 4


class PixelPanelWriter:
    """image: where lhs begins.  panel: planes of `plan.pixels` pixels."""

    def __init__(self, builder: Builder, plan: MatrixPlan, lines: Lines, image: Value, panel: Value) -> None:
        self.builder, self.plan, self.lines, self.image, self.panel = builder, plan, lines, image, panel

    def copy(self, first: Integer, place: Place) -> None:
        """The pixels of the job whose first row is `first`; place: where the batch stands."""
        lines = self.lines
        end = self.builder.minimum(first + self.plan.pixels, lines.rows + lines.halo)

        def copy_line(line: Integer, start: Integer, low: Integer, high: Integer) -> None:
            digits = digits_of(lines.sides[:-1], line)
            values = {**place.values, **{side.axis: digit for side, digit in digits}}
            source = self.builder.offset(self.image, self.plan.nest.lhs.address.at(values), "i32")
            target = self.builder.offset(self.panel, (start - first) * lines.pixel, "i32")
            self._copy_planes(source, target, low, *self._inside(digits, low, high), high)
        each_line(self.builder, lines, first, end, copy_line)

    def _inside(self, digits: Sequence[tuple[Side, Integer]], low: Integer, high: Integer) -> tuple[Integer, Integer]:
        """Which of the points from `low` to `high` of a line are inside the image."""
        last, builder = self.lines.sides[-1], self.builder
        begin, end = low, high
        if last.is_padded:
            begin, end = (builder.minimum(builder.maximum(bound, low), high)
                          for bound in (last.before, last.before + last.extent))
        for side, digit in digits:
            if side.is_padded:
                point = digit - side.before
                inside = (builder.like(point, I64) >= 0) & (builder.like(point, I64) < side.extent)
                end = builder.select(inside, end, begin)
        return begin, end

    def _copy_planes(self, source: Value, target: Value, low: Integer, begin: Integer, end: Integer,
                     high: Integer) -> None:
        """Points `begin` to `end` of a line, and zeros from `low` and to `high`."""
        pixel, step = self.lines.pixel, self._step_of_planes()

        def plane(index: Integer, _: list[Value]) -> list[Value]:
            image = self.builder.offset(source, index * step, "i32")
            pixels = self.builder.offset(target, index * (self.plan.pixels * pixel), "i32")

            def clear(point: Integer) -> None:
                zeros = self.builder.zero(Type("i32", pixel))
                self.builder.store(zeros, self.builder.offset(pixels, point * pixel, "i32"))

            def copy(point: Integer) -> None:
                found = self._pixel(self.builder.offset(image, point * BLOCK, "i32"))
                self.builder.store(found, self.builder.offset(pixels, point * pixel, "i32"))
            if any(side.is_padded for side in self.lines.sides):
                self._each(low, begin, 1, clear)
                self._each(end, high, 1, clear)
            whole = begin + (end - begin) // PIXELS_UNROLLED * PIXELS_UNROLLED
            self._each(begin, whole, PIXELS_UNROLLED, copy)
            self._each(whole, end, 1, copy)
            return []
        self.builder.loop(0, self.lines.planes, 1, plane)

    def _step_of_planes(self) -> int:
        """Pairs of lhs."""
        return self.plan.nest.lhs.address.coefficient(self.lines.blocks) if self.lines.blocks else 0

    def _pixel(self, start: Value) -> Value:
        """All channels of a plane."""
        block = Type("i32", BLOCK)
        first = self.builder.load(start, block)
        if not self.lines.half:
            return first
        second = self.builder.load(self.builder.offset(start, self.lines.half, "i32"), block)
        return self.builder.shuffle(first, range(2 * BLOCK), second)

    def _each(self, low: Integer, high: Integer, unrolled: int, body: Callable[[Integer], None]) -> None:
        def points(first: Integer, _: list[Value]) -> list[Value]:
            for i in range(unrolled):
                body(first + i)
            return []
        self.builder.loop(low, high, unrolled, points)


def each_line(builder: Builder, lines: Lines, first: Integer, end: Integer,
              body: Callable[[Integer, Integer, Integer, Integer], None]) -> None:
    """body(line, its first pixel, low, high): of the pixels from `first` to `end`, which lines have which points."""
    pitch = lines.sides[-1].pitch
    if len(lines.sides) == 1:
        body(0, 0, first, end)
        return

    def step(line: Integer, _: list[Value]) -> list[Value]:
        start = line * pitch
        body(line, start, builder.maximum(first - start, 0), builder.minimum(end - start, pitch))
        return []
    builder.loop(first // pitch, (end + (pitch - 1)) // pitch, 1, step)


def digits_of(sides: Sequence[Side], line: Integer) -> list[tuple[Side, Integer]]:
    """A line's points along all sides but the last."""
    found: list[tuple[Side, Integer]] = []
    for i, side in reversed(list(enumerate(sides))):
        digit = line % side.pitch if i else line
        found.append((side, digit))
        line = line // side.pitch if i else 0
    return found
