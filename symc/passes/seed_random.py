"""Random operators as pure functions of a seed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from symc.ir.graph import Graph, Node, Source, Value, unique_names, variable
from symc.ir.types import DType, TensorType
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
    """

    name = "seed-random"

    def __call__(self, graph: Graph) -> Graph:
        names = unique_names(graph)
        originals = iter(graph.nodes)
        seed = Value(variable(SEED, SEED_TYPE, sources=(Source(SEED),)))

        def visit(node: Node) -> tuple[Value, ...] | None:
            name = names[next(originals)]
            if node.op is None or not operation(node).is_random:
                return None
            return expand(node, operation(node).seeded, seed, salt_of(name))
        return graph.rewrite(visit)


def salt_of(name: str) -> int:
    """A number from 0 to 2³¹ - 1 that tells the random streams of nodes apart."""
    return zlib.crc32(name.encode()) & 0x7FFFFFFF
