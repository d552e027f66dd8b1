"""Random operators as pure functions of a seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from symc.ir.graph import Graph, Node, Source, Value, unique_names, variable
from symc.ir.types import DType, TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import Branch, ControlFlow
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass, expand

SEED = "_seed"
NUMBER = "_number"      # the attribute of a node that tells its draws from those of others
SEED_TYPE = TensorType((1,), DType.int64)


@record
class SeedRandom(Pass):
    """Give random operators a seed to draw from: one shared variable, and for each node a salt, its number.

    Before: a typed graph without gradients.
        %drop = Dropout(%x) p=0.5
    After: the graph is a pure function of its variables, of which `_seed` is one.
        %_seed: i64[1]
        %drop = _dropout(%x, %_seed) p=0.5 salt=0

    In the body of a loop the seed is a slice of `_step_seeds`, so that every step draws other numbers; backward sees
    the same.
    """

    name = "seed-random"

    def __call__(self, graph: Graph) -> Graph:
        graph = numbered(graph)
        seed = Value(seed_of(graph))

        def visit(node: Node) -> tuple[Value, ...] | None:
            if isinstance(node.op, ControlFlow):
                return self._control_flow(node, seed, int(node.attrs[NUMBER]))
            if node.op is None or not operation(node).is_random:
                return None
            op = operation(node)
            rule = partial(op.seeded, types=list(node.types)) if op.reads_types else op.seeded
            return expand(node, rule, seed, int(node.attrs[NUMBER]))
        return graph.rewrite(visit)

    def _control_flow(self, node: Node, seed: Value, salt: int) -> tuple[Value, ...] | None:
        """The loop or branch with its bodies seeded: each step of a loop with a seed of its own."""
        op = node.op
        assert isinstance(op, ControlFlow)
        bodies = tuple(map(self, op.graphs))
        if not any(SEED in (inner.name for inner in body.variables) for body in bodies):
            return None
        if isinstance(op, Branch):
            bodies = tuple(body.with_names({SEED: f"c{op.constants}"}) for body in bodies)
            branch = Branch(op.constants + 1, bodies)
            return replace(node, op=branch, inputs=(*node.inputs, seed)).outputs
        g = GraphBuilder(node.name, node.sources)
        seeds = g.op("_step_seeds", seed, count=op.count, salt=salt)
        loop = replace(op, slices=op.slices + 1, graphs=(bodies[0].with_names({SEED: f"x{op.slices}"}),))
        return replace(node, op=loop, inputs=(*node.inputs[:op.slices], seeds, *node.inputs[op.slices:])).outputs


def seed_of(graph: Graph) -> Node:
    """The seed that a part of the graph draws from already, or a new one."""
    return next((node for node in graph.variables if node.name == SEED and node.types[0] == SEED_TYPE),
                None) or variable(SEED, SEED_TYPE, sources=(Source(SEED),))


# ---- numbers -----------------------------------------------------------------------------------------------------


@record
class NumberRandom(Pass):
    """Number the random operators, for `SeedRandom`, before other passes take some away.

    So a network draws the same, with a seed, whatever its nodes are called, in training and in inference, and in the
    graphs of `_gradient` that repeat it.
    """

    name = "number-random"

    def __call__(self, graph: Graph) -> Graph:
        return numbered(graph)


def numbered(graph: Graph) -> Graph:
    """`graph` with NUMBER among the attributes of all random nodes, and nodes that hold graphs, down to those inside.

    Numbers count on from those that there are.  Nodes of one name in different graphs have one number.
    """
    numbers: dict[str, int] = {}
    missing: list[str] = []
    for name, node in _random_nodes(graph):
        if NUMBER in node.attrs:
            numbers[name] = int(node.attrs[NUMBER])
        else:
            missing.append(name)
    if not missing:
        return graph
    free = itertools.count(max(numbers.values(), default=-1) + 1)
    for name in missing:
        if name not in numbers:
            numbers[name] = next(free)
    return _with_numbers(graph, numbers)


def _is_numbered(node: Node) -> bool:
    return node.op is not None and (operation(node).is_random or bool(operation(node).subgraphs))


def _random_nodes(graph: Graph) -> Iterator[tuple[str, Node]]:
    """The nodes to be numbered, each with a name that no other of its graph has."""
    names = unique_names(graph) if any(map(_is_numbered, graph.nodes)) else {}
    for node in graph.nodes:
        if _is_numbered(node):
            yield names[node], node
            for inner in operation(node).subgraphs:
                yield from _random_nodes(inner)


def _with_numbers(graph: Graph, numbers: Mapping[str, int]) -> Graph:
    names = unique_names(graph)
    originals = iter(graph.nodes)

    def visit(node: Node) -> tuple[Value, ...] | None:
        name = names[next(originals)]
        if not _is_numbered(node):
            return None
        op = operation(node)
        op = op.with_subgraphs([_with_numbers(body, numbers) for body in op.subgraphs])
        return replace(node, op=op, attrs={**node.attrs, NUMBER: str(numbers[name])}).outputs
    return graph.rewrite(visit)
