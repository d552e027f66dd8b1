"""Reductions on a GPU, and what is computed from them row by row.

Rows are what the reductions keep.  Lanes, 1 to a whole block of threads, take the elements of a row in turn; their
results are merged by shuffles within a warp, and through shared memory between warps.  Where memory runs along the
rows, neighbouring threads have neighbouring rows instead, and lanes are merged through shared memory.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_keep import KeepingEmitter, loads_of, replaced, worth_keeping
from symc.codegen.tir_grid_merge import Lanes, Split
from symc.codegen.tir_index import flat_index
from symc.codegen.tir_machine import THREADS, WARP, Launch, launched
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_monoid import Monoid, monoid
from symc.codegen.tir_space import Analysis, Loop, Places, Space, analyse, expanded, merged_as_found, space
from symc.frontend.te import Reduced
from symc.frontend.te_math import Expr, Indices, Scalar, evaluating
from symc.ir.types import DType

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan, Stage

FEW_STEPS = 32          # of a reduction that one thread does alone
ENOUGH_ROWS = 1 << 15   # with so many, each thread takes a row where memory runs along rows
FEW_ROWS = 64
MANY_ROWS = 1 << 10     # with so many, warps that have a row each keep a large GPU busy
MOST_IN_WARP = 1024     # elements of a row that a warp reduces, where there are more rows


def reduction_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One kernel for the reductions of a cluster and the results that follow from them."""
    return _GridRows(plan, cluster).kernel(symbol)


@dataclass(eq=False)
class _Part:
    """A stage; inner: its loops besides the rows', in the order in which memory runs."""

    stage: Stage
    outer: Space
    reduced: Space | None
    inner: list[Loop]
    found: Analysis

    @property
    def size(self) -> int:
        return math.prod(loop.extent for loop in self.inner)


