"""Writes what copies rows of lhs into the panel of a job (`llvm_matrix_plan`): the depth in the order of rhs.

Rows whose window lies inside the image, which most do, are copied in runs as long as they lie in both; others tap by
tap, under masks, which leave zeros where there is no image.  Of pairs of columns the mask has a lane for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symc.codegen.llvm_builder import I64, Builder, Integer, Type, Value
from symc.codegen.llvm_matrix_plan import MatrixPlan
from symc.codegen.llvm_nest import Affine, Constraint

PIECE = 8                   # pairs that are copied at once: longer ones would cross cache lines, both there and here
VECTORS_UNROLLED = 16       # in one block
TAPS_UNROLLED = 5           # points of an axis with padding that are written out

Values = Mapping[str, Integer]
Places = tuple[Value, Value]        # in lhs, and in the panel


class PanelWriter:
    """image: where lhs begins.  panel: rows of `plan.stride` pairs."""

    def __init__(self, builder: Builder, plan: MatrixPlan, image: Value, panel: Value) -> None:
        self.builder, self.plan, self.image, self.panel = builder, plan, image, panel
        self.lhs, self.extents = plan.nest.lhs, plan.nest.extents
        self.depth = plan.product.depth[plan.rounds > 1:]
        self.last = self.depth[-1]
        self.guarded = [axis for axis in self.depth[:-1] if self._is_guarded(axis)]

    def _is_guarded(self, axis: str) -> bool:
        return any(axis in guard.position.axes for guard in self.lhs.guards)

    def copy_row(self, number: Integer, values: Values) -> None:
        """Row `number` of the job; values: of all axes but the depth, and of the round."""
        source = self.builder.opaque(self.builder.offset(self.image, self.lhs.address.at(values), "i32"))
        places = source, self.builder.offset(self.panel, number * self.plan.stride, "i32")
        axes, run = self._run()
        inside = self._all([self._stays_inside(guard, values) for guard in self.lhs.guards])
        if inside is None:
            self._copy_inside(axes, run, places)
            return
        is_inside = self.builder.convert("zext", inside, "i64")
        self.builder.loop(0, is_inside, 1, lambda *_: self._copy_inside(axes, run, places))
        self.builder.loop(is_inside, 1, 1, lambda *_: self._copy_under_masks(values, places))

    # Rows inside the image

    def _run(self) -> tuple[list[str], int]:
        """The axes that are left around the longest run that lies alike in both, and its pairs."""
        axes, run = list(self.depth), 1
        while axes and self.lhs.address.coefficient(axes[-1]) == self.plan.product.step_of(axes[-1]) == run:
            run *= self.extents[axes.pop()]
        return axes, run

    def _copy_inside(self, axes: Sequence[str], run: int, places: Places) -> list[Value]:
        if not axes:
            self._copy_run(run, places, None)
            return []
        axis, *inner = axes
        vectors = -(-run // PIECE) * self.plan.product.points(inner)
        unrolled = max(size for size in range(1, self.extents[axis] + 1)
                       if self.extents[axis] % size == 0 and (size == 1 or size * vectors <= VECTORS_UNROLLED))

        def points(first: Integer, _: list[Value]) -> list[Value]:
            for i in range(unrolled):
                self._copy_inside(inner, run, self._moved(places, axis, first + i))
            return []
        return self.builder.loop(0, self.extents[axis], unrolled, points)

    def _moved(self, places: Places, axis: str, index: Integer) -> Places:
        steps = self.lhs.address.coefficient(axis), self.plan.product.step_of(axis)
        source, target = (self.builder.offset(place, index * step, "i32")
                          for place, step in zip(places, steps, strict=True))
        return source, target

    def _copy_run(self, count: int, places: Places, mask: Value | None) -> None:
        """mask: whether lhs has the run, or which pairs of it."""
        for start in range(0, count, PIECE):
            type = Type("i32", min(PIECE, count - start))
            source, target = (self.builder.offset(place, start, "i32") for place in places)
            part = mask
            if mask is not None and mask.type.lanes > type.lanes:
                part = self.builder.shuffle(mask, range(start, start + type.lanes))
            self.builder.store(self.builder.load(source, type) if part is None else
                               self.builder.load_if(source, type, part), target)

    # Rows at the edges

    def _copy_under_masks(self, values: Values, places: Places) -> list[Value]:
        """Where windows leave the image along the last axis of the depth too, its points are lanes of a mask."""
        others = [axis for axis in self.depth[:-1] if axis not in self.guarded]
        mask = self._all([self._is_inside(guard, values) for guard in self._settled(values)])
        lanes = self._lanes_inside(values) if self._is_guarded(self.last) else None
        self._copy_points([*self.guarded, *others], lanes, values, places, mask)
        return []

    def _lanes_inside(self, values: Values) -> Value:
        """Of the points of the last axis, which are inside lhs."""
        found: Value | None = None
        for guard in self.lhs.guards:
            if step := guard.position.coefficient(self.last):
                assert guard.position.axes <= {*values, self.last}, "a window over two axes of the depth"
                count = self.extents[self.last]
                start = self.builder.splat(self.builder.like(guard.position.at(values), I64), count)
                positions = start + self.builder.integers([step * i for i in range(count)], "i64")
                inside = (positions >= 0) & (positions < guard.extent)
                found = inside if found is None else found & inside
        assert found is not None
        return found

    def _copy_points(self, axes: Sequence[str], lanes: Value | None, values: Values, places: Places,
                     mask: Value | None) -> None:
        """All points of `axes`, each a run of the last axis.  mask, lanes: whether lhs has them, and which of the run.
        """
        if not axes:
            self._copy_run(self.extents[self.last], places, self._joined(mask, lanes))
            return
        axis, *inner = axes
        extent = self.extents[axis]
        unrolled = extent if axis in self.guarded and extent <= TAPS_UNROLLED else 1

        def points(first: Integer, _: list[Value]) -> list[Value]:
            for i in range(unrolled):
                here = {**values, axis: first + i}
                found = [self._is_inside(guard, here) for guard in self._settled(here) if axis in guard.position.axes]
                self._copy_points(inner, lanes, here, self._moved(places, axis, first + i), self._all([mask, *found]))
            return []
        self.builder.loop(0, extent, unrolled, points)

    def _joined(self, mask: Value | None, lanes: Value | None) -> Value | None:
        """Both conditions for each lane, or one for all."""
        if mask is None or lanes is None:
            return lanes if mask is None else mask
        return self.builder.splat(mask, lanes.type.lanes) & lanes

    # Guards

    def _settled(self, values: Values) -> list[Constraint]:
        return [guard for guard in self.lhs.guards if guard.position.axes <= values.keys()]

    def _all(self, conditions: Sequence[Value | None]) -> Value | None:
        """Whether all hold; None: always."""
        found: Value | None = None
        for condition in conditions:
            if condition is not None:
                found = condition if found is None else found & condition
        return found

    def _is_inside(self, guard: Constraint, values: Values) -> Value | None:
        """Whether a position is inside lhs; None: always."""
        known = {axis: Affine(value) for axis, value in values.items() if isinstance(value, int)}
        return self._holds(Constraint(guard.position.substitute(known), guard.extent), values, (0, 0))

    def _stays_inside(self, guard: Constraint, values: Values) -> Value | None:
        """Whether the positions of all points of the depth are inside lhs; None: always."""
        ends = Affine(0, tuple((axis, c) for axis, c in guard.position.terms if axis in self.depth)).span(self.extents)
        rest = guard.position.substitute(dict.fromkeys(self.depth, Affine()))
        return self._holds(Constraint(rest, guard.extent), values, ends)

    def _holds(self, constraint: Constraint, values: Values, ends: tuple[int, int]) -> Value | None:
        """Whether the position is inside with either end added to it; None: always."""
        position = constraint.position
        low, high = (position.offset + least + end
                     for least, end in zip(position.span(self.extents), ends, strict=True))
        found = self.builder.like(position.at(values), I64)
        conditions = [] if low >= 0 else [found + ends[0] >= 0]
        if high >= constraint.extent:
            conditions.append(found + ends[1] < constraint.extent)
        return self._all(conditions)
