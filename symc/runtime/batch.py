"""A network compiled for batches of any size: plans for a few sizes run one after the other, each on a slab of rows.

Memory is that of the largest plan, however many rows there are.  Which slabs are run follows from what the plans cost;
the last one may have fewer rows than its plan, which then computes its last row several times.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symc.errors import SymcError
from symc.runtime.context import host_context
from symc.runtime.memory import aligned_empty
from symc.runtime.module import CompiledModule, Description, array_for, named_shapes
from symc.runtime.ndarray import NDArray
from symc.runtime.plan import BranchStep, Buffer, KernelStep, LoopStep, Plan, Range, Step, storage_dtype
from symc.runtime.program import Program
from symc.runtime.shapes import ModuleAtShapes, Plans, Shape, shape_of

# What one core does in a nanosecond: multiply-adds count twice, and weights mostly lie in a cache that cores share.
FLOPS_PER_NANOSECOND, BYTES_PER_NANOSECOND, NANOSECONDS_OF_A_STEP = 100, 40, 200

Place = tuple[int, int, int]    # axis, outer, inner: outer·N·inner elements, row n at (i·N + n)·inner + j


class Batch(NamedTuple):
    """Where a network has the batch, and its plans.

    inputs: axes by name.  outputs: a place for each, None where the output is the same for all batches.
    sizes: of the plans.  nanoseconds: a guess of what a run of each takes.
    """

    symbol: str
    inputs: Mapping[str, int]
    outputs: tuple[Place | None, ...]
    sizes: tuple[int, ...]
    nanoseconds: tuple[int, ...]

    def open_shape(self, shape: Sequence[int | str], place: Place | None) -> tuple[int | str, ...]:
        """The shape of a value with the symbol in it, as '7*N' where a row has several elements along the axis."""
        if place is None:
            return tuple(shape)
        axis, outer, inner = place
        factor = outer * inner
        return (*shape[:axis], self.symbol if factor == 1 else f"{factor}*{self.symbol}", *shape[axis + 1:])


class ModuleOfBatches:
    """Runs batches of any number of rows.  Any number of threads may use it.

    `inputs` and `outputs` describe what goes in and out, with the name of the batch among the extents.
    """

    def __init__(self, plans: Plans, batch: Batch, inputs: Sequence[Description],
                 outputs: Sequence[Description]) -> None:
        """inputs, outputs: of the plan of any size."""
        self.plans, self.batch = plans, batch
        places = {name: (axis, 1, 1) for name, axis in batch.inputs.items()}
        self.inputs = tuple(_opened(batch, one, places.get(one.name)) for one in inputs)
        self.outputs = tuple(_opened(batch, one, place) for one, place in zip(outputs, batch.outputs, strict=True))
        self._shapes = {one.name: one.shape for one in self.inputs}
        self._numbers = {size: number for number, size in enumerate(batch.sizes)}
        self._leading = next(iter(batch.inputs))
        self._met: dict[Shape, CompiledModule] = {}     # by shapes of this input: those that are a plan's
        self.slabs = functools.lru_cache(1024)(functools.partial(slabs_of, batch.sizes, batch.nanoseconds))

    def forward(self, is_train: bool = False, **inputs: Any) -> list[NDArray]:
        """As that of `CompiledModule`, for any number of rows.  SymcError: there are none, or inputs disagree."""
        if is_train:
            raise SymcError(f"a network for any batch {self.batch.symbol} is for inference",
                            "compile it for fixed shapes with train")
        if (met := self._met.get(getattr(inputs.get(self._leading), "shape", ()))) is not None:
            return met.forward(**inputs)        # a small network is as fast as with a plan of its own
        shapes = {name: shape_of(value) for name, value in inputs.items()}
        rows = self.rows(shapes)
        if rows not in self._numbers or self._leading not in shapes:
            return self._run_slabs(rows, inputs)
        module = self._met[shapes[self._leading]] = self.plans[self._numbers[rows]]
        return module.forward(**inputs)

    def reshape(self, **shapes: Sequence[int]) -> ModuleAtShapes:
        """The module for so many rows as inputs of these shapes have; no compiler is needed.  SymcError: they disagree,
        or another extent is not as it is compiled."""
        rows = self.rows(named_shapes(self.inputs, shapes))
        module = self.plans[self._numbers[rows]] if rows in self._numbers else self
        return ModuleAtShapes(self, module, *([_closed(one, rows) for one in described]
                                              for described in (self.inputs, self.outputs)))

    def number_of(self, size: int) -> int:
        """The plan for batches of that size."""
        return self._numbers[size]

    def rows(self, shapes: Mapping[str, Shape]) -> int:
        """How many rows inputs of these shapes have."""
        found: dict[str, int] = {}
        for name, shape in shapes.items():
            expected = self._shapes.get(name)
            if expected is None:
                continue        # the plan says which inputs there are
            axis = self.batch.inputs.get(name)
            if len(shape) != len(expected) or any(own != extent for at, (own, extent) in enumerate(
                    zip(shape, expected, strict=True)) if at != axis):
                shown = ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "")
                raise SymcError(f"input '{name}' has shape {shape}, expected ({shown})")
            if axis is not None:
                found[name] = shape[axis]
        if len(set(found.values())) > 1:
            raise SymcError("the inputs have different numbers of rows: "
                            + ", ".join(f"'{name}' has {count}" for name, count in found.items()),
                            f"{self.batch.symbol} is one number")
        rows = next(iter(found.values()), self.batch.sizes[0])
        if rows == 0:
            raise SymcError(f"the inputs have no rows, {self.batch.symbol} is 0", "give at least one")
        return rows

    def _run_slabs(self, rows: int, inputs: Mapping[str, Any]) -> list[NDArray]:
        first = self.plans[0]
        first.refuse_names(inputs)
        given = {name: array_for(first.buffer(name), value) for name, value in inputs.items()}
        outputs = [self._new_output(first, position, rows) for position in range(len(self.outputs))]
        staged: dict[tuple[int, int], np.ndarray] = {}
        begin = 0
        for size in self.slabs(rows):
            module, count = self.plans[self._numbers[size]], min(size, rows - begin)
            _Slab(module, self.batch, begin, count, staged).run(given, outputs)
            begin += size
        context = host_context()
        return [NDArray(array, context) for array in outputs]

    def _new_output(self, module: CompiledModule, position: int, rows: int) -> np.ndarray:
        buffer = module.plan.buffers[module.output_numbers[position]]
        shape, place = list(buffer.shape), self.batch.outputs[position]
        if place is not None:
            axis, outer, inner = place
            shape[axis] = outer * rows * inner
        return aligned_empty(tuple(shape), storage_dtype(buffer.dtype), buffer.name)


def _opened(batch: Batch, described: Description, place: Place | None) -> Description:
    return Description(described.name, batch.open_shape(described.shape, place), described.dtype)


def _closed(described: Description, rows: int) -> Description:
    """With so many rows in the place of 'N' or '7*N'."""
    shape = (extent if isinstance(extent, int) else rows * int(extent.rpartition("*")[0] or 1)
             for extent in described.shape)
    return Description(described.name, tuple(shape), described.dtype)


class _Slab(NamedTuple):
    """Rows [begin, begin + rows) of a batch, in the plan of a module for at least as many.

    staged: arrays that stand for parts of inputs and outputs which are not one run of memory, or have too few rows; by
    the plan's size and the buffer's number.
    """

    module: CompiledModule
    batch: Batch
    begin: int
    rows: int
    staged: dict[tuple[int, int], np.ndarray]

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        program = self.module.program
        for name, array in inputs.items():
            program.bind(self.module.input_number(name), self._input(name, array))
        copies = [self._bind_output(program, position, array) for position, array in enumerate(outputs)]
        program.run("infer")
        for target, source in filter(None, copies):
            target[...] = source

    def _input(self, name: str, array: np.ndarray) -> np.ndarray:
        axis = self.batch.inputs.get(name)
        if axis is None:
            return array
        buffer = self.module.buffer(name)
        part = array[(slice(None),) * axis + (slice(self.begin, self.begin + self.rows),)]
        if part.shape == buffer.shape and part.flags.c_contiguous:
            return part
        staged = self._staged(self.module.input_number(name), buffer)
        rows = np.moveaxis(staged, axis, 0)
        rows[:self.rows] = np.moveaxis(part, axis, 0)
        rows[self.rows:] = rows[self.rows - 1]      # a row like any other, whose indices exist
        return staged

    def _bind_output(self, program: Program, position: int,
                     array: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Bind what the plan writes; what is to be copied from there, and to where."""
        number, place = self.module.output_numbers[position], self.batch.outputs[position]
        buffer = self.module.plan.buffers[number]
        if place is None:
            program.bind(number, array)
            return None
        axis, outer, inner = place
        part = by_rows(array, axis, outer, inner)[(slice(None),) * (axis + 1)
                                                   + (slice(self.begin, self.begin + self.rows),)]
        if part.size == math.prod(buffer.shape) and part.flags.c_contiguous:
            program.bind(number, part.reshape(buffer.shape))
            return None
        staged = self._staged(number, buffer)
        program.bind(number, staged)
        return part, by_rows(staged, axis, outer, inner)[(slice(None),) * (axis + 1) + (slice(self.rows),)]

    def _staged(self, number: int, buffer: Buffer) -> np.ndarray:
        key = id(self.module), number
        if key not in self.staged:
            self.staged[key] = aligned_empty(buffer.shape, storage_dtype(buffer.dtype), buffer.name)
        return self.staged[key]


