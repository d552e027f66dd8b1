"""Kernels of reductions, and of what is computed from them row by row.

A kernel walks rows: the axes its reductions keep.  The vectorised loop is either one that is reduced, where memory
runs along it (a row is then a scalar place, and its sums are folded at the end), or one of the rows' own (then a
vector of rows is reduced at once).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from tvm import tirx
from tvm_ffi import StructuralKey

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_index import flat_index
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_monoid import State, monoid
from symc.codegen.tir_schedule import (
    Tile,
    as_index,
    counts,
    job_count,
    origins,
    pieces,
    ramp,
    tiles,
    vectorised,
    walked,
)
from symc.codegen.tir_space import (
    Access,
    Analysis,
    Loop,
    Places,
    Space,
    analyse,
    expanded,
    merged_as_found,
    space,
    without_padding,
)
from symc.frontend.te import Reduced, Tensor
from symc.frontend.te_math import Expr, Indices, Scalar, evaluating
from symc.ir.types import DType, block_of

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan, Stage

WINDOW = 32             # reductions of at most so many elements are unrolled
JOB_ELEMENTS = 8192     # that a job reads, about
ABREAST = 8             # vectors of rows side by side: long runs of memory
TURNS = 16              # vectors of rows one after the other, where the code of each is unrolled


def reduction_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One kernel for the reductions of a cluster and the results that follow from them."""
    return _Rows(plan, cluster).kernel(symbol)


@dataclass(eq=False)
class _Part:
    """A stage with its loops.  inner: those besides the rows', reduced ones or further axes of a result."""

    stage: Stage
    outer: Space                    # over the result's axes; shares the loops of the rows
    reduced: Space | None           # over the reduced axes
    inner: list[Loop]
    found: Analysis
    walk: list[Loop] = field(default_factory=list)
    kept: tuple[Tensor, Buffer] | None = None       # what a reduction leaves in a result's place for its stage
    lane: Loop | None = None        # the vectorised one of the reduced loops, unless a loop of the rows is

    @property
    def size(self) -> int:
        return math.prod(loop.extent for loop in self.inner)


