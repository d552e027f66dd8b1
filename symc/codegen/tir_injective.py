"""Kernels of results whose elements each come from few others: elementwise chains, broadcasts, movements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_index import flat_index
from symc.codegen.tir_memory import Buffer
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_schedule import (
    MOST_BREAKS,
    Tile,
    job_count,
    origins,
    tiles,
    vectorised,
    walked,
)
from symc.codegen.tir_space import (
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
from symc.codegen.tir_transpose import Turning, loop_across, turn_of
from symc.frontend.te_math import Expr, Indices, Scalar, evaluating
from symc.ir.types import block_of

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan

TRANSPOSED = 16     # side of the tiles of a transposition along the axis that is contiguous in the source
TRANSPOSED_RUN = 256
MOST_PARTS = 64     # of a loop space, each with code of its own

Section = tuple[int, int]       # first and last step of a loop


def injective_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One loop nest over the shape that all results of the cluster share, or several that part it where conditions
    change: within each, what is joined, cut or padded is read as it lies in memory."""
    return Injective(plan, cluster).kernel(symbol)


class Injective:
    def __init__(self, plan: GroupPlan, cluster: Cluster) -> None:
        self.plan = plan
        self.stores = [(stage.tensor, buffer) for stage in cluster.stages for buffer in stage.buffers]
        self.shape = cluster.stages[0].tensor.shape
        self.layout = self.stores[0][1].type.layout
        self.widest = max(buffer.type.element.itemsize for _, buffer in self.stores)
        self.space = self._space()
        self.loops = self.space.loops(self.layout)
        self.parts = self._parts()

    def _space(self) -> Space:
        """Axes that some tensor has in blocks are walked in blocks."""
        plain = space(self.shape, ())
        read = self.analyse(plain.loops(), lambda places: plain.indices(places)).split
        split = {axis for axis in range(len(self.shape)) if plain.axes[axis][0] in read
                 or any(block_of(buffer.type.layout, axis) > 1 for _, buffer in self.stores)}
        return space(self.shape, split)

    def _parts(self) -> list[Part]:
        """The parts of the loop space between the steps at which conditions change."""
        self.analyse(self.loops, self.space.indices)
        sections: list[list[Section]] = []
        for loop in self.loops:
            own = list(itertools.pairwise((0, *self._cuts(loop), loop.extent)))
            few = math.prod(map(len, sections)) * len(own) <= MOST_PARTS
            sections.append(own if few else [(0, loop.extent)])
        return [Part(self, dict(zip(self.loops, chosen, strict=True))) for chosen in itertools.product(*sections)]

    def _cuts(self, loop: Loop) -> tuple[int, ...]:
        """Where a loop is cut; the innermost is not if a job walks it whole, in runs (`tir_schedule.vectorised`), nor
        are blocks of which the last may not be full."""
        is_whole = loop is self.loops[-1] and loop.extent <= self.plan.machine.job_bytes // self.widest
        return () if loop.limit or (is_whole and len(loop.breaks) <= MOST_BREAKS) else loop.breaks

    def analyse(self, loops: Sequence[Loop], indices: Callable[[Places], Indices]) -> Analysis:
        """What is found under loops, from whose places follow the indices of the results."""
        emitter = self.plan.emitter()
        with evaluating(emitter):
            return analyse(emitter, loops, lambda places: self.body(emitter, indices(places)))

    def body(self, emitter: Emitter, indices: Indices) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
        """The values at a place, and where they are stored."""
        return self.values(emitter, indices), self.places(emitter, indices)

    def values(self, emitter: Emitter, indices: Indices) -> list[Scalar]:
        return [emitter.element(tensor, indices) for tensor, _ in self.stores]

    def places(self, emitter: Emitter, indices: Indices) -> list[tuple[Buffer, Expr]]:
        return [(buffer, flat_index(buffer.type, indices, emitter.constant(0))) for _, buffer in self.stores]

    def kernel(self, symbol: str) -> TirKernel:
        emitter = self.plan.emitter()
        parts = [part for part in self.parts if part.jobs]
        count = sum(part.jobs for part in parts)
        with evaluating(emitter), self.plan.machine.jobs(emitter, count) as (bounds, job, _):
            first = 0
            for part in parts:
                last = first + part.jobs
                begin, end = emitter.constant(first), emitter.constant(last)
                with emitter.when(tirx.And(tirx.GE(job, begin), tirx.LT(job, end))):
                    part.write(emitter, emitter.name_index("p", job - first, part.jobs))
                first = last
        used = [*emitter.used, *(buffer for _, buffer in self.stores)]
        return kernel_of(emitter, symbol, self.plan.parameters(used), count, bounds)