def by_rows(array: np.ndarray, axis: int, outer: int, inner: int) -> np.ndarray:
    """A view of the array with the batch axis as (outer, rows, inner)."""
    shape = array.shape
    return array.reshape(*shape[:axis], outer, shape[axis] // (outer * inner), inner, *shape[axis + 1:])


# ---- which slabs ---------------------------------------------------------------------------------------------------


def slabs_of(sizes: Sequence[int], costs: Sequence[int], rows: int) -> tuple[int, ...]:
    """Sizes of the plans that compute so many rows for the least cost, the largest first; the last may be too large."""
    plans = list(zip(sizes, costs, strict=True))
    bulk, cost = min(plans, key=lambda plan: (plan[1] / plan[0], -plan[0]))
    rest = rows % bulk if rows > bulk else rows
    best: list[tuple[int, int]] = [(0, 0)]      # by rows: the cost, and minus the size of the first plan
    for count in range(1, rest + 1):
        best.append(min((cost + best[max(0, count - size)][0], -size) for size, cost in plans))
    chosen = []
    while rest > 0:
        chosen.append(-best[rest][1])
        rest -= chosen[-1]
    whole = (rows - rows % bulk) // bulk if rows > bulk else 0
    return (*[bulk] * whole, *sorted(chosen, reverse=True))


def nanoseconds_of(plan: Plan) -> int:
    """A guess of what a run takes on one core, by operations and memory: good to compare plans of one network."""
    return round(_within(plan, plan.entries["infer"]))


def _within(plan: Plan, bounds: Range) -> float:
    return sum(_nanoseconds(plan, step) for step in plan.steps[slice(*bounds)])


def _nanoseconds(plan: Plan, step: Step) -> float:
    match step:
        case KernelStep():
            touched = sum(plan.buffers[number].bytes for number in set(step.buffers))
            return (plan.kernels[step.kernel].flops / FLOPS_PER_NANOSECOND + touched / BYTES_PER_NANOSECOND
                    + NANOSECONDS_OF_A_STEP)
        case LoopStep():
            return (step.trip or 1) * _within(plan, step.body)
        case BranchStep():
            return max(_within(plan, step.then), _within(plan, step.otherwise))
    return 0.0
