"""Reductions whose rows are too few for all threads of a GPU are cut: parts of rows are reduced first."""

from __future__ import annotations

import math

from symc.codegen.tir_emit import Emitter
from symc.codegen.tir_machine import THREADS, WARP
from symc.codegen.tir_space import step_along
from symc.frontend.te import Reduced
from symc.frontend.te_math import evaluating

BUSY = 1 << 17      # threads that keep a large GPU busy
WALK = 64           # steps of a thread, for which another kernel is not worth its launch
LEAST_STEPS = 16    # of a thread that reduces a part
LEAST_PARTS = 4     # with fewer, what follows is better computed with the rows whole


def part_of(emitter: Emitter, tensor: Reduced) -> tuple[int, int] | None:
    """The axis that is cut, and how much of it is a part; None: the rows stay whole."""
    if tensor.total is not None or tensor.kind.startswith("arg"):
        return None
    rows, size = math.prod(tensor.shape), math.prod(tensor.extents)
    lanes = THREADS if rows == 1 or walks_memory(emitter, tensor) else THREADS // WARP
    steps = size // lanes
    parts = min(BUSY // max(rows * lanes, 1), steps // LEAST_STEPS)
    if steps <= WALK or parts < LEAST_PARTS:
        return None
    long = [axis for axis, extent in enumerate(tensor.extents) if extent >= parts]
    axis = long[0] if long else max(range(len(tensor.extents)), key=lambda n: tensor.extents[n])
    return axis, -(-tensor.extents[axis] // parts)


def walks_memory(emitter: Emitter, tensor: Reduced) -> bool:
    """Whether neighbours in memory, of the largest array that is read, are of one row."""
    axes = [emitter.variable(f"i{n}", extent) for n, extent in enumerate(tensor.shape)]
    reduced = [emitter.variable(f"r{n}", extent) for n, extent in enumerate(tensor.extents)]
    with evaluating(emitter):
        value = tensor.body(*axes).element(*reduced)
    loads = [(definition.buffer.count, definition.index) for definition in emitter.pending([value])
             if definition.buffer is not None]
    largest = max((count for count, _ in loads), default=0)
    return any(step_along(index, var) == 1 for count, index in loads if count == largest for var in reduced)