class _GridRows:
    def __init__(self, plan: GroupPlan, cluster: Cluster) -> None:
        assert cluster.row is not None
        self.plan, self.cluster = plan, cluster
        self.own = {stage.tensor for stage in cluster.stages if isinstance(stage.tensor, Reduced)}
        self.rows = space(tuple(extent for extent in cluster.row if extent != 1), (), "n")
        self.count = math.prod(self.rows.shape)
        self.parts = [self._part(stage) for stage in cluster.stages]
        self.split = split_of(self.parts, self.rows, self.count)

    def _part(self, stage: Stage) -> _Part:
        """The loops of a stage; what it reads decides their order."""
        form = stage.form
        axes = list(space(form.shape, (), "e").axes)
        for row, axis in enumerate(stage.rows):
            axes[axis] = self.rows.axes[row]
        outer = Space(form.shape, tuple(axes))
        mine = {loop for axis in self.rows.axes for loop in axis}
        reduced = space(form.extents, (), "r") if isinstance(form, Reduced) else None
        inner = [loop for loop in (reduced or outer).loops() if loop not in mine and loop.extent != 1]
        found = self._analyse(stage, outer, reduced)
        inner.sort(key=lambda loop: -_longest_step(found, loop))
        if not isinstance(form, Reduced) or form.total is None:
            inner = merged_as_found(inner, [found], lambda walk: [self._analyse(stage, outer, reduced, walk)])
        return _Part(stage, outer, reduced, inner, found)

    def _analyse(self, stage: Stage, outer: Space, reduced: Space | None, walk: Sequence[Loop] = ()) -> Analysis:
        """What an element reads and writes, under the loops of its axes, or those of `walk` that stand for some."""
        emitter = self.plan.emitter()

        def demanded(tensor: Reduced, indices: Indices) -> Scalar:
            emitter.demands.append((tensor, indices))
            return emitter.unknown(tensor.dtype, indices)
        for tensor in self.own:
            emitter.provide(tensor, partial(demanded, tensor))
        loops = [loop for axis in (*outer.axes, *(reduced.axes if reduced else ())) for loop in axis]

        members = {member for loop in walk for member in loop.members}
        loops = [*(loop for loop in loops if loop not in members), *walk]

        def body(places: Places) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
            places = expanded(places, walk)
            stores = stores_of(emitter, stage, outer.indices(places))
            return self.values(emitter, stage, outer, reduced, places), stores
        with evaluating(emitter):
            return analyse(emitter, list(dict.fromkeys(loops)), body)

    def values(self, emitter: Emitter, stage: Stage, outer: Space, reduced: Space | None,
               places: Places) -> list[Scalar]:
        """What is stored, or reduced, of a stage at a place."""
        if reduced is None:
            return [emitter.compute(stage.tensor, outer.indices(places))]
        assert isinstance(stage.form, Reduced)
        return [stage.form.body(*outer.indices(places)).element(*reduced.indices(places))]

    def kernel(self, symbol: str) -> TirKernel:
        emitter, split = self.plan.informed(KeepingEmitter(self.plan.index_dtype)), self.split
        launch = Launch(-(-self.count // split.rows), split.threads)
        with evaluating(emitter), launched(emitter, launch) as (block, thread):
            row, lane = self._place(emitter, thread)
            _RowWriter(self, emitter, block * split.rows + row, row, lane).write()
        used = [*emitter.used, *(buffer for stage in self.cluster.stages for buffer in stage.buffers)]
        return kernel_of(emitter, symbol, self.plan.parameters(used), launch.blocks, launch)

    def _place(self, emitter: Emitter, thread: Any) -> tuple[Any, Any]:
        """The row of a thread in its block, and its lane."""
        lanes, rows = self.split.lanes, self.split.rows
        if self.split.along:
            return emitter.name_index("q", thread // lanes, rows), emitter.name_index("l", thread % lanes, lanes)
        return emitter.name_index("q", thread % rows, rows), emitter.name_index("l", thread // rows, lanes)


class _RowWriter:
    """Writes the stages for the row of a thread.  row: its number in all; place: in the block."""

    def __init__(self, rows: _GridRows, emitter: KeepingEmitter, row: Any, place: Any, lane: Any) -> None:
        self.rows, self.emitter, self.lane = rows, emitter, lane
        self.lanes = Lanes(emitter, rows.split, place, lane)
        self.exists = None
        if rows.count % rows.split.rows:        # the last block goes along at the last row, for the sake of barriers
            self.exists = tirx.LT(row, emitter.constant(rows.count))
            row = tirx.min(row, emitter.constant(rows.count - 1))
        number = emitter.name_index("row", row, rows.count)
        self.base = unravelled(emitter, number, [axis[0] for axis in rows.rows.axes])
        extents = max((_extents(part) for part in rows.parts), key=math.prod)
        self.alike = [part for part in rows.parts if _extents(part) == extents]     # passes over the same elements
        self.places = [emitter.known(tirx.Var(f"k{n}", emitter.index_dtype), extent)
                       for n, extent in enumerate(extents)]
        self.turns = -(-math.prod(extents) // rows.split.lanes)

    def write(self) -> None:
        self._keep()
        for parts in self._passes():
            if parts[0].reduced is not None:
                self._reduce(parts)
            else:
                self._store_all(parts[0])

    def _passes(self) -> list[list[_Part]]:
        """The parts, neighbours together that are reductions over the same elements and need nothing of each other."""
        passes: list[list[_Part]] = []
        for part in self.rows.parts:
            last = passes[-1] if passes else []
            needed = {tensor for tensor, _ in part.found.demands}
            if last and part.reduced is not None and last[0].reduced is not None \
                    and _extents(part) == _extents(last[0]) and not needed & {other.stage.tensor for other in last}:
                last.append(part)
            else:
                passes.append([part])
        return passes

    def _places(self, part: _Part, inner: Places) -> dict[Loop, Any]:
        loops = [axis[0] for axis in (*part.outer.axes, *(part.reduced.axes if part.reduced else ()))]
        return {**dict.fromkeys(loops, 0), **self.base, **expanded(inner, inner)}

    # ---- rows in registers ---------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Load what several passes over the row read."""
        emitter, known = self.emitter, {var: loop.extent for loop, var in self.base.items()
                                        if isinstance(var, tirx.Var)}
        known |= {var: loop.extent for var, loop in zip(self.places, self.alike[0].inner, strict=True)}
        passes = [loads_of(self.rows.plan, known, self.places, partial(self._values, part)) for part in self.alike]
        chosen = worth_keeping(passes, self.turns)
        if not chosen:
            return
        kept = {key: emitter.cells(buffer.type.element, self.turns) for key, (buffer, _) in chosen.items()}
        with self._turns(self.alike[0], unrolled=True) as places:
            own = {var: places[loop] for var, loop in zip(self.places, self.alike[0].inner, strict=True)}
            turn, emitter.places = emitter.turn, {}
            for key, (buffer, index) in chosen.items():
                value = emitter.load_flat(buffer, emitter.simplify(replaced(index, own)))
                emitter.settle([value])
                emitter.write(kept[key], turn, value, 1)
        emitter.kept = kept

    def _values(self, part: _Part, emitter: Emitter) -> list[Scalar]:
        """What a pass computes of an element."""
        for tensor in self.rows.own:
            emitter.provide(tensor, partial(emitter.unknown, tensor.dtype))
        places = self._places(part, dict(zip(part.inner, self.places, strict=True)))
        return self.rows.values(emitter, part.stage, part.outer, part.reduced, places)

    # ---- results -----------------------------------------------------------------------------------------

    def _store_all(self, part: _Part) -> None:
        """Lanes store the further elements of a row in turn."""
        with self._turns(part, () if self.exists is None else (self.exists,)) as places:
            indices = part.outer.indices(places)
            self._store(part.stage, indices, self.emitter.compute(part.stage.tensor, indices))

    def _store(self, stage: Stage, indices: Indices, value: Scalar) -> None:
        self.emitter.settle([value])
        for buffer, index in stores_of(self.emitter, stage, indices):
            self.emitter.store(buffer, index, value)

    # ---- reductions --------------------------------------------------------------------------------------

    def _reduce(self, parts: Sequence[_Part]) -> None:
        """One pass over the row for all of them."""
        emitter, rules = self.emitter, [self._rule(part) for part in parts]
        states = [[emitter.cells(dtype, 1) for dtype in rule.dtypes] for rule in rules]
        for cells, rule in zip(states, rules, strict=True):
            emitter.write_all(cells, rule.start(1))
        with self._turns(parts[0]) as places:
            for part, cells, rule in zip(parts, states, rules, strict=True):
                own = zip(part.inner, (places[loop] for loop in parts[0].inner), strict=True)
                self._enter(part, rule, cells, self._places(part, dict(own)))
        for part, cells, rule in zip(parts, states, rules, strict=True):
            value = rule.result(self.lanes.merged(rule, cells))
            emitter.settle([value])
            self._provide(part, emitter.now(value))

    def _rule(self, part: _Part) -> Monoid:
        assert isinstance(part.stage.form, Reduced)
        return monoid(part.stage.form.kind, part.stage.form.element_dtype, self._place_dtype)

    def _provide(self, part: _Part, value: Scalar) -> None:
        """The result of a reduction: what follows from it reads it, and it is stored where it must exist."""
        emitter = self.emitter
        emitter.provide(part.stage.tensor, lambda _: value)
        if part.stage.buffers:
            first = tirx.EQ(self.lane, emitter.constant(0)) if self.rows.split.lanes > 1 else None
            with emitter.all_hold(guard for guard in (first, self.exists) if guard is not None):
                self._store(part.stage, part.outer.indices(self._places(part, {})), value)

    @property
    def _place_dtype(self) -> DType:
        return DType.int64 if self.emitter.index_dtype == "int64" else DType.int32

    def _enter(self, part: _Part, rule: Monoid, cells: Sequence[Cells], places: Places) -> None:
        assert part.reduced is not None
        (element,) = self.rows.values(self.emitter, part.stage, part.outer, part.reduced, places)
        at = part.reduced.indices(places)
        place = self.emitter.as_value(at[0] if at else 0, self._place_dtype)
        self.emitter.write_all(cells, rule.enter(self.emitter.read_all(cells), element, place))

    # ---- loops -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _turns(self, part: _Part, guards: Sequence[Expr] = (), unrolled: bool = False) -> Iterator[dict[Loop, Any]]:
        """The elements of a row that are this lane's; what is written within is done where the guards hold too."""
        emitter, lanes = self.emitter, self.rows.split.lanes
        unrolled = unrolled or bool(emitter.kept) and part in self.alike
        kind = tirx.ForKind.UNROLLED if unrolled else tirx.ForKind.SERIAL
        with emitter.loop("t", -(-part.size // lanes), kind=kind) as turn:
            number = emitter.simplify(turn * lanes + self.lane)
            if part.size % lanes:
                guards = [tirx.LT(number, emitter.constant(part.size)), *guards]
            with emitter.all_hold(guards):
                inner = unravelled(emitter, emitter.name_index("s", number, part.size), part.inner)
                places = self._places(part, inner)
                emitter.turn = turn
                if part in self.alike:
                    emitter.places = dict(zip((inner[loop] for loop in part.inner), self.places, strict=True))
                with emitter.all_hold(self._limits(part, places)):
                    yield places
                emitter.places = {}

    def _limits(self, part: _Part, places: Places) -> list[Expr]:
        """Whether an element is there, of a reduction whose last row is shorter."""
        form = part.stage.form
        if not isinstance(form, Reduced) or form.total is None:
            return []
        assert part.reduced is not None
        axis, total = form.total
        inner = part.reduced.axes[axis][0]
        first = self.rows.rows.axes[0][0]
        at = places[first] * inner.extent + places[inner]
        return [tirx.LT(at, self.emitter.constant(total))]


def _extents(part: _Part) -> tuple[int, ...]:
    return tuple(loop.extent for loop in part.inner)


def stores_of(emitter: Emitter, stage: Stage, indices: Indices) -> list[tuple[Buffer, Expr]]:
    """Where an element of a stage is stored."""
    return [(buffer, flat_index(buffer.type, indices, emitter.constant(0))) for buffer in stage.buffers]


def unravelled(emitter: Emitter, number: Any, loops: Sequence[Loop]) -> dict[Loop, Any]:
    """The place of each loop, from the number of a step of them all, the last loop being innermost."""
    places: dict[Loop, Any] = {}
    rest = number
    for loop in reversed(loops):
        places[loop] = emitter.name_index(loop.name, rest % loop.extent, loop.extent)
        rest = rest // loop.extent
    return places


def split_of(parts: Sequence[_Part], rows: Space, count: int) -> Split:
    """How many lanes a row has: one for short rows, a warp for many rows, else a block; where memory runs along rows,
    as few as keep all threads of a block busy with neighbouring rows."""
    reductions = [part for part in parts if part.reduced is not None]
    size = max((part.size for part in reductions), default=1)
    if any(_runs_along(part, part.inner) for part in reductions) or count == 1:
        if size <= FEW_STEPS and count >= ENOUGH_ROWS // size:
            return Split(1, THREADS, along=True)
        most = WARP if size <= MOST_IN_WARP and count >= MANY_ROWS else THREADS
        lanes = min(max(1 << (size - 1).bit_length(), WARP), most)
        return Split(lanes, THREADS // lanes, along=True)
    if size <= FEW_STEPS or count >= ENOUGH_ROWS:
        return Split(1, THREADS, along=False)
    return Split(THREADS // WARP, WARP, along=False)


def _runs_along(part: _Part, loops: Sequence[Loop]) -> bool:
    """Whether memory, of the largest array that is read, runs along the loops."""
    reads = [access for access in part.found.accesses if not access.is_store]
    largest = max((access.buffer.count for access in reads), default=0)
    return any(access.steps.get(loop) == 1 for access in reads if access.buffer.count == largest for loop in loops)


def _longest_step(found: Analysis, loop: Loop) -> int:
    return max((abs(access.steps.get(loop) or 0) for access in found.accesses), default=0)
