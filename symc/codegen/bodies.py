"""The bodies of loops and branches, as parts of the graph that holds them.

A body shares memory with what is around it: a constant of a loop is the input itself, a state is the loop's output,
a slice is a part of the input, and what a body gives back lies in the outputs, or where the next step's state is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from symc.ir.graph import Graph, Node, Value, unique_names
from symc.ops.families.control_flow import ControlFlow, Scan
from symc.ops.operator import is_view
from symc.ops.record import Record, record
from symc.passes.materialize import storages


@record
class Body(Record):
    """One graph of a loop or branch `owner`."""

    owner: Node
    graph: Graph

    def inputs(self) -> Iterator[tuple[Node, Value]]:
        """The variables of the body, each with the input of the owner that it stands for."""
        op = self.owner.op
        assert isinstance(op, ControlFlow)
        given = dict(zip(op.body_names(), self.owner.inputs, strict=True))
        return ((node, given[node.name]) for node in self.graph.variables)

    def alias(self, variable: Node, given: Value) -> Value | None:
        """The outer value in whose memory a variable lies; None for a slice, which moves."""
        op = self.owner.op
        if isinstance(op, Scan) and variable.name.startswith("x"):
            return None
        if isinstance(op, Scan) and variable.name.startswith("s"):
            return Value(self.owner, op.stacked + int(variable.name[1:]))
        return given


def unshared(graph: Graph) -> Graph:
    """`graph` in which no two bodies have a node in common, so that each node has one place."""
    def visit(node: Node) -> Sequence[Value] | None:
        if not isinstance(node.op, ControlFlow):
            return None
        bodies = tuple(unshared(_fresh(body)) for body in node.op.graphs)
        return replace(node, op=replace(node.op, graphs=bodies)).outputs
    return graph.rewrite(visit)


def _fresh(graph: Graph) -> Graph:
    return graph.rewrite(lambda node: replace(node).outputs)


def bodies_of(node: Node) -> list[Body]:
    return [Body(node, graph) for graph in node.op.graphs] if isinstance(node.op, ControlFlow) else []


def all_bodies(graph: Graph) -> list[Body]:
    """The bodies in a graph, each behind the one that it is in."""
    found = [body for node in graph.nodes for body in bodies_of(node)]
    for body in found:      # grows on the way
        found += [inner for node in body.graph.nodes for inner in bodies_of(node)]
    return found


def storages_with_bodies(graph: Graph, bodies: Sequence[Body]) -> Mapping[Value, Value]:
    """Every value, those of the bodies included, with the one whose memory it shares (`materialize.storages`)."""
    found = dict(storages(graph))
    for body in bodies:
        aliases = {node: body.alias(node, given) for node, given in body.inputs()}
        for node in body.graph.nodes:
            for value in node.outputs:
                outer = node.inputs[0] if is_view(node) else aliases.get(node)
                found[value] = value if outer is None else found[outer]
    return found


def readers_with_bodies(graph: Graph, bodies: Sequence[Body]) -> Mapping[Value, tuple[Node, ...]]:
    readers = dict(graph.readers)
    for body in bodies:
        readers |= body.graph.readers
    return readers


def names_with_bodies(graph: Graph) -> dict[Node, str]:
    """A name for each node that no other has; in bodies behind the owner's name and the number of the body."""
    names = dict(unique_names(graph))
    for body in all_bodies(graph):
        op = body.owner.op
        assert isinstance(op, ControlFlow)
        prefix = f"{names[body.owner]}/{op.graphs.index(body.graph)}"
        names |= {node: f"{prefix}/{name}" for node, name in unique_names(body.graph).items()}
    return names
