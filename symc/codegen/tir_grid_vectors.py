"""Elementwise kernels on a GPU that move 16 bytes at a time: a thread has four neighbours of 4 bytes each.

Arrays may begin at any element, so kernels look where they lie first, and go element by element where that does not
fit.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from tvm import tirx

from symc.codegen.cuda_source import ALIGNED
from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_grid_form import GridForm
from symc.codegen.tir_grid_keep import KeepingEmitter, Load, loads_of, replaced
from symc.codegen.tir_injective import Injective
from symc.codegen.tir_machine import THREADS, Launch
from symc.codegen.tir_memory import Buffer, Cells
from symc.codegen.tir_schedule import ramp
from symc.codegen.tir_space import Access, step_along
from symc.frontend.te_math import Expr, Scalar

if TYPE_CHECKING:
    from symc.codegen.tir_injective import Part

LANES = 4       # of vectors
LANE_BYTES = 4


def has_vectors(part: Part) -> bool:
    """Whether all that is stored, and some of what is loaded, goes in vectors along the innermost loop."""
    *outer, inner = part.walk
    if inner.extent % LANES or inner.limit:
        return False

    def goes(access: Access) -> bool:
        steps = [access.steps[loop] for loop in outer]
        return access.inside and access.buffer.type.element.itemsize == LANE_BYTES and access.steps[inner] == 1 \
            and all(step is not None and step % LANES == 0 for step in steps)
    stores = [access for access in part.found.accesses if access.is_store]
    return all(map(goes, stores)) and any(goes(access) for access in part.found.accesses if not access.is_store)


class Vectors(GridForm):
    """A vector a thread."""

    def __init__(self, whole: Injective) -> None:
        super().__init__(whole)
        self.emitter: KeepingEmitter = whole.plan.informed(KeepingEmitter(whole.plan.index_dtype))
        self.generic = {loop: tirx.Var(f"k{n}", self.emitter.index_dtype) for n, loop in enumerate(self.part.walk)}
        self.loads = self._loads()

    def launch(self) -> Launch:
        return Launch(-(-self.part.jobs // (THREADS * LANES)), THREADS)

    def write(self, block: Any, thread: Any) -> None:
        emitter, count = self.emitter, self.part.jobs // LANES
        number = emitter.simplify(block * THREADS + thread)
        with emitter.all_hold([tirx.LT(number, emitter.constant(count))] if count % THREADS else []):
            aligned = self._is_aligned()
            with emitter.when(aligned):
                self._write_vector(number)
            with emitter.when(tirx.Not(aligned)), emitter.loop("u", LANES) as lane:
                self._write_element(emitter.simplify(number * LANES + lane))

    # ---- what goes in vectors ------------------------------------------------------------------------------------

    def _loads(self) -> dict[Any, Load]:
        """By variables for the places of all loops."""
        known = {var: loop.extent for loop, var in self.generic.items()}
        inner = self.generic[self.part.walk[-1]]
        found = loads_of(self.whole.plan, known, [inner], self._generic_values)
        return {key: (buffer, index) for key, (buffer, index) in found.items() if self._is_vector(buffer, index)}

    def _generic_values(self, emitter: Emitter) -> list[Scalar]:
        return self.whole.values(emitter, self.part.indices(self.generic))

    def _is_vector(self, buffer: Buffer, index: Expr) -> bool:
        *outer, inner = self.generic.values()
        steps = [step_along(index, var) for var in outer]
        start = self.emitter.simplify(replaced(index, dict.fromkeys(self.generic.values(), self.emitter.constant(0))))
        return buffer.type.element.itemsize == LANE_BYTES and step_along(index, inner) == 1 \
            and isinstance(start, tirx.IntImm) and start.value % LANES == 0 \
            and all(step is not None and step % LANES == 0 for step in steps)

    def _is_aligned(self) -> Expr:
        """Whether all arrays that are accessed in vectors begin at one."""
        buffers = dict.fromkeys([*(buffer for buffer, _ in self.loads.values()),
                                 *(buffer for _, buffer in self.whole.stores)])
        self.emitter.used.update(buffers)
        places = [tirx.address_of(tirx.BufferLoad(buffer.var, [self.emitter.constant(0)])) for buffer in buffers]
        return functools.reduce(tirx.And, (tirx.call_extern("bool", ALIGNED, place) for place in places))

    # ---- code ----------------------------------------------------------------------------------------------------

    def _write_vector(self, number: Any) -> None:
        emitter, (*outer, inner) = self.emitter, self.part.walk
        extents = [*(loop.extent for loop in outer), inner.extent // LANES]
        start = self.unravelled(number, self.part.walk, extents)
        start[inner] = emitter.simplify(start[inner] * LANES)
        self._load_vectors({self.generic[loop]: place for loop, place in start.items()})
        results = [emitter.cells(buffer.type.element, LANES) for _, buffer in self.whole.stores]
        with emitter.loop("u", LANES, kind=tirx.ForKind.UNROLLED) as lane:
            places = start | {inner: self.named("x", emitter.simplify(start[inner] + lane), inner.extent)}
            emitter.turn, emitter.places = lane, {places[loop]: var for loop, var in self.generic.items()}
            for cells, value in zip(results, self.values(places), strict=True):
                emitter.write(cells, lane, value, 1)
            emitter.places = {}
        emitter.kept = {}
        for cells, (buffer, index) in zip(results, self.stores(start), strict=True):
            emitter.store(buffer, ramp(emitter, index, LANES), emitter.read(cells, 0, LANES))

    def _load_vectors(self, places: dict[Any, Any]) -> None:
        emitter = self.emitter
        kept: dict[Any, Cells] = {}
        for key, (buffer, index) in self.loads.items():
            kept[key] = emitter.cells(buffer.type.element, LANES)
            value = emitter.load_flat(buffer, ramp(emitter, emitter.simplify(replaced(index, places)), LANES))
            emitter.settle([value])
            emitter.write(kept[key], 0, value, LANES)
        emitter.kept = kept

    def _write_element(self, number: Any) -> None:
        walk = self.part.walk
        element = self.named("j", number, self.part.jobs)
        places = self.unravelled(element, walk, [loop.extent for loop in walk])
        for value, (buffer, index) in zip(self.values(places), self.stores(places), strict=True):
            self.emitter.store(buffer, index, value)
