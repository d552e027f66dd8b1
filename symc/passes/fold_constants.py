"""What depends on constants alone, computed once and for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symc.interpreter import run
from symc.ir.graph import Graph, Node, Value, constant, merge_sources, topological
from symc.ir.layouts import to_physical
from symc.ops.operator import operation
from symc.ops.record import record
from symc.passes.base import Pass
from symc.passes.frontier import frontier, replaced
from symc.passes.threads import map_in_threads

ALWAYS_FOLDED = 1 << 16   # bytes


@record
class FoldConstants(Pass):
    """Replace values that depend on constants alone by constants, computed by the interpreter.

    Before: a typed graph.
        %scale: f32[2] = const [1.0, 2.0]
        %wide = broadcast_to(%scale) shape=(1000000,2)
        %half = _mul_scalar(%scale) scalar=0.5
        %y = elemwise_add(%x, %half)
    After: a value is folded if it is at most 64 KiB, or at most as large as the constants that it is made of;
    a larger one, like a broadcast of a small constant, is left to be computed.
        %half: f32[2] = const [0.5, 1.0]  # from scale, half
        %y = elemwise_add(%x, %half)

    leave_scaled_weights: to `PackConstants`, so that large weights are not written to memory twice.
    """

    name = "fold-constants"
    enters_bodies = True
    leave_scaled_weights: bool = False

    def __call__(self, graph: Graph) -> Graph:
        left = scaled_weights(graph) if self.leave_scaled_weights else frozenset()
        chosen = frontier(graph, constant_nodes(graph), lambda value: value not in left and is_small_enough(value))
        if not chosen:
            return graph
        small: list[Value] = []
        large: list[list[Value]] = []
        for part in independent(chosen):
            if _are_small(part):
                small += part
            else:
                large.append(part)
        made = [*map_in_threads(_constants, large), _constants(small)]
        return replaced(graph, {value: constant for part in made for value, constant in part})


def independent(values: Sequence[Value]) -> list[list[Value]]:
    """`values` in parts that have no operator in common, so that each can be computed for itself."""
    leader: dict[Node, Node] = {}

    def leader_of(node: Node) -> Node:
        while leader[node] is not node:
            leader[node] = node = leader[leader[node]]
        return node
    for node in topological(value.node for value in values):
        leader[node] = node
        for value in node.inputs:
            if not value.node.is_constant:
                leader[leader_of(value.node)] = node
    parts: dict[Node, list[Value]] = {}
    for value in values:
        parts.setdefault(leader_of(value.node), []).append(value)
    return list(parts.values())


def _are_small(values: Sequence[Value]) -> bool:
    """Whether all that they are made of is small, so that threads would wait for Python's lock most of the time."""
    return all(type.bytes <= ALWAYS_FOLDED for node in topological(value.node for value in values)
               for type in node.types)


def _constants(values: Sequence[Value]) -> list[tuple[Value, Value]]:
    """Each of `values`, and the constant in its place."""
    arrays = run(Graph(tuple(values)), {}).heads
    return [(value, _constant(value, array)) for value, array in zip(values, arrays, strict=True)]


def scaled_weights(graph: Graph) -> frozenset[Value]:
    """What is large and elementwise, and read by contractions alone, as their weight."""
    return frozenset(
        value for value, readers in graph.readers.items()
        if value.node.op is not None and operation(value.node).expression is not None
        and value.type.bytes > ALWAYS_FOLDED and value not in graph.roots
        and all(operation(node).contraction is not None and node.inputs.index(value) == 1 for node in readers))


def constant_nodes(graph: Graph) -> set[Node]:
    """The constants, and the operators that read nothing else."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.is_constant or (node.op is not None and _is_foldable(node)
                                and all(value.node in found for value in node.inputs)):
            found.add(node)
    return found


def _is_foldable(node: Node) -> bool:
    op = operation(node)
    return not (op.is_random or op.is_host or op.failure)     # a failure is one of the run


def is_small_enough(value: Value) -> bool:
    """Whether a constant takes no more room than what it is made of."""
    return value.type.bytes <= ALWAYS_FOLDED or value.type.bytes <= sum(
        node.types[0].bytes for node in topological([value.node]) if node.is_constant)


def _constant(value: Value, array: np.ndarray) -> Value:
    return constant_of(value, np.asarray(to_physical(array, value.type.layout), order="C"))


def constant_of(value: Value, physical: np.ndarray) -> Value:
    """The constant in place of `value`, with the sources of all that it is made of."""
    name = value.node.name + (f".{value.index}" if value.index else "")
    return Value(constant(name, physical, value.type, merge_sources(*topological([value.node]))))
