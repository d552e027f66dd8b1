"""What is verified: compiled code, the graph that says what it means, and the graph that it was generated from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symc.interpreter import Results
from symc.ir.graph import Graph
from symc.passes.base import Pass, run_passes
from symc.passes.expand_gradients import ExpandGradients
from symc.passes.gradient import Differentiate
from symc.passes.inference_heads import UseInferenceForms
from symc.passes.overwrite_inputs import OverwriteInputs
from symc.passes.pipeline import training_pipeline
from symc.passes.seed_random import NumberRandom, SeedRandom
from symc.runtime.device import DeviceProgram
from symc.runtime.device_memory import placed
from symc.runtime.gpu_module import GpuCode
from symc.runtime.library import Library
from symc.runtime.memory import aligned_copy, aligned_empty
from symc.runtime.plan import Plan, storage_dtype
from symc.runtime.program import Program
from symc.verification.compare import Numbers, Tolerances

Code = Library | GpuCode
GIVEN = ("input", "state", "head_gradient")     # kinds of buffers that are read
WRITTEN = ("output", "gradient")


@dataclass(frozen=True)
class Subject:
    """One plan.

    meaning: the graph whose interpretation is right.  roles: the network as its user wrote it, typed, which tells
    what its inputs are for.  lowered: the graph that the plan was assembled from, if it is known.  weights: the block.
    initial: the first values of inputs and states that have some.
    """

    meaning: Graph
    roles: Graph
    lowered: Graph | None
    plan: Plan
    weights: np.ndarray
    initial: Mapping[str, np.ndarray]
    tolerances: Tolerances

    def program(self, code: Code) -> Program:
        return code.program(self.plan, self.weights) if isinstance(code, GpuCode) else \
            Program(self.plan, code, self.weights)

    @property
    def entries(self) -> list[str]:
        return [entry for entry in ("infer", "forward", "backward") if entry in self.plan.entries]


def meaning_of(graph: Graph, requests: Mapping[str, str] | None) -> Graph:
    """A typed network of a module as inference computes it, or with the gradients that are requested: by the fewest
    passes.  A module's forward writes to no inputs.

    The gradients are those of the rules of operators; verifying them finds what is lost between these and the code.
    """
    if requests is None:
        return run_passes(graph, [NumberRandom(), ExpandGradients(training=False), UseInferenceForms(), SeedRandom()])
    steps: Sequence[Pass] = [step for step in training_pipeline(requests) if not isinstance(step, OverwriteInputs)]
    last = next(number for number, step in enumerate(steps) if isinstance(step, Differentiate))
    return run_passes(graph, steps[:last + 1])


def bind(program: Program, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a program copies of these inputs and states, and new arrays for what it writes, where its code runs."""
    for number, buffer in enumerate(program.plan.buffers):
        if buffer.kind in GIVEN:
            made = aligned_copy(np.asarray(arrays[buffer.name]))
        elif buffer.kind in WRITTEN:
            made = aligned_empty(buffer.shape, storage_dtype(buffer.dtype), buffer.name)
            made.reshape(-1).view(np.uint8)[:] = 0
        else:
            continue
        if isinstance(program, DeviceProgram) and program.device is not None:
            program.bind(number, placed(made, program.device))
        else:
            program.bind(number, made)


def written(program: Program, wanted: Numbers) -> dict[tuple[str, str], np.ndarray]:
    """What a program has written, as far as it is wanted; states and inputs that it updates are of kind 'state'."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for number, buffer in enumerate(program.plan.buffers):
        kind = "state" if buffer.kind == "input" else buffer.kind
        if (kind, buffer.name) in wanted:
            found[kind, buffer.name] = program.array(number).copy()
    return found


def numbers(results: Results, names: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """The results of the interpreter, whose heads have these names."""
    return {**{("output", name): head for name, head in zip(names, results.heads, strict=True)},
            **{("gradient", name): array for name, array in results.gradients.items()},
            **{("state", name): array for name, array in results.updates.items()}}
