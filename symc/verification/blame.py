"""Which symbol node it is that passes, or kernels, get wrong: by what leads to it, computed alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from symc.codegen.build import compile_lowered, host_level, load_in_process
from symc.codegen.lowered import Lowered, Options, lower, passes_of
from symc.interpreter import run
from symc.ir.graph import Graph, Node, topological
from symc.ops.operator import operation, output_name
from symc.passes.base import run_passes
from symc.passes.seed_random import SeedRandom
from symc.runtime.modes import INFERENCE
from symc.runtime.program import Program
from symc.verification.compare import Comparison, Difference, Numbers, Tolerances, dtypes_of, spread_of
from symc.verification.subject import bind, meaning_of, numbers, written

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Prefix:
    """What leads to one node of a typed network, its visible outputs as heads: an inference graph of its own."""

    node: Node
    arrays: Arrays
    options: Options
    tolerances: Tolerances

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.node.outputs[:operation(self.node).visible_count])

    @cached_property
    def meaning(self) -> Graph:
        return meaning_of(self.graph, None)

    @cached_property
    def names(self) -> list[str]:
        return [output_name(head) for head in self.graph.heads]

    @cached_property
    def comparison(self) -> Comparison:
        """With what the prefix means."""
        collect = partial(numbers, names=self.names)
        right = {key: array for key, array in collect(run(self.meaning, self.arrays)).items() if key[0] == "output"}
        return Comparison(right, dtypes_of(self.meaning), self.tolerances,
                          partial(spread_of, self.meaning, self.arrays, right, self.tolerances, collect))

    @cached_property
    def lowered(self) -> Lowered:
        return lower(self.graph, INFERENCE, {}, (), self.options, initial={})

    def wrong_after(self, graph: Graph) -> Difference | None:
        """What `graph`, made of the prefix by passes, means differently."""
        return self._first_wrong(numbers(run(graph, self.arrays), self.names))

    def wrong_in_passes(self) -> Difference | None:
        return self.wrong_after(self.lowered.graph)

    def wrong_in_code(self) -> Difference | None:
        """What the prefix computes differently when it is compiled for this machine."""
        unit = compile_lowered(self.lowered, [host_level()], self.options)
        program = Program(unit.plans[host_level()], load_in_process(unit), unit.assembly.weights)
        bind(program, self.arrays)
        program.run("infer")
        return self._first_wrong(written(program, self.comparison.right))

    def _first_wrong(self, found: Numbers) -> Difference | None:
        return next((d for d in self.comparison.differences(found) if d.reason), None)

    def wrong_pass(self) -> str:
        """The pass after which the graph means something else; '' where it is none alone."""
        steps = passes_of(INFERENCE, {}, (), self.options, is_module=True)
        start = next(number for number, step in enumerate(steps) if isinstance(step, SeedRandom)) + 1
        graph = run_passes(self.graph, steps[:start])
        for step in steps[start:]:
            before, graph = graph, run_passes(graph, [step])
            if graph is not before and self.wrong_after(graph):
                return step.name
        return ""


def first_wrong(nodes: Sequence[Node], is_wrong: Callable[[Node], bool]) -> Node:
    """A wrong node whose inputs are right, among `nodes` in topological order, of which the last is wrong.

    A wrong node leaves its ancestors as candidates, a right one those that are none of it.
    """
    candidates = list(nodes)
    while len(candidates) > 1:
        node = candidates[(len(candidates) - 1) // 2]
        ancestors = set(topological([node]))
        wrong = is_wrong(node)
        candidates = [other for other in candidates if (other in ancestors) == wrong]
    return candidates[0]


def operators_of(graph: Graph, roots: Sequence[Node]) -> list[Node]:
    """The operators that lead to `roots`, in topological order."""
    return [node for node in topological(roots) if node.op is not None]
