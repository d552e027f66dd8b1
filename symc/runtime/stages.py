"""Programs on the arrays of an executor: one, or one for each segment of a network of which groups lie on several
devices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from symc.runtime import random
from symc.runtime.context import Context
from symc.runtime.ndarray import NDArray, empty
from symc.runtime.plan import HostStep, buffer_ids, steps_within
from symc.runtime.plan_text import describe_plan
from symc.runtime.program import Program


@dataclass
class Bound:
    """Arrays of an executor by name, in the order of the symbol's lists; a gradient is None where none is wanted."""

    arguments: dict[str, NDArray]
    gradients: dict[str, NDArray | None]
    states: dict[str, NDArray]
    requests: dict[str, str]


class Stage(NamedTuple):
    """A program that computes what lies in one place.  outputs: the names of its outputs, by which others read them."""

    program: Program
    context: Context
    outputs: Sequence[str]


class Stages(NamedTuple):
    """What computes a network, in the order in which it runs.  heads: which outputs are those of the network."""

    parts: Sequence[Stage]
    heads: Sequence[str]


class BoundStages:
    """The programs of a network on the arrays of an executor, and arrays for what passes between them: it lies where
    it is computed."""

    def __init__(self, stages: Stages, bound: Bound, seed: np.ndarray, outputs: Sequence[NDArray]) -> None:
        self.stages = stages.parts
        passed = dict(zip(stages.heads, outputs, strict=True))
        for stage in stages.parts:
            passed |= _handed_on(stage, passed.keys() | bound.gradients.keys())
        self.programs = [BoundProgram(stage.program, bound, passed, seed, [passed[name] for name in stage.outputs])
                         for stage in stages.parts]
        self.draws = any(program.draws for program in self.programs)

    def run(self, entry: str) -> None:
        """Run an entry of all programs, and `prepare` before it where need be."""
        for program in self.programs:
            program.run(entry)

    def describe(self) -> str:
        """The plans, for people to read."""
        texts = [describe_plan(stage.program.plan) for stage in self.stages]
        if len(texts) == 1:
            return texts[0]
        return "".join(f"Segment {number} on {stage.context}\n{text}"
                       for number, (stage, text) in enumerate(zip(self.stages, texts, strict=True)))


def _handed_on(stage: Stage, known: Collection[str]) -> dict[str, NDArray]:
    """Arrays for what a program computes that the user has none for: others read it."""
    plan = stage.program.plan
    outputs = zip(stage.outputs, plan.of_kind("output"), strict=True)
    made = {**dict(outputs), **{plan.buffers[number].name: number for number in plan.of_kind("gradient")}}
    return {name: empty(plan.buffers[number].shape, stage.context, plan.buffers[number].dtype)
            for name, number in made.items() if name not in known}


class BoundProgram:
    """A program on the arrays of an executor; what lies on another device than the program is copied to and fro."""

    def __init__(self, program: Program, bound: Bound, passed: dict[str, NDArray], seed: np.ndarray,
                 outputs: Sequence[NDArray]) -> None:
        """passed: by name what other programs compute, or read."""
        self.program = program
        self.outputs, self.states = outputs, bound.states
        inputs: dict[str, NDArray | None] = {**passed, **bound.arguments, **bound.states}
        gradients: dict[str, NDArray | None] = {**passed, **bound.gradients}
        held = {"input": inputs, "state": inputs, "gradient": gradients}     # what operators write is a state too
        self.arrays: dict[int, NDArray] = {}         # of the user and of other programs, by buffer
        self.memory: list[tuple[int, np.ndarray]] = []
        for number, buffer in enumerate(program.plan.buffers):
            if buffer.kind == "input" and buffer.name == random.SEED:
                self.memory.append((number, seed))
            elif buffer.kind in held and (array := held[buffer.kind][buffer.name]) is not None:
                self.arrays[number] = array
        self.arrays |= zip(program.plan.of_kind("output"), outputs, strict=True)
        self.draws, self.mark = bool(self.memory), object()
        self.mirrors = {id(array): program.beside(array.memory) for array in self.arrays.values()
                        if not program.takes(array.memory)}
        self.memory += [(number, self.mirrors.get(id(array), array.memory)) for number, array in self.arrays.items()]
        self.read = {entry: self._mirrored(entry) for entry in program.plan.entries}
        self.written = {entry: self._written(entry) for entry in program.plan.entries}
        self.sources = [self.arrays[number] for number in sorted(self._used("prepare")) if number in self.arrays]
        self.prepared: list[tuple[int, int]] | None = None      # number of writes to what `prepare` reads

    def run(self, entry: str) -> None:
        """Run an entry, if it has steps here, and `prepare` before it where need be."""
        first, last = self.program.plan.entries[entry]
        if first == last:
            return
        with self.program.lock:
            if self.program.user is not self.mark:
                for number, memory in self.memory:
                    self.program.bind(number, memory)
                self.program.user = self.mark
            for array in self.read[entry]:
                self.mirrors[id(array)][...] = array.memory
            self._prepare()
            self.program.run(entry)
        for array in self.written[entry]:
            if id(array) in self.mirrors:
                array.memory[...] = self.mirrors[id(array)]
            array.count_write()

    def _prepare(self) -> None:
        """Run `prepare` unless nothing that it reads was written since it ran."""
        if "prepare" not in self.program.plan.entries:
            return
        stamp = [(id(array.memory), array.writes) for array in self.sources]
        if stamp != self.prepared or any(array.escaped for array in self.sources):
            self.program.run("prepare")
            self.prepared = stamp

    def _mirrored(self, entry: str) -> list[NDArray]:
        """The arrays elsewhere that an entry, or what prepares it, may read."""
        used = self._used(entry) | self._used("prepare") if self.mirrors else frozenset()
        return [array for number, array in self.arrays.items() if number in used and id(array) in self.mirrors
                and self.program.plan.buffers[number].kind != "output"]

    def _written(self, entry: str) -> list[NDArray]:
        """The user's arrays that an entry writes: outputs, gradients, and in backward auxiliary states."""
        buffers, used = self.program.plan.buffers, self._used(entry)
        return [array for number, array in self.arrays.items() if number in used and (
            buffers[number].kind in ("output", "gradient")
            or buffers[number].kind == "state" and (entry == "backward" or buffers[number].name not in self.states
                                                    or number in self._read_by_hosts))]

    @cached_property
    def _read_by_hosts(self) -> frozenset[int]:
        """Buffers that host steps see: custom operators write their states in forward too."""
        return frozenset(n for step in self.program.plan.steps if isinstance(step, HostStep) for n in step.inputs)

    def _used(self, entry: str) -> frozenset[int]:
        """Buffers that the steps of an entry name."""
        plan = self.program.plan
        steps = steps_within(plan, plan.entries.get(entry, (0, 0)))
        return frozenset(number for step in steps for number in buffer_ids(step))
