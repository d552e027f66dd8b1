"""Random operators as pure functions of a seed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import partial

from symc.ir.graph import Graph, Node, Source, Value, unique_names, variable
from symc.ir.types import DType, TensorType
from symc.ops.builder import GraphBuilder
from symc.ops.families.control_flow import Branch, ControlFlow
from symc.ops.operator import operation
from symc.passes.base import Pass, expand

SEED = "_seed"
SEED_TYPE = TensorType((1,), DType.int64)


@dataclass(frozen=True)
class SeedRandom(Pass):
    """Give random operators a seed to draw from: one shared variable, and for each node a salt made of its name.

    Before: a typed graph without gradients.
        %drop = Dropout(%x) p=0.5
    After: the graph is a pure function of its variables, of which `_seed` is one.
        %_seed: i64[1]
        %drop = _dropout(%x, %_seed) p=0.5 salt=1270218405

    In the body of a loop the seed is a slice of `_step_seeds`, so that every step draws other numbers; backward sees
    the same.
    """

    name = "seed-random"

    def __call__(self, graph: Graph) -> Graph:
        names = unique_names(graph)
        originals = iter(graph.nodes)
        seed = Value(seed_of(graph))

        def visit(node: Node) -> tuple[Value, ...] | None:
            name = names[next(originals)]
            if isinstance(node.op, ControlFlow):
                return self._control_flow(node, seed, salt_of(name))
            if node.op is None or not operation(node).is_random:
                return None
            op = operation(node)
            rule = partial(op.seeded, types=list(node.types)) if op.reads_types else op.seeded
            return expand(node, rule, seed, salt_of(name))
        return graph.rewrite(visit)

    def _control_flow(self, node: Node, seed: Value, salt: int) -> tuple[Value, ...] | None:
        """The loop or branch with its bodies seeded: each step of a loop with a seed of its own."""
        op = node.op
        assert isinstance(op, ControlFlow)
        bodies = tuple(map(self, op.graphs))
        if not any(SEED in (inner.name for inner in body.variables) for body in bodies):
            return None
        if isinstance(op, Branch):
            bodies = tuple(_with_seed_as(f"c{op.constants}", body) for body in bodies)
            branch = Branch(op.constants + 1, bodies)
            return replace(node, op=branch, inputs=(*node.inputs, seed)).outputs
        g = GraphBuilder(node.name, node.sources)
        seeds = g.op("_step_seeds", seed, count=op.count, salt=salt)
        loop = replace(op, slices=op.slices + 1, graphs=(_with_seed_as(f"x{op.slices}", bodies[0]),))
        return replace(node, op=loop, inputs=(*node.inputs[:op.slices], seeds, *node.inputs[op.slices:])).outputs


def _with_seed_as(name: str, body: Graph) -> Graph:
    """`body` with another name for its seed."""
    return body.rewrite(lambda node: replace(node, name=name).outputs if node.name == SEED else None)


def seed_of(graph: Graph) -> Node:
    """The seed that a part of the graph draws from already, or a new one."""
    return next((node for node in graph.variables if node.name == SEED and node.types[0] == SEED_TYPE),
                None) or variable(SEED, SEED_TYPE, sources=(Source(SEED),))


def salt_of(name: str) -> int:
    """A number from 0 to 2³¹ - 1 that tells the random streams of nodes apart."""
    return zlib.crc32(name.encode()) & 0x7FFFFFFF
