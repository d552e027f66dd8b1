"""Kernels of results whose elements each come from few others: elementwise chains, broadcasts, movements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symc.codegen.tir_emit import Buffer, Emitter
from symc.codegen.tir_index import flat_index
from symc.codegen.tir_module import TirKernel, kernel_of
from symc.codegen.tir_schedule import (
    JOB_BYTES,
    Tile,
    job_count,
    jobs,
    lanes_for,
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
from symc.frontend.te_math import Expr, Scalar, evaluating
from symc.ir.types import block_of

if TYPE_CHECKING:
    from symc.codegen.tir_plan import Cluster, GroupPlan

TRANSPOSED = 16     # side of the tiles of a transposition along the axis that is contiguous in the source
TRANSPOSED_RUN = 256


def injective_kernel(plan: GroupPlan, cluster: Cluster, symbol: str) -> TirKernel:
    """One loop nest over the shape that all results of the cluster share."""
    return _Injective(plan, cluster).kernel(symbol)


class _Injective:
    def __init__(self, plan: GroupPlan, cluster: Cluster) -> None:
        self.plan = plan
        self.stores = [(stage.tensor, buffer) for stage in cluster.stages for buffer in stage.buffers]
        self.shape = cluster.stages[0].tensor.shape
        self.layout = self.stores[0][1].type.layout
        self.space = self._space()
        self.loops = self.space.loops(self.layout)
        self.found = self._analyse(self.space)
        without_padding(self.loops, self.found)
        self.walk = merged_as_found(self.loops, [self.found], self._again, blocks=True) or [Loop("i", 1)]

    def _again(self, walk: Sequence[Loop]) -> list[Analysis]:
        """What is found under other loops."""
        emitter = self.plan.emitter()
        with evaluating(emitter):
            return [analyse(emitter, walk, lambda places: self._body(emitter, self.space, self._places(places)))]

    def _places(self, places: Places) -> Places:
        """Places of all loops, from those of the walk."""
        return {**dict.fromkeys(self.loops, 0), **expanded(places, [loop for loop in places if loop.members])}

    def _space(self) -> Space:
        """Axes that some tensor has in blocks are walked in blocks."""
        plain = space(self.shape, ())
        read = self._analyse(plain).split
        split = {axis for axis in range(len(self.shape)) if plain.axes[axis][0] in read
                 or any(block_of(buffer.type.layout, axis) > 1 for _, buffer in self.stores)}
        return space(self.shape, split)

    def _analyse(self, over: Space) -> Analysis:
        emitter = self.plan.emitter()
        with evaluating(emitter):
            return analyse(emitter, over.loops(), lambda places: self._body(emitter, over, places))

    def _body(self, emitter: Emitter, over: Space, places: Places) -> tuple[list[Scalar], list[tuple[Buffer, Expr]]]:
        """The values at a place of the loops, and where they are stored."""
        indices = over.indices(places)
        values = [emitter.element(tensor, indices) for tensor, _ in self.stores]
        return values, [(buffer, flat_index(buffer.type, indices, emitter.constant(0))) for _, buffer in self.stores]

    def kernel(self, symbol: str) -> TirKernel:
        emitter = self.plan.emitter()
        lanes = lanes_for(self.plan.level, [access.buffer.type.element for access in self.found.accesses])
        cut, order = self._tiles(lanes)
        count = job_count(cut)
        with evaluating(emitter), jobs(emitter, count) as (bounds, job):
            if count:
                self._nest(emitter, order, origins(emitter, job, cut), lanes)
        used = [*emitter.used, *(buffer for _, buffer in self.stores)]
        return kernel_of(emitter, symbol, self.plan.parameters(used), count, bounds.begin, bounds.end)

    def _nest(self, emitter: Emitter, order: list[Tile], start: Places, lanes: int) -> None:
        with walked(emitter, order[:-1], start) as places:
            last = order[-1]

            def body(at: Any) -> None:
                values, stores = self._body(emitter, self.space, self._places({**places, last.loop: at}))
                emitter.settle(values)
                for value, (buffer, index) in zip(values, stores, strict=True):
                    emitter.store(buffer, index, value)
            vectorised(emitter, last, start[last.loop], places, lanes, body)

    def _tiles(self, lanes: int) -> tuple[list[Tile], list[Tile]]:
        """The tiles of a job, and the order in which it walks them, the vectorised one last."""
        widest = max(buffer.type.element.itemsize for _, buffer in self.stores)
        across = self._transposed()
        if across is None:
            cut = tiles(self.walk, JOB_BYTES // widest, lanes)
            return cut, cut
        cut = [Tile(loop, _transposed_size(loop, across, self.walk)) for loop in self.walk]
        return cut, sorted(cut, key=lambda tile: (tile.loop is self.walk[-1], tile.loop is across))

    def _transposed(self) -> Loop | None:
        """The loop along which a source is contiguous, when it is not the innermost."""
        inner = self.walk[-1]
        for access in self.found.accesses:
            if not access.is_store and access.steps.get(inner, 0) not in (0, 1, None):
                for loop in self.walk[:-1]:
                    if access.steps[loop] == 1:
                        return loop
        return None


def _transposed_size(loop: Loop, across: Loop, walk: Sequence[Loop]) -> int:
    if loop is across:
        return min(TRANSPOSED, loop.extent)
    if loop is walk[-1]:
        return loop.extent if loop.limit else min(TRANSPOSED_RUN, loop.extent)
    return 1
