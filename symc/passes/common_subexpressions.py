"""Equal computations, computed once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, merge_sources
from symc.ops.operator import Operator, operation
from symc.ops.record import record
from symc.passes.base import Pass

LARGEST_CONSTANT = 4096   # bytes of constants that are compared by value


@record
class MergeCommonSubexpressions(Pass):
    """Merge operators of the same parameters and inputs, and equal small constants, into the first of them.

    Before:
        %a = exp(%x)
        %b = exp(%x)
        %c = elemwise_add(%a, %b)
    After: no two pure nodes compute the same.
        %a = exp(%x)  # from a, b
        %c = elemwise_add(%a, %a)

    Random and host operators, and those that hold graphs, are left alone.
    """

    name = "merge-common-subexpressions"
    enters_bodies = True

    def __call__(self, graph: Graph) -> Graph:
        classes = _classes(graph)
        first = {node: members[0] for members in classes for node in members}
        if len(classes) == len(first):
            return graph
        merged = {members[0]: merge_sources(*members) for members in classes if len(members) > 1}
        new: dict[Value, Value] = {}
        for node in graph.nodes:
            if first[node] is node:
                moved = replace(node, inputs=tuple(new[value] for value in node.inputs),
                                sources=merged.get(node, node.sources))
                new.update(zip(node.outputs, moved.outputs, strict=True))
            else:
                new.update(zip(node.outputs, (new[value] for value in first[node].outputs), strict=True))
        return graph.substitute(new)


def _classes(graph: Graph) -> list[list[Node]]:
    """The nodes, each with those that compute the same, in order of the first of each class."""
    classes: dict[Hashable, list[Node]] = {}
    first: dict[Node, Node] = {}
    for node in graph.nodes:
        members = classes.setdefault(_key(node, first), [])
        members.append(node)
        first[node] = members[0]
    return list(classes.values())


def _key(node: Node, first: dict[Node, Node]) -> Hashable:
    """Equal for nodes that compute the same; the node itself when it is like no other."""
    if node.value is not None and node.value.nbytes <= LARGEST_CONSTANT:
        return node.types, node.value.tobytes()
    if node.op is None or not is_pure(operation(node)):
        return node
    # repr tells -0.0 from 0.0 and True from 1, which == does not
    return node.op.name, repr(node.op), node.types, tuple((first[value.node], value.index) for value in node.inputs)


def is_pure(op: Operator) -> bool:
    """Whether equal inputs give equal outputs, and calling it or not makes no difference."""
    return not (op.is_random or op.is_host or op.subgraphs)
