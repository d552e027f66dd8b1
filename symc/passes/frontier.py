"""Where a part of a graph that can be computed beforehand ends."""

from __future__ import annotations

from collections.abc import Callable, Collection

from symc.ir.graph import Graph, Node, Value
from symc.ops.operator import operation


def frontier(graph: Graph, known: Collection[Node], is_worth: Callable[[Value], bool]) -> list[Value]:
    """The values of `known` nodes to compute beforehand: going up from the nodes that are not known, the first that
    are worth it.  known: closed under inputs."""
    needed = {value for node in graph.nodes if node not in known for value in node.inputs} | {*graph.roots}
    chosen: list[Value] = []
    for node in reversed(graph.nodes):
        if node not in known or node.op is None:
            continue
        taken = [value for value in node.outputs if value in needed and is_worth(value)]
        chosen += taken
        if any(value in needed and value not in taken for value in node.outputs):
            needed.update(node.inputs)
    return chosen[::-1]


def invariant_nodes(body: Graph) -> set[Node]:
    """The nodes of a loop's body that are the same in every step: what follows from constants."""
    found: set[Node] = set()
    for node in body.nodes:
        if node.is_constant or (node.is_variable and node.name.startswith("c")) or (
                node.op is not None and not operation(node).is_random and not operation(node).is_host
                and all(value.node in found for value in node.inputs)):
            found.add(node)
    return found


def replaced(graph: Graph, values: dict[Value, Value]) -> Graph:
    """`graph` with `values` of its nodes replaced wherever they are read."""
    originals = iter(graph.nodes)

    def visit(node: Node) -> list[Value] | None:
        outputs = [values.get(old, new) for old, new in zip(next(originals).outputs, node.outputs, strict=True)]
        return None if tuple(outputs) == node.outputs else outputs
    return graph.rewrite(visit)