class _Rows:
    def __init__(self, plan: GroupPlan, cluster: Cluster) -> None:
        self.plan, self.cluster = plan, cluster
        assert cluster.row is not None
        self.own = {stage.tensor for stage in cluster.stages if isinstance(stage.tensor, Reduced)}
        self.extents = tuple(extent for extent in cluster.row if extent != 1)
        self._split()
        self.parts = [self._part(stage) for stage in cluster.stages]
        self.found = Analysis()
        for part in self.parts:
            self.found.include(part.found)
        self._keep()
        loops = [axis[0] for axis in self.rows.axes] + [axis[1] for axis in self.rows.axes if len(axis) > 1]
        without_padding(loops, self.found)
        self.walk = merged_as_found(loops, [part.found for part in self.parts], lambda walk: [
            self._analyse(part.stage, part.outer, part.reduced, [*walk, *part.inner]) for part in self.parts])
        for part in self.parts:
            self._arrange(part)
        dtypes = [access.buffer.type.element for access in self.found.accesses]
        dtypes += [stage.tensor.dtype for stage in cluster.stages if stage.tensor.dtype is DType.float64]
        self.lanes, self.chains = plan.machine.lanes(dtypes), plan.machine.chains
        self.lane = self._lane()
        if self.lane in self.walk:
            self.walk.remove(self.lane)
            self.walk.append(self.lane)

    # ---- loops -------------------------------------------------------------------------------------------

    def _split(self) -> None:
        """Walk in blocks the axes of the rows that some tensor has in blocks; likewise the others of each stage."""
        self.rows = space(self.extents, (), "n")
        self.inner_split: dict[Stage, set[int]] = {}
        rows: set[int] = set()
        for stage in self.cluster.stages:
            part = self._part(stage, ())
            read = part.found.split
            blocked = {axis for axis in range(len(stage.tensor.shape)) for buffer in stage.buffers
                       if block_of(buffer.type.layout, axis) > 1}
            rows |= {n for n, axis in enumerate(stage.rows) if axis in blocked or self.rows.axes[n][0] in read}
            other = part.reduced or part.outer
            self.inner_split[stage] = {axis for axis, loops in enumerate(other.axes)
                                       if loops[0] in read or (part.reduced is None and axis in blocked)}
        self.rows = space(self.extents, rows, "n")

    def _part(self, stage: Stage, split: Sequence[int] | None = None) -> _Part:
        chosen = self.inner_split[stage] if split is None else split
        form = stage.form
        plain = space(form.shape, () if isinstance(form, Reduced) else chosen, "e")
        axes = list(plain.axes)
        for row, axis in enumerate(stage.rows):
            axes[axis] = self.rows.axes[row]
        outer = Space(form.shape, tuple(axes))
        layout = stage.buffers[0].type.layout if stage.buffers else None
        mine = {loop for axis in self.rows.axes for loop in axis}
        inner = [loop for loop in outer.loops(layout) if loop not in mine and loop.extent != 1]
        reduced = None
        if isinstance(form, Reduced):
            reduced = self._reduced_space(form, chosen)
            inner = reduced.loops()
        found = self._analyse(stage, outer, reduced, inner)
        return _Part(stage, outer, reduced, inner, found)

    def _reduced_space(self, form: Reduced, split: Sequence[int] | set[int]) -> Space:
        over = space(form.extents, split, "r")
        if form.total is not None:
            axis, total = form.total
            over.axes[axis][0].limit = (self.rows.axes[0][0], total)
        return over

    def _analyse(self, stage: Stage, outer: Space, reduced: Space | None, inner: list[Loop]) -> Analysis:
        emitter = self._emitter()
        for tensor in self.own:
            emitter.provide(tensor, partial(emitter.unknown, tensor.dtype))
        every = [loop for axis in (*outer.axes, *(reduced.axes if reduced else ())) for loop in axis]
        members = {member for loop in inner for member in loop.members}
        loops = [loop for loop in dict.fromkeys([*every, *inner]) if loop not in members]

        def body(places: Places) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
            places = expanded(places, inner)
            stores = self._stores(emitter, stage, outer, places)
            if isinstance(stage.form, Reduced):
                assert reduced is not None
                return [self._element(stage.form, outer, reduced, places)[0]], stores
            return [emitter.compute(stage.tensor, outer.indices(places))], stores
        with evaluating(emitter):
            return analyse(emitter, loops, body)

    def _emitter(self) -> Emitter:
        return self.plan.emitter()

    def _keep(self) -> None:
        """What is costly, and read by one reduction and one result of its shape at the same places, is computed once:
        the reduction leaves it where the result will be (the exponentials of a softmax)."""
        for number, part in enumerate(self.parts):
            buffers = part.stage.buffers
            if part.reduced is not None or not buffers or buffers[0].type.element not in (DType.float32, DType.float64):
                continue
            indices = part.outer.indices(part.found.variables)
            for tensor, places in part.found.evaluated.items():
                users = [other for other in self.parts if tensor in other.found.evaluated]
                alike = tensor.shape == part.stage.tensor.shape and tensor.dtype is buffers[0].type.element
                if alike and _same_place(places, indices) and _is_kept_for(tensor, users, self.parts[:number], part):
                    users[0].kept = (tensor, buffers[0])
                    return

    def _arrange(self, part: _Part) -> None:
        """Order and join a stage's inner loops as memory runs."""
        if part.reduced is None:
            without_padding(part.inner, part.found)
        else:
            part.inner.sort(key=lambda loop: -_longest_step(part.found, loop))
        part.walk = merged_as_found(part.inner, [part.found], lambda walk: [
            self._analyse(part.stage, part.outer, part.reduced, [*self.walk, *walk])])

    def _lane(self) -> Loop | None:
        """The loop of the rows that is vectorised; None where memory runs along what is reduced."""
        reductions = [part for part in self.parts if part.reduced is not None]
        for part in reductions:
            part.lane = max(part.walk, key=lambda loop: _score([part], loop), default=None)
            if part.lane is not None and (_score([part], part.lane) == 0 or part.lane.extent < self.lanes):
                part.lane = None
        along = max((_score(reductions, part.lane) for part in reductions if part.lane is not None), default=0)
        best = max(self.walk, key=lambda loop: _score(reductions, loop), default=None)
        if best is not None and _score(reductions, best) > along:
            return best
        if along == 0 and self.walk and all(part.size <= WINDOW for part in reductions):
            return max(self.walk, key=lambda loop: (_score(self.parts, loop), loop.extent >= self.lanes,
                                                    _stores(self.parts, loop), loop.extent))
        return None

    # ---- code --------------------------------------------------------------------------------------------

    def kernel(self, symbol: str) -> TirKernel:
        emitter = self._emitter()
        cut = self._tiles()
        count = job_count(cut)
        with evaluating(emitter), self.plan.machine.jobs(emitter, count) as (bounds, job, _):
            if count:
                self._job(emitter, cut, origins(emitter, job, cut))
        used = [*emitter.used, *(buffer for stage in self.cluster.stages for buffer in stage.buffers)]
        return kernel_of(emitter, symbol, self.plan.parameters(used), count, bounds)

    def _tiles(self) -> list[Tile]:
        work = sum(part.size for part in self.parts)
        cut = []
        if self.lane in self.walk:
            assert self.lane is not None
            vectors = self._turns() * self._abreast()
            width = self.lane.extent if self.lane.limit else max(min(self.lane.extent, vectors * self.lanes), 1)
            cut = [Tile(self.lane, width)]
            work *= width
        others = [loop for loop in self.walk if loop is not self.lane]
        return tiles(others, JOB_ELEMENTS // max(work, 1), 1) + cut

    def _is_unrolled(self) -> bool:
        return all(part.size <= WINDOW for part in self.parts if part.reduced is not None)

    def _abreast(self) -> int:
        """Vectors of rows that are reduced side by side: few where the code is unrolled already."""
        assert self.lane is not None
        if not self._is_unrolled():
            return ABREAST
        return 1 if self.lane.extent >= 4 * self.lanes else -(-self.lane.extent // self.lanes)

    def _turns(self) -> int:
        """Vectors of rows that a loop takes one after the other, so that memory is read in runs."""
        assert self.lane is not None
        return TURNS if self._is_unrolled() and self.lane.extent >= 4 * self.lanes else 1

    def _job(self, emitter: Emitter, cut: list[Tile], start: Places) -> None:
        across = self.lane in self.walk
        with walked(emitter, cut[:-1] if across else cut, start) as places:
            if not across:
                for here in self._cases(emitter, places):
                    self._stages(emitter, here, [(0, 1)])
                return
            tile = cut[-1]
            for count in counts(emitter, tile, start[tile.loop], places):
                full = [(at, self.lanes) for at in range(0, count - self.lanes + 1, self.lanes)]
                rest = len(full) * self.lanes
                ends = [(rest + at, size) for at, size in pieces(count - rest, self.lanes)]
                for here in self._cases(emitter, places):
                    self._vectors_of_rows(emitter, here, full, ends)

    def _cases(self, emitter: Emitter, places: Places) -> Iterator[Places]:
        """The places, once for where no edge is near, whose code knows that, and once for all others."""
        spans = {loop: loop.interior for loop in self.walk if loop is not self.lane and loop.edges}
        spans = {loop: (low, high) for loop, (low, high) in spans.items() if high - low >= 2}
        if not spans:
            yield places
            return
        inside = reduce(tirx.And, [condition for loop, (low, high) in spans.items() for condition in (
            tirx.GE(as_index(emitter, places[loop]), emitter.constant(low)),
            tirx.LT(as_index(emitter, places[loop]), emitter.constant(high)))])
        with emitter.when(inside):
            yield {**places, **{loop: low + emitter.name_index(loop.name, places[loop] - low, high - low)
                                for loop, (low, high) in spans.items()}}
        with emitter.when(tirx.Not(inside)):
            yield places

    def _vectors_of_rows(self, emitter: Emitter, places: Places, full: list[tuple[int, int]],
                         ends: list[tuple[int, int]]) -> None:
        """All stages at vectors of rows (offset, size): side by side, or the full ones in turn."""
        if self._turns() > 1 and len(full) > 1:
            assert self.lane is not None
            with emitter.loop("t", len(full)) as turn:
                place = emitter.simplify(places[self.lane] + turn * self.lanes)
                self._stages(emitter, {**places, self.lane: place}, [(0, self.lanes)])
            full = []
        if full or ends:
            self._stages(emitter, places, full + ends)

    def _stages(self, emitter: Emitter, places: Places, lanes: list[tuple[int, int]]) -> None:
        """All stages at one place of the rows; lanes: (offset, size) of the vectors of rows."""
        for part in self.parts:
            if part.kept is not None:
                emitter.unplace(part.kept[0])
                emitter.watched.add(part.kept[0])
        for part in self.parts:
            writer = _StageWriter(self, emitter, part, places, lanes)
            if part.reduced is not None:
                writer.reduce()
            else:
                writer.store_all()

    def _stores(self, emitter: Emitter, stage: Stage, outer: Space, places: Places) -> list[tuple[Buffer, Expr]]:
        indices = outer.indices(places)
        return [(buffer, flat_index(buffer.type, indices, emitter.constant(0))) for buffer in stage.buffers]

    def _element(self, form: Reduced, outer: Space, reduced: Space, places: Places) -> tuple[Scalar, Expr]:
        """An element that is reduced, and its place."""
        at = reduced.indices(places)
        return form.body(*outer.indices(places)).element(*at), at[0] if at else 0


class _StageWriter:
    """Writes one stage at one place of the rows."""

    def __init__(self, rows: _Rows, emitter: Emitter, part: _Part, places: Places,
                 lanes: list[tuple[int, int]]) -> None:
        self.rows, self.emitter, self.part, self.base, self.lanes = rows, emitter, part, places, lanes
        self.stage = part.stage

    def places(self, inner: Places, offset: int, size: int) -> dict[Loop, Any]:
        """Where all loops stand, the rows' vectorised one at a vector."""
        here = {**self.base, **inner}
        lane = self.rows.lane
        if lane in self.rows.walk:
            assert lane is not None
            here[lane] = ramp(self.emitter, self.base[lane] + offset, size)
        everything = [loop for axis in (*self.part.outer.axes, *(self.part.reduced.axes if self.part.reduced else ()))
                      for loop in axis]
        return {**dict.fromkeys(everything, 0), **expanded(here, [*self.rows.walk, *self.part.walk])}

    # ---- results -----------------------------------------------------------------------------------------

    def store_all(self) -> None:
        """Store a result over its further axes."""
        cut = [Tile(loop, loop.extent) for loop in self.part.walk]
        start = dict.fromkeys(self.part.walk, 0)
        if self.rows.lane in self.rows.walk or not cut:
            with walked(self.emitter, cut, {**self.base, **start}) as inner:
                for offset, size in self.lanes:
                    with self.emitter.block():
                        self._store({loop: inner[loop] for loop in self.part.walk}, offset, size)
            return
        with walked(self.emitter, cut[:-1], {**self.base, **start}) as inner:
            fixed = {tile.loop: inner[tile.loop] for tile in cut[:-1]}
            vectorised(self.emitter, cut[-1], 0, inner, self.rows.lanes,
                       lambda at: self._store({**fixed, cut[-1].loop: at}, 0, 1))

    def _store(self, inner: Places, offset: int, size: int) -> None:
        here = self.places(inner, offset, size)
        self.rows_at(offset)
        value = self.emitter.compute(self.stage.tensor, self.part.outer.indices(here))
        self.write(value, here)

    def write(self, value: Scalar, here: Places) -> None:
        self.emitter.settle([value])
        for buffer, index in self.rows._stores(self.emitter, self.stage, self.part.outer, here):
            self.emitter.store(buffer, index, value)

    def rows_at(self, offset: int) -> None:
        """Reductions of this kernel that are read from here on are those of the rows at `offset`."""
        self.emitter.row_offset = offset

    # ---- reductions --------------------------------------------------------------------------------------

    def reduce(self) -> None:
        form = self.stage.form
        assert isinstance(form, Reduced)
        dtype, place = self._dtypes(form)
        self.kind = monoid(form.kind, dtype, place)
        if self.rows.lane is None and self.part.lane is not None:
            values = {0: self._along(self.part.lane)}
        elif self.part.size <= WINDOW and not any(loop.limit for loop in self.part.walk):
            values = {offset: self._unrolled(offset, size) for offset, size in self.lanes}
        else:
            values = self._looped()
        for offset, size in self.lanes:
            self.rows_at(offset)
            if self.stage.buffers:
                self.write(values[offset], self.places({}, offset, size))
        emitter = self.emitter
        if self.part.kept is not None:
            emitter.place(*self.part.kept)
        emitter.provide(self.stage.tensor, lambda _: values[emitter.row_offset])

    def _dtypes(self, form: Reduced) -> tuple[DType, DType]:
        return form.element_dtype, self.emitter.place_dtype

    def _enter(self, state: State, inner: Places, offset: int, size: int) -> State:
        """The state after the element at a place of the inner loops."""
        here = self.places(inner, offset, size)
        self.rows_at(offset)
        form = self.stage.form
        assert isinstance(form, Reduced) and self.part.reduced is not None
        element, at = self.rows._element(form, self.part.outer, self.part.reduced, here)
        place = self.emitter.as_value(at, self._dtypes(form)[1])
        after = self.kind.enter(state, element, place)
        self.emitter.settle(after)
        if self.part.kept is not None:
            self._keep(*self.part.kept)
        return tuple(self.emitter.now(value) for value in after)

    def _keep(self, tensor: Tensor, buffer: Buffer) -> None:
        """Store the element of `tensor` that was evaluated last."""
        indices = self.emitter.evaluated[tensor][-1]
        value = self.emitter.element(tensor, indices)
        self.emitter.settle([value])
        self.emitter.store(buffer, flat_index(buffer.type, indices, self.emitter.constant(0)), value)

    def _finished(self, state: State) -> Scalar:
        value = self.kind.result(state)
        self.emitter.settle([value])
        return self.emitter.now(value)

    def _unrolled(self, offset: int, size: int) -> Scalar:
        state = self.kind.start(size)
        for point in itertools.product(*(range(loop.extent) for loop in self.part.walk)):
            state = self._enter(state, dict(zip(self.part.walk, point, strict=True)), offset, size)
        return self._finished(state)

    def _looped(self) -> dict[int, Scalar]:
        """A loop over all that is reduced, vectors of rows side by side."""
        width = sum(size for _, size in self.lanes)
        cells = self._cells(width)
        for offset, size in self.lanes:
            self._write(cells, offset, self.kind.start(size), size)
        cut = [Tile(loop, loop.extent) for loop in self.part.walk]
        with walked(self.emitter, cut, {**self.base, **dict.fromkeys(self.part.walk, 0)}) as places:
            inner = {loop: places[loop] for loop in self.part.walk}
            for offset, size in self.lanes:
                with self.emitter.block():
                    after = self._enter(self._read(cells, offset, size), inner, offset, size)
                    self._write(cells, offset, after, size)
        return {offset: self._finished(self._read(cells, offset, size)) for offset, size in self.lanes}

    def _along(self, lane: Loop) -> Scalar:
        """Vectors along a reduced loop, in several chains, folded at the end."""
        lanes, most = self.rows.lanes, self.rows.chains
        chains = most if lane.extent >= 2 * most * lanes else 1
        cells = self._cells(chains * lanes)
        for chain in range(chains):
            self._write(cells, chain * lanes, self.kind.start(lanes), lanes)
        cut = [Tile(loop, loop.extent) for loop in self.part.walk if loop is not lane]
        with walked(self.emitter, cut, {**self.base, **dict.fromkeys(self.part.walk, 0)}) as places:
            inner = {tile.loop: places[tile.loop] for tile in cut}
            for count in counts(self.emitter, Tile(lane, lane.extent), 0, places):
                self._vectors(cells, inner, lane, count, chains)
        return self._folded(cells, chains * lanes)

    def _vectors(self, cells: list[Cells], inner: Places, lane: Loop, count: int, chains: int) -> None:
        lanes = self.rows.lanes
        turn = chains * lanes

        def step(start: Any, at: int, size: int) -> None:
            place = ramp(self.emitter, start, size)
            after = self._enter(self._read(cells, at, size), {**inner, lane: place}, 0, 1)
            self._write(cells, at, after, size)
        if count // turn:
            with self.emitter.loop("v", count // turn) as turns:
                for chain in range(chains):
                    step(turns * turn + chain * lanes, chain * lanes, lanes)
        done = count - count % turn
        full = (count - done) // lanes
        for number in range(full):
            step(done + number * lanes, number * lanes, lanes)
        for offset, size in pieces(count - done - full * lanes, lanes):
            step(done + full * lanes + offset, 0, size)

    def _folded(self, cells: list[Cells], width: int) -> Scalar:
        """The cells merged by halves."""
        while width > 1:
            width //= 2
            size = min(width, self.rows.lanes)
            for at in range(0, width, size):
                merged_state = self.kind.merge(self._read(cells, at, size), self._read(cells, at + width, size))
                self.emitter.settle(merged_state)
                self._write(cells, at, merged_state, size)
        return self._finished(self._read(cells, 0, 1))

    def _cells(self, width: int) -> list[Cells]:
        return [self.emitter.cells(dtype, width) for dtype in self.kind.dtypes]

    def _read(self, cells: list[Cells], offset: int, size: int) -> State:
        return tuple(self.emitter.read(cell, offset, size) for cell in cells)

    def _write(self, cells: list[Cells], offset: int, state: State, size: int) -> None:
        for cell, value in zip(cells, state, strict=True):
            self.emitter.write(cell, offset, value, size)


def _same_place(places: Sequence[Indices], indices: Indices) -> bool:
    return len(places) == 1 and StructuralKey(list(places[0])) == StructuralKey(list(indices))


def _is_kept_for(tensor: Tensor, users: Sequence[_Part], before: Sequence[_Part], result: _Part) -> bool:
    """Whether `users` are one reduction before the result, which goes through all of `tensor`, and the result."""
    if len(users) != 2 or users[1] is not result or users[0] not in before or users[0].reduced is None:
        return False
    places, variables = users[0].found.evaluated[tensor], users[0].found.variables
    walked_axes = {index for index, extent in zip(places[0], tensor.shape, strict=True) if extent != 1}
    loops = {variable for loop, variable in variables.items() if loop.extent != 1}
    return len(places) == 1 and walked_axes == loops


def _longest_step(found: Analysis, loop: Loop) -> int:
    return max((abs(access.steps.get(loop) or 0) for access in found.accesses), default=0)


def _score(parts: Sequence[_Part], loop: Loop) -> int:
    """How much of what is read, by the number of loops it varies in, runs along `loop`."""
    return sum(_breadth(access) for part in parts for access in part.found.accesses
               if not access.is_store and access.steps.get(loop) == 1)


def _stores(parts: Sequence[_Part], loop: Loop) -> int:
    """How many results run along `loop`."""
    return sum(access.steps.get(loop) == 1 for part in parts for access in part.found.accesses if access.is_store)


def _breadth(access: Access) -> int:
    return sum(1 for loop, step in access.steps.items() if step != 0 and not loop.members)
