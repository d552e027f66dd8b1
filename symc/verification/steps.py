"""Each step of a plan by itself: what it writes, beside what its node means for what it has really read.

Differences do not add up on the way, and a jump (`argmax`, a comparison) sees the same numbers in kernel and reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from symc.codegen.bodies import names_with_bodies
from symc.interpreter import Results, run
from symc.ir.graph import Graph, Node, Value, value_name, variable
from symc.ir.layouts import to_logical
from symc.ops.group import Group
from symc.ops.operator import is_view, operation, run_reference
from symc.passes.materialize import ACCUMULATED, storage
from symc.runtime.plan import HostStep, KernelStep
from symc.runtime.program import Program
from symc.verification.compare import Comparison, Difference, Numbers, dtypes_of, spread_of
from symc.verification.subject import Code, Subject, bind

USER = ("input", "state", "head_gradient", "output", "gradient")    # kinds whose buffers have the user's names


@dataclass(frozen=True)
class WrongStep:
    """A node of the lowered graph whose kernels compute something else, and what."""

    node: Node
    kernels: tuple[str, ...]
    steps: tuple[int, int]
    difference: Difference


def wrong_steps(subject: Subject, library: Code, arrays: Mapping[str, np.ndarray]) -> Iterator[WrongStep]:
    """The steps that differ from their nodes' meaning, in the order of the plan."""
    for walk, first, end in _walk(subject, library, arrays):
        yield from walk.check(first, end)


def arguments_of_steps(subject: Subject, library: Code,
                       arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[Node, list[np.ndarray]]]:
    """The nodes of the plan's steps, in order, with what they have really read."""
    for walk, first, end in _walk(subject, library, arrays):
        node = walk.node(first)
        arguments = walk.arguments(node)
        walk.run(first, end)
        yield node, arguments


def _walk(subject: Subject, library: Code, arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[_Walk, int, int]]:
    """A program, and the steps of one node after the other, which whoever is given them runs."""
    program = subject.program(library)
    bind(program, arrays)
    for entry in subject.entries:       # so that all buffers are there
        program.run(entry)
    bind(program, arrays)
    walk = _Walk(subject, program)
    for entry in subject.entries:
        first, last = subject.plan.entries[entry]
        while first < last:
            end = walk.end_of(first, last)
            yield walk, first, end
            first = end


