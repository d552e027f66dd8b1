"""Times the schedules between which a contraction group has a choice.  Runs in a worker, which may crash."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from symc.codegen.choice import MODEL
from symc.codegen.group_code import GroupCode
from symc.codegen.in_process import load_plan
from symc.codegen.lower import choices_of, lower_group
from symc.codegen.plan import Buffer, Kernel, KernelStep, Plan, storage_dtype
from symc.codegen.tuned import Record
from symc.ir.graph import Graph
from symc.ir.types import TensorType
from symc.runtime.program import Program
from symc.runtime.team import set_num_threads

RANKS, RANKS_BY_ORDER = 8, 3    # tiles that are timed, and those that are in both orders of jobs
FINALISTS = 5                   # besides the model's choice, which are timed once more
LEAST_GAIN = 0.03               # in each of two finals; less may be chance, and the model's choice stays
ROUNDS, LEAST_ROUNDS = 60, 3
SECONDS = 2.0                   # after which no round begins
EVICTING = 4 << 20              # bytes, more than a second cache holds


def time_choices(group: Graph, level: str, threads: int) -> Record:
    """The fastest schedule of `group` for the CPU level, which this machine must have.

    All are timed in turn, round after round; then the model's and the fastest others anew, twice.  Least times count.
    """
    choices = choices_of(group, level, RANKS, RANKS_BY_ORDER)
    if len(choices) == 1:
        return Record(str(MODEL), threads, 0, 0, 1)
    set_num_threads(threads)
    timer = _Timer(group, [lower_group(group, f"choice{i}", level, choice) for i, choice in enumerate(choices)], level)
    first = timer.least(range(len(choices)))
    others = sorted(range(1, len(choices)), key=lambda number: first[number])
    finals = [timer.least([0, *others[:FINALISTS]]) for _ in range(2)]
    least = {number: min(final[number] for final in finals) for number in finals[0]}
    best = min(least, key=lambda number: least[number])
    if any(final[best] > (1 - LEAST_GAIN) * final[0] for final in finals):
        best = 0
    return Record(str(choices[best]), threads, least[0], least[best], len(choices))


class _Timer:
    """Kernels over the same arrays, as the steps of a plan.

    Each finds what it does in a network: its first operand in the caches, for the step before wrote it, its output
    too, for that takes the place of what was read before, and its weights beyond the second cache.
    """

    def __init__(self, group: Graph, codes: Sequence[GroupCode], level: str) -> None:
        plan = _plan_of(group, codes)
        self.program = Program(plan, load_plan(plan, [code.object for code in codes], level))
        draws = np.random.default_rng(0)
        arrays = [_drawn(draws, buffer) for buffer in plan.buffers]
        for number, array in enumerate(arrays):
            self.program.bind(number, array)
        first_operand = arrays[codes[0].kernels[0].parameters[0][1]]
        self.used_before = [*arrays[len(group.variables):], first_operand]
        self.evicting = np.zeros(EVICTING, np.uint8)

    def least(self, numbers: Sequence[int]) -> dict[int, float]:
        """The least seconds of each of these steps, taken in turn."""
        best, end = dict.fromkeys(numbers, math.inf), time.perf_counter() + SECONDS
        for done in range(ROUNDS):
            if done >= LEAST_ROUNDS and time.perf_counter() > end:
                break
            for number in best:
                best[number] = min(best[number], self._seconds(number))
        return best

    def _seconds(self, number: int) -> float:
        self.evicting.sum()
        for array in self.used_before:
            array.sum()
        begin = time.perf_counter()
        self.program.run_step(number)
        return time.perf_counter() - begin


def _plan_of(group: Graph, codes: Sequence[GroupCode]) -> Plan:
    """A plan with a step for each of `codes`, which all compute `group`, on buffers that are bound by the caller."""
    types = [*(node.types[0] for node in group.variables), *(head.type for head in group.heads)]
    starts = {"input": 0, "output": len(group.variables)}
    buffers = tuple(_buffer("input" if i < starts["output"] else "output", i, type) for i, type in enumerate(types))
    kernels = [kernel for code in codes for kernel in code.kernels]
    assert len(kernels) == len(codes), "contractions are one kernel each"
    steps = tuple(KernelStep(i, tuple(starts[kind] + position for kind, position in kernel.parameters), kernel.jobs, i)
                  for i, kernel in enumerate(kernels))
    return Plan(buffers, tuple(Kernel(kernel.symbol, kernel.flops) for kernel in kernels), steps,
                {"infer": (0, len(steps))})


def _buffer(kind: str, number: int, type: TensorType) -> Buffer:
    shape, dtype = type.physical, type.element.name
    return Buffer(kind, f"{kind}{number}", dtype, shape, math.prod(shape) * storage_dtype(dtype).itemsize)


def _drawn(draws: np.random.Generator, buffer: Buffer) -> np.ndarray:
    """Numbers in [0, 1), as the buffer holds them; bfloat16 is the upper half of float32."""
    values = draws.random(buffer.shape, np.float32)
    if buffer.dtype == "bfloat16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(storage_dtype(buffer.dtype))