class Part:
    """A section of each loop, walked by loops of their own."""

    def __init__(self, whole: Injective, sections: Mapping[Loop, Section]) -> None:
        self.whole = whole
        self.first = {loop: first for loop, (first, _) in sections.items()}
        self.own = own_loops(sections)
        loops = list(self.own.values())
        self.found = whole.analyse(loops, self.indices)
        without_padding(loops, self.found)
        self.walk = merged_as_found(loops, [self.found], lambda walk: [whole.analyse(walk, self.indices)], blocks=True)
        self.walk = self.walk or [Loop("i", 1)]
        self.lanes = whole.plan.machine.lanes([access.buffer.type.element for access in self.found.accesses])
        self.turn = turn_of(self.walk, self.found) if whole.plan.machine.turns else None
        self.cut, self.order = self._tiles()
        self.jobs = job_count(self.cut)

    def indices(self, places: Places) -> Indices:
        """The indices of the results from the places of the walk."""
        known = expanded(places, [loop for loop in places if loop.members])
        return self.whole.space.indices({loop: known.get(own, 0) + self.first[loop] for loop, own in self.own.items()})

    def write(self, emitter: Emitter, job: Any) -> None:
        start = origins(emitter, job, self.cut)
        if self.turn:
            Turning(emitter, self.turn, self.lanes, lambda at: self.whole.values(emitter, self.indices(at)),
                    lambda at: self.whole.places(emitter, self.indices(at))).write(self.cut, start)
            return
        with walked(emitter, self.order[:-1], start) as places:
            last = self.order[-1]

            def body(at: Any) -> None:
                values, stores = self.whole.body(emitter, self.indices({**places, last.loop: at}))
                emitter.settle(values)
                for value, (buffer, index) in zip(values, stores, strict=True):
                    emitter.store(buffer, index, value)
            vectorised(emitter, last, start[last.loop], places, self.lanes, body)

    def _tiles(self) -> tuple[list[Tile], list[Tile]]:
        """The tiles of a job, and the order in which it walks them, the vectorised one last; `Turning` has its own."""
        if self.turn:
            return self.turn.tiles(self.walk), []
        machine = self.whole.plan.machine
        across = loop_across(self.walk, self.found) if machine.turns else None
        if across is None:
            cut = tiles(self.walk, machine.job_bytes // self.whole.widest, self.lanes)
            return cut, cut
        cut = [Tile(loop, _transposed_size(loop, across, self.walk)) for loop in self.walk]
        return cut, sorted(cut, key=lambda tile: (tile.loop is self.walk[-1], tile.loop is across))


def own_loops(sections: Mapping[Loop, Section]) -> dict[Loop, Loop]:
    """Loops over the sections, by the whole loops that they are sections of."""
    own: dict[Loop, Loop] = {}
    for loop, (first, last) in sections.items():
        own[loop] = Loop(loop.name, last - first, is_block=loop.is_block)
        if loop.limit:
            outer, total = loop.limit
            begin, end = sections[outer]
            if end * loop.extent > total:
                own[loop].limit = own[outer], total - begin * loop.extent
    return own


def _transposed_size(loop: Loop, across: Loop, walk: Sequence[Loop]) -> int:
    if loop is across:
        return min(TRANSPOSED, loop.extent)
    if loop is walk[-1]:
        return loop.extent if loop.limit else min(TRANSPOSED_RUN, loop.extent)
    return 1
