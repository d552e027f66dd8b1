"""The plans of a batch of any size: the first is compared with the interpreter, and the others with the first.

Rows are computed apart, which was proven when they were compiled, so all plans give a row the same numbers; the
interpreter would take minutes for 64 images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from symc.errors import counted
from symc.runtime.batch import Batch, ModuleOfBatches, Place, by_rows
from symc.runtime.shapes import Plans
from symc.verification.compare import Comparison, Difference, Numbers, dtypes_of, spread_of
from symc.verification.inputs import draw_inputs
from symc.verification.record import DIFFERENT, Verification
from symc.verification.subject import Subject, numbers
from symc.verification.verify import status_of, worst_of_each

Arrays = Mapping[str, np.ndarray]


def verify_slab(first: Subject, module: ModuleOfBatches, number: int, level: str, seed: int) -> Verification:
    """Compare plan `number` of a module, whose library is of `level`, with its first plan, on drawn rows.

    first: the first plan, and what it means.
    """
    size, batch = module.batch.sizes[number], module.batch
    count = -(-size // batch.sizes[0])
    drawn = draw_inputs(first.roles, first.meaning, seed, first.initial)
    shared = {name: array for name, array in drawn.arrays.items() if name not in batch.inputs}
    parts = [drawn.arrays, *(draw_inputs(first.roles, first.meaning, seed + part, shared).arrays
                             for part in range(1, count))]
    found = _run(_alone(module, number), _joined(batch, parts))
    differences = worst_of_each([_differences(first, _alone(module, 0), arrays, _part(batch, found, part))
                                 for part, arrays in enumerate(parts)])
    status = status_of(differences)
    fault = f"the plan for {counted(size, 'row')} computes other numbers than plan 0 for the same rows"
    return Verification(status, "plan 0 on the same rows", seed, (level,), (), drawn.drawn, tuple(differences),
                        fault=fault if status == DIFFERENT else "")


def _alone(module: ModuleOfBatches, number: int) -> ModuleOfBatches:
    """The module with one of its plans."""
    plan, batch = module.plans[number], module.batch
    return ModuleOfBatches(Plans([lambda: plan]), batch._replace(sizes=(batch.sizes[number],), nanoseconds=(1,)),
                           plan.inputs, plan.outputs)


def _run(module: ModuleOfBatches, arrays: Arrays) -> Numbers:
    outputs = module.forward(False, **{one.name: arrays[one.name] for one in module.inputs})
    return {("output", one.name): array.memory for one, array in zip(module.outputs, outputs, strict=True)}


def _differences(first: Subject, module: ModuleOfBatches, arrays: Arrays, found: Numbers) -> list[Difference]:
    """Of rows that another plan has computed, from what the first plan makes of them."""
    right = _run(module, arrays)
    collect = partial(numbers, names=[name for _, name in right])
    spread = partial(spread_of, first.meaning, arrays, right, first.tolerances, collect)
    return Comparison(right, dtypes_of(first.meaning), first.tolerances, spread).differences(found)


def _joined(batch: Batch, parts: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """The inputs of several runs as those of one."""
    return {name: np.concatenate([part[name] for part in parts], batch.inputs[name]) if name in batch.inputs else array
            for name, array in parts[0].items()}


def _part(batch: Batch, whole: Numbers, part: int) -> Numbers:
    """Of the outputs of all rows those of one run of the first plan."""
    size = batch.sizes[0]
    return {key: _rows(array, place, part * size, size)
            for (key, array), place in zip(whole.items(), batch.outputs, strict=True)}


def _rows(array: np.ndarray, place: Place | None, begin: int, count: int) -> np.ndarray:
    if place is None:
        return array
    axis, outer, inner = place
    rows = by_rows(array, axis, outer, inner)[(slice(None),) * (axis + 1) + (slice(begin, begin + count),)]
    return rows.reshape(*array.shape[:axis], outer * count * inner, *array.shape[axis + 1:])
