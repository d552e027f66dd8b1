"""Contractions of few rows or columns on a GPU: products of matrices with vectors, gradients of weights channel by
channel.

Lanes walk what is summed, as in other reductions, but have several results each: what these share is loaded once, and
where it lies is found once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_contraction import only_contraction, output_indices, results_of
from symc.codegen.tir_grid_load import FAR, Walk, walks
from symc.codegen.tir_grid_merge import Lanes, Split
from symc.codegen.tir_grid_parts import BUSY, LEAST_PARTS, LEAST_STEPS, WALK
from symc.codegen.tir_grid_reduce import stores_of, unravelled
from symc.codegen.tir_grid_tile import PART, Parts, Sides
from symc.codegen.tir_grid_window import MOST_TERMS, simplified
from symc.codegen.tir_machine import THREADS, WARP, Launch, launched
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_monoid import Monoid
from symc.codegen.tir_space import Loop
from symc.frontend.te import Product, TensorExpressions, operand
from symc.frontend.te_math import Expr, Scalar, cast, evaluating, literal
from symc.ir.types import DType
from symc.ops.contraction import Contraction

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan

ENOUGH = 1 << 14        # threads, with fewer of which results are summed by themselves
MOST_EACH = 8           # results of a thread along the longer side
MOST_TAPS = 32          # of windows, of which a thread has all
NEAR = 4                # elements between neighbours of a sum, within which memory is said to run along it


@dataclass(frozen=True)
class Thin:
    """How a contraction is cut.  side: 'm' or 'n', along which a thread has `each` results, and all of the other."""

    sides: Sides
    side: str
    each: int

    @property
    def rows(self) -> int:
        """How many threads with results of their own, if each had one lane."""
        return self.sides.size("b") * self.sides.size(self.side) // self.each

    @property
    def split(self) -> Split:
        """A warp or more for a row, while threads are few and each has some steps."""
        lanes, terms = WARP, self.sides.size("k")
        while lanes < THREADS and self.rows * lanes < BUSY and 2 * lanes * LEAST_STEPS <= terms:
            lanes *= 2
        return Split(lanes, THREADS // lanes, along=True)


def thin_of(fresh: Callable[[], Emitter], product: Product) -> Thin | None:
    """How a contraction is cut that has few rows or columns, more terms than a thread writes out, and in memory the
    terms of a sum side by side; None: it is another one, or has too few results for a thread to have several."""
    sides = Sides.of(product.spec)
    side = max("mn", key=sides.size)
    if sides.is_tiled or sides.size("k") <= MOST_TERMS or sides.size(side) == 1 or not _runs_along_sum(
            fresh, product, sides, "mn".index(side)):
        return None
    terms, longest = sides.size("k"), MOST_TAPS if _is_window(product.spec, sides, side) else MOST_EACH
    for each in range(min(longest, sides.size(side)), 1, -1):
        thin = Thin(sides, side, each)
        if sides.size(side) % each == 0 and thin.rows * max(WARP, terms // LEAST_STEPS) >= ENOUGH:
            return thin
    return None


def _is_window(spec: Contraction, sides: Sides, side: str) -> bool:
    """Whether elements are found by a place of the side and one of the sum together."""
    mine, summed = ({name for name, extent in sides.axes[key] if extent > 1} for key in (side, "k"))
    indices = ({name for name, _ in index.terms} for index in (*spec.lhs, *spec.rhs))
    return any(names & mine and names & summed for names in indices)


def _runs_along_sum(fresh: Callable[[], Emitter], product: Product, sides: Sides, number: int) -> bool:
    te = TensorExpressions()
    found, loops, _ = walks(fresh, sides, lambda _, at: ([operand(te, product, number, at)], []))
    steps = [abs(access.steps[loops[name]] or FAR) for access in found.accesses
             for name, extent in sides.axes["k"] if extent > 1]
    return min(steps, default=FAR) <= NEAR


def parts_of_thin(thin: Thin) -> Parts | None:
    """In how many parts the sums are made; None: in one.  As `tir_grid_parts.part_of` has it of other reductions; parts
    are equal."""
    lanes = thin.split.lanes
    steps = thin.sides.size("k") // lanes
    most = min(BUSY // (thin.rows * lanes), steps // LEAST_STEPS)
    if steps <= WALK or most < LEAST_PARTS or PART in dict(thin.sides.axes["b"]):
        return None
    choices = [Parts(axis, count, extent // count) for axis, extent in thin.sides.axes["k"]
               for count in range(LEAST_PARTS, most + 1) if extent % count == 0]
    return max(choices, default=None, key=lambda parts: parts.count)


def thin_kernel(plan: GroupPlan, cluster: Cluster, thin: Thin, symbol: str) -> TirKernel:
    """One kernel for the contraction of a cluster and what follows from it."""
    split = thin.split
    launch = Launch(-(-thin.rows // split.rows), split.threads)
    emitter = plan.emitter()
    with evaluating(emitter), launched(emitter, launch) as (block, thread):
        place = emitter.name_index("q", thread // split.lanes, split.rows)
        lane = emitter.name_index("l", thread % split.lanes, split.lanes)
        writer = _Writer(plan, cluster, emitter, thin, lane)
        read = writer.write(block * split.rows + place, place)
    used = [*emitter.used, *(buffer for stage in cluster.stages for buffer in stage.buffers)]
    return kernel_of(emitter, symbol, plan.parameters(used), launch.blocks, launch, read)


class _Writer:
    """lane: of the thread, among those that share its results."""

    def __init__(self, plan: GroupPlan, cluster: Cluster, emitter: Emitter, thin: Thin, lane: Any) -> None:
        total = only_contraction(cluster)
        assert total is not None and total.product is not None
        self.cluster, self.emitter, self.thin, self.total, self.lane = cluster, emitter, thin, total, lane
        inputs = total.product.inputs
        self.product = Product(total.product.spec, (simplified(emitter, inputs[0]), simplified(emitter, inputs[1])))
        self.walk = self._walk(plan)

    def _walk(self, plan: GroupPlan) -> Walk:
        te, product = TensorExpressions(), self.product

        def body(_: Emitter, at: dict[str, Any]) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
            return [operand(te, product, number, at) for number in (0, 1)], []
        _, _, found = walks(plan.emitter, self.thin.sides, body)
        return found["k"]

    def write(self, row: Any, place: Any) -> list[Buffer]:
        """Write the kernel for a row and its place in the block; the buffers of its operands, which it does not
        write."""
        emitter, count, rows = self.emitter, self.thin.rows, self.thin.split.rows
        exists = None
        if count % rows:        # the last block goes along at the last row, for the sake of barriers
            exists = tirx.LT(row, emitter.constant(count))
            row = tirx.min(row, emitter.constant(count - 1))
        points = list(self._points(emitter.name_index("row", row, count)))
        sums = self._sums(points)
        read = list(emitter.used)
        rule = _all_sums(self.total.element_dtype, len(sums))
        merged = Lanes(emitter, self.thin.split, place, self.lane).merged(rule, sums)
        values = [emitter.now(value) for value in merged]
        first = tirx.EQ(self.lane, emitter.constant(0))
        with emitter.all_hold([first] if exists is None else [first, exists]):
            for point, value in zip(points, values, strict=True):
                self._store(point, value)
        return read

    def _points(self, row: Any) -> Iterator[dict[str, Any]]:
        """Where the axes of the output stand for each of a thread's results."""
        emitter, thin = self.emitter, self.thin
        groups = thin.sides.size(thin.side) // thin.each
        at = self._places("b", emitter.simplify(row // groups))
        group, other = emitter.name_index("g", row % groups, groups), "n" if thin.side == "m" else "m"
        for number in range(thin.each):
            own = self._places(thin.side, emitter.simplify(group * thin.each + number))
            for rest in range(thin.sides.size(other)):
                yield at | own | self._places(other, emitter.constant(rest))

    def _places(self, side: str, number: Any) -> dict[str, Any]:
        loops = [Loop(name, extent) for name, extent in self.thin.sides.axes[side]]
        return {loop.name: place for loop, place in unravelled(self.emitter, number, loops).items()}

    def _sums(self, points: Sequence[Mapping[str, Any]]) -> list[Cells]:
        """What this lane sums of each result."""
        emitter, dtype, lanes = self.emitter, self.total.element_dtype, self.thin.split.lanes
        sums = [emitter.cells(dtype, 1) for _ in points]
        emitter.write_all(sums, [literal(0, dtype)] * len(sums))
        size, te = self.thin.sides.size("k"), TensorExpressions()
        with emitter.loop("t", -(-size // lanes)) as turn:
            number = emitter.simplify(turn * lanes + self.lane)
            with emitter.all_hold([tirx.LT(number, emitter.constant(size))] if size % lanes else []):
                here = self.walk.axes(emitter, emitter.name_index("k", number, size), size)
                values = []
                for point, cells in zip(points, sums, strict=True):
                    left, right = (cast(operand(te, self.product, side, {**point, **here}), dtype) for side in (0, 1))
                    values.append(emitter.read(cells, 0, 1) + left * right)
                emitter.write_all(sums, values)
        return sums

    def _store(self, at: dict[str, Any], value: Scalar) -> None:
        emitter, total = self.emitter, self.total
        with emitter.block():
            emitter.provide(total, lambda _: value)
            indices = output_indices(self.product.spec, at)
            for stage, place, result in results_of(emitter, self.cluster, total, value, indices):
                emitter.settle([result])
                for buffer, index in stores_of(emitter, stage, place):
                    emitter.store(buffer, index, result)


def _all_sums(dtype: DType, count: int) -> Monoid:
    """Several sums as one state."""
    return Monoid((dtype,) * count, lambda lanes: (literal(0, dtype, lanes),) * count,
                  lambda state, element, _: tuple(value + element for value in state),
                  lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True)), lambda state: state[0])