@dataclass
class _Walk:
    """A program on its way through its steps."""

    subject: Subject
    program: Program
    constants: dict[Value, np.ndarray] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> dict[str, Node]:
        names = names_with_bodies(self.graph)
        return {names[node]: node for node in self.graph.nodes}

    @property
    def graph(self) -> Graph:
        assert self.subject.lowered is not None
        return self.subject.lowered

    @cached_property
    def buffers(self) -> dict[Value, int]:
        """Storages and the buffers that they are."""
        graph, buffers = self.graph, self.subject.plan.buffers
        inside = {buffer.name: i for i, buffer in enumerate(buffers) if buffer.kind not in USER}
        users = {(buffer.kind, buffer.name): i for i, buffer in enumerate(buffers) if buffer.kind in USER}
        found = {Value(node, i): inside[value_name(name, i)] for name, node in self.nodes.items()
                 for i in range(len(node.types)) if value_name(name, i) in inside}
        found |= {Value(node): _of_variable(users, node.name) for node in graph.variables}
        found |= {storage(head): i for head, i in zip(graph.heads, self.subject.plan.of_kind("output"), strict=True)}
        found |= {storage(g.value): users["gradient", g.variable.name] for g in graph.gradients}
        return found | {storage(u.value): _of_variable(users, u.variable.name) for u in graph.updates}

    def end_of(self, first: int, last: int) -> int:
        """Behind the steps that compute the node of step `first`."""
        steps, end = self.subject.plan.steps, first + 1
        while end < last and self._name(end) == self._name(first) and isinstance(steps[first], KernelStep):
            end += 1
        return end

    def node(self, number: int) -> Node:
        """The node of a step."""
        return self.nodes[self._name(number)]

    def arguments(self, node: Node) -> list[np.ndarray]:
        """Copies of what a node is about to read."""
        return [self.read(value).copy() for value in node.inputs]

    def run(self, first: int, end: int) -> None:
        for number in self.program.alone((first, end)):
            self.program.run_step(number)

    def _name(self, number: int) -> str:
        step = self.subject.plan.steps[number]
        assert not isinstance(step, HostStep), "packages have no host steps"
        return step.node

    def check(self, first: int, end: int) -> Iterator[WrongStep]:
        """Run the steps of a node, and compare."""
        node = self.node(first)
        arguments = self.arguments(node)
        self.run(first, end)
        found = {_key(value): self.read(value) for value in node.outputs if storage(value) in self.buffers}
        comparison = compared(self.subject, node, arguments)
        wanted = {key: array for key, array in comparison.right.items() if key in found}
        for difference in Comparison(wanted, comparison.dtypes, comparison.tolerances,
                                     comparison.spread).differences(found):
            if difference.reason:
                yield WrongStep(node, self._kernels(first, end), (first, end), difference)
                return

    def _kernels(self, first: int, end: int) -> tuple[str, ...]:
        plan, call = self.subject.plan, self.program.called(first)
        if call is not None:
            return (call.library,)
        return tuple(plan.kernels[step.kernel].name for step in plan.steps[first:end] if isinstance(step, KernelStep))

    def read(self, value: Value) -> np.ndarray:
        """A value as it lies in memory now, zero where it may hold anything; a constant as it should."""
        views = []
        while is_view(value.node):
            views.append(value.node)
            value = value.node.inputs[0]
        array = self._stored(value)
        for node in reversed(views):
            (array,) = run_reference(operation(node), [array], node.types)
        return array

    def _stored(self, value: Value) -> np.ndarray:
        if value.node.value is None:
            flat = self.program.array(self.buffers[value]).reshape(-1)
            array = to_logical(flat.reshape(value.type.physical), value.type.dims, value.type.layout)
            anything = None if value.node.op is None else _unspecified(value.node)
            return array if anything is None else np.where(anything, np.zeros((), array.dtype), array)
        if value not in self.constants:
            self.constants[value] = to_logical(value.node.value, value.type.dims, value.type.layout)
        return self.constants[value]


def compared(subject: Subject, node: Node, arguments: list[np.ndarray]) -> Comparison:
    """What a node means for these inputs."""
    graph, inputs = isolated(node)
    tolerances = replace(subject.tolerances, is_step=True)
    given = {inner.name: array for inner, array in zip(inputs, arguments, strict=True)}

    def numbers(results: Results) -> Numbers:
        return {_key(value): head for value, head in zip(node.outputs, results.heads, strict=True)}
    right = numbers(run(graph, given))
    return Comparison(right, dtypes_of(graph), tolerances, partial(spread_of, graph, given, right, tolerances, numbers))


def isolated(node: Node) -> tuple[Graph, Sequence[Node]]:
    """A graph that computes the node alone, and its variable for each input: that of a group, or the node on variables.
    """
    if isinstance(node.op, Group):
        return node.op.graph, node.op.graph.variables
    inputs = [variable(f"input{i}", value.type) for i, value in enumerate(node.inputs)]
    return Graph(replace(node, inputs=tuple(map(Value, inputs))).outputs), inputs


def _unspecified(node: Node) -> np.ndarray | None:
    """Where the only output of a node holds anything."""
    (head, *others) = isolated(node)[0].heads
    if others or head.node.op is None or operation(head.node).unspecified is None:
        return None
    return operation(head.node).unspecified(*(value.type for value in head.node.inputs))


def _key(value: Value) -> tuple[str, str]:
    return "value", value_name(value.node.name, value.index)


def _of_variable(users: Mapping[tuple[str, str], int], name: str) -> int:
    if name.startswith(ACCUMULATED):
        return users["gradient", name.removeprefix(ACCUMULATED)]
    return next(users[kind, name] for kind in ("input", "state", "head_gradient") if (kind, name) in users)
